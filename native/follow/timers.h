// Deadlines of connections, as src/conn/timer-wheel.ts has them: those of buckets that are still to come in lists, earlier ones in a heap.
#ifndef FOLLOW_TIMERS_H
#define FOLLOW_TIMERS_H
#include "record.h"

enum { WIDTH_US = 16384, BUCKETS = 32768 };

// What is known of the wheel in a call.
typedef struct {
  // The first bucket that is still to come; infinite before anything was armed.
  double loaded;
  // No deadline is before this time.
  double next;
  // How long a connection stays whose end is certain.
  double close_delay;
  // First slot of each bucket, or -1; none where deadlines are left to the caller.
  int32_t *heads;
  // Records in lists.
  int32_t listed;
  // The heap, by time and then number: entries that there are, and for which there is room.
  int32_t size, room;
  double *heap_times, *heap_ordinals;
  int32_t *heap_slots;
} timers;

static inline double bucket_of(double time) { return __builtin_floor(time / WIDTH_US); }
static inline int32_t *head_of(const timers *t, double bucket) { return &t->heads[(int64_t)bucket & (BUCKETS - 1)]; }

// Puts a record first in a list.
static inline void link(int32_t *head, record *records, record *r) {
  const int32_t slot = (int32_t)(r - records);
  r->timer_next = *head;
  r->timer_previous = -1;
  if (*head >= 0) records[*head].timer_previous = slot;
  *head = slot;
}

// Takes a record out of its list, if it is in one.
static inline void unlist(timers *t, record *records, const record *r) {
  const double bucket = bucket_of(r->deadline);
  if (r->deadline == -1 || bucket < t->loaded) return;
  if (r->timer_next >= 0) records[r->timer_next].timer_previous = r->timer_previous;
  if (r->timer_previous >= 0) records[r->timer_previous].timer_next = r->timer_next;
  else *head_of(t, bucket) = r->timer_next;
  t->listed--;
}

// Whether entry `a` of the heap comes before `b`.
static inline bool is_before(double a_time, double a_ordinal, double b_time, double b_ordinal) {
  return a_time < b_time || (a_time == b_time && a_ordinal < b_ordinal);
}

static inline void put_entry(timers *t, int32_t at, double time, double ordinal, int32_t slot) {
  t->heap_times[at] = time;
  t->heap_ordinals[at] = ordinal;
  t->heap_slots[at] = slot;
}

static inline void move_entry(timers *t, int32_t to, int32_t from) {
  put_entry(t, to, t->heap_times[from], t->heap_ordinals[from], t->heap_slots[from]);
}

// Puts a deadline into the heap, in which there has to be room.
static void push(timers *t, double time, record *r, const record *records) {
  r->deadline = time;
  int32_t at = t->size++;
  while (at > 0) {
    const int32_t parent = (at - 1) >> 1;
    if (!is_before(time, r->ordinal, t->heap_times[parent], t->heap_ordinals[parent])) break;
    move_entry(t, at, parent);
    at = parent;
  }
  put_entry(t, at, time, r->ordinal, (int32_t)(r - records));
  if (at == 0 && time < t->next) t->next = time;
}

// Takes the top off the heap.
static void pop(timers *t) {
  const int32_t size = --t->size;
  const double time = t->heap_times[size], ordinal = t->heap_ordinals[size];
  const int32_t slot = t->heap_slots[size];
  int32_t at = 0;
  for (int32_t child = 1; child < size; child = 2 * at + 1) {
    const int32_t right = child + 1;
    if (right < size && is_before(t->heap_times[right], t->heap_ordinals[right], t->heap_times[child], t->heap_ordinals[child])) child = right;
    if (!is_before(t->heap_times[child], t->heap_ordinals[child], time, ordinal)) break;
    move_entry(t, at, child);
    at = child;
  }
  put_entry(t, at, time, ordinal, slot);
}

// Moves the next bucket into the heap; false, with nothing changed, where there is no room for it.
static bool load(timers *t, record *records) {
  int32_t *const head = head_of(t, t->loaded);
  int32_t count = 0;
  for (int32_t slot = *head; slot >= 0; slot = records[slot].timer_next)
    if (bucket_of(records[slot].deadline) == t->loaded) count++;
  if (t->size + count > t->room) return false;
  int32_t slot = *head;
  *head = -1;
  const double bucket = t->loaded++;
  t->listed -= count;
  while (slot >= 0) {
    record *const r = &records[slot];
    slot = r->timer_next;
    if (bucket_of(r->deadline) > bucket) link(head, records, r);
    else push(t, r->deadline, r, records);
  }
  return true;
}

// The record with the earliest deadline, which is on top of the heap, where that is not after `time`; otherwise, with `next` after `time`, none. None and
// `next` as it was also where there is no room in the heap, and where a whole round went by without any.
static record *first_due(timers *t, record *records, double time) {
  for (int32_t passed = 0;;) {
    while (t->size > 0) {
      if (t->heap_times[0] > time) {
        t->next = t->heap_times[0];
        return 0;
      }
      record *const r = &records[t->heap_slots[0]];
      if (r->ordinal == t->heap_ordinals[0] && r->deadline == t->heap_times[0]) return r;
      pop(t);
    }
    if (t->loaded * WIDTH_US > time) {
      t->next = t->loaded * WIDTH_US;
      return 0;
    }
    if (t->listed == 0) t->loaded = bucket_of(time) + 1;
    else if (passed++ == BUCKETS || !load(t, records)) return 0;
  }
}

// Sets or moves the deadline of a record; otherwise, where it is before all that is still to come, changes nothing and answers false.
static bool arm(timers *t, record *records, record *r, double time) {
  if (t->heads == 0) return false;
  const double bucket = bucket_of(time);
  if (!(bucket >= t->loaded)) return false;
  unlist(t, records, r);
  r->deadline = time;
  link(head_of(t, bucket), records, r);
  t->listed++;
  return true;
}

#endif
