// What the two ends of a connection come to: their bytes and the state of the connection, as src/conn/connection-view.ts tells them.
#ifndef LINES_ENDS_H
#define LINES_ENDS_H
#include "record.h"
#include "text.h"

// As in src/conn/tcp-state.ts.
enum { INACTIVE, SYN_SENT, SYN_ACK_SENT, PARTIAL, ESTABLISHED, CLOSED, RESET };

static inline uint32_t tcp_state(record r, int dir) { return (word_at(r, FLAGS) >> (3 * dir)) & 7; }
static inline uint32_t previous_tcp_state(record r, int dir) { return (word_at(r, FLAGS) >> (6 + 3 * dir)) & 7; }

// A relative sequence number modulo 2^32.
static inline uint32_t low_word(double number) { return (uint32_t)(int64_t)number; }

// A number relative to the start as src/conn/tcp-step.ts brings it up to date, by its absolute one.
static inline double caught_up(record r, int relative, int absolute, int dir) {
  const double number = number_at(r, relative + 8 * dir);
  if ((word_at(r, FLAGS) & IN_STEP) == 0) return number;
  return number + (int32_t)(word_at(r, absolute + 4 * dir) - word_at(r, START_SEQ + 4 * dir) - low_word(number));
}

static inline double last_number(record r, int dir) { return caught_up(r, LAST, NEXT, dir); }
static inline double acked_number(record r, int dir) { return caught_up(r, ACKED, CONFIRMED, dir); }

// Whether the numbers of a TCP record are ones that can be brought up to date.
static inline bool has_numbers(record r) {
  if (protocol_of(r) != PROTO_TCP || (word_at(r, FLAGS) & IN_STEP) == 0) return true;
  for (int at = LAST; at < LAST + 32; at += 8)
    if (!is_count(number_at(r, at))) return false;
  return true;
}

// Payload bytes from sequence numbers, without the octets of SYN and FIN. No number stays none, as with Math.max.
static inline double tcp_size(record r, int dir) {
  double size = __builtin_wasm_max_f64(last_number(r, dir), acked_number(r, dir));
  if (size > 0) size--;
  if (size > 0 && (word_at(r, FLAGS) & (SENT_FIN << dir)) != 0) size--;
  return __builtin_wasm_max_f64(0, size);
}

// Payload bytes of one end.
static inline double end_size(record r, int dir) {
  if (protocol_of(r) != PROTO_TCP) return number_at(r, LAST + 8 * dir);
  // A RST as answer to an acknowledgement of something never seen: its numbers say nothing of data.
  const bool half_open = acked_number(r, dir) > 1 && tcp_state(r, dir) == RESET &&
                         previous_tcp_state(r, dir) == SYN_SENT && tcp_state(r, 1 - dir) == INACTIVE;
  return half_open ? 0 : tcp_size(r, dir);
}

// A SYN and a RST of the originator with no answer to speak of in between.
static bool is_aborted_attempt(record r) {
  const uint8_t *letters = r + LETTERS, *end = letters + (word_at(r, SEEN) >> 16);
  if (letters < end && *letters == '^') letters++;
  if (letters == end || *letters != 'S') return false;
  while (++letters < end) {
    switch (*letters) {
      case 'R': return true;
      case 'H':
      case 'A':
      case 'F':
      case 'G':
      case 'I':
      case 'Q': return false;
    }
  }
  return false;
}

static char *put_tcp_state(char *at, record r) {
  const uint32_t orig = tcp_state(r, 0), resp = tcp_state(r, 1);
  const bool orig_silent = orig == INACTIVE || orig == PARTIAL, resp_silent = resp == INACTIVE || resp == PARTIAL;
  if (resp == RESET) {
    if (orig == SYN_SENT || orig == SYN_ACK_SENT) return PUT(at, "REJ");
    if (orig == RESET && end_size(r, 0) == 0 && end_size(r, 1) == 0) return PUT(at, "REJ");
    return orig_silent ? PUT(at, "RSTRH") : PUT(at, "RSTR");
  }
  if (orig == RESET) {
    if (!resp_silent) return PUT(at, "RSTO");
    return is_aborted_attempt(r) ? PUT(at, "RSTOS0") : PUT(at, "OTH");
  }
  if (orig == CLOSED && resp == CLOSED) return PUT(at, "SF");
  if (orig == CLOSED) return resp_silent ? PUT(at, "SH") : PUT(at, "S2");
  if (resp == CLOSED) return orig_silent ? PUT(at, "SHR") : PUT(at, "S3");
  if (orig == SYN_SENT && resp == INACTIVE) return PUT(at, "S0");
  return orig == ESTABLISHED && resp == ESTABLISHED ? PUT(at, "S1") : PUT(at, "OTH");
}

static inline char *put_udp_state(char *at, uint32_t flags) {
  const bool answers = (flags & (ACTIVE << 1)) != 0;
  if ((flags & ACTIVE) != 0) return answers ? PUT(at, "SF") : PUT(at, "S0");
  return answers ? PUT(at, "SHR") : PUT(at, "OTH");
}

static inline char *put_state(char *at, record r) {
  const uint32_t protocol = protocol_of(r);
  if (protocol == PROTO_TCP) return put_tcp_state(at, r);
  return protocol == PROTO_UDP ? put_udp_state(at, word_at(r, FLAGS)) : PUT(at, "OTH");
}

#endif
