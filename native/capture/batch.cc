#include "batch.h"

#include <cstring>

namespace correlate {

bool BatchWriter::add(double timeUs, const uint8_t* bytes, uint32_t capLen, uint32_t wireLen, uint32_t link) {
  const uint32_t index = header_->count;
  if (index == kMaxPackets || capLen > room()) return false;
  memcpy(base_ + used_, bytes, capLen);
  timeUs_[index] = timeUs;
  capLen_[index] = capLen;
  wireLen_[index] = wireLen;
  offset_[index] = static_cast<uint32_t>(used_);
  link_[index] = link;
  used_ += capLen;
  header_->byteLength += capLen;
  header_->count = index + 1;
  return true;
}

}  // namespace correlate
