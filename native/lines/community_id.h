// Community ID v1 with the seed 0, as src/core/community-id.ts makes it: SHA-1 (FIPS 180-4) of one block, in base64; of four records at once.
#ifndef LINES_COMMUNITY_ID_H
#define LINES_COMMUNITY_ID_H
#include "four.h"
#include "record.h"
#include "text.h"
#include <wasm_simd128.h>

// The blocks of four records, padding included, and what they are hashed to.
typedef union {
  four words[16];
  uint32_t of[16][4];
} blocks;
typedef union {
  four words[5];
  uint32_t of[5][4];
} digests;

static inline four sha1_mix(int round, four b, four c, four d) {
  if (round < 20) return d ^ (b & (c ^ d));
  return round < 40 || round >= 60 ? b ^ c ^ d : (b & c) | (d & (b | c));
}

static inline uint32_t sha1_constant(int round) {
  return round < 20 ? 0x5a827999 : round < 40 ? 0x6ed9eba1 : round < 60 ? 0x8f1bbcdc : 0xca62c1d6;
}

// Written out by the compiler, so that the blocks stay in registers.
static void sha1(const blocks *from, digests *to) {
  four w[16];
  for (int i = 0; i < 16; i++) w[i] = from->words[i];
  const four zero = {0, 0, 0, 0};
  four a = zero + 0x67452301, b = zero + 0xefcdab89, c = zero + 0x98badcfe, d = zero + 0x10325476, e = zero + 0xc3d2e1f0;
#pragma clang loop unroll(full)
  for (int i = 0; i < 80; i++) {
    if (i >= 16) w[i & 15] = turned(w[(i + 13) & 15] ^ w[(i + 8) & 15] ^ w[(i + 2) & 15] ^ w[i & 15], 1);
    const four next = turned(a, 5) + sha1_mix(i, b, c, d) + sha1_constant(i) + e + w[i & 15];
    e = d;
    d = c;
    c = turned(b, 30);
    b = a;
    a = next;
  }
  to->words[0] = a + 0x67452301;
  to->words[1] = b + 0xefcdab89;
  to->words[2] = c + 0x98badcfe;
  to->words[3] = d + 0x10325476;
  to->words[4] = e + 0xc3d2e1f0;
}

// The type that answers an ICMP type; -1 of those that nothing answers.
static int icmp_counterpart(uint32_t protocol, uint32_t type) {
  if (protocol == PROTO_ICMP) {
    switch (type) {
      case 0: return 8;
      case 8: return 0;
      case 9: return 10;
      case 10: return 9;
      case 13: return 14;
      case 14: return 13;
      case 15: return 16;
      case 16: return 15;
      case 17: return 18;
      case 18: return 17;
      default: return -1;
    }
  }
  switch (type) {
    case 128: return 129;
    case 129: return 128;
    case 130: return 131;
    case 131: return 130;
    case 133: return 134;
    case 134: return 133;
    case 135: return 136;
    case 136: return 135;
    case 139: return 140;
    case 140: return 139;
    case 144: return 145;
    case 145: return 144;
    default: return -1;
  }
}

