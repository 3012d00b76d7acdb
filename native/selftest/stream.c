// TCP, and SCTP in its one-to-one style. The client says first how much it will send and wants to get, and both then take turns in chunks.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "traffic.h"

struct wish {
  uint32_t up, down, chunk;
};

enum { MOST_AT_ONCE = 64, BACKLOG = 512, MOST_KEPT = 1024, KEPT_MS = 5 };

static int stream_proto(void) { return strcmp(option("proto", "tcp"), "sctp") == 0 ? PROTO_SCTP : IPPROTO_TCP; }

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static int receive_all(const struct transfer *by, int fd, char *bytes, size_t size) {
  for (size_t got = 0; got < size;) {
    const size_t more = by->receive(fd, bytes + got, size - got);
    if (more == 0) return 0;
    got += more;
  }
  return 1;
}

static void exchange(int fd, struct end *end) {
  const struct transfer *by = chosen_transfer();
  static char bytes[1 << 20];
  const struct wish wish = {number("up", 100), number("down", 100), smaller(number("chunk", CHUNK), sizeof(bytes))};
  const uint32_t wire[3] = {htonl(wish.up), htonl(wish.down), htonl(wish.chunk)};
  by->send(fd, (const char *)wire, sizeof(wire));
  end->sent = sizeof(wire);
  for (size_t up = wish.up, down = wish.down; up > 0 || down > 0;) {
    const size_t sent = smaller(up, wish.chunk);
    if (sent > 0) by->send(fd, bytes, sent);
    const size_t wanted = smaller(down, wish.chunk);
    if (wanted > 0 && !receive_all(by, fd, bytes, wanted)) fail("receive");
    up -= sent;
    down -= wanted;
    end->sent += sent;
    end->received += wanted;
    pause_ms(number("pause", 0));
  }
  pause_ms(number("life", 0));
}

static void close_client(int fd) {
  if (number("reset", 0) != 0) {
    const struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  } else {
    char byte;
    shutdown(fd, SHUT_WR);
    while (recv(fd, &byte, 1, 0) > 0) {
    }
  }
  close(fd);
}

static void finish(int fd, struct end *end) {
  end->local = local_of(fd);
  end->remote = remote_of(fd);
  exchange(fd, end);
  close_client(fd);
  end->to = now_us();
  tell(end);
}

static void bind_port(int fd, const struct sockaddr_storage *server) {
  if (number("bind", 0) == 0) return;
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  struct sockaddr_storage any = {.ss_family = server->ss_family};
  set_port(&any, number("bind", 0));
  if (bind(fd, (const void *)&any, size_of(&any)) != 0) fail("bind");
}

static int connected(const struct sockaddr_storage *server) {
  const int fd = socket(server->ss_family, SOCK_STREAM, stream_proto());
  if (fd < 0) cannot("socket");
  bind_port(fd, server);
  if (is_how("ring")) {
    if (ring_connect(fd, server) != 0) fail("connect by io_uring");
  } else if (is_how("nonblocking")) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
    if (connect(fd, (const void *)server, size_of(server)) != 0 && errno != EINPROGRESS) fail("connect");
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    poll(&writable, 1, -1);
    fcntl(fd, F_SETFL, 0);
  } else if (connect(fd, (const void *)server, size_of(server)) != 0) {
    fail("connect");
  }
  return fd;
}

// The connection goes to another image of this process, which has the same words to go by.
static _Noreturn void hand_to_image(int fd, const struct end *end) {
  char descriptor[32], from[48];
  snprintf(descriptor, sizeof(descriptor), "fd=%d", fd);
  snprintf(from, sizeof(from), "from=%lld", end->from);
  char *words[64] = {"another-image", "client", "continue", descriptor, from};
  size_t count = 5;
  for (char **word = option_words(); *word != NULL && count < 63; word++) words[count++] = *word;
  execv("/proc/self/exe", words);
  fail("exec");
}

