// UDP. The first four bytes of a datagram say how many answers it wants, and how long each.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "traffic.h"

enum { DATAGRAM = 1400, BATCH = 32, ANSWER_MS = 2000, MOST_PEERS = 1024, RECEIVE_BYTES = 1 << 22 };

static int datagram_socket(int family) {
  const int fd = socket(family, SOCK_DGRAM, 0);
  if (fd < 0) cannot("socket");
  const int size = RECEIVE_BYTES;
  // The forced form is root's.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
  return fd;
}

static void wish(char *datagram, uint16_t answers, uint16_t size) {
  const uint16_t wire[2] = {htons(answers), htons(size)};
  memcpy(datagram, wire, sizeof(wire));
}

// Those that are lost are not waited for forever.
static void take_answers(int fd, long answers, struct end *end) {
  char datagram[DATAGRAM];
  struct pollfd readable = {.fd = fd, .events = POLLIN};
  while (answers-- > 0 && poll(&readable, 1, ANSWER_MS) > 0) {
    const ssize_t size = recv(fd, datagram, sizeof(datagram), 0);
    if (size > 0) end->received += size;
  }
}

static void send_batch(int fd, const struct sockaddr_storage *server, long count, size_t size, struct end *end) {
  static char datagrams[BATCH][DATAGRAM];
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  memset(messages, 0, sizeof(messages));
  for (long i = 0; i < count; i++) {
    wish(datagrams[i], i + 1 == count, 4);
    parts[i] = (struct iovec){datagrams[i], size};
    messages[i].msg_hdr = (struct msghdr){.msg_name = (void *)server, .msg_namelen = size_of(server), .msg_iov = &parts[i], .msg_iovlen = 1};
  }
  const int sent = sendmmsg(fd, messages, count, 0);
  if (sent != count) fail("sendmmsg");
  end->sent += sent * size;
}

static void one_socket(const struct sockaddr_storage *server) {
  struct end end = {.role = "orig", .proto = IPPROTO_UDP, .pid = own_pid(), .from = now_us(), .remote = *server};
  const int fd = datagram_socket(server->ss_family);
  const int is_connected = number("connected", 0) != 0;
  if (number("bind", 0) != 0) {
    struct sockaddr_storage any = {.ss_family = server->ss_family};
    set_port(&any, number("bind", 0));
    if (bind(fd, (const void *)&any, size_of(&any)) != 0) fail("bind");
  }
  if (is_connected && connect(fd, (const void *)server, size_of(server)) != 0) fail("connect");
  const long count = number("datagrams", 1), answers = number("answers", 1);
  const size_t size = number("size", 200);
  for (long sent = 0; sent < count;) {
    if (is_how("sendmmsg")) {
      const long batch = count - sent < BATCH ? count - sent : BATCH;
      send_batch(fd, server, batch, size, &end);
      take_answers(fd, 1, &end);
      sent += batch;
    } else {
      char datagram[DATAGRAM] = {0};
      // Without answers one is asked for now and then, so that the server can follow.
      const long wanted = answers > 0 ? answers : (sent + 1) % BATCH == 0;
      wish(datagram, wanted, number("answer_size", 200));
      if (sendto(fd, datagram, size, 0, is_connected ? NULL : (const void *)server, is_connected ? 0 : size_of(server)) < 0) fail("sendto");
      end.sent += size;
      sent++;
      take_answers(fd, wanted, &end);
      pause_ms(number("pause", 0));
    }
  }
  end.local = local_of(fd);
  end.to = now_us();
  tell(&end);
  close(fd);
}

static void client_process(const struct sockaddr_storage *server) {
  become_user();
  for (long i = 0; i < number("connections", 1); i++) one_socket(server);
}

void datagram_client(void) { in_processes(client_process); }

// To a group, whose end is nobody's.
void multicast_client(void) {
  const struct sockaddr_storage group = address_of(option("address", ""), number("port", 0));
  become_user();
  struct end end = {.role = "orig", .proto = IPPROTO_UDP, .pid = own_pid(), .from = now_us(), .remote = group};
  const int fd = datagram_socket(group.ss_family);
  const struct sockaddr_storage from = address_of(option("interface", ""), 0);
  setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &((const struct sockaddr_in *)&from)->sin_addr, sizeof(struct in_addr));
  char datagram[100] = {0};
  for (long i = 0; i < number("datagrams", 1); i++) {
    if (sendto(fd, datagram, sizeof(datagram), 0, (const void *)&group, size_of(&group)) < 0) fail("sendto");
    end.sent += sizeof(datagram);
  }
  end.local = local_of(fd);
  end.to = now_us();
  tell(&end);
  const struct end other = {.role = "resp", .proto = IPPROTO_UDP, .from = end.from, .to = end.to, .local = group, .remote = end.local};
  tell(&other);
  close(fd);
}

static struct end peers[MOST_PEERS];
static int peer_count;

static struct end *peer_of(const struct sockaddr_storage *remote) {
  for (int i = peer_count - 1; i >= 0; i--) {
    if (memcmp(&peers[i].remote, remote, size_of(remote)) == 0) return &peers[i];
  }
  if (peer_count == MOST_PEERS) {
    errno = ENOBUFS;
    fail("peers");
  }
  peers[peer_count] = (struct end){.role = "resp", .proto = IPPROTO_UDP, .pid = own_pid(), .from = now_us(), .remote = *remote};
  return &peers[peer_count++];
}

static void answer(int fd, const char *datagram, size_t size, const struct sockaddr_storage *remote) {
  struct end *peer = peer_of(remote);
  peer->received += size;
  uint16_t wire[2] = {0, 0};
  if (size >= sizeof(wire)) memcpy(wire, datagram, sizeof(wire));
  const size_t length = ntohs(wire[1]) < DATAGRAM ? ntohs(wire[1]) : DATAGRAM;
  char bytes[DATAGRAM] = {0};
  for (int i = 0; i < ntohs(wire[0]); i++) {
    if (sendto(fd, bytes, length, 0, (const void *)remote, size_of(remote)) == (ssize_t)length) peer->sent += length;
  }
  peer->to = now_us();
}

static void take_batch(int fd) {
  static char datagrams[BATCH][DATAGRAM];
  struct sockaddr_storage remotes[BATCH];
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  memset(messages, 0, sizeof(messages));
  memset(remotes, 0, sizeof(remotes));
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){datagrams[i], DATAGRAM};
    messages[i].msg_hdr = (struct msghdr){.msg_name = &remotes[i], .msg_namelen = sizeof(remotes[i]), .msg_iov = &parts[i], .msg_iovlen = 1};
  }
  const int got = recvmmsg(fd, messages, is_how("recvmmsg") ? BATCH : 1, MSG_DONTWAIT, NULL);
  for (int i = 0; i < got; i++) answer(fd, datagrams[i], messages[i].msg_len, &remotes[i]);
}

// One socket for all peers. What it did with each is told at the end.
void datagram_server(void) {
  become_user();
  const struct sockaddr_storage address = address_of(option("address", ""), number("port", 0));
  const int fd = datagram_socket(address.ss_family);
  if (bind(fd, (const void *)&address, size_of(&address)) != 0) {
    if (errno == EACCES || errno == EADDRINUSE) cannot("bind");
    fail("bind");
  }
  ready();
  struct pollfd wanted[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
  while (poll(wanted, 2, -1) > 0 && wanted[0].revents == 0) take_batch(fd);
  const struct sockaddr_storage local = local_of(fd);
  for (int i = 0; i < peer_count; i++) {
    peers[i].local = local;
    tell(&peers[i]);
  }
}
