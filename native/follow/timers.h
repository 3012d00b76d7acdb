// Deadlines of connections, as src/conn/timer-wheel.ts has them: those of buckets that are still to come.
#ifndef FOLLOW_TIMERS_H
#define FOLLOW_TIMERS_H
#include "record.h"

enum { WIDTH_US = 16384, BUCKETS = 32768 };

// What is known of the wheel in a call.
typedef struct {
  // The first bucket that is still to come; infinite before anything was armed.
  double loaded;
  // How long a connection stays whose end is certain.
  double close_delay;
  // First slot of each bucket, or -1; none where deadlines are left to the caller.
  int32_t *heads;
  // By how many the lists of this call have become longer.
  int32_t listed;
} timers;

static inline double bucket_of(double time) { return __builtin_floor(time / WIDTH_US); }
static inline int32_t *head_of(const timers *t, double bucket) { return &t->heads[(int64_t)bucket & (BUCKETS - 1)]; }

// Takes a record out of its list, if it is in one.
static inline void unlist(timers *t, record *records, const record *r) {
  const double bucket = bucket_of(r->deadline);
  if (r->deadline == -1 || bucket < t->loaded) return;
  if (r->timer_next >= 0) records[r->timer_next].timer_previous = r->timer_previous;
  if (r->timer_previous >= 0) records[r->timer_previous].timer_next = r->timer_next;
  else *head_of(t, bucket) = r->timer_next;
  t->listed--;
}

// Sets or moves the deadline of a record; otherwise, where it is before all that is still to come, changes nothing and answers false.
static bool arm(timers *t, record *records, record *r, double time) {
  if (t->heads == 0) return false;
  double bucket = bucket_of(time);
  if (!(bucket >= t->loaded)) return false;
  if (bucket >= t->loaded + BUCKETS) {
    bucket = t->loaded + BUCKETS - 1;
    time = bucket * WIDTH_US;
  }
  unlist(t, records, r);
  int32_t *head = head_of(t, bucket);
  const int32_t slot = (int32_t)(r - records);
  r->deadline = time;
  r->timer_next = *head;
  r->timer_previous = -1;
  if (*head >= 0) records[*head].timer_previous = slot;
  *head = slot;
  t->listed++;
  return true;
}

#endif
