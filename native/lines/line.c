// The fields of a connection as JSON, from its record in the connection table. In WebAssembly, since V8 has compiled it at once, where JavaScript
// took a tenth of a second until its code for lines was quick. Its importers are src/outputs/connection-kernel.ts, record-lines.ts and line-help.ts, and what it writes is
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

// The numbers of a line that are worked out from its record.
typedef struct {
  double start, length;
  double sizes[2];
} figures;

// Works them out; false for a record that is not usual: not all that there is to say lies in it, or not in numbers that are printed digit by digit.
static inline bool work_out(figures *to, record r, double missed_bytes) {
  to->start = number_at(r, START_TIME);
  to->length = number_at(r, LAST_TIME) - to->start;
  if ((word_at(r, FLAGS) & TUNNELED) != 0 || word_at(r, SEEN) >> 16 > MOST_LETTERS || !has_numbers(r)) return false;
  if (!is_count(to->start) || !is_count(missed_bytes)) return false;
  if (!(to->length > 0)) return true;
  to->sizes[0] = end_size(r, 0);
  to->sizes[1] = end_size(r, 1);
  return is_count(to->length) && is_count(to->sizes[0]) && is_count(to->sizes[1]);
}

// What is made of four records at once.
typedef struct {
  blocks block;
  uid_words words;
  digests hashed;
  uids ids;
  figures of[4];
} group;

static inline void begin_group(group *g) {
  __builtin_memset(&g->block, 0, sizeof g->block);
}

// Adds the `lane`th usual record, with addresses of so many words as those before it.
static inline void add_to_group(group *g, int lane, record r, int words, uint32_t capture) {
  put_block(&g->block, lane, r, words);
  if (words == 4) put_uid_words(&g->words, lane, r, 4, capture);
  else put_uid_words(&g->words, lane, r, 1, capture);
}

static inline void hash_group(group *g, int words) {
  sha1(&g->block, &g->hashed);
  if (words == 4) hash_uids(&g->words, 4, &g->ids);
  else hash_uids(&g->words, 1, &g->ids);
}

// Puts the fields of the record that is the `lane`th of a group at `at`, of which FIELD_BYTES may be overwritten.
static inline char *put_fields(char *at, record r, double missed_bytes, const group *g, int lane) {
  const figures *const f = &g->of[lane];
  const uint32_t protocol = protocol_of(r), letters = word_at(r, SEEN) >> 16, vlans = word_at(r, VLANS);
  at = PUT(at, "{\"ts\":");
  at = put_seconds(at, (uint64_t)f->start);
  at = PUT(at, ",\"uid\":\"");
  at = put_uid(at, &g->ids, lane);
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
  if (f->length > 0) {
    at = PUT(at, "\",\"duration\":");
    at = put_seconds(at, (uint64_t)f->length);
    at = PUT(at, ",\"orig_bytes\":");
    at = put_integer(at, (uint64_t)f->sizes[0]);
    at = PUT(at, ",\"resp_bytes\":");
    at = put_integer(at, (uint64_t)f->sizes[1]);
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
  at = put_community_id(at, &g->hashed, lane);
  return PUT(at, "\"");
}

// Puts the fields at `line`, of which FIELD_BYTES may be overwritten, and answers their length; 0 for a record that is not usual. `capture`
// stands for the capture's name in the uid.
__attribute__((export_name("line"))) int line(record r, uint32_t capture, double missed_bytes, char *line) {
  group g;
  if (!work_out(&g.of[0], r, missed_bytes)) return 0;
  const int words = address_words(r);
  begin_group(&g);
  add_to_group(&g, 0, r, words, capture);
  hash_group(&g, words);
  return (int)(put_fields(line, r, missed_bytes, &g, 0) - line);
}

// What a call of `lines` came to besides its answer: bytes written, and lines by protocol and kinds of both addresses. `touched`: of no meaning, but
// the compiler leaves out reads of which nobody can see what they gave.
typedef struct {
  uint32_t bytes, counts[PROTOCOLS][KINDS][KINDS], touched;
} written;

// Of the thread that is its instance's own. Another one that runs on the same memory has a place and a stack given it.
written result;

static inline uint32_t read_lines(record r) { return word_at(r, 0) ^ word_at(r, 64) ^ word_at(r, 128) ^ word_at(r, 192); }

// Adds a record as the `lane`th of a group; false where its line cannot be written from it alone, or it is of another capture or version of IP.
static inline bool takes(group *g, int lane, record r, int words, uint32_t id, uint32_t capture) {
  if (half_at(r, CAPTURE) != id || word_at(r, GAPS) != 0 || address_words(r) != words || !work_out(&g->of[lane], r, 0)) return false;
  add_to_group(g, lane, r, words, capture);
  return true;
}

// Puts whole lines of records from `first` on, up to `end`, to the first that is not usual, has gaps or is of another capture than the one with
// the number `id`, or for which `room` may not be enough. Answers the record that comes next. `tails`: what is behind the fields, by the kinds of
// both addresses.
__attribute__((export_name("lines"))) int lines(const record *records, int first, int end, uint32_t id, uint32_t capture,
                                                const tail tails[KINDS][KINDS], char *text, uint32_t room, written *to) {
  __builtin_memset(to, 0, sizeof *to);
  char *at = text;
  uint32_t touched = 0;
  int k = first;
  while (k < end && (uint32_t)(at - text) + 4 * LINE_BYTES <= room) {
    // Theirs are read while these are worked on.
    for (int next = k + 4; next < k + 8 && next < end; next++) touched ^= read_lines(records[next]);
    group g;
    const int words = address_words(records[k]);
    begin_group(&g);
    int count = 0;
    while (count < 4 && k + count < end && takes(&g, count, records[k + count], words, id, capture)) count++;
    if (count == 0) break;
    hash_group(&g, words);
    for (int lane = 0; lane < count; lane++) {
      const record r = records[k + lane];
      const uint32_t orig = address_kind(r, 0), resp = address_kind(r, 1);
      at = put_tail(put_fields(at, r, 0, &g, lane), &tails[orig][resp]);
      to->counts[protocol_kind(r)][orig][resp]++;
    }
    k += count;
  }
  to->bytes = (uint32_t)(at - text);
  to->touched = touched;
  return k;
}
