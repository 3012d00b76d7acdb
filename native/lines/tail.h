// What follows the fields of a connection in its line, which depends on what its addresses are alone where no host is watched.
#ifndef LINES_TAIL_H
#define LINES_TAIL_H
#include "record.h"

// Bytes that may be overwritten for the fields of a connection, and for a whole line.
enum { FIELD_BYTES = 1024, TAIL_BYTES = 256, LINE_BYTES = FIELD_BYTES + TAIL_BYTES };

typedef struct {
  uint32_t length;
  char text[TAIL_BYTES - 4];
} tail;

// In steps of 16 bytes, which may go beyond its end.
static inline char *put_tail(char *at, const tail *from) {
  for (uint32_t i = 0; i < from->length; i += 16) __builtin_memcpy(at + i, from->text + i, 16);
  return at + from->length;
}

// Whether an address can be a host's own, as `AddressKind` of src/core/address.ts.
enum { HOST, GROUP, UNSPECIFIED, KINDS };

static inline uint32_t address_kind(record r, int dir) {
  const uint32_t first = address_word(r, dir, 0);
  if (!is_ipv6(r)) return first == 0 ? UNSPECIFIED : first >> 28 == 14 || first == ~0u ? GROUP : HOST;
  if (first >> 24 == 0xff) return GROUP;
  return (first | address_word(r, dir, 1) | address_word(r, dir, 2) | address_word(r, dir, 3)) == 0 ? UNSPECIFIED : HOST;
}

enum { TCP, UDP, ICMP, OTHER, PROTOCOLS };

static inline uint32_t protocol_kind(record r) {
  const uint32_t protocol = protocol_of(r);
  return protocol == PROTO_TCP ? TCP : protocol == PROTO_UDP ? UDP : is_icmp(protocol) ? ICMP : OTHER;
}

#endif
