// The uid of a connection: what connectionUid of src/core/uid.ts makes of the words that ConnectionView gives it; of four records at once.
#ifndef LINES_UID_H
#define LINES_UID_H
#include "four.h"
#include "record.h"

// The state of HalfSipHash, of four records.
typedef struct {
  four v0, v1, v2, v3;
} sip;

static inline sip sip_start(uint32_t k0, uint32_t k1) {
  const four zero = {0, 0, 0, 0};
  return (sip){zero + k0, zero + k1, zero + (k0 ^ 0x6c796765), zero + (k1 ^ 0x74656462)};
}

static inline sip sip_round(sip s) {
  s.v0 += s.v1;
  s.v1 = turned(s.v1, 5) ^ s.v0;
  s.v0 = turned(s.v0, 16);
  s.v2 += s.v3;
  s.v3 = turned(s.v3, 8) ^ s.v2;
  s.v0 += s.v3;
  s.v3 = turned(s.v3, 7) ^ s.v0;
  s.v2 += s.v1;
  s.v1 = turned(s.v1, 13) ^ s.v2;
  s.v2 = turned(s.v2, 16);
  return s;
}

static inline sip sip_word(sip s, four word) {
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

// What is hashed of four records with addresses of so many words: both of them, then as many as UID_REST.
enum { UID_REST = 6, MOST_UID_WORDS = 8 + UID_REST };
typedef union {
  four words[MOST_UID_WORDS];
  uint32_t of[MOST_UID_WORDS][4];
} uid_words;

// 96 bits of hashes of four records with fixed keys.
typedef union {
  four words[3];
  uint32_t of[3][4];
} uids;

static inline void put_uid_words(uid_words *to, int lane, record r, int words, uint32_t capture) {
  const bool swap = uid_is_swapped(r, words);
  const uint32_t ports = word_at(r, PORTS);
  const uint64_t start = (uint64_t)number_at(r, START_TIME);
  for (int i = 0; i < words; i++) {
    to->of[i][lane] = address_word(r, swap, i);
    to->of[words + i][lane] = address_word(r, !swap, i);
  }
  uint32_t(*const rest)[4] = to->of + 2 * words;
  rest[0][lane] = swap ? ports << 16 | ports >> 16 : ports;
  rest[1][lane] = word_at(r, META);
  rest[2][lane] = (uint32_t)start;
  rest[3][lane] = (uint32_t)(start >> 32);
  rest[4][lane] = word_at(r, ORDINAL);
  rest[5][lane] = capture;
}

// A hash of the first `count` words of each; of its two words the second only where it is asked for.
static inline void sip_hash(const uid_words *from, int count, uint32_t k0, uint32_t k1, four *low, four *high) {
  sip s = sip_start(k0, k1);
  for (int i = 0; i < count; i++) s = sip_word(s, from->words[i]);
  s.v2 ^= 0xee;
  s = sip_round(sip_round(sip_round(s)));
  *low = s.v1 ^ s.v3;
  if (high == 0) return;
  s.v1 ^= 0xdd;
  s = sip_round(sip_round(sip_round(s)));
  *high = s.v1 ^ s.v3;
}

static void hash_uids(const uid_words *from, int words, uids *to) {
  sip_hash(from, 2 * words + UID_REST, 0x0f1e2d3c, 0x4b5a6978, &to->words[0], &to->words[1]);
  sip_hash(from, 2 * words + UID_REST, 0x21436587, 0x1234abcd, &to->words[2], 0);
}

// Three base-62 digits of a number below 62 * 62 * 62.
static inline char *put_three(char *at, uint32_t value) {
  const char *digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const uint32_t pair = value % (62 * 62);
  at[0] = digits[value / (62 * 62)];
  at[1] = digits[pair / 62];
  at[2] = digits[pair % 62];
  return at + 3;
}

// Six of them, which hold any word.
static inline char *put_six(char *at, uint32_t word) {
  return put_three(put_three(at, word / (62 * 62 * 62)), word % (62 * 62 * 62));
}

// The uid of the record that is the `lane`th of four.
static inline char *put_uid(char *at, const uids *from, int lane) {
  *at++ = 'C';
  return put_six(put_six(put_six(at, from->of[0][lane]), from->of[1][lane]), from->of[2][lane]);
}

#endif
