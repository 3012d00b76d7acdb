// The uid of a connection: what connectionUid of src/core/uid.ts makes of the words that ConnectionView gives it.
#ifndef LINES_UID_H
#define LINES_UID_H
#include "record.h"

static inline uint32_t rotated(uint32_t word, int bits) { return (word << bits) | (word >> (32 - bits)); }

// The state of HalfSipHash.
struct sip {
  uint32_t v0, v1, v2, v3;
};

static inline struct sip sip_start(uint32_t k0, uint32_t k1) {
  return (struct sip){k0, k1, k0 ^ 0x6c796765, k1 ^ 0x74656462};
}

static inline struct sip sip_round(struct sip s) {
  s.v0 += s.v1;
  s.v1 = rotated(s.v1, 5) ^ s.v0;
  s.v0 = rotated(s.v0, 16);
  s.v2 += s.v3;
  s.v3 = rotated(s.v3, 8) ^ s.v2;
  s.v0 += s.v3;
  s.v3 = rotated(s.v3, 7) ^ s.v0;
  s.v2 += s.v1;
  s.v1 = rotated(s.v1, 13) ^ s.v2;
  s.v2 = rotated(s.v2, 16);
  return s;
}

static inline struct sip sip_word(struct sip s, uint32_t word) {
  s.v3 ^= word;
  s = sip_round(s);
  s.v0 ^= word;
  return s;
}

// Whether the responder's address goes first: that of signed words which is smaller.
static inline bool uid_is_swapped(record r, int words) {
  for (int i = 0; i < words; i++) {
    const int32_t orig = (int32_t)address_word(r, 0, i), resp = (int32_t)address_word(r, 1, i);
    if (orig != resp) return orig > resp;
  }
  return false;
}

// 64 bits of a hash with the fixed key, the first word in the low half.
static inline uint64_t uid_hash(record r, uint32_t k0, uint32_t k1, uint32_t capture) {
  const int words = address_words(r);
  const bool swap = uid_is_swapped(r, words);
  const uint32_t ports = word_at(r, PORTS);
  const uint64_t start = (uint64_t)number_at(r, START_TIME);
  struct sip s = sip_start(k0, k1);
  for (int i = 0; i < words; i++) s = sip_word(s, address_word(r, swap, i));
  for (int i = 0; i < words; i++) s = sip_word(s, address_word(r, !swap, i));
  s = sip_word(s, swap ? rotated(ports, 16) : ports);
  s = sip_word(s, word_at(r, META));
  s = sip_word(s, (uint32_t)start);
  s = sip_word(s, (uint32_t)(start >> 32));
  s = sip_word(s, word_at(r, ORDINAL));
  s = sip_word(s, capture);
  s.v2 ^= 0xee;
  s = sip_round(sip_round(sip_round(s)));
  const uint32_t low = s.v1 ^ s.v3;
  s.v1 ^= 0xdd;
  s = sip_round(sip_round(sip_round(s)));
  return (uint64_t)(s.v1 ^ s.v3) << 32 | low;
}

// Six base-62 digits, which hold any word.
static inline char *put_six(char *at, uint32_t word) {
  for (int i = 5; i >= 0; i--, word /= 62) at[i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[word % 62];
  return at + 6;
}

// `capture` stands for the capture's name.
static char *put_uid(char *at, record r, uint32_t capture) {
  const uint64_t first = uid_hash(r, 0x0f1e2d3c, 0x4b5a6978, capture);
  const uint64_t second = uid_hash(r, 0x21436587, 0x1234abcd, capture);
  *at++ = 'C';
  return put_six(put_six(put_six(at, (uint32_t)first), (uint32_t)(first >> 32)), (uint32_t)second);
}

#endif
