// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Packets of sockets that are neither TCP nor UDP: raw, ping, SCTP and the like. The first one to each peer is told as it leaves, with what
// its IP header says: a raw socket may send any protocol. The first one from each peer is told when it is read, of raw sockets for
// protocols that nothing else takes. Sockets of the kernel itself, which answers echo requests and refuses
// connections with such ones, have no owner and are passed over.
#pragma once

#include "udp.h"

static __always_inline bool is_tcp(struct bpf_sock *sk) { return sk->protocol == PROTOCOL_TCP && sk->type != SOCK_RAW; }

#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO 8
#define ICMPV6_ECHO 128
#define ICMPV6_ECHO_REPLY 129

// Type, code and, of echoes, the identifier as local port.
static __always_inline bool read_icmp(const struct headers *from, int transport, struct datagram *out) {
  __u8 head[2];
  if (load(from, transport, head, 2)) return false;
  out->icmp_type = head[0];
  out->icmp_code = head[1];
  bool is_echo = out->protocol == PROTOCOL_ICMP ? head[0] == ICMP_ECHO || head[0] == ICMP_ECHO_REPLY
                                                : head[0] == ICMPV6_ECHO || head[0] == ICMPV6_ECHO_REPLY;
  __u16 identifier = 0;
  if (is_echo && !load(from, transport + 4, &identifier, 2)) out->source_port = bpf_ntohs(identifier);
  return true;
}

static __always_inline bool has_ports(__u16 protocol) {
  return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_UDPLITE || protocol == PROTOCOL_SCTP;
}

static __always_inline bool read_any(const struct headers *from, __u16 family, __u16 type, struct datagram *out) {
  __builtin_memset(out, 0, sizeof(*out));
  out->family = family;
  out->type = type;
  int transport = 0;
  if (!read_addresses(from, out, &transport)) return false;
  if (out->protocol == PROTOCOL_ICMP || out->protocol == PROTOCOL_ICMPV6) return read_icmp(from, transport, out);
  return !has_ports(out->protocol) || read_ports(from, transport, out);
}

static __always_inline struct peer peer_of(__u64 cookie, const struct datagram *datagram) {
  struct peer peer;
  set_peer(&peer, cookie, datagram->destination, datagram->destination_port);
  peer.protocol = datagram->protocol;
  if (datagram->protocol == PROTOCOL_ICMP || datagram->protocol == PROTOCOL_ICMPV6)
    peer.port = datagram->icmp_type << 8 | datagram->icmp_code;
  return peer;
}

// Every raw socket of the protocol gets a copy; whoever reads one has taken it.
static __always_inline void raw_packet_arrived(struct __sk_buff *packet, struct bpf_sock *sk) {
  struct arrival arrival = {};
  struct datagram *datagram = &arrival.datagram;
  struct headers from = headers_of(packet);
  if (!read_any(&from, sk->family, sk->type, datagram)) return;
  struct peer peer;
  set_peer(&peer, bpf_get_socket_cookie(packet), datagram->source, datagram->source_port);
  peer.protocol = datagram->protocol;
  datagram_arrived(&peer, &arrival);
}

static __always_inline void raw_packet_left(struct __sk_buff *packet, struct bpf_sock *sk) {
  __u64 cookie = bpf_get_socket_cookie(packet);
  struct owner *owner = bpf_map_lookup_elem(&owners, &cookie);
  if (!owner) return;
  struct datagram datagram;
  struct headers from = headers_of(packet);
  if (!read_any(&from, sk->family, sk->type, &datagram)) return;
  // Raw and ping sockets send in the call of whoever sends; SCTP and encryption also do it later, from elsewhere.
  bool is_callers = sk->protocol != PROTOCOL_SCTP && !is_kernel_thread(current_task());
  struct peer peer = peer_of(cookie, &datagram);
  if (is_news(&peer, is_callers ? current_pid() : owner->pid)) report_datagram(RECORD_SEND, owner, is_callers, &datagram, 0);
}

SEC("cgroup_skb/ingress")
int packet_arrived(struct __sk_buff *packet) {
  struct bpf_sock *sk = packet->sk;
  if (!sk) return 1;
  sk = bpf_sk_fullsock(sk);
  if (!sk) return 1;
  if (is_udp(sk)) udp_packet_arrived(packet, sk);
  else if (takes_protocol(sk->type, sk->protocol)) raw_packet_arrived(packet, sk);
  return 1;
}

SEC("cgroup_skb/egress")
int packet_left(struct __sk_buff *packet) {
  struct bpf_sock *sk = packet->sk;
  if (!sk) return 1;
  sk = bpf_sk_fullsock(sk);
  if (!sk || is_tcp(sk)) return 1;
  if (is_udp(sk)) udp_packet_left(packet, sk);
  else raw_packet_left(packet, sk);
  return 1;
}
