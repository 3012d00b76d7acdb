// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// UDP: the first datagram between a socket and a peer, with the addresses on the wire and the process that sent or took it.
//
// A peer counts as new again after PAUSE_NS, and when another process than before sends: that may be a connection of its own.
//
// Sending: connect or sendmsg names the process, the packet that leaves has the tuple. Receiving: the packet that arrives has the tuple,
// and the process is whoever takes it out of the socket, which may be any of several that share it. Until then the arrival waits. Who
// takes a datagram mostly asks for its sender's address, and so for one arrival; else the latest one is meant. Of a socket that several
// processes may have, another of them may have taken the first datagram when the address was not asked for or the peer had sent more: who
// reads is then told with a doubt, and so is the next one that does.
#pragma once

#include "owner.h"

struct peer {
  __u64 cookie;
  __u8 address[16];
  __u16 port;      // ICMP: type and code
  __u16 protocol;  // of raw sockets, which may send any
  __u16 unused[2];
};

struct acquaintance {
  __u64 time_ns;   // last datagram
  __u32 pid;       // who sent or took one; 0: nobody has yet
  __u32 arrivals;  // datagrams that arrived since the one that was news, with it
};

// Below the shortest time after which a connection without packets is taken to be over.
#define PAUSE_NS 5000000000ull

// At the bound the pair unused for longest is forgotten, and told once more when it speaks again.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 65536);
  __type(key, struct peer);
  __type(value, struct acquaintance);
} peers SEC(".maps");

struct datagram {
  __u8 source[16];
  __u8 destination[16];
  __u16 source_port;
  __u16 destination_port;
  __u16 family;
  __u16 protocol;
  __u16 type;  // of socket(2)
  __u8 icmp_type;
  __u8 icmp_code;
};

struct arrival {
  struct datagram datagram;
  __u64 time_ns;
  __u32 reader;  // told with a doubt; 0: nobody is told yet
};

// At the bound the arrival that waits for longest is forgotten: of a datagram that nobody takes nothing is told anyway.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct peer);
  __type(value, struct arrival);
} arrivals SEC(".maps");

// By the socket's cookie.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, __u64);
  __type(value, struct peer);
} latest_arrivals SEC(".maps");

// Threads in a call that read a datagram and asked for its sender, with that. At the bound others are not entered.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, __u64);
  __type(value, struct peer);
} askers SEC(".maps");

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define MAX_EXTENSIONS 6

// Where the IP header of a packet is: at the start of `packet` or, without one, in the kernel's memory from `start` up to `end`.
struct headers {
  struct __sk_buff *packet;
  const unsigned char *start;
  const unsigned char *end;
  __u16 ethertype;  // network order
};

static __always_inline struct headers headers_of(struct __sk_buff *packet) {
  return (struct headers){.packet = packet, .ethertype = packet->protocol};
}

// Which of both it is, is known when this is compiled: programs of each kind have one way alone.
static __always_inline long load(const struct headers *from, int offset, void *to, __u32 bytes) {
  if (from->packet) return bpf_skb_load_bytes(from->packet, offset, to, bytes);
  const unsigned char *at = from->start + offset;
  return at + bytes > from->end ? -1 : bpf_probe_read_kernel(to, bytes, at);
}

// Offset of the transport header behind IPv6 extension headers (RFC 8200 4), whose protocol becomes that of `out`; 0: it is not found.
static __always_inline int skip_extensions(const struct headers *from, __u8 next, struct datagram *out) {
  int offset = 40;
  for (int i = 0; i < MAX_EXTENSIONS; i++) {
    if (next != 0 && next != 43 && next != 44 && next != 60) {
      out->protocol = next;
      return offset;
    }
    __u8 extension[2];
    if (load(from, offset, extension, 2)) return 0;
    offset += next == 44 ? 8 : 8 + 8 * extension[1];
    next = extension[0];
  }
  return 0;
}

// Addresses, protocol, and where the transport header is.
static __always_inline bool read_addresses(const struct headers *from, struct datagram *out, int *transport) {
  if (from->ethertype == bpf_htons(ETHERTYPE_IPV4)) {
    __u8 head;
    __u8 protocol;
    __u32 addresses[2];
    if (load(from, 0, &head, 1) || load(from, 9, &protocol, 1) || load(from, 12, addresses, 8)) return false;
    set_ipv4(out->source, addresses[0]);
    set_ipv4(out->destination, addresses[1]);
    out->protocol = protocol;
    *transport = (head & 15) * 4;
    return true;
  }
  if (from->ethertype != bpf_htons(ETHERTYPE_IPV6)) return false;
  __u8 next;
  if (load(from, 6, &next, 1) || load(from, 8, out->source, 16) || load(from, 24, out->destination, 16)) return false;
  *transport = skip_extensions(from, next, out);
  return *transport != 0;
}

static __always_inline bool read_ports(const struct headers *from, int transport, struct datagram *out) {
  __u16 ports[2];
  if (load(from, transport, ports, 4)) return false;
  out->source_port = bpf_ntohs(ports[0]);
  out->destination_port = bpf_ntohs(ports[1]);
  return true;
}

