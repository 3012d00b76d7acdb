#define _GNU_SOURCE
#include "netlink.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// A message of a dump has up to 32 KiB.
enum { EVENT_BYTES = 1 << 22, MESSAGE_MOST = 4096, ROOM_LEAST = 1 << 15, ACK_MS = 500, MOST_ERROR = 4096 };

// Runs in the network namespace of another process for as long as it takes to make a socket there.
static int socket_in(const char *namespace, int protocol) {
  if (namespace == NULL) return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  const int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  const int other = open(namespace, O_RDONLY | O_CLOEXEC);
  int made = -1;
  int kept = errno;
  if (own >= 0 && other >= 0) {
    if (setns(other, CLONE_NEWNET) == 0) {
      made = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
      kept = errno;
      // A thread in the wrong namespace would report another host's sockets as its own.
      if (setns(own, CLONE_NEWNET) != 0) abort();
    } else {
      kept = errno;
    }
  }
  if (own >= 0) close(own);
  if (other >= 0) close(other);
  errno = kept;
  return made;
}

static int is_own_namespace(const char *path) {
  struct stat own;
  struct stat other;
  return stat("/proc/thread-self/ns/net", &own) == 0 && stat(path, &other) == 0 && own.st_ino == other.st_ino && own.st_dev == other.st_dev;
}

static int ask_to_listen(int socket) {
  struct {
    struct nlmsghdr header;
    struct cn_msg message;
    enum proc_cn_mcast_op operation;
  } __attribute__((packed)) request = {
      .header = {.nlmsg_len = sizeof(request), .nlmsg_type = NLMSG_DONE, .nlmsg_pid = (uint32_t)getpid()},
      .message = {.id = {CN_IDX_PROC, CN_VAL_PROC}, .len = sizeof(enum proc_cn_mcast_op)},
      .operation = PROC_CN_MCAST_LISTEN,
  };
  return send(socket, &request, sizeof(request), 0) == sizeof(request) ? 0 : -1;
}

// The kernel answers a request with an event of no kind. In a container it does not answer at all.
static int is_answered(int socket) {
  struct pollfd ready = {.fd = socket, .events = POLLIN};
  char buffer[MESSAGE_MOST];
  while (poll(&ready, 1, ACK_MS) > 0) {
    const ssize_t got = recv(socket, buffer, sizeof(buffer), MSG_DONTWAIT);
    const size_t head = NLMSG_LENGTH(sizeof(struct cn_msg));
    // The event lies at no multiple of 8.
    struct proc_event event;
    memset(&event, 0, sizeof(event));
    if (got < (ssize_t)(head + offsetof(struct proc_event, event_data) + sizeof(uint32_t))) continue;
    const size_t rest = (size_t)got - head;
    memcpy(&event, buffer + head, rest < sizeof(event) ? rest : sizeof(event));
    if (event.what != PROC_EVENT_NONE) continue;
    const uint32_t error = event.event_data.ack.err;
    errno = error < MOST_ERROR ? (int)error : EPROTO;
    return errno == 0;
  }
  errno = EOPNOTSUPP;
  return 0;
}

int events_open(void) {
  // The connector is in the first namespace only, where the kernel's own threads are; process 2 is their parent.
  const char *first = "/proc/2/ns/net";
  const int fd = socket_in(is_own_namespace(first) ? NULL : first, NETLINK_CONNECTOR);
  if (fd < 0) return -errno;
  const int bytes = EVENT_BYTES;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  const struct timeval wait = {.tv_usec = 500000};
  const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
      ask_to_listen(fd) == 0 && is_answered(fd))
    return fd;
  const int kept = errno;
  close(fd);
  return -kept;
}

int conntrack_open(void) {
  const int fd = socket_in(NULL, NETLINK_NETFILTER);
  if (fd < 0) return -errno;
  const int bytes = EVENT_BYTES;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1 << (NFNLGRP_CONNTRACK_NEW - 1) | 1 << (NFNLGRP_CONNTRACK_DESTROY - 1)};
  struct {
    struct nlmsghdr header;
    struct nfgenmsg message;
  } ask = {
      .header = {.nlmsg_len = sizeof(ask), .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .message = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0},
  };
  if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && send(fd, &ask, sizeof(ask), 0) == sizeof(ask)) return fd;
  const int kept = errno;
  close(fd);
  return -kept;
}

