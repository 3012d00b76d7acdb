// Connections that begin with a SYN as most do. Each has the record that src/conn/connection-tracker.ts and tcp-connection.ts make of it.
#ifndef FOLLOW_BEGIN_H
#define FOLLOW_BEGIN_H
#include "control.h"
#include "record.h"
#include "row.h"
#include "table.h"
#include "timers.h"

// Connections of a call whose deadlines are left to the caller, and captures that are told apart.
enum { MOST_LEFT = 128, CAPTURES = 8 };

// What is known of slots before a call, and after it.
typedef struct {
  // How long a connection waits for an answer.
  double attempt_delay;
  // The first of the slots to be used again, which is linked with the others, or -1; slots that were ever used; slots that there are.
  int32_t free, used, capacity;
  // Connections that may begin, and the number of the next.
  int32_t room;
  uint32_t ordinal;
  // Connections that began in this call, and slots of those whose deadlines are left to the caller.
  uint32_t begun, count;
  int32_t slots[MOST_LEFT];
  // Number of the capture of each source.
  uint16_t captures[CAPTURES];
} beginnings;

enum { TAG_PRESENT = 1 << 12 };

static inline uint32_t tag_of(uint32_t vlan) { return (int32_t)vlan < 0 ? 0 : vlan | TAG_PRESENT; }

// A slot whose record is zero, or -1.
static inline int32_t take_slot(beginnings *b, table t) {
  const int32_t slot = b->free;
  if (slot < 0) return b->used < b->capacity ? b->used++ : -1;
  b->free = t.records[slot].timer_next;
  __builtin_memset(&t.records[slot], 0, sizeof(record));
  return slot;
}

// Begins the connection of a packet that belongs to none; otherwise changes nothing and answers false.
static bool begin(beginnings *b, timers *times, table t, const row *p, bool is_calm) {
  if (!is_calm || b->room <= 0 || b->count == MOST_LEFT || p->source >= CAPTURES || !is_sound(p)) return false;
  if ((tcp_flags(p) & ~(uint32_t)(TCP_PSH | TCP_ECE | TCP_CWR)) != TCP_SYN) return false;
  if (p->length != header_bytes(p) || (p->meta & META_ODD_SCALE) != 0) return false;
  const int32_t slot = take_slot(b, t);
  if (slot < 0) return false;
  record *const r = &t.records[slot];
  r->words[0] = p->source_word;
  r->words[1] = p->destination_word;
  r->ports = p->ports;
  r->meta = p->meta & META_KEY;
  if ((p->meta & META_IPV6) != 0) __builtin_memcpy(r->ipv6, p->ipv6, sizeof r->ipv6);
  else r->ipv6[0] = p->hash;
  r->segments[0] = r->segments[1] = -1;
  r->deadline = -1;
  r->start_time = r->last_time = p->time;
  r->ordinal = b->ordinal++;
  r->capture = b->captures[p->source];
  r->vlans = tag_of(p->vlan) | tag_of(p->inner_vlan) << 16;
  r->reassembled[0] = r->reassembled[1] = 1;
  r->start_seq[0] = p->seq;
  r->last[0] = 1;
  add_letter(r, 0, SEEN_SYN, 'S');
  r->flags = SYN_SENT | FIRST_SEEN;
  count_packet(r, 0, p->ip_bytes);
  uint32_t at = p->hash & t.mask;
  while (t.index[at] != 0) at = (at + 1) & t.mask;
  t.index[at] = (p->hash & ~SLOT_MASK) | (uint32_t)(slot + 1);
  b->room--;
  b->begun++;
  if (!arm(times, t.records, r, p->time + b->attempt_delay)) b->slots[b->count++] = slot;
  return true;
}

#endif
