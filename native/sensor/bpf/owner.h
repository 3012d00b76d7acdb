// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Who owns a socket, by its cookie, from its creation to its end; of a packet socket until its place in memory is another one's.
#pragma once

#include "common.h"

enum owner_flags {
  OWNER_REPORTED = 1,  // a record told of the socket, so its close is told too
  OWNER_RELEASED = 2,  // its last descriptor is closed, TCP goes on without
};

struct owner {
  __u32 pid;
  __u32 uid;
  __u32 login_uid;
  __u32 netns;
  __u64 inode;
  struct file *file;  // 0: not known
  __s32 fd;
  __u32 flags;
};

// At the bound the socket unused for longest is forgotten: what it does later is told without its owner's descriptor and inode.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 65536);
  __type(key, __u64);
  __type(value, struct owner);
} owners SEC(".maps");

// Packet sockets have no cookie: they are known by where the kernel has them, which is no cookie of any other socket.
static __always_inline __u64 packet_key(const struct sock *sk) { return (__u64)sk; }

static __always_inline void set_current(struct owner *owner) {
  struct task_struct *task = current_task();
  owner->pid = BPF_CORE_READ(task, tgid);
  owner->uid = BPF_CORE_READ(task, cred, uid.val);
  owner->login_uid = login_uid_of(task);
}

static __always_inline void new_owner(struct owner *owner, __u32 netns) {
  *owner = (struct owner){.netns = netns, .fd = -1};
  set_current(owner);
}

// The current process becomes the socket's owner: who calls connect, listen, send or receive has it in use.
static __always_inline struct owner *take_over(__u64 cookie) {
  struct owner *known = bpf_map_lookup_elem(&owners, &cookie);
  if (known) {
    set_current(known);
    return known;
  }
  struct owner owner;
  new_owner(&owner, netns_of_task(current_task()));
  bpf_map_update_elem(&owners, &cookie, &owner, BPF_ANY);
  return bpf_map_lookup_elem(&owners, &cookie);
}

// Whether other processes may have the socket too. A call has a reference of its own where threads share their descriptors.
static __always_inline bool may_be_shared(const struct owner *owner) {
  struct file *file = owner->file;
  if (!file) return true;
  __s64 references =
      bpf_core_field_exists(file->f_ref) ? BPF_CORE_READ(file, f_ref.refcnt.counter) + 1 : BPF_CORE_READ(file, f_count.counter);
  return references > (BPF_CORE_READ(current_task(), files, count.counter) > 1 ? 2 : 1);
}

static __always_inline void set_ipv4(__u8 address[16], __u32 ipv4) {
  __u32 *words = (__u32 *)address;
  words[0] = 0;
  words[1] = 0;
  words[2] = bpf_htonl(0xffff);
  words[3] = ipv4;
}

// A socket record for this owner, to be filled and submitted; none when its namespace is not watched or the ring is full.
static __always_inline struct socket_record *reserve_socket_record(enum record_kind kind, const struct owner *owner) {
  if (!is_watched(owner->netns)) return 0;
  struct socket_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
  if (!record) {
    count_lost(LOST_SOCKETS);
    return 0;
  }
  __builtin_memset(record, 0, sizeof(*record));
  record->header.time_ns = bpf_ktime_get_boot_ns();
  record->header.size = sizeof(*record);
  record->header.kind = kind;
  record->header.pid = owner->pid;
  record->header.uid = owner->uid;
  record->header.login_uid = owner->login_uid;
  record->header.netns = owner->netns;
  record->inode = owner->inode;
  record->fd = owner->fd;
  return record;
}

static __always_inline __u32 netns_of_socket(struct sock *sk) { return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum); }

// The tuple as the socket itself has it.
static __always_inline void set_tuple(struct socket_record *record, struct sock *sk) {
  record->family = BPF_CORE_READ(sk, __sk_common.skc_family);
  record->type = BPF_CORE_READ(sk, sk_type);
  record->protocol = BPF_CORE_READ(sk, sk_protocol);
  record->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
  record->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
  if (record->family == FAMILY_INET6) {
    BPF_CORE_READ_INTO(&record->local_address, sk, __sk_common.skc_v6_rcv_saddr);
    BPF_CORE_READ_INTO(&record->remote_address, sk, __sk_common.skc_v6_daddr);
  } else {
    set_ipv4(record->local_address, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
    set_ipv4(record->remote_address, BPF_CORE_READ(sk, __sk_common.skc_daddr));
  }
}

// A record that the socket closed, to be filled and submitted; none when the socket was never told of.
static __always_inline struct socket_record *reserve_close(struct owner *owner) {
  if (!(owner->flags & OWNER_REPORTED)) return 0;
  owner->flags &= ~OWNER_REPORTED;
  return reserve_socket_record(RECORD_CLOSE, owner);
}
