// Plain datagrams of UDP. Each does to the record what `udpPacket` of src/conn/datagram-connection.ts does.
#ifndef FOLLOW_DATAGRAM_H
#define FOLLOW_DATAGRAM_H
#include "record.h"
#include "row.h"

enum { UDP_HEADER = 8 };

// Takes a datagram; false, with nothing changed, where the history has no room for its letter or the connection came through a tunnel.
static inline bool take_datagram(record *r, const row *p, uint32_t dir) {
  if ((r->flags & TUNNELED) != 0) return false;
  if (!has_seen(r, dir, SEEN_DATA)) {
    if (!has_room_for_letter(r)) return false;
    add_letter(r, dir, SEEN_DATA, 'D');
  }
  r->last_time = p->time;
  r->last[dir] += p->length - UDP_HEADER;
  r->flags |= ACTIVE << dir;
  count_packet(r, dir, p->ip_bytes);
  return true;
}

#endif
