// The packets that open and close a connection when all goes as it should: the answer to a SYN, FINs, and what acknowledges them. Each does to
// the record what src/conn/tcp-connection.ts does.
#ifndef FOLLOW_CONTROL_H
#define FOLLOW_CONTROL_H
#include "record.h"
#include "row.h"
#include "step.h"

// What became of a packet: it is left to others with nothing changed; it was taken; and with it the connection's end is certain.
typedef enum { LEFT, TAKEN, CLOSES } outcome;

// Zeek's tcp_max_initial_window.
enum { MAX_INITIAL_WINDOW = 16384 };

static inline double least(double a, double b) { return a < b ? a : b; }
static inline double greatest(double a, double b) { return a > b ? a : b; }

static inline void set_state(record *r, uint32_t dir, uint32_t state) {
  const uint32_t shift = STATE_BITS * dir, old = state_of(r, dir);
  r->flags = (r->flags & ~(7u << shift | 7u << (PREVIOUS_STATE + shift))) | state << shift | old << (PREVIOUS_STATE + shift);
}

// Whole, with a TCP header, its checksum right, and a window.
static inline bool is_sound(const row *p) {
  const uint32_t header = header_bytes(p);
  return (p->meta & (META_VALID | META_PROTOCOL)) == (META_VALID | PROTO_TCP) && p->bad_checksum == 0 && header >= 20 && header <= p->length &&
         p->length <= p->captured && window_of(p) != 0;
}

// A SYN with ACK that acknowledges the SYN which is all that came so far.
static outcome take_answer(record *r, const row *p, uint32_t dir) {
  const uint32_t looked_at = ~(7u << PREVIOUS_STATE | 7u << (PREVIOUS_STATE + STATE_BITS) | 1u << 28 | 1u << 29);
  if (dir != 1 || (r->flags & looked_at) != (SYN_SENT | FIRST_SEEN)) return LEFT;
  if (p->length != header_bytes(p) || (p->meta & META_ODD_SCALE) != 0) return LEFT;
  if (p->ack != r->start_seq[0] + 1 || r->last[0] != 1 || r->acked[0] != 0) return LEFT;
  if (r->reassembled[0] != 1 || r->reassembled[1] != 1 || (r->segments[0] & r->segments[1]) != -1 || r->forgotten_apart != 0) return LEFT;
  if (has_seen(r, 1, SEEN_SYN) || !has_room_for_letter(r)) return LEFT;
  add_letter(r, 1, SEEN_SYN, 'H');
  r->start_seq[1] = p->seq;
  r->last[1] = 1;
  r->acked[0] = 1;
  r->acked[1] = 0;
  r->last_syn[1] = 0;
  r->last_time = p->time;
  set_state(r, 0, ESTABLISHED);
  set_state(r, 1, ESTABLISHED);
  r->flags |= HANDSHAKE_DONE | SYN_ANSWERED | FIRST_SEEN << 1;
  count_packet(r, 1, p->ip_bytes);
  find_step(r);
  return TAKEN;
}

// Relative sequence number behind the FIN; infinite without one that can be trusted.
static inline double fin_bound(const record *r, uint32_t dir) {
  if ((r->flags & SENT_FIN << dir) == 0) return __builtin_inf();
  const double fin = r->last[dir] + (int32_t)(r->fin_seq[dir] - low_word(r->last[dir]));
  return fin > 0 ? fin : __builtin_inf();
}

static inline double payload_bytes(const record *r, uint32_t dir) {
  double size = greatest(r->last[dir], r->acked[dir]);
  if (size > 0) size--;
  if (size > 0 && (r->flags & SENT_FIN << dir) != 0) size--;
  return size;
}

// Whether data was sent that the peer has not acknowledged.
static inline bool has_unacknowledged(const record *r, uint32_t dir) {
  if (r->reassembled[dir] <= greatest(1, r->acked[dir])) return false;
  return r->acked[dir] > 1 || payload_bytes(r, dir) <= MAX_INITIAL_WINDOW;
}

// Whether a closing end still has data to come.
static inline bool is_data_pending(const record *r, uint32_t dir) {
  const double delivered = r->reassembled[dir], last = r->last[dir];
  if (last < delivered) return false;
  if (delivered != last - 1 && delivered != last) return true;
  return has_unacknowledged(r, 1 - dir);
}

