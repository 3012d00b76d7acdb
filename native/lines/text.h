// ASCII text written piece by piece: each function puts something at `at` and answers where it ends.
#ifndef LINES_TEXT_H
#define LINES_TEXT_H
#include <stdbool.h>
#include <stdint.h>

#define PUT(at, literal) (__builtin_memcpy((at), (literal), sizeof(literal) - 1), (at) + sizeof(literal) - 1)

static const char DIGIT_PAIRS[200] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566"
    "676869707172737475767778798081828384858687888990919293949596979899";

// Two decimal digits of a number below 100.
static inline char *put_pair(char *at, uint32_t value) {
  __builtin_memcpy(at, DIGIT_PAIRS + 2 * value, 2);
  return at + 2;
}

// The last `count` digits, with leading zeros.
static inline char *put_digits(char *at, uint32_t value, int count) {
  char *place = at + count;
  for (; place - at >= 2; value /= 100) put_pair(place -= 2, value % 100);
  if (place > at) *at = (char)('0' + value);
  return at + count;
}

static char *put_word(char *at, uint32_t value) {
  int count = 1;
  for (uint32_t rest = value; rest >= 10; rest /= 10) count++;
  return put_digits(at, value, count);
}

enum { BILLION = 1000000000, MILLION = 1000000 };

// An integer below 2^53.
static char *put_integer(char *at, uint64_t value) {
  if (value < BILLION) return put_word(at, (uint32_t)value);
  const uint64_t high = value / BILLION;
  return put_digits(put_word(at, (uint32_t)high), (uint32_t)(value - high * BILLION), 9);
}

// Microseconds as seconds with six decimals.
static char *put_seconds(char *at, uint64_t us) {
  const uint64_t whole = us / MILLION;
  at = put_integer(at, whole);
  *at++ = '.';
  return put_digits(at, (uint32_t)(us - whole * MILLION), 6);
}

// Whether a number of JavaScript is an integer in [0, 2^53), which is printed with all of its digits.
static inline bool is_count(double value) { return value >= 0 && value < 9007199254740992.0 && value == (double)(uint64_t)value; }

#endif