static __always_inline bool is_udp(struct bpf_sock *sk) {
  return (sk->protocol == PROTOCOL_UDP || sk->protocol == PROTOCOL_UDPLITE) && sk->type != SOCK_RAW;
}

// The datagram of a UDP socket; false: it cannot be read.
static __always_inline bool read_datagram(struct __sk_buff *packet, struct bpf_sock *sk, struct datagram *out) {
  __builtin_memset(out, 0, sizeof(*out));
  out->family = sk->family;
  out->type = sk->type;
  int udp = 0;
  struct headers from = headers_of(packet);
  if (!read_addresses(&from, out, &udp)) return false;
  return (out->protocol == PROTOCOL_UDP || out->protocol == PROTOCOL_UDPLITE) && read_ports(&from, udp, out);
}

static __always_inline void set_peer(struct peer *peer, __u64 cookie, const void *address, __u16 port) {
  *peer = (struct peer){.cookie = cookie, .port = port};
  __builtin_memcpy(peer->address, address, 16);
}

// Whether a datagram between the socket and the peer is to be told. `sender` is who sends it; 0: it arrives.
static __always_inline bool is_news(const struct peer *peer, __u32 sender) {
  __u64 now = bpf_ktime_get_boot_ns();
  struct acquaintance *known = bpf_map_lookup_elem(&peers, peer);
  if (!known) {
    struct acquaintance fresh = {.time_ns = now, .pid = sender, .arrivals = sender == 0};
    if (bpf_map_update_elem(&peers, peer, &fresh, BPF_NOEXIST) == 0) return true;
    known = bpf_map_lookup_elem(&peers, peer);
    if (!known) return false;
  }
  bool has_paused = now - known->time_ns > PAUSE_NS;
  bool is_other = sender != 0 && known->pid != 0 && known->pid != sender;
  known->time_ns = now;
  if (has_paused) known->arrivals = 0;
  if (sender == 0) __sync_fetch_and_add(&known->arrivals, 1);
  if (is_other || has_paused) known->pid = sender;
  return is_other || has_paused;
}

// `is_callers`: the current process sends or took it; else the owner is who connected.
static __always_inline void report_datagram(enum record_kind kind, struct owner *owner, bool is_callers, const struct datagram *datagram,
                                            __u64 since_ns) {
  // Of a socket that is shared, another process may take over what is in the map at any time.
  struct owner teller = *owner;
  if (is_callers) set_current(&teller);
  struct socket_record *record = reserve_socket_record(kind, &teller);
  if (!record) return;
  bool is_sent = kind == RECORD_SEND;
  record->since_ns = since_ns;
  record->family = datagram->family;
  record->type = datagram->type;
  record->icmp_type = datagram->icmp_type;
  record->icmp_code = datagram->icmp_code;
  record->protocol = datagram->protocol;
  record->local_port = is_sent ? datagram->source_port : datagram->destination_port;
  record->remote_port = is_sent ? datagram->destination_port : datagram->source_port;
  __builtin_memcpy(record->local_address, is_sent ? datagram->source : datagram->destination, 16);
  __builtin_memcpy(record->remote_address, is_sent ? datagram->destination : datagram->source, 16);
  bpf_ringbuf_submit(record, QUIETLY);
  owner->flags |= OWNER_REPORTED;
}

// Runs before an unconnected socket sends, in the sender.
SEC("cgroup/sendmsg4")
int datagram_sent4(struct bpf_sock_addr *call) {
  take_over(bpf_get_socket_cookie(call));
  return 1;
}

SEC("cgroup/sendmsg6")
int datagram_sent6(struct bpf_sock_addr *call) {
  take_over(bpf_get_socket_cookie(call));
  return 1;
}

static __always_inline void udp_packet_left(struct __sk_buff *packet, struct bpf_sock *sk) {
  struct datagram datagram;
  if (!read_datagram(packet, sk, &datagram)) return;
  __u64 cookie = bpf_get_socket_cookie(packet);
  struct owner *owner = bpf_map_lookup_elem(&owners, &cookie);
  if (!owner) return;
  // It leaves in the call of whoever sends.
  bool is_callers = sk->dst_port == 0;
  struct peer peer;
  set_peer(&peer, cookie, datagram.destination, datagram.destination_port);
  if (is_news(&peer, is_callers ? current_pid() : owner->pid)) report_datagram(RECORD_SEND, owner, is_callers, &datagram, 0);
}

// Somebody may take it. It is in `arrival`, still without a time.
static __always_inline void datagram_arrived(const struct peer *peer, struct arrival *arrival) {
  if (!is_news(peer, 0)) return;
  arrival->time_ns = bpf_ktime_get_boot_ns();
  bpf_map_update_elem(&arrivals, peer, arrival, BPF_ANY);
  bpf_map_update_elem(&latest_arrivals, &peer->cookie, peer, BPF_ANY);
}

