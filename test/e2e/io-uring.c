// Network calls through io_uring, sendmmsg and recvmmsg, one program run for each. It says what it did as "PID LOCALPORT".
//
//   io-uring connect ADDRESS PORT       connects, sends and receives, all through the ring
//   io-uring accept ADDRESS PORT        listens, says "ready", accepts, receives and answers through the ring
//   io-uring sendmmsg ADDRESS PORT      two datagrams in one call, then waits for an answer
//   io-uring recvmmsg ADDRESS PORT      says "ready", takes datagrams, answers
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int ring;
static unsigned *submit_tail, *submit_array, *complete_head, *complete_tail, submit_mask, complete_mask;
static struct io_uring_sqe *entries;
static struct io_uring_cqe *results;

static void open_ring(void) {
  struct io_uring_params p = {0};
  ring = (int)syscall(__NR_io_uring_setup, 4, &p);
  if (ring < 0) die("io_uring_setup");
  const size_t size = 8192;
  char *submit = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
  char *complete = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
  entries = mmap(NULL, 4 * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
  if (submit == MAP_FAILED || complete == MAP_FAILED || entries == MAP_FAILED) die("mmap");
  submit_tail = (unsigned *)(submit + p.sq_off.tail);
  submit_array = (unsigned *)(submit + p.sq_off.array);
  submit_mask = *(unsigned *)(submit + p.sq_off.ring_mask);
  complete_head = (unsigned *)(complete + p.cq_off.head);
  complete_tail = (unsigned *)(complete + p.cq_off.tail);
  complete_mask = *(unsigned *)(complete + p.cq_off.ring_mask);
  results = (struct io_uring_cqe *)(complete + p.cq_off.cqes);
}

// Submits one call and waits for its result.
static int call(int opcode, int fd, const void *address, unsigned length, unsigned long long offset) {
  const unsigned tail = *submit_tail;
  const unsigned place = tail & submit_mask;
  entries[place] = (struct io_uring_sqe){
      .opcode = (unsigned char)opcode, .fd = fd, .addr = (unsigned long)address, .len = length, .off = offset};
  submit_array[place] = place;
  __atomic_store_n(submit_tail, tail + 1, __ATOMIC_RELEASE);
  if (syscall(__NR_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) die("io_uring_enter");
  const unsigned head = *complete_head;
  if (head == __atomic_load_n(complete_tail, __ATOMIC_ACQUIRE)) die("no completion");
  const int result = results[head & complete_mask].res;
  __atomic_store_n(complete_head, head + 1, __ATOMIC_RELEASE);
  if (result < 0) fprintf(stderr, "operation %d: %s\n", opcode, strerror(-result)), exit(1);
  return result;
}

static void tell(int fd) {
  struct sockaddr_in own;
  socklen_t size = sizeof(own);
  getsockname(fd, (void *)&own, &size);
  printf("%d %d\n", getpid(), ntohs(own.sin_port));
  fflush(stdout);
}

static void ready(void) {
  puts("ready");
  fflush(stdout);
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  const char *what = arguments[1];
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[3]))};
  inet_pton(AF_INET, arguments[2], &peer.sin_addr);
  const int is_datagram = strstr(what, "mmsg") != NULL;
  const int fd = socket(AF_INET, is_datagram ? SOCK_DGRAM : SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  char buffer[2][16] = {"hello", "again"};
  struct iovec parts[2] = {{buffer[0], 5}, {buffer[1], 5}};
  struct sockaddr_in from[2];
  struct mmsghdr messages[2] = {0};
  for (int i = 0; i < 2; i++) messages[i].msg_hdr = (struct msghdr){.msg_name = &peer, .msg_namelen = sizeof(peer), .msg_iov = &parts[i], .msg_iovlen = 1};
  if (!is_datagram) open_ring();
  if (strcmp(what, "connect") == 0) {
    call(IORING_OP_CONNECT, fd, &peer, 0, sizeof(peer));
    call(IORING_OP_SEND, fd, "hello", 5, 0);
    call(IORING_OP_RECV, fd, buffer[0], sizeof(buffer[0]), 0);
    tell(fd);
  } else if (strcmp(what, "accept") == 0) {
    if (bind(fd, (void *)&peer, sizeof(peer)) != 0 || listen(fd, 8) != 0) die("listen");
    ready();
    const int accepted = call(IORING_OP_ACCEPT, fd, NULL, 0, 0);
    call(IORING_OP_RECV, accepted, buffer[0], sizeof(buffer[0]), 0);
    call(IORING_OP_SEND, accepted, "thanks", 6, 0);
    tell(accepted);
  } else if (strcmp(what, "sendmmsg") == 0) {
    if (sendmmsg(fd, messages, 2, 0) != 2) die("sendmmsg");
    recv(fd, buffer[0], sizeof(buffer[0]), 0);
    tell(fd);
  } else if (strcmp(what, "recvmmsg") == 0) {
    if (bind(fd, (void *)&peer, sizeof(peer)) != 0) die("bind");
    ready();
    for (int i = 0; i < 2; i++) messages[i].msg_hdr.msg_name = &from[i];
    if (recvmmsg(fd, messages, 2, MSG_WAITFORONE, NULL) < 1) die("recvmmsg");
    sendto(fd, "thanks", 6, 0, (void *)&from[0], sizeof(from[0]));
    tell(fd);
  }
  usleep(100000);
  return 0;
}
