// Community ID v1 with the seed 0, as src/core/community-id.ts makes it: SHA-1 (FIPS 180-4) of one block, in base64; of four records at once.
#ifndef LINES_COMMUNITY_ID_H
#define LINES_COMMUNITY_ID_H
#include "record.h"
#include "text.h"

// Words of four records side by side: the rounds of one wait for each other.
typedef uint32_t four __attribute__((vector_size(16)));

// The blocks of four records, padding included, and what they are hashed to.
typedef union {
  four words[16];
  uint32_t of[16][4];
} blocks;
typedef union {
  four words[5];
  uint32_t of[5][4];
} digests;

static inline four turned(four words, int bits) { return words << bits | words >> (32 - bits); }

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

// Two base64 digits.
static inline char *put_twelve_bits(char *at, uint32_t bits) {
  const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  at[0] = digits[(bits >> 6) & 63];
  at[1] = digits[bits & 63];
  return at + 2;
}

// The Community ID of the record that is the `lane`th of four.
static inline char *put_community_id(char *at, const digests *from, int lane) {
  const uint32_t a = from->of[0][lane], b = from->of[1][lane], c = from->of[2][lane], d = from->of[3][lane], e = from->of[4][lane];
  at = PUT(at, "1:");
  at = put_twelve_bits(at, a >> 20);
  at = put_twelve_bits(at, a >> 8);
  at = put_twelve_bits(at, a << 4 | b >> 28);
  at = put_twelve_bits(at, b >> 16);
  at = put_twelve_bits(at, b >> 4);
  at = put_twelve_bits(at, b << 8 | c >> 24);
  at = put_twelve_bits(at, c >> 12);
  at = put_twelve_bits(at, c);
  at = put_twelve_bits(at, d >> 20);
  at = put_twelve_bits(at, d >> 8);
  at = put_twelve_bits(at, d << 4 | e >> 28);
  at = put_twelve_bits(at, e >> 16);
  at = put_twelve_bits(at, e >> 4);
  at = put_twelve_bits(at, e << 8);
  // The second of these digits holds nothing.
  at[-1] = '=';
  return at;
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
  w[15] = 16 * halves;
  add_half(w, &halves, 0x8000);
  for (int i = 0; i < 16; i++) to->of[i][lane] = w[i];
}

// The block that is hashed for a record, which is the `lane`th of four.
static void put_block(blocks *to, int lane, record r) {
  const uint32_t protocol = protocol_of(r);
  const bool has_ports = protocol == PROTO_TCP || protocol == PROTO_UDP || is_icmp(protocol);
  uint32_t port1 = has_ports ? originator_port(r) : 0, port2 = has_ports ? responder_port(r) : 0;
  bool is_one_way = false;
  if (is_icmp(protocol)) {
    const int counterpart = icmp_counterpart(protocol, port1);
    if (counterpart < 0) is_one_way = true;
    else port2 = (uint32_t)counterpart;
  }
  const int words = address_words(r);
  const bool swap = !is_one_way && end_is_greater(r, words, port1, port2);
  const uint32_t first = swap ? port2 : port1, second = swap ? port1 : port2;
  // Apart, so that each has a block whose words the compiler knows.
  if (words == 4) put_block_of(to, lane, r, 4, swap, has_ports, first, second);
  else if (has_ports) put_block_of(to, lane, r, 1, swap, true, first, second);
  else put_block_of(to, lane, r, 1, swap, false, first, second);
}

#endif
