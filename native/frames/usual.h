// Usual frames: TCP and UDP over IPv4 without options or IPv6 without extension headers, over Ethernet or what Linux cooks of it, with a VLAN tag
// or none, captured whole and right.
// src/decode/usual-frame.ts has the most usual of them, TCP over IPv4; the decoders of the layers have the others.
#ifndef FRAMES_USUAL_H
#define FRAMES_USUAL_H
#include <stdbool.h>
#include <stdint.h>
#include <wasm_simd128.h>
#include "bytes.h"
#include "hash.h"
#include "layout.h"
#include "sum.h"

enum { LINK_ETHERNET = 1, LINK_LINUX_SLL = 113, ETHERNET_BYTES = 14, LINUX_SLL_BYTES = 16, VLAN_BYTES = 4 };
// In the other byte order, as they are read.
enum { TYPE_IPV4 = 0x0008, TYPE_IPV6 = 0xdd86, TYPE_VLAN = 0x0081, TYPE_QINQ = 0xa888, TYPE_QINQ_OLD = 0x0091 };
enum { IPV4_BYTES = 20, IPV6_BYTES = 40, TCP_BYTES = 20, UDP_BYTES = 8, PROTO_TCP = 6, PROTO_UDP = 17 };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_WINDOW_SCALE = 3, MAX_WINDOW_SCALE = 14 };

// What the meta of a SYN says of the window scale in its options (RFC 7323 2.2).
static inline uint32_t scale_meta(const uint8_t *at, const uint8_t *end) {
  int scale = -1;
  while (at < end && *at != OPTION_END) {
    if (*at == OPTION_NOP) {
      at++;
      continue;
    }
    if (end - at < 2 || at[1] == 0 || at[1] > end - at) break;
    if (*at == OPTION_WINDOW_SCALE && at[1] >= 3) scale = at[2];
    at += at[1];
  }
  if (scale > MAX_WINDOW_SCALE) return META_ODD_SCALE | (MAX_WINDOW_SCALE + 1) << META_SCALE_SHIFT;
  return (uint32_t)(scale + 1) << META_SCALE_SHIFT;
}