static __always_inline void udp_packet_arrived(struct __sk_buff *packet, struct bpf_sock *sk) {
  struct arrival arrival = {};
  struct datagram *datagram = &arrival.datagram;
  if (!read_datagram(packet, sk, datagram)) return;
  struct peer peer;
  set_peer(&peer, bpf_get_socket_cookie(packet), datagram->source, datagram->source_port);
  datagram_arrived(&peer, &arrival);
}

// The current process has taken a datagram of this peer, or, where its address was not asked for, perhaps one of another peer.
static __always_inline void report_taken(const struct peer *peer, bool is_of_peer) {
  struct arrival *waiting = bpf_map_lookup_elem(&arrivals, peer);
  if (!waiting) return;
  struct owner *owner = take_over(peer->cookie);
  __u32 pid = current_pid();
  if (!owner || waiting->reader == pid) return;
  struct acquaintance *known = bpf_map_lookup_elem(&peers, peer);
  bool is_first = is_of_peer && known && known->arrivals == 1;
  bool is_sure = !waiting->reader && (is_first || !may_be_shared(owner));
  struct arrival arrival = *waiting;
  if (is_sure || arrival.reader) bpf_map_delete_elem(&arrivals, peer);
  else waiting->reader = pid;
  if (known) known->pid = pid;
  report_datagram(RECORD_RECEIVE, owner, true, &arrival.datagram, is_sure ? 0 : arrival.time_ns);
}

// The current thread has just read a datagram of this peer. Whether it took it shows at the end of its call, if that is seen (socket_read).
static __always_inline void datagram_read(const struct peer *peer) {
  __u64 thread = bpf_get_current_pid_tgid();
  if (!constants.sees_reads || bpf_map_update_elem(&askers, &thread, peer, BPF_ANY)) report_taken(peer, true);
}

// Runs when a datagram was read and its sender's address asked for.
SEC("cgroup/recvmsg4")
int datagram_read4(struct bpf_sock_addr *call) {
  __u8 address[16];
  set_ipv4(address, call->user_ip4);
  struct peer peer;
  set_peer(&peer, bpf_get_socket_cookie(call), address, bpf_ntohs(call->user_port));
  datagram_read(&peer);
  return 1;
}

SEC("cgroup/recvmsg6")
int datagram_read6(struct bpf_sock_addr *call) {
  volatile struct bpf_sock_addr *words = call;  // read one by one, as the verifier demands
  __u32 address[4] = {words->user_ip6[0], words->user_ip6[1], words->user_ip6[2], words->user_ip6[3]};
  struct peer peer;
  set_peer(&peer, bpf_get_socket_cookie(call), address, bpf_ntohs(call->user_port));
  datagram_read(&peer);
  return 1;
}

// The sender of what the current thread has read from the socket, if it asked. The latest arrival may be another one, which waits for whoever
// takes it, be it a sibling that shares the socket.
static __always_inline bool has_asked(__u64 cookie, struct peer *out) {
  __u64 thread = bpf_get_current_pid_tgid();
  struct peer *asked = bpf_map_lookup_elem(&askers, &thread);
  if (!asked) return false;
  *out = *asked;
  bpf_map_delete_elem(&askers, &thread);
  return out->cookie == cookie;
}

// Raw sockets for protocols that nothing else of the host takes. The kernel answers ICMP itself, and TCP and UDP have sockets with ports.
static __always_inline bool takes_protocol(__u16 type, __u16 protocol) {
  return type == SOCK_RAW && protocol != PROTOCOL_ICMP && protocol != PROTOCOL_ICMPV6 && protocol != PROTOCOL_TCP &&
         protocol != PROTOCOL_UDP && protocol != PROTOCOL_UDPLITE && protocol != PROTOCOL_SCTP && protocol != PROTOCOL_RAW;
}

// Runs after every reading of a socket, also without the address. Since Linux 6.3; used where there is one. Whoever only looks (MSG_PEEK) takes
// nothing.
SEC("tp_btf/sock_recv_length")
int socket_read(__u64 *arguments) {
  struct sock *sk = (struct sock *)arguments[0];
  if (!sk) return 0;
  __u16 protocol = BPF_CORE_READ(sk, sk_protocol);
  if (protocol != PROTOCOL_UDP && protocol != PROTOCOL_UDPLITE && !takes_protocol(BPF_CORE_READ(sk, sk_type), protocol)) return 0;
  __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
  if (family != FAMILY_INET && family != FAMILY_INET6) return 0;
  __u64 cookie = bpf_get_socket_cookie(sk);
  struct peer peer;
  bool is_of_peer = has_asked(cookie, &peer);
  if ((int)arguments[1] < 0 || ((int)arguments[2] & MSG_PEEK)) return 0;
  if (!is_of_peer) {
    struct peer *latest = bpf_map_lookup_elem(&latest_arrivals, &cookie);
    if (!latest) return 0;
    peer = *latest;
  }
  report_taken(&peer, is_of_peer);
  if (!is_of_peer && !bpf_map_lookup_elem(&arrivals, &peer)) bpf_map_delete_elem(&latest_arrivals, &cookie);
  return 0;
}
