// The usual frame, as `decodeUsualFrame` of src/decode/usual-frame.ts has it: TCP over IPv4 without options over Ethernet, captured whole
// and right.
#ifndef FRAMES_USUAL_H
#define FRAMES_USUAL_H
#include <stdbool.h>
#include <stdint.h>
#include <wasm_simd128.h>
#include "bytes.h"
#include "hash.h"
#include "layout.h"
#include "sum.h"

enum { IP = 14, TCP = IP + 20, SHORTEST = TCP + 20, PROTO_TCP = 6 };
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
static inline v128_t swapped(const uint8_t *at) {
  const v128_t words = wasm_v128_load(at);
  return wasm_i8x16_shuffle(words, words, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

// Fills the row but for time, source and hash; false for another frame, with the row as it was. `captured` bytes are there at `frame`, which is
// `offset` of the batch.
static inline bool usual_frame(row *r, const uint8_t *frame, uint32_t offset, uint32_t captured, uint32_t wire, bool verify_checksums) {
  if (captured < SHORTEST) return false;
  const uint8_t *const ip = frame + IP, *const tcp = frame + TCP;
  // IPv4, a header of 20 bytes, no fragment, TCP.
  if (half_at(frame + 12) != 0x0008 || ip[0] != 0x45 || (half_at(ip + 6) & 0xff3f) != 0 || ip[9] != PROTO_TCP) return false;
  const uint32_t ip_bytes = net_half(ip + 2), length = ip_bytes - (TCP - IP);
  if (ip_bytes < SHORTEST - IP || ip_bytes + IP > captured || ip_bytes + IP > wire) return false;
  const uint32_t header_bytes = (uint32_t)(tcp[12] >> 4) << 2;
  if (header_bytes < SHORTEST - TCP || header_bytes > length) return false;
  if (verify_checksums) {
    // RFC 791 3.1, RFC 9293 3.1.
    const uint64_t ends = (uint64_t)word_at(ip + 12) + word_at(ip + 16);
    if (!is_all_ones(ends + word_at(ip) + word_at(ip + 4) + word_at(ip + 8))) return false;
    const uint64_t pseudo_header = ends + (PROTO_TCP << 8) + __builtin_bswap16((uint16_t)length);
    if (!is_all_ones(pseudo_header + sum_of(tcp, length))) return false;
  }
  // Source, destination, ports, sequence number; that again, acknowledgement number, control.
  const v128_t ends = swapped(ip + 12), numbers = swapped(tcp + 4);
  const uint32_t ports = (uint32_t)wasm_i32x4_extract_lane(ends, 2), ack = (uint32_t)wasm_i32x4_extract_lane(numbers, 1);
  const uint32_t control = (uint32_t)wasm_i32x4_extract_lane(numbers, 2);
  const uint32_t flags = control >> 16 & (FIN | SYN | RST | ACK);
  uint32_t meta = PROTO_TCP | META_VALID;
  if (flags == ACK) {
    if ((control & 0xffff) != 0 && ack != 0) meta |= META_PLAIN_TCP;
  } else if ((flags & SYN) != 0) meta |= scale_meta(frame + SHORTEST, tcp + header_bytes);
  r->meta = meta;
  wasm_v128_store(&r->src, wasm_i32x4_replace_lane(ends, 3, (int32_t)ip_bytes));
  wasm_v128_store(&r->length, wasm_i32x4_replace_lane(wasm_i32x4_shuffle(numbers, numbers, 0, 0, 1, 2), 0, (int32_t)length));
  r->captured = captured - TCP;
  r->at = offset + TCP;
  r->vlan = -1;
  if (r->version == 6)
    for (int i = 0; i < 6; i++) r->ipv6[i] = 0;
  r->inner_vlan = -1;
  r->cut = wire > captured ? wire - captured : 0;
  wasm_v128_store(&r->version, wasm_i32x4_const(4, PROTO_TCP, 0, 0));
  r->sport = ports >> 16;
  r->dport = ports & 0xffff;
  r->bad_checksum = 0;
  return true;
}

// The hashes of one to four such rows; see `setFlowKey` of src/decode/flow-key.ts.
static inline void put_hashes(row *r, uint32_t count, uint32_t k0, uint32_t k1) {
  row *const second = count > 1 ? r + 1 : r, *const third = count > 2 ? r + 2 : r, *const fourth = count > 3 ? r + 3 : r;
  const four src = {r->src, second->src, third->src, fourth->src};
  const four dst = {r->dst, second->dst, third->dst, fourth->dst};
  const four ports = {r->ports, second->ports, third->ports, fourth->ports};
  const four turned_ports = turned(ports, 16);
  const four swap = (four)(src > dst) | ((four)(src == dst) & (four)(ports > turned_ports));
  const four lower = (dst & swap) | (src & ~swap), upper = (src & swap) | (dst & ~swap);
  const four proto = {PROTO_TCP, PROTO_TCP, PROTO_TCP, PROTO_TCP};
  const four hashes = hash_four(k0, k1, lower, upper, (turned_ports & swap) | (ports & ~swap), proto);
  fourth->hash = hashes[3];
  third->hash = hashes[2];
  second->hash = hashes[1];
  r->hash = hashes[0];
}

#endif
