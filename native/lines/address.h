// Addresses as text.
#ifndef LINES_ADDRESS_H
#define LINES_ADDRESS_H
#include "record.h"
#include "text.h"

static inline char *put_octet(char *at, uint32_t octet) {
  if (octet < 10) {
    *at = (char)('0' + octet);
    return at + 1;
  }
  if (octet < 100) return put_pair(at, octet);
  *at = (char)('0' + octet / 100);
  return put_pair(at + 1, octet % 100);
}

static char *put_ipv4(char *at, uint32_t word) {
  for (int shift = 24; shift > 0; shift -= 8) {
    at = put_octet(at, (word >> shift) & 255);
    *at++ = '.';
  }
  return put_octet(at, word & 255);
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