// Four words of either byte order in the other one.
static inline v128_t swapped(v128_t words) {
  return wasm_i8x16_shuffle(words, words, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

// The sum of 32-bit words.
static inline uint64_t words_sum(const uint8_t *at, int count) {
  uint64_t sum = 0;
  for (int i = 0; i < count; i++) sum += word_at(at + 4 * i);
  return sum;
}

// Whether the datagrams of a port are looked into, as `LOOKED_INTO` of src/decode/plain-udp.ts.
static inline bool is_looked_into(uint32_t port) {
  switch (port) {
    case 53: case 123: case 137: case 2123: case 2152: case 3544: case 4754: case 4789: case 5072: case 5353: case 5355: case 6081:
      return true;
    default:
      return false;
  }
}

// As `isPlainUdp` of src/decode/plain-udp.ts, of a whole datagram.
static inline bool is_plain_udp(const uint8_t *udp, uint32_t length) {
  enum { IPV6_HEADER = 40, TEREDO_PREFIX = 0x20010000 };
  if (net_half(udp + 4) != length || is_looked_into(net_half(udp)) || is_looked_into(net_half(udp + 2))) return false;
  const uint8_t *const payload = udp + UDP_BYTES;
  const uint32_t bytes = length - UDP_BYTES;
  if (bytes >= 3 && payload[1] == 0x52 && payload[2] == 0x11) return false;
  if (bytes < IPV6_HEADER) return true;
  if (payload[0] >> 4 == 6) return net_word(payload + 8) != TEREDO_PREFIX && net_word(payload + 24) != TEREDO_PREFIX;
  return payload[0] != 0;
}

// What of a segment is a row's; false for one that is not usual.
static inline bool usual_tcp(row *r, const uint8_t *tcp, uint32_t length, uint32_t meta) {
  const uint32_t header_bytes = (uint32_t)(tcp[12] >> 4) << 2;
  if (header_bytes < TCP_BYTES || header_bytes > length) return false;
  // Sequence number, acknowledgement number, control.
  const v128_t numbers = swapped(wasm_v128_load(tcp + 4));
  const uint32_t ack = (uint32_t)wasm_i32x4_extract_lane(numbers, 1), control = (uint32_t)wasm_i32x4_extract_lane(numbers, 2);
  const uint32_t flags = control >> 16 & (FIN | SYN | RST | ACK);
  if (flags == ACK) {
    if ((control & 0xffff) != 0 && ack != 0) meta |= META_PLAIN_TCP;
  } else if ((flags & SYN) != 0) meta |= scale_meta(tcp + TCP_BYTES, tcp + header_bytes);
  r->meta = meta;
  wasm_v128_store(&r->length, wasm_i32x4_replace_lane(wasm_i32x4_shuffle(numbers, numbers, 0, 0, 1, 2), 0, (int32_t)length));
  return true;
}

// Fills the row but for time, source and hash; false for another frame, whose row is then nobody's. `captured` bytes are there at `frame`,
// which is `offset` of the batch, of a link layer whose header has `link_bytes` and ends with the type of what it carries.
static inline bool usual_frame(row *r, const uint8_t *frame, uint32_t link_bytes, uint32_t offset, uint32_t captured, uint32_t wire, bool verify_checksums) {
  if (captured < link_bytes + IPV4_BYTES + UDP_BYTES) return false;
  uint32_t at = link_bytes;
  uint16_t type = half_at(frame + at - 2);
  int32_t vlan = -1;
  if (type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD) {
    vlan = net_half(frame + at) & 0xfff;
    at += VLAN_BYTES;
    type = half_at(frame + at - 2);
    if (captured < at + IPV4_BYTES + UDP_BYTES) return false;
  }
  const uint8_t *const ip = frame + at;
  uint32_t header, ip_bytes, proto;
  uint64_t ends = 0;
  if (type == TYPE_IPV4) {
    // A header of 20 bytes, no fragment.
    if (ip[0] != 0x45 || (half_at(ip + 6) & 0xff3f) != 0) return false;
    header = IPV4_BYTES;
    ip_bytes = net_half(ip + 2);
    proto = ip[9];
    ends = words_sum(ip + 12, 2);
    // RFC 791 3.1.
    if (verify_checksums && !is_all_ones(ends + words_sum(ip, 3))) return false;
  } else if (type == TYPE_IPV6) {
    if (ip[0] >> 4 != 6 || captured < at + IPV6_BYTES + UDP_BYTES) return false;
    header = IPV6_BYTES;
    ip_bytes = IPV6_BYTES + net_half(ip + 4);
    proto = ip[6];
    ends = words_sum(ip + 8, 8);
  } else return false;
  const bool is_tcp = proto == PROTO_TCP, is_six = header == IPV6_BYTES;
  if (!is_tcp && proto != PROTO_UDP) return false;
  if (ip_bytes < header + (is_tcp ? TCP_BYTES : UDP_BYTES) || ip_bytes + at > captured || ip_bytes + at > wire) return false;
  const uint8_t *const transport = ip + header;
  const uint32_t length = ip_bytes - header, meta = proto | META_VALID | (is_six ? META_IPV6 : 0);
  const uint32_t cut = wire > captured ? wire - captured : 0;
  bool has_checksum = verify_checksums;
  if (is_tcp) {
    if (!usual_tcp(r, transport, length, meta)) return false;
  } else {
    // None at all is lawful over IPv4 (RFC 768), over IPv6 in some tunnels.
    const bool is_summed = half_at(transport + 6) != 0;
    if (cut != 0 || (is_six && !is_summed)) return false;
    has_checksum = verify_checksums && is_summed;
    r->meta = is_plain_udp(transport, length) ? meta | META_PLAIN_UDP : meta;
    r->length = length;
    r->seq = net_half(transport + 4);
  }
  // RFC 9293 3.1, RFC 768, RFC 8200 8.1.
  const uint64_t pseudo_header = ends + (proto << 8) + __builtin_bswap16((uint16_t)length);
  if (has_checksum && !is_all_ones(pseudo_header + sum_of(transport, length))) return false;
  // The last words of both addresses, ports.
  const v128_t words = is_six ? wasm_u32x4_make(word_at(ip + 20), word_at(ip + 36), word_at(ip + 40), 0) : wasm_v128_load(ip + 12);
  const v128_t key = swapped(words);
  const uint32_t ports = (uint32_t)wasm_i32x4_extract_lane(key, 2);
  wasm_v128_store(&r->src, wasm_i32x4_replace_lane(key, 3, (int32_t)ip_bytes));
  r->captured = captured - at - header;
  r->at = offset + at + header;
  r->vlan = vlan;
  if (is_six) {
    for (int i = 0; i < 3; i++) r->ipv6[i] = net_word(ip + 8 + 4 * i);
    for (int i = 0; i < 3; i++) r->ipv6[3 + i] = net_word(ip + 24 + 4 * i);
  } else if (r->version == 6)
    for (int i = 0; i < 6; i++) r->ipv6[i] = 0;
  r->inner_vlan = -1;
  r->cut = cut;
  wasm_v128_store(&r->version, wasm_i32x4_make(is_six ? 6 : 4, (int32_t)proto, 0, 0));
  r->sport = ports >> 16;
  r->dport = ports & 0xffff;
  r->bad_checksum = 0;
  return true;
}

// Whether the source of an IPv6 packet is the greater end.
static inline bool source_is_greater(const row *r) {
  if (r->src != r->dst) return r->src > r->dst;
  for (int i = 0; i < 3; i++)
    if (r->ipv6[i] != r->ipv6[3 + i]) return r->ipv6[i] > r->ipv6[3 + i];
  return r->sport > r->dport;
}

// The hash of an IPv6 row: of two hashes, which are made side by side, and what is left.
static inline void put_hash_of_six(row *r, uint32_t k0, uint32_t k1) {
  const bool swap = source_is_greater(r);
  const uint32_t *const lower = r->ipv6 + (swap ? 3 : 0), *const upper = r->ipv6 + (swap ? 0 : 3);
  const uint32_t ports = swap ? r->ports << 16 | r->ports >> 16 : r->ports;
  const four a = {swap ? r->dst : r->src, lower[0]}, b = {swap ? r->src : r->dst, lower[1]}, c = {ports, lower[2]};
  const four two = hash_four(k0, k1, a, b, c, (four){r->meta & META_KEY, upper[0]});
  r->hash = hash_four(k0, k1, (four){two[0]}, (four){two[1]}, (four){upper[1]}, (four){upper[2]})[0];
}

// The hashes of one to four such rows; see `setFlowKey` of src/decode/flow-key.ts.
static inline void put_hashes(row *r, uint32_t count, uint32_t k0, uint32_t k1) {
  row *const second = count > 1 ? r + 1 : r, *const third = count > 2 ? r + 2 : r, *const fourth = count > 3 ? r + 3 : r;
  const four src = {r->src, second->src, third->src, fourth->src};
  const four dst = {r->dst, second->dst, third->dst, fourth->dst};
  const four ports = {r->ports, second->ports, third->ports, fourth->ports};
  const four meta = {r->meta, second->meta, third->meta, fourth->meta};
  const four turned_ports = turned(ports, 16);
  const four swap = (four)(src > dst) | ((four)(src == dst) & (four)(ports > turned_ports));
  const four lower = (dst & swap) | (src & ~swap), upper = (src & swap) | (dst & ~swap);
  const four hashes = hash_four(k0, k1, lower, upper, (turned_ports & swap) | (ports & ~swap), meta & META_KEY);
  fourth->hash = hashes[3];
  third->hash = hashes[2];
  second->hash = hashes[1];
  r->hash = hashes[0];
  if (((meta[0] | meta[1] | meta[2] | meta[3]) & META_IPV6) == 0) return;
  for (uint32_t i = 0; i < count; i++)
    if ((r[i].meta & META_IPV6) != 0) put_hash_of_six(r + i, k0, k1);
}

#endif
