// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the kernel programs write into the ring and src/sensor/ring-record.ts reads: fixed structures in the machine's byte order, each
// padded by the ring to 8 bytes. The addon tells the offsets as this compiler sees them, and a test compares them.
#pragma once

#include <linux/types.h>

enum record_kind {
  RECORD_CONNECT = 1,  // TCP, before the SYN leaves
  RECORD_ACCEPT = 2,
  RECORD_LISTEN = 3,
  RECORD_BIND = 4,
  RECORD_CLOSE = 5,
  RECORD_SEND = 6,     // first datagram or other packet to a peer, or the first after a pause or of another process
  RECORD_RECEIVE = 7,  // first datagram from a peer, or the first after a pause
  RECORD_SOCKET = 8,   // a socket that is neither TCP nor UDP was made
  RECORD_EXEC = 9,
  RECORD_FORK = 10,
  RECORD_EXIT = 11,
};

enum record_flags {
  RECORD_HAS_BYTES = 1,        // sent and received are known
  RECORD_PATH_TRUNCATED = 2,  // the components nearest to the root are missing
  RECORD_CWD_TRUNCATED = 4,
  RECORD_CGROUP_TRUNCATED = 8,
  RECORD_ARGS_TRUNCATED = 16,  // the last arguments are missing
};

// Constants of the programs, which are set before they are loaded.
struct sensor_constants {
  __u32 only_netns;  // inode of the only network namespace that is reported; 0: all
  __u32 sees_reads;  // the end of every reading of a socket is seen (sock_recv_length)
};

struct record_header {
  __u64 time_ns;  // CLOCK_BOOTTIME
  __u32 size;     // of the whole record, without padding
  __u16 kind;
  __u16 flags;
  __u32 pid;  // thread group id in the initial namespace; 0: not known
  __u32 uid;
  __u32 login_uid;  // 0xffffffff: none
  __u32 netns;      // inode of the network namespace
};

struct socket_record {
  struct record_header header;
  __u64 inode;  // 0: not known
  __u64 sent;   // payload bytes, as RECORD_HAS_BYTES says
  __u64 received;
  __u64 since_ns;  // of RECORD_RECEIVE: the peer's first datagram was taken between then and time_ns, by this process or another one; 0: now, by this one
  __s32 fd;  // -1: not known
  __u16 family;
  __u16 type;  // SOCK_STREAM ...; 0: not told
  __u16 protocol;
  __u16 local_port;  // of ICMP echoes the identifier
  __u16 remote_port;
  __u8 icmp_type;  // of ICMP and ICMPv6 sent
  __u8 icmp_code;
  __u8 local_address[16];  // an IPv4 address is IPv4-mapped
  __u8 remote_address[16];
};

// Names are walked from the leaf to the root, so a path comes as its components in reverse, each with its terminating zero.
struct process_record {
  struct record_header header;
  __u64 cgroup_id;
  __u32 parent;  // thread group id of the parent
  __u32 euid;
  __u32 gid;
  __u32 egid;
  __u32 exit_code;     // as wait(2) tells it
  __u16 path_bytes;    // the four parts follow the structure in this order
  __u16 cwd_bytes;
  __u16 cgroup_bytes;
  __u16 args_bytes;  // each argument with its terminating zero
};

enum record_bounds {
  RECORD_NAME_BYTES = 256,    // one component of a path, NAME_MAX and the zero
  RECORD_NAMES_BYTES = 4096,  // path, cwd and cgroup together
  RECORD_ARGS_BYTES = 8192,
  RECORD_DEPTH = 48,          // components of one path
};

#define RECORD_MAX_BYTES (sizeof(struct process_record) + RECORD_NAMES_BYTES + RECORD_ARGS_BYTES + 8)
