// Reading packets out of a piece of a file, and decoding the usual ones, in WebAssembly, which has vectors and is compiled at once. Its
// only importer is src/capture/frame-kernel.ts. Each function does what one in TypeScript does besides, where there is no WebAssembly, and
// what a packet says of lengths is held against the piece before it is acted on.
#include "usual.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

// As `sumBytes` of src/decode/checksum.ts before it is folded.
uint32_t EXPORT(sum)(const uint8_t *at, uint32_t length) { return sum_of(at, length); }

// As `readRecords` of src/capture/pcap-file.ts: adds the complete records of bytes [at, end) of the batch, which has `count` packets, and
// gives where it stopped. How many packets there are then is in the header.
uint32_t EXPORT(records)(batch *b, uint32_t at, uint32_t end, uint32_t count, uint32_t most, uint32_t is_swapped, uint32_t ticks, uint32_t link) {
  const uint8_t *const bytes = (const uint8_t *)b;
  while (count < MAX_PACKETS && end - at >= 16) {
    const uint8_t *const header = bytes + at;
    uint32_t seconds = word_at(header), part = word_at(header + 4), captured = word_at(header + 8), wire = word_at(header + 12);
    if (is_swapped) {
      seconds = __builtin_bswap32(seconds);
      part = __builtin_bswap32(part);
      captured = __builtin_bswap32(captured);
      wire = __builtin_bswap32(wire);
    }
    if (captured > most || captured > end - at - 16) break;
    b->time_us[count] = (double)seconds * 1e6 + (ticks == 1 ? part : part / ticks);
    b->captured[count] = captured;
    b->wire[count] = wire;
    b->offset[count] = at + 16;
    b->link[count] = link;
    count++;
    at += 16 + captured;
  }
  b->header[0] = count;
  return at;
}

// Decodes the packets [from, to) of a batch of so many bytes as long as they are usual ones, and gives the number of the first that is not.
// The row of the packet `from` is the first.
uint32_t EXPORT(frames)(const batch *b, uint32_t bytes, uint32_t from, uint32_t to, row *r, uint32_t verify_checksums, uint32_t k0, uint32_t k1) {
  row *unhashed = r;
  uint32_t i = from;
  for (; i < to; i++, r++) {
    const uint32_t offset = b->offset[i], captured = b->captured[i], link = b->link[i];
    if ((link & 0xffff) != 1 || offset > bytes || captured > bytes - offset) break;
    if (!usual_frame(r, (const uint8_t *)b + offset, offset, captured, b->wire[i], verify_checksums)) break;
    r->time_us = b->time_us[i];
    r->source = link >> 16;
    if (r - unhashed < 3) continue;
    put_hashes(unhashed, 4, k0, k1);
    unhashed = r + 1;
  }
  if (r > unhashed) put_hashes(unhashed, (uint32_t)(r - unhashed), k0, k1);
  return i;
}