static int64_t clock_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void events_read(int socket, void *buffer, size_t size) {
  struct event_batch *batch = buffer;
  memset(batch, 0, sizeof(*batch));
  batch->drained_ns = clock_ns(CLOCK_MONOTONIC);
  batch->wall_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
  size_t used = sizeof(*batch);
  while (size - used >= ROOM_LEAST) {
    const ssize_t got = recv(socket, (char *)buffer + used, size - used, MSG_DONTWAIT);
    if (got < 0 && errno == ENOBUFS) {
      batch->is_lost = 1;
      continue;
    }
    if (got <= 0) break;
    used += NLMSG_ALIGN((size_t)got);
  }
  batch->has_more = size - used < ROOM_LEAST;
  batch->bytes = (uint32_t)used;
}

static void put_endpoint(const struct sockaddr_storage *from, uint8_t *address, uint16_t *port) {
  if (from->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)from;
    memcpy(address, &in->sin_addr, 4);
    *port = ntohs(in->sin_port);
  } else if (from->ss_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
    memcpy(address, &in6->sin6_addr, 16);
    *port = ntohs(in6->sin6_port);
  }
}

static int option(int socket, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  return getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

static int describe(int socket, struct held_socket *out) {
  const int family = option(socket, SO_DOMAIN);
  if (family != AF_INET && family != AF_INET6) return 0;
  out->family = (uint16_t)family;
  out->protocol = (uint16_t)option(socket, SO_PROTOCOL);
  struct sockaddr_storage name;
  socklen_t size = sizeof(name);
  if (getsockname(socket, (struct sockaddr *)&name, &size) == 0) put_endpoint(&name, out->local_address, &out->local_port);
  size = sizeof(name);
  if (getpeername(socket, (struct sockaddr *)&name, &size) == 0) put_endpoint(&name, out->remote_address, &out->remote_port);
  if (out->protocol == IPPROTO_TCP) {
    struct tcp_info info;
    size = sizeof(info);
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) out->state = info.tcpi_state;
  }
  return 1;
}

// The number of a socket in the text of its link, `socket:[123]`; 0: it is none.
static uint64_t socket_inode(int folder, const char *name) {
  char target[64];
  const ssize_t length = readlinkat(folder, name, target, sizeof(target) - 1);
  if (length <= 0) return 0;
  target[length] = '\0';
  return strncmp(target, "socket:[", 8) == 0 ? strtoull(target + 8, NULL, 10) : 0;
}

int sockets_of(int pid, struct held_socket *sockets, int most) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/fd", pid);
  DIR *folder = opendir(path);
  if (folder == NULL) return -errno;
  const int process = (int)syscall(SYS_pidfd_open, pid, 0);
  int count = process < 0 ? -errno : 0;
  const struct dirent *entry;
  int borrowed = 0;
  while (count >= 0 && borrowed < most && (entry = readdir(folder)) != NULL) {
    const uint64_t inode = socket_inode(dirfd(folder), entry->d_name);
    if (inode == 0) continue;
    borrowed++;
    const int fd = atoi(entry->d_name);
    const int own = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
    if (own < 0) {
      // Closed meanwhile, or not permitted at all.
      if (errno == EPERM || errno == ENOSYS) count = -errno;
      continue;
    }
    struct held_socket *out = &sockets[count];
    memset(out, 0, sizeof(*out));
    out->inode = inode;
    out->fd = fd;
    count += describe(own, out);
    close(own);
  }
  if (process >= 0) close(process);
  closedir(folder);
  return count;
}

// What the kernel refuses a request with: 0 or -errno.
static int error_of(const struct nlmsghdr *message) {
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof(int))) return -EPROTO;
  const int error = ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
  return error > 0 ? -EPROTO : error;
}

int socket_dump(int pid, int family, int protocol, uint32_t states, void *buffer, size_t size) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
  const int fd = socket_in(pid == 0 || is_own_namespace(path) ? NULL : path, NETLINK_SOCK_DIAG);
  if (fd < 0) return -errno;
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
  } ask = {
      .header = {.nlmsg_len = sizeof(ask), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .request = {.sdiag_family = (uint8_t)family, .sdiag_protocol = (uint8_t)protocol, .idiag_states = states},
  };
  int result = send(fd, &ask, sizeof(ask), 0) < 0 ? -errno : 0;
  size_t used = 0;
  for (int is_done = 0; result == 0 && !is_done;) {
    const ssize_t got = recv(fd, (char *)buffer + used, size - used, MSG_TRUNC);
    if (got < 0) result = -errno;
    else if ((size_t)got > size - used) result = -ENOBUFS;
    if (result != 0) break;
    const struct nlmsghdr *message = (const struct nlmsghdr *)((char *)buffer + used);
    int left = (int)got;
    for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) is_done = 1;
      if (message->nlmsg_type == NLMSG_ERROR) result = error_of(message);
    }
    used += NLMSG_ALIGN((size_t)got);
    if (result == 0 && !is_done && used >= size) result = -ENOBUFS;
  }
  close(fd);
  return result != 0 ? result : (int)used;
}
