// The record of a connection as src/conn/record-layout.ts has it: byte offsets in its 256 bytes. `+ 4 * dir` and the like mark a pair, the
// originator's element before the responder's. Records are only read here.
#ifndef LINES_RECORD_H
#define LINES_RECORD_H
#include <stdbool.h>
#include <stdint.h>

enum {
  ORIG_WORD = 0,
  RESP_WORD = 4,
  PORTS = 8,
  META = 12,
  FLAGS = 16,
  SEEN = 20,
  LAST_TIME = 24,
  PACKETS = 32,
  IP_BYTES = 40,
  NEXT = 48,
  CONFIRMED = 56,
  LAST = 64,
  ACKED = 80,
  START_SEQ = 112,
  START_TIME = 128,
  LETTERS = 144,
  IP_BYTES_HIGH = 156,
  ORDINAL = 160,
  VLANS = 164,
  IPV6_WORDS = 168,
  GAPS = 204,
  CAPTURE = 212,
};

enum { MOST_LETTERS = 12 };

// META: the IP protocol is in the low byte.
#define META_IPV6 (1u << 8)
enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMPV6 = 58 };

// FLAGS
#define SENT_FIN (1u << 20)
#define ACTIVE (1u << 26)
#define TUNNELED (1u << 30)
#define IN_STEP (1u << 31)

// Each half of VLANS: the id, and whether there is one.
#define VLAN_ID 0xfffu
#define VLAN_PRESENT (1u << 12)

typedef const uint8_t *record;

static inline uint32_t word_at(record r, int offset) { return *(const uint32_t *)(r + offset); }
static inline uint16_t half_at(record r, int offset) { return *(const uint16_t *)(r + offset); }
static inline double number_at(record r, int offset) { return *(const double *)(r + offset); }

static inline uint32_t protocol_of(record r) { return word_at(r, META) & 0xff; }
static inline bool is_ipv6(record r) { return (word_at(r, META) & META_IPV6) != 0; }
static inline bool is_icmp(uint32_t protocol) { return protocol == PROTO_ICMP || protocol == PROTO_ICMPV6; }
static inline uint32_t originator_port(record r) { return word_at(r, PORTS) >> 16; }
static inline uint32_t responder_port(record r) { return word_at(r, PORTS) & 0xffff; }

// Words of an address.
static inline int address_words(record r) { return is_ipv6(r) ? 4 : 1; }

// Word `i` of the address of the end `dir`, the most significant first.
static inline uint32_t address_word(record r, int dir, int i) {
  if (!is_ipv6(r) || i == 3) return word_at(r, ORIG_WORD + 4 * dir);
  return word_at(r, IPV6_WORDS + 4 * (3 * dir + i));
}

#endif
