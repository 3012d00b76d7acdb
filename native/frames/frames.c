// Reading packets out of a piece of a file, and decoding the usual ones, in WebAssembly, which has vectors and is compiled at once. Its
// only importer is src/capture/frame-kernel.ts. Each function does what one in TypeScript does besides, where there is no WebAssembly, and
// what a packet says of lengths is held against the piece before it is acted on.
#include "usual.h"

// The last integer that a number of JavaScript has exactly, with all before it.
#define MAX_SAFE_INTEGER ((1ull << 53) - 1)
#define EXPORT(name) __attribute__((export_name(#name))) name

// As `sumBytes` of src/decode/checksum.ts before it is folded.
uint32_t EXPORT(sum)(const uint8_t *at, uint32_t length) { return sum_of(at, length); }

// Of words.
double EXPORT(total)(const uint32_t *at, uint32_t count) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < count; i++) sum += at[i];
  return (double)sum;
}

// As `readRecords` of src/capture/pcap-file.ts: adds the complete records of bytes [at, end) of the batch, which has `count` packets, and
// gives where it stopped. How many packets there are then is in the header.
uint32_t EXPORT(records)(batch *b, uint32_t at, uint32_t end, uint32_t count, uint32_t most, uint32_t is_swapped, uint32_t ticks, uint32_t link) {
  const uint8_t *const bytes = (const uint8_t *)b;
  while (count < MAX_PACKETS && end - at >= 16) {
    const uint8_t *const header = bytes + at;
    const uint32_t seconds = word_of(header, is_swapped), part = word_of(header + 4, is_swapped), captured = word_of(header + 8, is_swapped);
    if (captured > most || captured > end - at - 16) break;
    b->time_us[count] = (double)seconds * 1e6 + (ticks == 1 ? part : part / ticks);
    b->captured[count] = captured;
    b->wire[count] = word_of(header + 12, is_swapped);
    b->offset[count] = at + 16;
    b->link[count] = link;
    count++;
    at += 16 + captured;
  }
  b->count = count;
  return at;
}

// As the enhanced packet blocks of `PcapngParser` in src/capture/pcapng-file.ts: adds those that bytes [at, end) of the batch begin with, whole and
// right, of one interface, of whose ticks `divide` are a microsecond. Gives where it stopped, as `records`.
uint32_t EXPORT(blocks)(batch *b, uint32_t at, uint32_t end, uint32_t count, uint32_t most, uint32_t is_swapped, uint32_t interface, uint32_t divide, uint32_t link) {
  enum { ENHANCED_PACKET = 6, HEADER_BYTES = 28, TRAILER_BYTES = 4 };
  const uint8_t *const bytes = (const uint8_t *)b;
  while (count < MAX_PACKETS && end - at >= HEADER_BYTES) {
    const uint8_t *const header = bytes + at;
    const uint32_t length = word_of(header + 4, is_swapped), captured = word_of(header + 20, is_swapped);
    if (word_of(header, is_swapped) != ENHANCED_PACKET || word_of(header + 8, is_swapped) != interface) break;
    if (length % 4 != 0 || length < HEADER_BYTES + TRAILER_BYTES || length > end - at) break;
    if (captured > length - HEADER_BYTES - TRAILER_BYTES || captured > most) break;
    const uint64_t ticks = (uint64_t)word_of(header + 12, is_swapped) << 32 | word_of(header + 16, is_swapped);
    const uint64_t time = divide == 1 ? ticks : ticks / divide;
    b->time_us[count] = (double)(time < MAX_SAFE_INTEGER ? time : MAX_SAFE_INTEGER);
    b->captured[count] = captured;
    b->wire[count] = word_of(header + 24, is_swapped);
    b->offset[count] = at + HEADER_BYTES;
    b->link[count] = link;
    count++;
    at += length;
  }
  b->count = count;
  return at;
}

static inline uint32_t header_of_link(uint32_t type) {
  return type == LINK_ETHERNET ? ETHERNET_BYTES : type == LINK_LINUX_SLL ? LINUX_SLL_BYTES : 0;
}

// Decodes the packets [from, to) of a batch of so many bytes as long as they are usual ones, and gives the number of the first that is not.
// The row of the packet `from` is the first. Their hashes are left to `hashes`.
uint32_t EXPORT(frames)(batch *b, uint32_t bytes, uint32_t from, uint32_t to, row *r, uint32_t verify_checksums) {
  uint32_t bytes_wanted = 0;
  uint32_t i = from;
  for (; i < to; i++, r++) {
    const uint32_t offset = b->offset[i], captured = b->captured[i], link = b->link[i];
    const uint32_t link_bytes = header_of_link(link & 0xffff);
    if (link_bytes == 0 || offset > bytes || captured > bytes - offset) break;
    if (!usual_frame(r, (const uint8_t *)b + offset, link_bytes, offset, captured, b->wire[i], verify_checksums)) break;
    r->time_us = b->time_us[i];
    r->source = link >> 16;
    bytes_wanted |= ((r->meta & META_PROTO) ^ PROTO_TCP) | (r->meta & META_ODD_SCALE);
  }
  b->bytes_wanted = bytes_wanted;
  return i;
}

// Hashes rows that `frames` made.
void EXPORT(hashes)(row *r, uint32_t count, uint32_t k0, uint32_t k1) {
  for (; count > 4; count -= 4, r += 4) put_hashes(r, 4, k0, k1);
  if (count > 0) put_hashes(r, count, k0, k1);
}
