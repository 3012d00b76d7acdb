// Live capture with libpcap: one thread that copies packets from the kernel's ring into lent batches. Knows nothing of
// Node.js; binding.cc is the bridge.
//
// Buffers move free -> being filled -> ready -> taken -> free. The thread owns the one being filled, JavaScript the taken
// ones. With no free buffer the thread leaves packets in the kernel's ring, whose overflow the kernel counts.
#pragma once

#include <pcap/pcap.h>
#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "batch.h"

namespace correlate {

struct CaptureOptions {
  std::string interface;
  std::string filter;  // empty: every packet
  int snapLength = 0;
  int ringBytes = 0;
  bool promiscuous = false;
};

// code is one of src/core/errors.ts.
struct CaptureError {
  const char* code = nullptr;
  std::string message;
};

struct LentBuffer {
  uint8_t* base;
  size_t size;
};

struct CaptureCounters {
  std::atomic<uint64_t> packets{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint32_t> kernelDrops{0};
  std::atomic<uint32_t> interfaceDrops{0};
  std::atomic<uint32_t> engineDrops{0};
};

class Capture {
 public:
  // Called on the capture thread whenever there is something new to take, and once at the end.
  using Notify = void (*)(void* context);

  Capture() = default;
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  // Opens the interface and sets the filter. False with an error.
  bool open(const CaptureOptions& options, CaptureError* error);
  // Starts the thread, which writes into the buffers until stop. False with an error.
  bool start(std::vector<LentBuffer> buffers, Notify notify, void* context, CaptureError* error);
  // Index of the next filled buffer, or -1 when none is ready now.
  int take();
  void giveBack(int index);
  // True when nothing more will become ready than what take still finds; error.code is set if the capture failed.
  bool ended(CaptureError* error);
  // Takes what is in the ring into the buffers that are free, ends the thread and closes the interface. Idempotent.
  void stop();

  const CaptureCounters& counters() const { return counters_; }

 private:
  static void* threadMain(void* self);
  static void onPacket(u_char* self, const pcap_pkthdr* header, const u_char* bytes);
  void run();
  void fill(int index);
  bool stopDue();
  bool closeDue(int64_t filledSinceUs) const;
  void wait(int timeoutMs, bool forPackets);
  void wake();
  void deliver(int index);
  void readKernelCounters();
  void end(const char* code);

  pcap_t* pcap_ = nullptr;
  int pcapFd_ = -1;
  int wakeFd_ = -1;
  int snapLength_ = 0;
  uint32_t linkType_ = 0;
  double fractionsPerUs_ = 1;
  bool pollFailed_ = false;
  int64_t countersReadUs_ = 0;
  int64_t deliveredUs_ = 0;
  int64_t stopSeenUs_ = 0;
  BatchWriter* batch_ = nullptr;  // the batch being filled, for onPacket

  pthread_t thread_{};
  bool threadRuns_ = false;
  std::atomic<bool> stopping_{false};
  Notify notify_ = nullptr;
  void* notifyContext_ = nullptr;

  std::vector<LentBuffer> buffers_;
  mutable std::mutex mutex_;  // guards the four below
  std::deque<int> free_;
  std::deque<int> ready_;
  bool ended_ = false;
  CaptureError failure_;

  CaptureCounters counters_;
};

// What libpcap says against a filter for Ethernet, empty when it compiles.
std::string filterError(const std::string& filter);

}  // namespace correlate
