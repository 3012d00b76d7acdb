// The layout of a packet batch in the memory that JavaScript lends. src/capture/packet-batch.ts has the same numbers and
// test/capture/layout.test.ts compares them, so a change is made in both or the test fails.
#pragma once

#include <cstddef>
#include <cstdint>

namespace correlate {

struct BatchHeader {
  uint32_t count;
  uint32_t byteLength;
  uint32_t kernelDrops;
  uint32_t engineDrops;
  double captureTimeUs;
};

constexpr size_t kMaxPackets = 8192;
constexpr size_t kHeaderBytes = 64;
constexpr size_t kTimeOffset = kHeaderBytes;
constexpr size_t kCapLenOffset = kTimeOffset + kMaxPackets * sizeof(double);
constexpr size_t kWireLenOffset = kCapLenOffset + kMaxPackets * sizeof(uint32_t);
constexpr size_t kPacketOffsetOffset = kWireLenOffset + kMaxPackets * sizeof(uint32_t);
constexpr size_t kLinkOffset = kPacketOffsetOffset + kMaxPackets * sizeof(uint32_t);
constexpr size_t kBytesOffset = kLinkOffset + kMaxPackets * sizeof(uint32_t);

static_assert(sizeof(BatchHeader) <= kHeaderBytes, "the header outgrew its place");
static_assert(offsetof(BatchHeader, captureTimeUs) == 16, "packet-batch.ts reads the capture time here");

// Fills one batch. Holds no memory of its own.
class BatchWriter {
 public:
  BatchWriter(uint8_t* base, size_t size)
      : base_(base),
        size_(size),
        used_(kBytesOffset),
        header_(reinterpret_cast<BatchHeader*>(base)),
        timeUs_(reinterpret_cast<double*>(base + kTimeOffset)),
        capLen_(reinterpret_cast<uint32_t*>(base + kCapLenOffset)),
        wireLen_(reinterpret_cast<uint32_t*>(base + kWireLenOffset)),
        offset_(reinterpret_cast<uint32_t*>(base + kPacketOffsetOffset)),
        link_(reinterpret_cast<uint32_t*>(base + kLinkOffset)) {
    *header_ = BatchHeader{};
  }

  uint32_t count() const { return header_->count; }
  BatchHeader& header() { return *header_; }
  size_t room() const { return size_ - used_; }

  // Copies a packet in. False when there is no room.
  bool add(double timeUs, const uint8_t* bytes, uint32_t capLen, uint32_t wireLen, uint32_t link);

 private:
  uint8_t* base_;
  size_t size_;
  size_t used_;
  BatchHeader* header_;
  double* timeUs_;
  uint32_t* capLen_;
  uint32_t* wireLen_;
  uint32_t* offset_;
  uint32_t* link_;
};

}  // namespace correlate
