// Numbers of either byte order that lie anywhere.
#ifndef FRAMES_BYTES_H
#define FRAMES_BYTES_H
#include <stdbool.h>
#include <stdint.h>

static inline uint16_t half_at(const uint8_t *at) {
  uint16_t half;
  __builtin_memcpy(&half, at, sizeof half);
  return half;
}

static inline uint32_t word_at(const uint8_t *at) {
  uint32_t word;
  __builtin_memcpy(&word, at, sizeof word);
  return word;
}

static inline uint64_t long_at(const uint8_t *at) {
  uint64_t word;
  __builtin_memcpy(&word, at, sizeof word);
  return word;
}

// A word of a file in this machine's byte order or the other one.
static inline uint32_t word_of(const uint8_t *at, bool is_swapped) { return is_swapped ? __builtin_bswap32(word_at(at)) : word_at(at); }
static inline uint32_t net_word(const uint8_t *at) { return __builtin_bswap32(word_at(at)); }
static inline uint16_t net_half(const uint8_t *at) { return __builtin_bswap16(half_at(at)); }

#endif
