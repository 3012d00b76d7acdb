// Connections in step, as src/conn/tcp-step.ts has them, and their plain packets.
#ifndef FOLLOW_STEP_H
#define FOLLOW_STEP_H
#include "record.h"
#include "row.h"

#define QUARTER 0xc0000000u

// Unacknowledged bytes beyond which a packet is left to others.
enum { PLAIN_UNACKED = 8388608 };

// A relative sequence number modulo 2^32.
static inline uint32_t low_word(double number) { return (uint32_t)(int64_t)number; }

// Brings the numbers relative to the start up to date.
static inline void catch_up(record *r) {
  if ((r->flags & IN_STEP) == 0) return;
  for (int dir = 0; dir < 2; dir++) {
    const double last = r->last[dir] + (int32_t)(r->next[dir] - r->start_seq[dir] - low_word(r->last[dir]));
    r->last[dir] = last;
    r->reassembled[dir] = last;
    r->acked[dir] += (int32_t)(r->confirmed[dir] - r->start_seq[dir] - low_word(r->acked[dir]));
  }
}

// Looks whether a connection without segments beyond a hole is in step.
static inline void find_step(record *r) {
  const bool in_step = r->last[0] == r->reassembled[0] && r->last[1] == r->reassembled[1] && r->acked[0] <= r->last[0] &&
                       r->acked[1] <= r->last[1];
  if (!in_step) {
    r->flags &= ~IN_STEP;
    return;
  }
  r->flags |= IN_STEP;
  for (int dir = 0; dir < 2; dir++) {
    r->next[dir] = r->start_seq[dir] + low_word(r->last[dir]);
    r->confirmed[dir] = r->start_seq[dir] + low_word(r->acked[dir]);
  }
}

// Takes data or an acknowledgement in order on an established connection in step; otherwise changes nothing and answers false.
static inline bool take_plain(record *r, const row *p, uint32_t dir) {
  const uint32_t looked_at = STATES | BOTH(DID_CLOSE) | BOTH(FIRST_SEEN) | BOTH(DID_EOF) | BOTH(SKIP_STREAM) | BOTH(SENT_FIN) | CLOSE_DEFERRED |
                             CLOSING | STREAMED | TUNNELED | IN_STEP;
  if ((r->flags & looked_at) != (ESTABLISHED | ESTABLISHED << STATE_BITS | BOTH(FIRST_SEEN) | IN_STEP)) return false;
  const uint32_t peer = 1 - dir, next = r->next[dir], confirmed = r->confirmed[peer];
  if (p->seq != next || (int32_t)(p->ack - confirmed) < 0 || (int32_t)(r->next[peer] - p->ack) < 0) return false;
  const uint32_t length = p->length - header_bytes(p), to = next + length;
  if ((((to ^ next) | (p->ack ^ confirmed)) & QUARTER) != 0) return false;
  if ((int32_t)(to - r->confirmed[dir]) > PLAIN_UNACKED) return false;
  const bool has_data = (int32_t)length > 0;
  const uint32_t letter = has_data ? SEEN_DATA : SEEN_ACK;
  if (!has_seen(r, dir, letter)) {
    if (!has_room_for_letter(r)) return false;
    add_letter(r, dir, letter, has_data ? 'D' : 'A');
  }
  r->next[dir] = to;
  r->confirmed[peer] = p->ack;
  r->last_time = p->time;
  count_packet(r, dir, p->ip_bytes);
  return true;
}

#endif
