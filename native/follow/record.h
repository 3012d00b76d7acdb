// The record of a connection as src/conn/record-layout.ts has it. Pairs are the originator's and the responder's.
#ifndef FOLLOW_RECORD_H
#define FOLLOW_RECORD_H
#include <stdbool.h>
#include <stdint.h>

enum { MOST_LETTERS = 12 };

typedef struct {
  uint32_t words[2], ports, meta, flags, seen;
  double last_time;
  uint32_t packets[2], ip_bytes[2], next[2], confirmed[2];
  double last[2], acked[2], reassembled[2];
  uint32_t start_seq[2];
  int32_t segments[2];
  double start_time, deadline;
  uint8_t letters[MOST_LETTERS];
  uint16_t ip_bytes_high[2];
  uint32_t ordinal, vlans, ipv6[6];
  uint32_t retransmits[2];
  uint16_t zero_windows[2], gaps[2], bad_checksums[2], capture, forgotten_apart;
  int32_t timer_next, timer_previous;
  uint32_t last_syn[2], last_fin[2], last_rst[2], fin_seq[2];
} record;

_Static_assert(sizeof(record) == 256, "a record has 256 bytes");

// `flags`: the states of both ends, those before, then bits; of two the originator's is the first.
enum { STATE_BITS = 3, PREVIOUS_STATE = 6 };
#define STATES 077u
#define DID_CLOSE (1u << 12)
#define FIRST_SEEN (1u << 14)
#define DID_EOF (1u << 16)
#define SKIP_STREAM (1u << 18)
#define SENT_FIN (1u << 20)
#define CLOSE_DEFERRED (1u << 23)
#define CLOSING (1u << 24)
#define HANDSHAKE_DONE (1u << 25)
#define SYN_ANSWERED (1u << 26)
// UDP: the end has sent something. First of two bits.
#define ACTIVE (1u << 26)
#define STREAMED (1u << 27)
#define LONG_HISTORY (1u << 28)
#define TUNNELED (1u << 30)
#define IN_STEP (1u << 31)
#define BOTH(bit) (3 * (bit))

// States of an end, as in src/conn/tcp-state.ts.
enum { INACTIVE, SYN_SENT, SYN_ACK_SENT, PARTIAL, ESTABLISHED, CLOSED, RESET };

static inline uint32_t state_of(const record *r, uint32_t dir) { return r->flags >> (STATE_BITS * dir) & 7; }

// `seen`, of the originator; the responder's bits are seven higher.
enum { SEEN_SYN = 1, SEEN_FIN = 2, SEEN_DATA = 16, SEEN_ACK = 32 };

static inline bool has_seen(const record *r, uint32_t dir, uint32_t mask) { return (r->seen & mask << 7 * dir) != 0; }
static inline bool has_room_for_letter(const record *r) { return r->seen >> 16 < MOST_LETTERS; }

// Adds a letter of the history, for which there is room.
static inline void add_letter(record *r, uint32_t dir, uint32_t mask, char letter) {
  r->letters[r->seen >> 16] = (uint8_t)(letter | (int)dir << 5);
  r->seen = (r->seen | mask << 7 * dir) + 0x10000;
}

// Counts a packet of `dir`.
static inline void count_packet(record *r, uint32_t dir, uint32_t ip_bytes) {
  r->packets[dir]++;
  r->ip_bytes[dir] += ip_bytes;
  if (r->ip_bytes[dir] < ip_bytes) r->ip_bytes_high[dir]++;
}

#endif
