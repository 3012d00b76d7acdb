// What src/capture/packet-batch.ts and src/decode/packet.ts say of memory: a batch of packets, and the row that decoding makes of a packet.
#ifndef FRAMES_LAYOUT_H
#define FRAMES_LAYOUT_H
#include <stdint.h>

enum { MAX_PACKETS = 8192 };

// Packet bytes lie behind it.
typedef struct {
  uint32_t count, live[5];
  // Whether of one of the packets decoded last not all is in its row: it is no TCP, or a SYN whose window scale is out of its range.
  uint32_t bytes_wanted, unused[9];
  double time_us[MAX_PACKETS];
  uint32_t captured[MAX_PACKETS];
  uint32_t wire[MAX_PACKETS];
  uint32_t offset[MAX_PACKETS];
  uint32_t link[MAX_PACKETS];
} batch;
_Static_assert(sizeof(batch) == 64 + 24 * MAX_PACKETS, "as BYTES_OFFSET");

typedef struct {
  double time_us;
  uint32_t hash, meta;
  uint32_t src, dst, ports, ip_bytes;
  uint32_t length, seq, ack, control;
  uint32_t captured, at, source;
  int32_t vlan;
  uint32_t ipv6[6];
  int32_t inner_vlan;
  uint32_t cut;
  uint32_t version, proto, one_way, depth;
  uint32_t sport, dport, bad_checksum, unused;
} row;
_Static_assert(sizeof(row) == 128, "as ROW_BYTES");

#define META_PROTO 0xffu
#define META_IPV6 (1u << 8)
#define META_KEY 0x3ffu
#define META_VALID (1u << 10)
#define META_PLAIN_TCP (1u << 11)
#define META_ODD_SCALE (1u << 12)
enum { META_SCALE_SHIFT = 13 };
#define META_PLAIN_UDP (1u << 17)

#endif
