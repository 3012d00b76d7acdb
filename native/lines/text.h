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

// Four and eight decimal digits, with leading zeros.
static inline char *put_four(char *at, uint32_t value) { return put_pair(put_pair(at, value / 100), value % 100); }
static inline char *put_eight(char *at, uint32_t value) { return put_four(put_four(at, value / 10000), value % 10000); }

// A number below 100, and one below 10,000.
static inline char *put_two_at_most(char *at, uint32_t value) {
  if (value >= 10) return put_pair(at, value);
  *at = (char)('0' + value);
  return at + 1;
}
static inline char *put_four_at_most(char *at, uint32_t value) {
  return value < 100 ? put_two_at_most(at, value) : put_pair(put_two_at_most(at, value / 100), value % 100);
}

static char *put_word(char *at, uint32_t value) {
  if (value < 10000) return put_four_at_most(at, value);
  const uint32_t high = value / 10000;
  at = high < 10000 ? put_four_at_most(at, high) : put_four(put_two_at_most(at, high / 10000), high % 10000);
  return put_four(at, value % 10000);
}

enum { MILLION = 1000000, HUNDRED_MILLION = 100 * MILLION };

// An integer below 2^53.
static inline char *put_integer(char *at, uint64_t value) {
  if (value <= UINT32_MAX) return put_word(at, (uint32_t)value);
  const uint64_t high = value / HUNDRED_MILLION;
  return put_eight(put_word(at, (uint32_t)high), (uint32_t)(value - high * HUNDRED_MILLION));
}

// Microseconds as seconds with six decimals.
static inline char *put_seconds(char *at, uint64_t us) {
  const uint64_t whole = us / MILLION;
  const uint32_t rest = (uint32_t)(us - whole * MILLION);
  at = put_integer(at, whole);
  *at++ = '.';
  return put_four(put_pair(at, rest / 10000), rest % 10000);
}

// Whether a number of JavaScript is an integer in [0, 2^53), which is printed with all of its digits.
static inline bool is_count(double value) { return value >= 0 && value < 9007199254740992.0 && value == (double)(uint64_t)value; }

#endif
