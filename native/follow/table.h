// Finding the connection of a packet, as src/conn/connection-table.ts does.
#ifndef FOLLOW_TABLE_H
#define FOLLOW_TABLE_H
#include "record.h"
#include "row.h"

// An entry of the index is the slot's number and one in its low bits, and the upper bits of the hash; 0 is none.
#define SLOT_MASK 0x1fffffu

// Bytes of a cache line.
enum { LINE = 64 };

typedef struct {
  uint32_t *index;
  uint32_t mask;
  record *records;
} table;

// Of no meaning. It is exported, since the compiler leaves out reads of which nobody can see what they gave.
uint32_t touched;

static inline uint32_t read_line(const void *at, int line) { return *(const uint32_t *)((const uint8_t *)at + LINE * line); }
static inline bool is_of(uint32_t entry, uint32_t hash) { return ((entry ^ hash) & ~SLOT_MASK) == 0; }
static inline record *record_of(table t, uint32_t entry) { return t.records + (entry & SLOT_MASK) - 1; }

// Reads what following `count` packets will read, so that the cache misses of several packets overlap: first all entries, then all records.
static void touch(table t, const row *rows, int count) {
  uint32_t sum = 0;
  for (int k = 0; k < count; k++) {
    sum ^= t.index[rows[k].hash & t.mask];
    if ((rows[k].meta & META_PLAIN) == 0) sum ^= read_line(&rows[k], 1);
  }
  for (int k = 0; k < count; k++) {
    const uint32_t hash = rows[k].hash;
    uint32_t at = hash & t.mask, entry;
    while ((entry = t.index[at]) != 0 && !is_of(entry, hash)) at = (at + 1) & t.mask;
    if (entry == 0) continue;
    const record *r = record_of(t, entry);
    sum ^= read_line(r, 0);
    if ((rows[k].meta & META_PLAIN_UDP) != 0) sum ^= read_line(r, 1);
    if ((rows[k].meta & META_PLAIN) == 0) sum ^= read_line(r, 1) ^ read_line(r, 2) ^ read_line(r, 3);
  }
  touched = sum;
}

// In place of a timer link: the record is in no use.
enum { UNUSED = -2 };

// Enters the connections of the first `count` slots into an index that was empty, but for those over IPv6, whose hashes are not in their
// records; answers how many those are.
static int enter(table t, int count) {
  int left = 0;
  for (int slot = 0; slot < count; slot++) {
    const record *r = &t.records[slot];
    if (r->timer_previous == UNUSED) continue;
    if ((r->meta & META_IPV6) != 0) {
      left++;
      continue;
    }
    const uint32_t hash = r->ipv6[0];
    uint32_t at = hash & t.mask;
    while (t.index[at] != 0) at = (at + 1) & t.mask;
    t.index[at] = (hash & ~SLOT_MASK) | (uint32_t)(slot + 1);
  }
  return left;
}

// Puts the addresses of the records in use, of the first `count`, in order of their connections' numbers, which are below the places of the index, in
// the place of the index; answers how many those are.
static int in_order(table t, int count) {
  __builtin_memset(t.index, 0, (t.mask + 1) * sizeof *t.index);
  for (int slot = 0; slot < count; slot++) {
    const record *r = &t.records[slot];
    if (r->timer_previous != UNUSED) t.index[r->ordinal & t.mask] = (uint32_t)(slot + 1);
  }
  int used = 0;
  for (uint32_t at = 0; at <= t.mask; at++)
    if (t.index[at] != 0) t.index[used++] = (uint32_t)&t.records[t.index[at] - 1];
  return used;
}

static inline bool is_same(const uint32_t *a, const uint32_t *b) { return a[0] == b[0] && a[1] == b[1] && a[2] == b[2]; }

// The record of a packet's connection, or none; and which end sent the packet.
static inline record *find(table t, const row *p, uint32_t *dir) {
  const uint32_t key = p->meta & META_KEY, reversed = p->ports << 16 | p->ports >> 16;
  const bool is_ipv6 = (p->meta & META_IPV6) != 0;
  for (uint32_t at = p->hash & t.mask, entry; (entry = t.index[at]) != 0; at = (at + 1) & t.mask) {
    if (!is_of(entry, p->hash)) continue;
    record *r = record_of(t, entry);
    if (r->meta != key) continue;
    const uint32_t *orig = r->ipv6, *resp = r->ipv6 + 3, *source = p->ipv6, *destination = p->ipv6 + 3;
    if (r->words[0] == p->source_word && r->words[1] == p->destination_word && r->ports == p->ports &&
        (!is_ipv6 || (is_same(orig, source) && is_same(resp, destination)))) {
      *dir = 0;
      return r;
    }
    if (r->words[0] == p->destination_word && r->words[1] == p->source_word && r->ports == reversed &&
        (!is_ipv6 || (is_same(orig, destination) && is_same(resp, source)))) {
      *dir = 1;
      return r;
    }
  }
  return 0;
}

#endif
