// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the programs share: the ring with its counters of losses, and who runs now.
#pragma once

#include <linux/bpf.h>
#include <linux/in6.h>

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "../record.h"

enum family { FAMILY_INET = 2, FAMILY_INET6 = 10, FAMILY_PACKET = 17 };
enum protocol {
  PROTOCOL_ICMP = 1,
  PROTOCOL_TCP = 6,
  PROTOCOL_UDP = 17,
  PROTOCOL_ICMPV6 = 58,
  PROTOCOL_SCTP = 132,
  PROTOCOL_UDPLITE = 136,
  PROTOCOL_RAW = 255,
};

#define SOCK_RAW 3
#define MSG_PEEK 2

const volatile struct sensor_constants constants = {0};

// Records that found the ring full. sensor.c reads them in this order.
__u64 lost_records[2];
enum lost { LOST_SOCKETS, LOST_PROCESSES };

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 23);  // sensor.c may set another size
} ring SEC(".maps");

// Nobody sleeps on the ring: it is read every few milliseconds.
#define QUIETLY BPF_RB_NO_WAKEUP

static __always_inline void count_lost(enum lost which) { __sync_fetch_and_add(&lost_records[which], 1); }

static __always_inline bool is_watched(__u32 netns) { return constants.only_netns == 0 || netns == constants.only_netns; }

static __always_inline struct task_struct *current_task(void) { return (struct task_struct *)bpf_get_current_task(); }

static __always_inline __u32 current_pid(void) { return bpf_get_current_pid_tgid() >> 32; }

#define PF_KTHREAD 0x00200000

static __always_inline bool is_kernel_thread(struct task_struct *task) { return BPF_CORE_READ(task, flags) & PF_KTHREAD; }

static __always_inline __u32 netns_of_task(struct task_struct *task) { return BPF_CORE_READ(task, nsproxy, net_ns, ns.inum); }

static __always_inline __u32 login_uid_of(struct task_struct *task) {
  return bpf_core_field_exists(task->loginuid) ? BPF_CORE_READ(task, loginuid.val) : (__u32)-1;
}