// 16 base64 digits of the first 12 bytes of four words, of each of which the highest byte comes first.
static inline v128_t base64_digits(v128_t words) {
  const v128_t threes = wasm_i8x16_shuffle(words, wasm_i32x4_splat(0), 1, 2, 3, 16, 6, 7, 0, 16, 11, 4, 5, 16, 8, 9, 10, 16);
  const v128_t first = wasm_u32x4_shr(threes, 18), second = wasm_v128_and(wasm_u32x4_shr(threes, 4), wasm_i32x4_splat(0x3f00));
  const v128_t third = wasm_v128_and(wasm_i32x4_shl(threes, 10), wasm_i32x4_splat(0x3f0000)), fourth = wasm_i32x4_shl(threes, 24);
  const v128_t sixes = wasm_v128_or(wasm_v128_or(first, second), wasm_v128_or(third, wasm_v128_and(fourth, wasm_i32x4_splat(0x3f000000))));
  // How far the digits of each kind are from their values, small letters first and capitals, which have the least values, last.
  const v128_t offsets = wasm_i8x16_make('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                         '+' - 62, '/' - 63, 'A', 0, 0);
  const v128_t is_capital = wasm_u8x16_lt(sixes, wasm_i8x16_splat(26));
  const v128_t kinds = wasm_v128_or(wasm_u8x16_sub_sat(sixes, wasm_i8x16_splat(51)), wasm_v128_and(is_capital, wasm_i8x16_splat(13)));
  return wasm_i8x16_add(sixes, wasm_i8x16_swizzle(offsets, kinds));
}

// The Community ID of the record that is the `lane`th of four; up to 34 bytes are overwritten.
static inline char *put_community_id(char *at, const digests *from, int lane) {
  at = PUT(at, "1:");
  wasm_v128_store(at, base64_digits(wasm_u32x4_make(from->of[0][lane], from->of[1][lane], from->of[2][lane], 0)));
  wasm_v128_store(at + 16, base64_digits(wasm_u32x4_make(from->of[3][lane], from->of[4][lane], 0, 0)));
  // The last of 28 digits would hold nothing.
  at[27] = '=';
  return at + 28;
}

// Whether end 1 is greater than end 2 in network byte order; equal addresses compare by port.
static inline bool end_is_greater(record r, int words, uint32_t port1, uint32_t port2) {
  for (int i = 0; i < words; i++) {
    const uint32_t orig = address_word(r, 0, i), resp = address_word(r, 1, i);
    if (orig != resp) return orig > resp;
  }
  return port1 > port2;
}

// Puts 16 bits behind the `*count` halves that are there.
static inline void add_half(uint32_t w[16], int *count, uint32_t half) {
  w[*count / 2] |= *count % 2 == 0 ? half << 16 : half;
  ++*count;
}

// Into blocks that were zero.
static inline void put_block_of(blocks *to, int lane, record r, int words, bool swap, bool has_ports, uint32_t port1, uint32_t port2) {
  uint32_t w[16] = {0};
  // The seed is the first half.
  int halves = 1;
  for (int end = 0; end < 2; end++) {
    for (int i = 0; i < words; i++) {
      const uint32_t word = address_word(r, swap ? 1 - end : end, i);
      add_half(w, &halves, word >> 16);
      add_half(w, &halves, word & 0xffff);
    }
  }
  add_half(w, &halves, protocol_of(r) << 8);
  if (has_ports) {
    add_half(w, &halves, port1);
    add_half(w, &halves, port2);
  }
  to->of[15][lane] = 16 * halves;
  add_half(w, &halves, 0x8000);
  for (int i = 0; 2 * i < halves; i++) to->of[i][lane] = w[i];
}

// The block that is hashed for a record, which is the `lane`th of four, with addresses of so many words.
static inline void put_block(blocks *to, int lane, record r, int words) {
  const uint32_t protocol = protocol_of(r);
  const bool has_ports = protocol == PROTO_TCP || protocol == PROTO_UDP || is_icmp(protocol);
  uint32_t port1 = has_ports ? originator_port(r) : 0, port2 = has_ports ? responder_port(r) : 0;
  bool is_one_way = false;
  if (is_icmp(protocol)) {
    const int counterpart = icmp_counterpart(protocol, port1);
    if (counterpart < 0) is_one_way = true;
    else port2 = (uint32_t)counterpart;
  }
  const bool swap = !is_one_way && end_is_greater(r, words, port1, port2);
  const uint32_t first = swap ? port2 : port1, second = swap ? port1 : port2;
  // Apart, so that each has a block whose words the compiler knows.
  if (words == 4) put_block_of(to, lane, r, 4, swap, has_ports, first, second);
  else if (has_ports) put_block_of(to, lane, r, 1, swap, true, first, second);
  else put_block_of(to, lane, r, 1, swap, false, first, second);
}

#endif
