// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Sockets of every kind: made, bound, closed.
#pragma once

#include "owner.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000

// Runs before socket() returns. Gives the socket its cookie, under which all else is kept.
SEC("cgroup/sock_create")
int socket_made(struct bpf_sock *sk) {
  __u64 cookie = bpf_get_socket_cookie(sk);
  struct owner owner;
  new_owner(&owner, netns_of_task(current_task()));
  bpf_map_update_elem(&owners, &cookie, &owner, BPF_ANY);
  return 1;
}

// The socket behind a descriptor of the current process, and its file.
static __always_inline struct sock *socket_of(long fd, struct file **socket_file) {
  if (fd < 0) return 0;
  struct fdtable *table = BPF_CORE_READ(current_task(), files, fdt);
  if (fd >= BPF_CORE_READ(table, max_fds)) return 0;
  struct file *file = 0;
  bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
  if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK) return 0;
  *socket_file = file;
  struct socket *socket = BPF_CORE_READ(file, private_data);
  return BPF_CORE_READ(socket, sk);
}

static __always_inline void set_descriptor(struct owner *owner, struct file *file, int fd) {
  owner->file = file;
  owner->inode = BPF_CORE_READ(file, f_inode, i_ino);
  owner->fd = fd;
}

static __always_inline bool is_inet(__u16 family) { return family == FAMILY_INET || family == FAMILY_INET6; }

// Raw, packet, ping, SCTP and other sockets have no calls that are told; who made them is.
static __always_inline void report_socket(struct sock *sk, struct owner *owner) {
  struct socket_record *record = reserve_socket_record(RECORD_SOCKET, owner);
  if (!record) return;
  record->family = BPF_CORE_READ(sk, __sk_common.skc_family);
  record->type = BPF_CORE_READ(sk, sk_type);
  record->protocol = BPF_CORE_READ(sk, sk_protocol);
  bpf_ringbuf_submit(record, QUIETLY);
  owner->flags |= OWNER_REPORTED;
}

static __always_inline bool has_told_calls(struct sock *sk) {
  __u16 protocol = BPF_CORE_READ(sk, sk_protocol);
  if (BPF_CORE_READ(sk, sk_type) == SOCK_RAW) return false;
  return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_UDPLITE;
}

SEC("tracepoint/syscalls/sys_exit_socket")
int socket_returned(struct trace_event_raw_sys_exit *call) {
  struct file *file = 0;
  struct sock *sk = socket_of(call->ret, &file);
  if (!sk) return 0;
  __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
  if (family == FAMILY_PACKET) {
    struct owner owner;
    new_owner(&owner, netns_of_socket(sk));
    set_descriptor(&owner, file, call->ret);
    report_socket(sk, &owner);
    __u64 key = packet_key(sk);
    bpf_map_update_elem(&owners, &key, &owner, BPF_ANY);
    return 0;
  }
  if (!is_inet(family)) return 0;
  __u64 cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
  struct owner *owner = bpf_map_lookup_elem(&owners, &cookie);
  if (!owner) return 0;
  set_descriptor(owner, file, call->ret);
  if (!has_told_calls(sk)) report_socket(sk, owner);
  return 0;
}

static __always_inline int report_bind(struct bpf_sock *sk, const __u8 *address) {
  struct owner *owner = take_over(bpf_get_socket_cookie(sk));
  if (!owner) return 1;
  struct socket_record *record = reserve_socket_record(RECORD_BIND, owner);
  if (!record) return 1;
  record->family = sk->family;
  record->type = sk->type;
  record->protocol = sk->protocol;
  record->local_port = sk->src_port;
  __builtin_memcpy(record->local_address, address, 16);
  bpf_ringbuf_submit(record, QUIETLY);
  owner->flags |= OWNER_REPORTED;
  return 1;
}

// After bind, when a port 0 has become a port.
SEC("cgroup/post_bind4")
int socket_bound4(struct bpf_sock *sk) {
  __u8 address[16];
  set_ipv4(address, sk->src_ip4);
  return report_bind(sk, address);
}

SEC("cgroup/post_bind6")
int socket_bound6(struct bpf_sock *sk) {
  volatile struct bpf_sock *words = sk;  // read one by one, as the verifier demands
  __u32 address[4] = {words->src_ip6[0], words->src_ip6[1], words->src_ip6[2], words->src_ip6[3]};
  return report_bind(sk, (__u8 *)address);
}

#define STATE_CLOSE 7

// The last descriptor is closed. TCP may go on for a while to say so to the peer; its end is told by tcp_changed.
SEC("cgroup/sock_release")
int socket_released(struct bpf_sock *sk) {
  __u64 cookie = bpf_get_socket_cookie(sk);
  struct owner *owner = bpf_map_lookup_elem(&owners, &cookie);
  if (!owner) return 1;
  if (sk->protocol == PROTOCOL_TCP && sk->state != STATE_CLOSE) {
    owner->flags |= OWNER_RELEASED;
    return 1;
  }
  struct socket_record *record = reserve_close(owner);
  if (record) {
    record->family = sk->family;
    record->type = sk->type;
    record->protocol = sk->protocol;
    bpf_ringbuf_submit(record, QUIETLY);
  }
  bpf_map_delete_elem(&owners, &cookie);
  return 1;
}
