// One operation at a time through io_uring, without its library.
#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "traffic.h"

enum { ENTRIES = 4 };

struct ring {
  int fd;
  struct io_uring_params params;
  char *submissions, *completions;
  struct io_uring_sqe *entries;
};

static unsigned *word(char *ring, unsigned offset) { return (unsigned *)(ring + offset); }

static struct ring *open_ring(void) {
  static struct ring ring = {.fd = -1};
  // A ring belongs to the process that made it.
  static int owner;
  if (ring.fd >= 0 && owner == getpid()) return &ring;
  memset(&ring.params, 0, sizeof(ring.params));
  ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &ring.params);
  if (ring.fd < 0) cannot("io_uring");
  owner = getpid();
  const struct io_uring_params *p = &ring.params;
  const size_t in = p->sq_off.array + p->sq_entries * sizeof(unsigned);
  const size_t out = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
  const int rights = PROT_READ | PROT_WRITE;
  ring.submissions = mmap(NULL, in, rights, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
  ring.completions = mmap(NULL, out, rights, MAP_SHARED, ring.fd, IORING_OFF_CQ_RING);
  ring.entries = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe), rights, MAP_SHARED, ring.fd, IORING_OFF_SQES);
  if (ring.submissions == MAP_FAILED || ring.completions == MAP_FAILED || ring.entries == MAP_FAILED) cannot("io_uring");
  return &ring;
}

// What the call would have returned; -1 with errno set at a failure.
static int perform(const struct io_uring_sqe *operation) {
  struct ring *ring = open_ring();
  const struct io_sqring_offsets *sq = &ring->params.sq_off;
  const struct io_cqring_offsets *cq = &ring->params.cq_off;
  const unsigned tail = *word(ring->submissions, sq->tail);
  const unsigned at = tail & *word(ring->submissions, sq->ring_mask);
  ring->entries[at] = *operation;
  word(ring->submissions, sq->array)[at] = at;
  __atomic_store_n(word(ring->submissions, sq->tail), tail + 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) fail("io_uring_enter");
  const unsigned head = *word(ring->completions, cq->head);
  while (__atomic_load_n(word(ring->completions, cq->tail), __ATOMIC_ACQUIRE) == head) {
    syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
  }
  const struct io_uring_cqe *all = (const void *)(ring->completions + cq->cqes);
  const int result = all[head & *word(ring->completions, cq->ring_mask)].res;
  __atomic_store_n(word(ring->completions, cq->head), head + 1, __ATOMIC_RELEASE);
  if (result >= 0) return result;
  errno = -result;
  return -1;
}

int ring_connect(int fd, const struct sockaddr_storage *server) {
  return perform(&(struct io_uring_sqe){.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)server, .off = size_of(server)});
}

int ring_accept(int fd) { return perform(&(struct io_uring_sqe){.opcode = IORING_OP_ACCEPT, .fd = fd}); }

static void send_by_ring(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    const int sent = perform(&(struct io_uring_sqe){.opcode = IORING_OP_SEND, .fd = fd, .addr = (uintptr_t)bytes, .len = size});
    if (sent <= 0) fail("send by io_uring");
    bytes += sent;
    size -= sent;
  }
}

static size_t receive_by_ring(int fd, char *bytes, size_t size) {
  const int got = perform(&(struct io_uring_sqe){.opcode = IORING_OP_RECV, .fd = fd, .addr = (uintptr_t)bytes, .len = size});
  return got > 0 ? got : 0;
}

const struct transfer by_ring = {send_by_ring, receive_by_ring};