// The end `dir` has closed, unless data of it is still to come; answers whether the connection's end is certain with that.
static bool end_closed(record *r, uint32_t dir) {
  if (is_data_pending(r, dir)) {
    r->flags |= CLOSE_DEFERRED;
    return false;
  }
  r->flags &= ~CLOSE_DEFERRED;
  if ((r->flags & DID_CLOSE << dir) != 0) return false;
  r->flags |= DID_CLOSE << dir;
  const bool closes = (r->flags & DID_CLOSE << (1 - dir)) != 0;
  if (closes) r->flags |= CLOSING;
  return closes;
}

// Tells once that all data of a closing end has come; a close that waited for it happens now.
static bool check_eof(record *r, uint32_t dir) {
  if ((r->flags & DID_EOF << dir) != 0) return false;
  const bool closing = (r->flags & SENT_FIN << dir) != 0 || state_of(r, dir) == CLOSED;
  if (!closing || is_data_pending(r, dir)) return false;
  r->flags |= DID_EOF << dir;
  if ((r->flags & CLOSE_DEFERRED) == 0) return false;
  const bool closes = end_closed(r, dir);
  r->flags &= ~CLOSE_DEFERRED;
  return closes;
}

// A FIN, or an acknowledgement without data, in order, of what is known to have come, while both ends are established or have sent a FIN.
static outcome take_close(record *r, const row *p, uint32_t dir) {
  const uint32_t peer = 1 - dir, state = state_of(r, dir), peer_state = state_of(r, peer);
  const uint32_t looked_at = BOTH(FIRST_SEEN) | BOTH(SKIP_STREAM) | STREAMED | TUNNELED;
  if ((r->flags & looked_at) != BOTH(FIRST_SEEN) || (r->segments[0] & r->segments[1]) != -1 || r->forgotten_apart != 0) return LEFT;
  if ((state != ESTABLISHED && state != CLOSED) || (peer_state != ESTABLISHED && peer_state != CLOSED)) return LEFT;
  const bool is_fin = (tcp_flags(p) & TCP_FIN) != 0;
  if (p->length != header_bytes(p) || p->ack == 0 || (is_fin && (state == CLOSED || (r->flags & SENT_FIN << dir) != 0 || has_seen(r, dir, SEEN_FIN)))) return LEFT;
  if (!has_room_for_letter(r)) return LEFT;
  catch_up(r);
  const double last = r->last[dir], acked = r->acked[peer];
  if (last < 0 || r->last[peer] < 0) return LEFT;
  if (p->seq != r->start_seq[dir] + low_word(last)) return LEFT;
  const int32_t news = (int32_t)(p->ack - r->start_seq[peer] - low_word(acked));
  const double upto = acked + news, fin = fin_bound(r, peer);
  if (news < 0 || (upto >= fin ? fin - 1 != r->reassembled[peer] : upto > r->reassembled[peer])) return LEFT;
  bool closes = false;
  if (is_fin) {
    add_letter(r, dir, SEEN_FIN, 'F');
    r->last_fin[dir] = low_word(last);
    r->fin_seq[dir] = low_word(last) + 1;
  } else if (!has_seen(r, dir, SEEN_ACK)) add_letter(r, dir, SEEN_ACK, 'A');
  if ((r->flags & BOTH(DID_CLOSE)) != BOTH(DID_CLOSE)) r->last_time = p->time;
  r->acked[peer] = upto;
  if (is_fin) {
    r->flags |= SENT_FIN << dir;
    r->last[dir] = last + 1;
    set_state(r, dir, CLOSED);
  }
  if (upto > 1 && news > 0) closes = check_eof(r, peer);
  closes |= check_eof(r, dir);
  if (is_fin) closes |= end_closed(r, dir);
  count_packet(r, dir, p->ip_bytes);
  find_step(r);
  return closes ? CLOSES : TAKEN;
}

// `is_calm`: no end is counted that sends FIN or RST over and over.
static inline outcome take_control(record *r, const row *p, uint32_t dir, bool is_calm) {
  if (!is_calm || !is_sound(p)) return LEFT;
  switch (tcp_flags(p) & ~(uint32_t)(TCP_PSH | TCP_ECE | TCP_CWR)) {
    case TCP_SYN | TCP_ACK: return take_answer(r, p, dir);
    case TCP_FIN | TCP_ACK:
    case TCP_ACK: return take_close(r, p, dir);
    default: return LEFT;
  }
}

#endif
