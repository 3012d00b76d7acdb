// Feeds random and half-right messages to what native/netlink parses itself, in place of the kernel. Built with the sanitizers and run by
// scripts/sanitize.mjs, with -Wl,--wrap for the calls below. Ends with 0 after the number of rounds given, and is ended by the first error.
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../native/netlink/netlink.h"

static uint64_t state = 88172645463325252u;

static uint32_t draw(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 33) % below;
}

// What is left of the messages of this round.
static int messages;

static const uint32_t lengths[] = {0, 1, 15, 16, 17, 20, 36, 40, 76, 88, 4096, 0x7fffffff, 0x80000000, 0xfffffffd, 0xffffffff};

static uint32_t length_near(uint32_t right) { return draw(3) != 0 ? right : draw(2) != 0 ? lengths[draw(sizeof(lengths) / sizeof(lengths[0]))] : draw(512); }

// One datagram of messages; returns its length, which may be beyond `size`, as with MSG_TRUNC.
static size_t make_datagram(uint8_t *out, size_t size) {
  uint8_t made[2048];
  size_t used = 0;
  while (used + sizeof(struct nlmsghdr) <= sizeof(made) && draw(6) != 0) {
    const uint32_t body = draw(128) + (draw(4) == 0 ? sizeof(struct proc_event) : 0);
    const uint16_t types[] = {NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, 20, (uint16_t)draw(65536)};
    const struct nlmsghdr header = {.nlmsg_len = length_near((uint32_t)sizeof(header) + body), .nlmsg_type = types[draw(5)], .nlmsg_flags = NLM_F_MULTI};
    memcpy(made + used, &header, sizeof(header));
    used += sizeof(header);
    for (uint32_t i = 0; i < body && used < sizeof(made); i++) made[used++] = (uint8_t)(draw(3) == 0 ? draw(256) : 0);
    while (used % NLMSG_ALIGNTO != 0 && used < sizeof(made)) made[used++] = 0;
  }
  if (draw(4) == 0 && used > 0) used -= draw((uint32_t)used);
  memcpy(out, made, used < size ? used : size);
  return used;
}

ssize_t __wrap_recv(int socket, void *buffer, size_t size, int flags) {
  (void)socket;
  if (messages-- <= 0) {
    errno = EAGAIN;
    return -1;
  }
  if (draw(16) == 0) {
    const int errors[] = {ENOBUFS, EINTR, ENOMEM};
    errno = errors[draw(3)];
    return -1;
  }
  const size_t made = make_datagram(buffer, size);
  return (ssize_t)((flags & MSG_TRUNC) != 0 || made < size ? made : size);
}

int __wrap_socket(int domain, int type, int protocol) {
  (void)domain, (void)type, (void)protocol;
  return dup(0);
}
int __wrap_bind(int socket, const struct sockaddr *address, socklen_t size) {
  (void)socket, (void)address, (void)size;
  return 0;
}
int __wrap_setsockopt(int socket, int level, int name, const void *value, socklen_t size) {
  (void)socket, (void)level, (void)name, (void)value, (void)size;
  return 0;
}
ssize_t __wrap_send(int socket, const void *buffer, size_t size, int flags) {
  (void)socket, (void)buffer, (void)flags;
  return (ssize_t)size;
}
int __wrap_poll(struct pollfd *fds, nfds_t count, int ms) {
  (void)fds, (void)count, (void)ms;
  return messages > 0;
}

static void expect(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "netlink-fuzz: %s\n", what);
  abort();
}

int main(int count, char **arguments) {
  const long rounds = count > 1 ? atol(arguments[1]) : 100000;
  if (count > 2) state ^= strtoull(arguments[2], NULL, 10) * 0x9e3779b97f4a7c15u;
  for (long i = 0; i < rounds; i++) {
    messages = (int)draw(12);
    const int fd = events_open();
    if (fd >= 0) close(fd);

    // The least room that the callers give.
    const size_t size = sizeof(struct event_batch) + (1 << 15) + 4 * draw(2048);
    struct event_batch *batch = malloc(size);
    messages = (int)draw(64);
    events_read(0, batch, size);
    expect(batch->bytes >= sizeof(*batch) && batch->bytes <= size, "a batch is longer than its buffer");
    free(batch);

    const size_t room = 4 * draw(1024);
    void *dump = malloc(room + 1);
    messages = (int)draw(12);
    const int bytes = socket_dump(0, 2, 6, 0xffffffffu, dump, room);
    expect(bytes <= (int)room, "a dump is longer than its buffer");
    free(dump);
  }
  return 0;
}
