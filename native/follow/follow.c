// Takes the usual packets of TCP connections, and plain datagrams of UDP, into their records. In WebAssembly, since V8 has compiled it at once and it goes through many packets in
// a call. Its only importer is src/conn/follow-kernel.ts. What it leaves is taken by
// src/conn/tcp-connection.ts and src/conn/datagram-connection.ts, which do the same to a record.
#include "begin.h"
#include "control.h"
#include "datagram.h"
#include "end.h"
#include "record.h"
#include "row.h"
#include "step.h"
#include "table.h"
#include "timers.h"

// Packets whose connections are looked at before the first of them is taken.
enum { GROUP = 32 };

// Index mask up to which nothing is read ahead: what plain packets need of so few connections stays in the nearest caches.
enum { NEAR_MASK = 8191 };

// What a call came to, besides its answer: the time reached, and the slot of a connection whose end became certain and whose deadline is left to
// the caller, or -1.
struct {
  double now;
  int32_t closing;
} result;

// Of connections that begin, of deadlines, and of connections that end.
beginnings begun;
timers wheel;
endings ended;

__attribute__((export_name("enter"))) int enter_all(uint32_t *index, uint32_t mask, record *records, int count) {
  return enter((table){index, mask, records}, count);
}

__attribute__((export_name("order"))) int order(uint32_t *index, uint32_t mask, record *records, int count) {
  return in_order((table){index, mask, records}, count);
}

__attribute__((export_name("release"))) int32_t release_all(record *const *places, int count, record *records, int32_t free) {
  return release(places, count, records, free);
}

// Takes rows from `first` on, up to `end`, to the one at whose time something is due that is left to others, to one that is left to others, or behind one
// with which a deadline is left to the caller because its connection's end became certain. Answers the row that comes next.
__attribute__((export_name("follow"))) int follow(const row *rows, int first, int end, uint32_t *index, uint32_t mask, record *records,
                                                  double now, int is_calm) {
  const table t = {index, mask, records};
  result.closing = -1;
  begun.begun = begun.count = 0;
  // Nothing is due before it; also of what began in this call and is still to be armed.
  double next = wheel.next;
  int k = first;
  for (; k < end; k++) {
    const row *p = &rows[k];
    if (k % GROUP == 0 && mask > NEAR_MASK) touch(t, p, end - k < GROUP ? end - k : GROUP);
    if (p->time > now && p->time >= next) {
      if (begun.count > 0 || !is_calm || !end_due(&ended, &wheel, t, p->time)) break;
      next = wheel.next;
    }
    const bool is_datagram = (p->meta & META_PLAIN_UDP) != 0;
    if (!is_datagram && (p->meta & META_PROTOCOL) != PROTO_TCP) break;
    uint32_t dir;
    record *r = find(t, p, &dir);
    if (r == 0) {
      if (!begin(&begun, &wheel, t, p, is_calm)) break;
      if (p->time > now) now = p->time;
      next = least(next, p->time + begun.attempt_delay);
      continue;
    }
    if (is_datagram) {
      if (!take_datagram(r, p, dir)) break;
    } else if ((p->meta & META_PLAIN_TCP) == 0 || !take_plain(r, p, dir)) {
      const outcome became = take_control(r, p, dir, is_calm);
      if (became == LEFT) break;
      if (became == CLOSES && !arm(&wheel, records, r, r->last_time + wheel.close_delay)) result.closing = r - records;
    }
    if (p->time > now) now = p->time;
    if (result.closing < 0) continue;
    k++;
    break;
  }
  result.now = now;
  return k;
}
