// What the fallback sensor asks the kernel over netlink and of processes. Every call does its work at once, writes what the kernel said into a
// buffer of the caller, and keeps nothing. The kernel's messages are parsed in TypeScript. Knows nothing of Node.js; binding.c is the bridge.
#pragma once

#include <stddef.h>
#include <stdint.h>

// At the head of what a read of process events gives; the kernel's messages follow (netlink, each aligned to 4 bytes).
struct event_batch {
  int64_t wall_offset_ns;  // CLOCK_REALTIME minus CLOCK_MONOTONIC, which the events are timed with
  int64_t drained_ns;      // CLOCK_MONOTONIC before the socket was read
  uint32_t bytes;          // of this head and the messages
  uint32_t is_lost;        // 1: the kernel had to drop messages since the read before
  uint32_t has_more;       // 1: there was no room for all
  uint32_t unused;
};

// A socket in a process.
struct held_socket {
  uint64_t inode;
  int32_t fd;
  uint16_t family;
  uint16_t protocol;
  uint16_t local_port;
  uint16_t remote_port;  // 0: not connected
  uint8_t state;         // of TCP (include/net/tcp_states.h), else 0
  uint8_t unused[3];
  uint8_t local_address[16];  // IPv4 in its first four bytes
  uint8_t remote_address[16];
};

// A socket that gets every fork, exec, exit and change of user from the process connector. It blocks, for half a second at most.
// Negative: -errno.
int events_open(void);

// A socket that gets every beginning and end of a connection that the kernel tracks in our network namespace (ctnetlink), and has been asked for
// those that it tracks now. It does not block. Negative: -errno.
int conntrack_open(void);

// Takes what waits on it without blocking. `buffer` has room for the head and 32 KiB at least.
void events_read(int socket, void *buffer, size_t size);

// The internet sockets that a process holds, through its descriptors: each is borrowed for a moment and asked for its addresses. Returns
// how many were written, or -errno. At most `most` descriptors are borrowed.
int sockets_of(int pid, struct held_socket *sockets, int most);

// The sockets of a family and protocol in any of `states` (a bit each) in the network namespace of a process (0: our own), as inet_diag
// messages. Returns their bytes, or -errno; -ENOBUFS: the buffer is too small.
int socket_dump(int pid, int family, int protocol, uint32_t states, void *buffer, size_t size);