void stream_continue(void) {
  struct end end = {.role = "orig", .proto = stream_proto(), .pid = own_pid(), .from = number("from", 0)};
  finish((int)number("fd", -1), &end);
}

static void one_connection(const struct sockaddr_storage *server) {
  struct end end = {.role = "orig", .proto = stream_proto(), .pid = own_pid(), .from = now_us()};
  const int fd = connected(server);
  if (is_how("exec")) hand_to_image(fd, &end);
  if (is_how("fork")) {
    // The child sends; the parent made the connection.
    if (fork_child() != 0) {
      close(fd);
      wait(NULL);
      return;
    }
    finish(fd, &end);
    exit(0);
  }
  finish(fd, &end);
}

// All are open before the first sends anything.
static void connections_at_once(const struct sockaddr_storage *server, long count) {
  struct end ends[MOST_AT_ONCE];
  int fds[MOST_AT_ONCE];
  for (long i = 0; i < count && i < MOST_AT_ONCE; i++) {
    ends[i] = (struct end){.role = "orig", .proto = stream_proto(), .pid = own_pid(), .from = now_us()};
    fds[i] = connected(server);
  }
  for (long i = 0; i < count && i < MOST_AT_ONCE; i++) finish(fds[i], &ends[i]);
}

static void client_process(const struct sockaddr_storage *server) {
  become_user();
  const long at_once = number("at_once", 0);
  if (at_once > 0) connections_at_once(server, at_once);
  for (long i = 0; at_once == 0 && i < number("connections", 1); i++) one_connection(server);
}

void stream_client(void) { in_processes(client_process); }

// Nobody listens, so that no process owns the other end.
void refused_client(void) {
  const struct sockaddr_storage server = address_of(option("address", ""), number("port", 0));
  become_user();
  for (long i = 0; i < number("connections", 1); i++) {
    struct end end = {.role = "orig", .proto = IPPROTO_TCP, .pid = own_pid(), .from = now_us(), .remote = server};
    const int fd = socket(server.ss_family, SOCK_STREAM, 0);
    if (connect(fd, (const void *)&server, size_of(&server)) == 0 || errno != ECONNREFUSED) fail("a refusal");
    end.to = now_us();
    // A refused socket has given its port up; it was told by the kernel while it was bound.
    end.local = local_of(fd);
    tell(&end);
    const struct end other = {
        .role = "resp", .proto = IPPROTO_TCP, .from = end.from, .to = end.to, .local = server, .remote = end.local};
    tell(&other);
    close(fd);
  }
}

static int listening(void) {
  const struct sockaddr_storage address = address_of(option("address", ""), number("port", 0));
  const int fd = socket(address.ss_family, SOCK_STREAM, stream_proto());
  if (fd < 0) cannot("socket");
  const int yes = 1, no = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (is_how("reuseport")) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes));
  if (address.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
  if (bind(fd, (const void *)&address, size_of(&address)) != 0 || listen(fd, BACKLOG) != 0) {
    if (errno == EACCES || errno == EADDRINUSE) cannot("bind");
    fail("bind");
  }
  return fd;
}

static void serve(int fd, struct end *end) {
  const struct transfer *by = chosen_transfer();
  static char bytes[1 << 20];
  uint32_t wire[3];
  if (receive_all(by, fd, (char *)wire, sizeof(wire))) {
    end->received = sizeof(wire);
    const size_t chunk = ntohl(wire[2]);
    for (size_t up = ntohl(wire[0]), down = ntohl(wire[1]); up > 0 || down > 0;) {
      const size_t wanted = smaller(up, chunk);
      if (wanted > 0 && !receive_all(by, fd, bytes, wanted)) break;
      const size_t sent = smaller(down, chunk);
      if (sent > 0) by->send(fd, bytes, sent);
      up -= wanted;
      down -= sent;
      end->received += wanted;
      end->sent += sent;
    }
  }
}

static void end_served(int fd, struct end *end) {
  char byte;
  // The client closes first.
  while (recv(fd, &byte, 1, 0) > 0) {
  }
  close(fd);
  end->to = now_us();
  tell(end);
}

