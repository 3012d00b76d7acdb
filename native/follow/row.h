// The row of a packet as src/decode/packet.ts has it.
#ifndef FOLLOW_ROW_H
#define FOLLOW_ROW_H
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  double time;
  uint32_t hash, meta, source_word, destination_word, ports, ip_bytes, length, seq, ack, control, captured, at, source, vlan;
  uint32_t ipv6[6];
  uint32_t inner_vlan, cut, version, protocol, one_way, depth, source_port, destination_port, bad_checksum, unused;
} row;

_Static_assert(sizeof(row) == 128, "a row has 128 bytes");

// `meta`
#define META_PROTOCOL 0xffu
#define META_IPV6 (1u << 8)
#define META_KEY 0x3ffu
#define META_VALID (1u << 10)
#define META_PLAIN_TCP (1u << 11)
#define META_ODD_SCALE (1u << 12)
#define META_PLAIN_UDP (1u << 17)
#define META_PLAIN (META_PLAIN_TCP | META_PLAIN_UDP)

enum { PROTO_TCP = 6 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_ECE = 64, TCP_CWR = 128 };

// Ports on which Zeek expects DNS over UDP, as `isDnsPort` of src/conn/timeouts.ts.
static inline bool is_dns_port(uint32_t port) { return port == 53 || port == 137 || port == 5353 || port == 5355; }

static inline uint32_t header_bytes(const row *p) { return p->control >> 28 << 2; }
static inline uint32_t tcp_flags(const row *p) { return p->control >> 16 & 0xff; }
static inline uint32_t window_of(const row *p) { return p->control & 0xffff; }

#endif
