// Addresses as text.
#ifndef LINES_ADDRESS_H
#define LINES_ADDRESS_H
#include "record.h"
#include "text.h"

// The text of each octet and the point behind it, filled up to four bytes.
#define HUNDREDS(n) ('0' + (n) / 100)
#define TENS(n) ('0' + (n) / 10 % 10)
#define ONES(n) ('0' + (n) % 10)
#define OCTET(n) {(n) < 10 ? ONES(n) : (n) < 100 ? TENS(n) : HUNDREDS(n), (n) < 10 ? '.' : (n) < 100 ? ONES(n) : TENS(n), (n) < 100 ? '.' : ONES(n), '.'}
#define FOUR_OCTETS(n) OCTET(n), OCTET((n) + 1), OCTET((n) + 2), OCTET((n) + 3)
#define SIXTEEN_OCTETS(n) FOUR_OCTETS(n), FOUR_OCTETS((n) + 4), FOUR_OCTETS((n) + 8), FOUR_OCTETS((n) + 12)
#define SIXTY_FOUR_OCTETS(n) SIXTEEN_OCTETS(n), SIXTEEN_OCTETS((n) + 16), SIXTEEN_OCTETS((n) + 32), SIXTEEN_OCTETS((n) + 48)
static const char OCTETS[256][4] = {SIXTY_FOUR_OCTETS(0), SIXTY_FOUR_OCTETS(64), SIXTY_FOUR_OCTETS(128), SIXTY_FOUR_OCTETS(192)};

// An octet and a point; up to four bytes are overwritten.
static inline char *put_octet(char *at, uint32_t octet) {
  __builtin_memcpy(at, OCTETS[octet], 4);
  return at + 2 + (octet >= 10) + (octet >= 100);
}

static inline char *put_ipv4(char *at, uint32_t word) {
  at = put_octet(put_octet(at, word >> 24), word >> 16 & 255);
  // Without the point behind the last one.
  return put_octet(put_octet(at, word >> 8 & 255), word & 255) - 1;
}

// Hexadecimal digits without leading zeros.
static char *put_group(char *at, uint32_t group) {
  int shift = 12;
  while (shift > 0 && group >> shift == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) *at++ = "0123456789abcdef"[(group >> shift) & 15];
  return at;
}

// Group `i` of 16 bits.
static inline uint32_t group_of(record r, int dir, int i) {
  return (address_word(r, dir, i >> 1) >> (i % 2 == 0 ? 16 : 0)) & 0xffff;
}

// RFC 5952: `::` stands for the first of the longest runs of two or more groups that are zero.
static char *put_ipv6(char *at, record r, int dir) {
  int run_start = 8, run_length = 1;
  for (int i = 0; i < 8; i++) {
    int end = i;
    while (end < 8 && group_of(r, dir, end) == 0) end++;
    if (end - i > run_length) {
      run_start = i;
      run_length = end - i;
    }
    if (end > i) i = end;
  }
  for (int i = 0; i < 8; i++) {
    if (i == run_start) {
      at = PUT(at, "::");
      i += run_length - 1;
      continue;
    }
    if (i > 0 && i != run_start + run_length) *at++ = ':';
    at = put_group(at, group_of(r, dir, i));
  }
  return at;
}

// Address of the originator (dir 0) or the responder.
static inline char *put_address(char *at, record r, int dir) {
  return is_ipv6(r) ? put_ipv6(at, r, dir) : put_ipv4(at, address_word(r, dir, 0));
}

#endif