// Connections of one process that have been served and wait for their clients to close them.
static struct pollfd kept[MOST_KEPT];
static struct end kept_ends[MOST_KEPT];
static nfds_t kept_count;

static void keep(int fd, const struct end *end) {
  if (kept_count == MOST_KEPT) {
    errno = ENOBUFS;
    fail("connections");
  }
  kept[kept_count] = (struct pollfd){.fd = fd, .events = POLLIN};
  kept_ends[kept_count++] = *end;
}

static void end_closed(void) {
  poll(kept, kept_count, 0);
  for (nfds_t i = kept_count; i-- > 0;) {
    if (kept[i].revents == 0) continue;
    end_served(kept[i].fd, &kept_ends[i]);
    kept[i] = kept[--kept_count];
    kept_ends[i] = kept_ends[kept_count];
  }
}

static int pass_channel = -1;

// To the process that holds the other end of the channel.
static void pass_on(int fd, const struct end *end) {
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec part = {.iov_base = (void *)end, .iov_len = sizeof(*end)};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof(int));
  if (sendmsg(pass_channel, &message, 0) < 0) fail("pass a descriptor");
  close(fd);
}

static void serve_what_is_passed(int channel) {
  for (;;) {
    struct end end;
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {.iov_base = &end, .iov_len = sizeof(end)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    if (recvmsg(channel, &message, 0) <= 0) exit(0);
    int fd = -1;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
    end.role = "resp";
    serve(fd, &end);
    end_served(fd, &end);
  }
}

static void accept_one(int listener) {
  struct end end = {.role = "resp", .proto = stream_proto(), .pid = own_pid(), .from = now_us()};
  const int fd = is_how("ring") ? ring_accept(listener) : accept(listener, NULL, NULL);
  if (fd < 0) return;
  fcntl(fd, F_SETFL, 0);
  end.local = local_of(fd);
  end.remote = remote_of(fd);
  if (is_how("pass")) {
    pass_on(fd, &end);
  } else if (is_how("fork")) {
    // The parent accepted; the child serves.
    if (fork_child() == 0) {
      serve(fd, &end);
      end_served(fd, &end);
      exit(0);
    }
    close(fd);
  } else {
    serve(fd, &end);
    if (is_how("together")) {
      keep(fd, &end);
    } else {
      end_served(fd, &end);
    }
  }
}

static void accept_until_end(int listener) {
  struct pollfd wanted[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
  while (poll(wanted, 2, kept_count > 0 ? KEPT_MS : -1) >= 0 && wanted[0].revents == 0) {
    if ((wanted[1].revents & POLLIN) != 0) accept_one(listener);
    if (kept_count > 0) end_closed();
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
  }
}

// prefork: children share one listener; reuseport: each has its own; pass: another process serves; fork: a child serves; together: this
// one serves all at a time.
void stream_server(void) {
  become_user();
  const long workers = is_how("prefork") || is_how("reuseport") ? number("workers", 3) : 1;
  int listener = listening();
  // Several are woken for one connection, and one of them gets it.
  if (!is_how("ring")) fcntl(listener, F_SETFL, O_NONBLOCK);
  if (is_how("pass")) {
    int channel[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel) != 0) fail("socketpair");
    if (fork_child() == 0) {
      close(listener);
      close(channel[0]);
      serve_what_is_passed(channel[1]);
    }
    close(channel[1]);
    pass_channel = channel[0];
  }
  for (long i = 1; i < workers; i++) {
    if (fork_child() != 0) continue;
    if (is_how("reuseport")) {
      close(listener);
      listener = listening();
      fcntl(listener, F_SETFL, O_NONBLOCK);
    }
    accept_until_end(listener);
    exit(0);
  }
  // A worker of its own listener may still be on the way to it.
  if (workers > 1) pause_ms(50);
  ready();
  accept_until_end(listener);
}
