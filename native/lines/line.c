// The fields of a connection as JSON, from its record in the connection table. In WebAssembly, since V8 has compiled it at once, where JavaScript
// took a tenth of a second until its code for lines was quick. Its importers are src/outputs/connection-kernel.ts and record-lines.ts, and what it writes is
// what src/outputs/connection-json.ts writes of the connection as an object.
#include "address.h"
#include "community_id.h"
#include "ends.h"
#include "record.h"
#include "tail.h"
#include "text.h"
#include "uid.h"

static inline char *put_protocol(char *at, uint32_t protocol) {
  if (protocol == PROTO_TCP) return PUT(at, "tcp");
  if (protocol == PROTO_UDP) return PUT(at, "udp");
  return is_icmp(protocol) ? PUT(at, "icmp") : PUT(at, "unknown_transport");
}

static inline uint64_t ip_bytes(record r, int dir) {
  return (uint64_t)half_at(r, IP_BYTES_HIGH + 2 * dir) << 32 | word_at(r, IP_BYTES + 4 * dir);
}

// Whether all that there is to say lies in the record, in numbers that are printed digit by digit.
static bool is_usual(record r, double missed_bytes) {
  const double start = number_at(r, START_TIME), length = number_at(r, LAST_TIME) - start;
  if ((word_at(r, FLAGS) & TUNNELED) != 0 || word_at(r, SEEN) >> 16 > MOST_LETTERS || !has_numbers(r)) return false;
  if (!is_count(start) || !is_count(missed_bytes)) return false;
  return !(length > 0) || (is_count(length) && is_count(end_size(r, 0)) && is_count(end_size(r, 1)));
}

// Puts the fields of a usual record at `at`, of which FIELD_BYTES may be overwritten; `lane`: its place among those whose hashes were made.
static char *put_fields(char *at, record r, uint32_t capture, double missed_bytes, const digests *hashed, int lane) {
  const uint32_t protocol = protocol_of(r), letters = word_at(r, SEEN) >> 16, vlans = word_at(r, VLANS);
  const double start = number_at(r, START_TIME), length = number_at(r, LAST_TIME) - start;
  at = PUT(at, "{\"ts\":");
  at = put_seconds(at, (uint64_t)start);
  at = PUT(at, ",\"uid\":\"");
  at = put_uid(at, r, capture);
  at = PUT(at, "\",\"id.orig_h\":\"");
  at = put_address(at, r, 0);
  at = PUT(at, "\",\"id.orig_p\":");
  at = put_word(at, originator_port(r));
  at = PUT(at, ",\"id.resp_h\":\"");
  at = put_address(at, r, 1);
  at = PUT(at, "\",\"id.resp_p\":");
  at = put_word(at, responder_port(r));
  at = PUT(at, ",\"proto\":\"");
  at = put_protocol(at, protocol);
  if (length > 0) {
    at = PUT(at, "\",\"duration\":");
    at = put_seconds(at, (uint64_t)length);
    at = PUT(at, ",\"orig_bytes\":");
    at = put_integer(at, (uint64_t)end_size(r, 0));
    at = PUT(at, ",\"resp_bytes\":");
    at = put_integer(at, (uint64_t)end_size(r, 1));
    at = PUT(at, ",\"conn_state\":\"");
  } else at = PUT(at, "\",\"conn_state\":\"");
  at = put_state(at, r);
  at = PUT(at, "\",\"missed_bytes\":");
  at = put_integer(at, (uint64_t)missed_bytes);
  if (letters > 0) {
    at = PUT(at, ",\"history\":\"");
    __builtin_memcpy(at, r + LETTERS, MOST_LETTERS);
    at = PUT(at + letters, "\"");
  }
  at = PUT(at, ",\"orig_pkts\":");
  at = put_integer(at, word_at(r, PACKETS));
  at = PUT(at, ",\"orig_ip_bytes\":");
  at = put_integer(at, ip_bytes(r, 0));
  at = PUT(at, ",\"resp_pkts\":");
  at = put_integer(at, word_at(r, PACKETS + 4));
  at = PUT(at, ",\"resp_ip_bytes\":");
  at = put_integer(at, ip_bytes(r, 1));
  at = PUT(at, ",\"ip_proto\":");
  at = put_word(at, protocol);
  if ((vlans & VLAN_PRESENT) != 0) at = put_word(PUT(at, ",\"vlan\":"), vlans & VLAN_ID);
  if ((vlans >> 16 & VLAN_PRESENT) != 0) at = put_word(PUT(at, ",\"inner_vlan\":"), vlans >> 16 & VLAN_ID);
  at = PUT(at, ",\"community_id\":\"");
  at = put_community_id(at, hashed, lane);
  return PUT(at, "\"");
}

// Puts the fields at `line`, of which FIELD_BYTES may be overwritten, and answers their length; 0 for a record that is not usual. `capture`
// stands for the capture's name in the uid.
__attribute__((export_name("line"))) int line(record r, uint32_t capture, double missed_bytes, char *line) {
  if (!is_usual(r, missed_bytes)) return 0;
  blocks block;
  digests hashed;
  put_block(&block, 0, r);
  sha1(&block, &hashed);
  return (int)(put_fields(line, r, capture, missed_bytes, &hashed, 0) - line);
}

// What a call of `lines` came to besides its answer: bytes written, and lines by protocol and kinds of both addresses.
struct {
  uint32_t bytes, counts[PROTOCOLS][KINDS][KINDS];
} result;

// Whether a record's line can be written from it alone, and it is of the capture `id`.
static inline bool is_for_all(record r, uint32_t id) {
  return half_at(r, CAPTURE) == id && word_at(r, GAPS) == 0 && is_usual(r, 0);
}

// Puts whole lines of records from `first` on, up to `end`, to the first that is not usual, has gaps or is of another capture than the one with
// the number `id`, or for which `room` may not be enough. Answers the record that comes next. `tails`: what is behind the fields, by the kinds of
// both addresses.
__attribute__((export_name("lines"))) int lines(const record *records, int first, int end, uint32_t id, uint32_t capture,
                                                const tail tails[KINDS][KINDS], char *text, uint32_t room) {
  __builtin_memset(&result, 0, sizeof result);
  char *at = text;
  int k = first;
  while (k < end && (uint32_t)(at - text) + 4 * LINE_BYTES <= room) {
    int count = 0;
    blocks block;
    for (; count < 4 && k + count < end && is_for_all(records[k + count], id); count++) put_block(&block, count, records[k + count]);
    if (count == 0) break;
    digests hashed;
    sha1(&block, &hashed);
    for (int lane = 0; lane < count; lane++) {
      const record r = records[k + lane];
      const uint32_t orig = address_kind(r, 0), resp = address_kind(r, 1);
      at = put_tail(put_fields(at, r, capture, 0, &hashed, lane), &tails[orig][resp]);
      result.counts[protocol_kind(r)][orig][resp]++;
    }
    k += count;
  }
  result.bytes = (uint32_t)(at - text);
  return k;
}
