// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// TCP: connect before the SYN leaves, listen, accept, close with bytes.
#pragma once

#include "socket.h"

#define STATE_LISTEN 10

// The caller of connect, for TCP and UDP. Its local port is not chosen yet.
static __always_inline int connect_called(struct bpf_sock_addr *call) {
  take_over(bpf_get_socket_cookie(call));
  return 1;
}

SEC("cgroup/connect4")
int connect_called4(struct bpf_sock_addr *call) { return connect_called(call); }

SEC("cgroup/connect6")
int connect_called6(struct bpf_sock_addr *call) { return connect_called(call); }

// Fields of a context must be read one by one, which `volatile` makes the compiler do.
static __always_inline void report_connect(volatile struct bpf_sock_ops *ops) {
  __u64 cookie = bpf_get_socket_cookie((void *)ops);
  struct owner *owner = bpf_map_lookup_elem(&owners, &cookie);
  if (!owner) owner = take_over(cookie);  // forgotten since; connect runs in the caller still
  if (!owner) return;
  struct socket_record *record = reserve_socket_record(RECORD_CONNECT, owner);
  if (!record) return;
  record->family = ops->family;
  record->type = 1;  // SOCK_STREAM
  record->protocol = PROTOCOL_TCP;
  record->local_port = ops->local_port;
  record->remote_port = bpf_ntohl(ops->remote_port);
  __u32 remote[4] = {ops->remote_ip6[0], ops->remote_ip6[1], ops->remote_ip6[2], ops->remote_ip6[3]};
  bool is_mapped = remote[0] == 0 && remote[1] == 0 && remote[2] == bpf_htonl(0xffff);
  if (ops->family == FAMILY_INET6 && !is_mapped) {
    __u32 local[4] = {ops->local_ip6[0], ops->local_ip6[1], ops->local_ip6[2], ops->local_ip6[3]};
    __builtin_memcpy(record->local_address, local, 16);
    __builtin_memcpy(record->remote_address, remote, 16);
  } else {
    set_ipv4(record->local_address, ops->local_ip4);
    set_ipv4(record->remote_address, ops->remote_ip4);
  }
  bpf_ringbuf_submit(record, QUIETLY);
  owner->flags |= OWNER_REPORTED;
}

SEC("sockops")
int tcp_handshake(struct bpf_sock_ops *ops) {
  if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB) report_connect(ops);
  // Gives the socket of the accepting side its cookie, so that accept can remember the owner.
  if (ops->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) bpf_get_socket_cookie(ops);
  return 1;
}

static __always_inline void report_listen(struct sock *sk) {
  struct owner *owner = take_over(bpf_get_socket_cookie(sk));
  if (!owner) return;
  struct socket_record *record = reserve_socket_record(RECORD_LISTEN, owner);
  if (!record) return;
  set_tuple(record, sk);
  bpf_ringbuf_submit(record, QUIETLY);
  owner->flags |= OWNER_REPORTED;
}

static __always_inline void report_tcp_close(struct sock *sk) {
  __u64 cookie = bpf_get_socket_cookie(sk);
  struct owner *owner = bpf_map_lookup_elem(&owners, &cookie);
  if (!owner) return;
  struct socket_record *record = reserve_close(owner);
  if (record) {
    struct tcp_sock *tcp = (struct tcp_sock *)sk;
    set_tuple(record, sk);
    // A FIN counts as a byte received; SOCK_DONE (1) is set when one came.
    __u64 fin = BPF_CORE_READ(sk, __sk_common.skc_flags) >> 1 & 1;
    __u64 received = BPF_CORE_READ(tcp, bytes_received);
    record->sent = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
    record->received = received > fin ? received - fin : 0;
    record->header.flags = RECORD_HAS_BYTES;
    bpf_ringbuf_submit(record, QUIETLY);
  }
  if (owner->flags & OWNER_RELEASED) bpf_map_delete_elem(&owners, &cookie);
}

SEC("tp_btf/inet_sock_set_state")
int tcp_changed(__u64 *arguments) {
  struct sock *sk = (struct sock *)arguments[0];
  int after = arguments[2];
  if (after != STATE_LISTEN && after != STATE_CLOSE) return 0;
  if (BPF_CORE_READ(sk, sk_protocol) != PROTOCOL_TCP) return 0;
  if (after == STATE_LISTEN) report_listen(sk);
  else report_tcp_close(sk);
  return 0;
}

// The accepting process and the tuple. The connection may be over already; its socket still has the tuple then.
static __always_inline int report_accepted(struct sock *sk, struct file *file, int fd) {
  struct owner owner;
  new_owner(&owner, netns_of_socket(sk));
  set_descriptor(&owner, file, fd);
  struct socket_record *record = reserve_socket_record(RECORD_ACCEPT, &owner);
  if (record) {
    set_tuple(record, sk);
    bpf_ringbuf_submit(record, QUIETLY);
  }
  owner.flags = OWNER_REPORTED;
  __u64 cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
  if (cookie) bpf_map_update_elem(&owners, &cookie, &owner, BPF_ANY);
  return 0;
}

static __always_inline int report_accept(struct trace_event_raw_sys_exit *call) {
  struct file *file = 0;
  struct sock *sk = socket_of(call->ret, &file);
  if (!sk || !is_inet(BPF_CORE_READ(sk, __sk_common.skc_family))) return 0;
  return report_accepted(sk, file, call->ret);
}

SEC("tracepoint/syscalls/sys_exit_accept")
int accept_returned(struct trace_event_raw_sys_exit *call) { return report_accept(call); }

SEC("tracepoint/syscalls/sys_exit_accept4")
int accept4_returned(struct trace_event_raw_sys_exit *call) { return report_accept(call); }

// What io_uring completes tells its result alone: a descriptor of a connected TCP socket that nobody is known to have made was accepted.
// A socket that io_uring made is known, and gets its descriptor here. Used where the kernel has io_uring.
SEC("tracepoint/io_uring/io_uring_complete")
int ring_completed(struct trace_event_raw_io_uring_complete *event) {
  int fd = event->res;
  struct file *file = 0;
  struct sock *sk = socket_of(fd, &file);
  if (!sk || !is_inet(BPF_CORE_READ(sk, __sk_common.skc_family))) return 0;
  __u64 cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
  struct owner *owner = cookie ? bpf_map_lookup_elem(&owners, &cookie) : 0;
  if (owner) {
    if (!owner->inode) set_descriptor(owner, file, fd);
    return 0;
  }
  if (BPF_CORE_READ(sk, sk_protocol) != PROTOCOL_TCP || BPF_CORE_READ(sk, __sk_common.skc_dport) == 0) return 0;
  return report_accepted(sk, file, fd);
}
