// HalfSipHash of four words, as `hashFour` of src/core/hash.ts.
#ifndef FRAMES_HASH_H
#define FRAMES_HASH_H
#include <stdint.h>

static inline uint32_t turned(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

#define ROUND                        \
  v0 += v1;                          \
  v1 = turned(v1, 5) ^ v0;           \
  v0 = turned(v0, 16);               \
  v2 += v3;                          \
  v3 = turned(v3, 8) ^ v2;           \
  v0 += v3;                          \
  v3 = turned(v3, 7) ^ v0;           \
  v2 += v1;                          \
  v1 = turned(v1, 13) ^ v2;          \
  v2 = turned(v2, 16);
#define WORD(word) \
  v3 ^= (word);    \
  ROUND            \
  v0 ^= (word);

static inline uint32_t hash_four(uint32_t k0, uint32_t k1, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  uint32_t v0 = k0, v1 = k1, v2 = k0 ^ 0x6c796765, v3 = k1 ^ 0x74656462;
  WORD(a) WORD(b) WORD(c) WORD(d)
  v2 ^= 0xff;
  ROUND ROUND ROUND
  return v1 ^ v3;
}

#undef WORD
#undef ROUND

#endif
