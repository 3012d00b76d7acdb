// Connections whose time has come, as src/conn/connection-timers.ts and connection-tracker.ts end them: usual ones of TCP and UDP, of which all that
// there is to say is in their records. Those are taken out of the index and put into a list, to be told of by the caller.
#ifndef FOLLOW_END_H
#define FOLLOW_END_H
#include "record.h"
#include "row.h"
#include "table.h"
#include "timers.h"

enum { MOST_PORTS = 8, PROTO_UDP = 17 };

// How connections end in a call, and which ended.
typedef struct {
  // How long one stays without a packet: before it is answered, of TCP, of UDP, and of TCP from some ports.
  double attempt_delay, tcp_inactivity, udp_inactivity, port_inactivity[MOST_PORTS];
  uint32_t ports[MOST_PORTS];
  int32_t port_count;
  // Where the records of those that ended are put, how many are there, and how many may be; nothing ends without.
  record **places;
  int32_t count, most;
} endings;

// When a connection that is not closing ends if no packet comes, as `expiryOf` of src/conn/expiry.ts; below 0 for what is left to that.
static double expiry_of(const endings *e, const record *r) {
  const uint32_t port = r->ports & 0xffff;
  switch (r->meta & META_PROTOCOL) {
    case PROTO_TCP:
      if (state_of(r, 1) == INACTIVE) {
        if (state_of(r, 0) == INACTIVE) return -1;
        if (state_of(r, 0) <= SYN_ACK_SENT && (r->flags & HANDSHAKE_DONE) == 0) return r->start_time + e->attempt_delay;
      }
      if ((r->flags & HANDSHAKE_DONE) == 0) return r->last_time + e->udp_inactivity;
      for (int i = 0; (r->flags & SYN_ANSWERED) != 0 && i < e->port_count; i++)
        if (e->ports[i] == port) return r->last_time + e->port_inactivity[i];
      return r->last_time + e->tcp_inactivity;
    case PROTO_UDP: {
      const bool may_be_dns = is_dns_port(port) || is_dns_port(r->ports >> 16);
      return may_be_dns ? -1 : r->last_time + e->udp_inactivity;
    }
    default: return -1;
  }
}

// Whether all that there is to say of a connection, and to take away with it, is in its record.
static bool says_all(const record *r) {
  return (r->flags & (TUNNELED | LONG_HISTORY)) == 0 && r->seen >> 16 <= MOST_LETTERS && r->forgotten_apart == 0 && r->gaps[0] == 0 && r->gaps[1] == 0 &&
         (r->segments[0] & r->segments[1]) == -1;
}

// Takes the entry of a record out of the index; false, with nothing changed, where one beside it may have to move whose hash is not in its record.
static bool unlink(table t, record *r) {
  if ((r->meta & META_IPV6) != 0) return false;
  const uint32_t slot = (uint32_t)(r - t.records);
  uint32_t hole = r->ipv6[0] & t.mask;
  while ((t.index[hole] & SLOT_MASK) != slot + 1) hole = (hole + 1) & t.mask;
  for (uint32_t at = (hole + 1) & t.mask; t.index[at] != 0; at = (at + 1) & t.mask)
    if ((record_of(t, t.index[at])->meta & META_IPV6) != 0) return false;
  // Entries behind the hole move up unless they would pass their own place.
  for (uint32_t at = (hole + 1) & t.mask; t.index[at] != 0; at = (at + 1) & t.mask) {
    const uint32_t home = record_of(t, t.index[at])->ipv6[0] & t.mask;
    if (((at - home) & t.mask) < ((at - hole) & t.mask)) continue;
    t.index[hole] = t.index[at];
    hole = at;
  }
  t.index[hole] = 0;
  r->timer_previous = UNUSED;
  return true;
}

// Not part of the loop over packets, which is compiled anew once it is hot. Ends what is due at `time`, in order. False where something is left to the caller, who is to go on with what is earliest then.
static __attribute__((noinline)) bool end_due(endings *e, timers *times, table t, double time) {
  if (e->places == 0 || times->heads == 0) return false;
  for (;;) {
    record *const r = first_due(times, t.records, time);
    if (r == 0) return times->next > time;
    double expiry = 0;
    if ((r->flags & CLOSING) == 0) {
      expiry = expiry_of(e, r);
      if (expiry < 0) return false;
    }
    if (expiry <= time) {
      if (e->count == e->most || !says_all(r) || !unlink(t, r)) return false;
      e->places[e->count++] = r;
    }
    pop(times);
    r->deadline = -1;
    if (expiry > time && !arm(times, t.records, r, expiry)) push(times, expiry, r, t.records);
  }
}

// Lets the slots of records that were taken out be used again; answers the first of those that may be.
static int32_t release(record *const *places, int count, record *records, int32_t free) {
  for (int i = 0; i < count; i++) {
    places[i]->timer_next = free;
    free = (int32_t)(places[i] - records);
  }
  return free;
}

#endif
