// The ones' complement sum of RFC 1071, of words in the machine's order: the sum of swapped words is the swapped sum (2.B).
#ifndef FRAMES_SUM_H
#define FRAMES_SUM_H
#include <stdbool.h>
#include <stdint.h>
#include <wasm_simd128.h>
#include "bytes.h"

// Words of 32 bits are summed as they are, wrapping, and their high halves besides: the low halves are what is missing. Both stay exact up
// to 65,535 bytes.
typedef struct {
  v128_t all, high;
} sums;

static inline sums add(sums s, v128_t words) {
  return (sums){wasm_i32x4_add(s.all, words), wasm_i32x4_add(s.high, wasm_u32x4_shr(words, 16))};
}

static inline uint32_t sum_of_lanes(sums s) {
  v128_t t = wasm_i32x4_add(wasm_i32x4_sub(s.all, wasm_i32x4_shl(s.high, 16)), s.high);
  t = wasm_i32x4_add(t, wasm_i32x4_shuffle(t, t, 2, 3, 0, 1));
  t = wasm_i32x4_add(t, wasm_i32x4_shuffle(t, t, 1, 0, 3, 2));
  return (uint32_t)wasm_i32x4_extract_lane(t, 0);
}

// The last `rest` bytes of those that end at `end`, ahead of zeroes; 16 may be read.
static inline v128_t tail(const uint8_t *end, uint32_t rest) {
  const v128_t places = wasm_i8x16_const(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return wasm_i8x16_swizzle(wasm_v128_load(end - 16), wasm_i8x16_add(places, wasm_i8x16_splat((int8_t)(16 - rest))));
}

// Of up to 65,535 bytes.
static inline uint32_t sum_of(const uint8_t *at, uint32_t length) {
  if (length < 16) {
    uint32_t sum = 0;
    for (; length >= 2; length -= 2, at += 2) sum += half_at(at);
    return length > 0 ? sum + *at : sum;
  }
  const uint8_t *const end = at + length;
  sums one = {wasm_i32x4_const_splat(0), wasm_i32x4_const_splat(0)}, two = one;
  for (; end - at >= 64; at += 64) {
    one = add(add(one, wasm_v128_load(at)), wasm_v128_load(at + 16));
    two = add(add(two, wasm_v128_load(at + 32)), wasm_v128_load(at + 48));
  }
  for (; end - at >= 16; at += 16) one = add(one, wasm_v128_load(at));
  one = add(one, tail(end, (uint32_t)(end - at)));
  return sum_of_lanes((sums){wasm_i32x4_add(one.all, two.all), wasm_i32x4_add(one.high, two.high)});
}

// Whether it is the sum of a right checksum.
static inline bool is_all_ones(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0xffff;
}

#endif
