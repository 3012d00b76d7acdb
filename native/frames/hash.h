// HalfSipHash of four words as `hashFour` of src/core/hash.ts, of four packets side by side: the rounds of one wait for each other.
#ifndef FRAMES_HASH_H
#define FRAMES_HASH_H
#include <stdint.h>

typedef uint32_t four __attribute__((vector_size(16)));

static inline four turned(four words, int bits) { return words << bits | words >> (32 - bits); }

#define ROUND               \
  v0 += v1;                 \
  v1 = turned(v1, 5) ^ v0;  \
  v0 = turned(v0, 16);      \
  v2 += v3;                 \
  v3 = turned(v3, 8) ^ v2;  \
  v0 += v3;                 \
  v3 = turned(v3, 7) ^ v0;  \
  v2 += v1;                 \
  v1 = turned(v1, 13) ^ v2; \
  v2 = turned(v2, 16);
#define WORDS(words) \
  v3 ^= (words);     \
  ROUND              \
  v0 ^= (words);

static inline four hash_four(uint32_t k0, uint32_t k1, four a, four b, four c, four d) {
  const four zero = {0, 0, 0, 0};
  four v0 = zero + k0, v1 = zero + k1, v2 = zero + (k0 ^ 0x6c796765), v3 = zero + (k1 ^ 0x74656462);
  WORDS(a) WORDS(b) WORDS(c) WORDS(d)
  v2 ^= 0xff;
  ROUND ROUND ROUND
  return v1 ^ v3;
}

#undef WORDS
#undef ROUND

#endif
