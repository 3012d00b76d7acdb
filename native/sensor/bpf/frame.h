// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Frames that packet sockets (AF_PACKET) inject: the first one to each peer is told as it is queued at a device, with what its IP header
// says, also of a ring in shared memory (PACKET_TX_RING). Not covered: sockets that go past the queues (PACKET_QDISC_BYPASS), since no
// tracepoint is on their way.
#pragma once

#include "raw.h"

#define DEVICE_ETHERNET 1
#define DEVICE_LOOPBACK 772
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_SERVICE_VLAN 0x88a8
#define MAX_TAGS 2
#define PAGE 4096ul

static __always_inline __u16 version_type(__u8 first) {
  return first >> 4 == 4 ? bpf_htons(ETHERTYPE_IPV4) : first >> 4 == 6 ? bpf_htons(ETHERTYPE_IPV6) : 0;
}

// Of a frame from a ring only the device's header is copied, the rest stays in the pages of the ring. Where they are is told by the slot of
// the frame, which the kernel keeps with it, and by how far into its page the first piece begins. 0: the frame is of no ring.
static __always_inline const unsigned char *in_ring(struct sk_buff *frame) {
  struct skb_shared_info *shared = (struct skb_shared_info *)(BPF_CORE_READ(frame, head) + BPF_CORE_READ(frame, end));
  __u64 slot = (__u64)BPF_CORE_READ(shared, destructor_arg) & ~3ul;  // the lowest bits are flags
  if (!BPF_CORE_READ(shared, nr_frags) || slot == 0) return 0;
  const void *piece = (const unsigned char *)shared + bpf_core_field_offset(struct skb_shared_info, frags);
  __u32 offset;
  if (bpf_core_field_exists(struct skb_frag, offset)) offset = BPF_CORE_READ((const struct skb_frag *)piece, offset);
  else offset = BPF_CORE_READ((const struct bio_vec *)piece, bv_offset);
  // Slots that let the sender choose where the frame begins, and larger pages, may have it further away.
  if (offset >= PAGE) return 0;
  __u64 at = (slot & ~(PAGE - 1)) + offset;
  return (const unsigned char *)(at < slot ? at + PAGE : at);
}

// The IP header of a frame; false: there is none, or not all of it is in one piece of memory.
static __always_inline bool find_ip(struct sk_buff *frame, struct headers *out) {
  const unsigned char *at = BPF_CORE_READ(frame, head) + BPF_CORE_READ(frame, network_header);
  __u32 elsewhere = BPF_CORE_READ(frame, data_len);
  const unsigned char *end = BPF_CORE_READ(frame, data) + BPF_CORE_READ(frame, len) - elsewhere;
  *out = (struct headers){.start = at, .end = end};
  if (at >= end && elsewhere) {
    out->start = in_ring(frame);
    if (!out->start) return false;
    out->start += at - end;
    out->end = out->start + elsewhere;
  }
  __u16 device = BPF_CORE_READ(frame, dev, type);
  __u16 told = 0;
  if (device == DEVICE_ETHERNET || device == DEVICE_LOOPBACK) {
    if (bpf_probe_read_kernel(&told, 2, at - 2)) return false;
    for (int i = 0; i < MAX_TAGS && (told == bpf_htons(ETHERTYPE_VLAN) || told == bpf_htons(ETHERTYPE_SERVICE_VLAN)); i++) {
      if (load(out, 2, &told, 2)) return false;
      out->start += 4;
    }
  }
  __u8 first;
  if (load(out, 0, &first, 1)) return false;
  out->ethertype = version_type(first);
  return out->ethertype != 0 && (told == 0 || told == out->ethertype);
}

// A frame may be queued once more, as by a device below another one, while somebody else runs. Who sends holds the socket.
static __always_inline bool is_held_by_current(const struct owner *owner) {
  struct fdtable *table = BPF_CORE_READ(current_task(), files, fdt);
  if (!table || !owner->file || owner->fd < 0 || (__u32)owner->fd >= BPF_CORE_READ(table, max_fds)) return false;
  struct file *file = 0;
  bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + owner->fd);
  return file == owner->file;
}

SEC("tp_btf/net_dev_queue")
int frame_queued(__u64 *arguments) {
  struct sk_buff *frame = (struct sk_buff *)arguments[0];
  struct sock *sk = frame->sk;
  if (!sk || sk->__sk_common.skc_family != FAMILY_PACKET) return 0;
  __u64 key = packet_key(sk);
  struct owner *owner = bpf_map_lookup_elem(&owners, &key);
  if (!owner || !is_held_by_current(owner)) return 0;
  struct headers from;
  struct datagram datagram;
  if (!find_ip(frame, &from)) return 0;
  __u16 family = from.ethertype == bpf_htons(ETHERTYPE_IPV4) ? FAMILY_INET : FAMILY_INET6;
  if (!read_any(&from, family, BPF_CORE_READ(sk, sk_type), &datagram)) return 0;
  struct peer peer = peer_of(key, &datagram);
  if (is_news(&peer, current_pid())) report_datagram(RECORD_SEND, owner, true, &datagram, 0);
  return 0;
}
