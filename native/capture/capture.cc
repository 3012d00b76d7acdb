#include "capture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

namespace correlate {

namespace {

// The kernel hands over a ring block that is not full after this long.
constexpr int kBlockTimeoutMs = 5;
// A batch that waits for more packets is handed over after this long, if nothing else waits to be taken.
constexpr int64_t kBatchDelayUs = 5'000;
// An empty batch is handed over when nothing came for this long, so that time goes on above.
constexpr int64_t kIdleUs = 100'000;
// pcap_stats opens files in /sys; not for every batch.
constexpr int64_t kCountersUs = 100'000;

constexpr int kLinkTypeRaw = 101;

int64_t clockUs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
}

int64_t monotonicUs() { return clockUs(CLOCK_MONOTONIC); }

// In files raw IP is link type 101; on Linux libpcap's number for it is 12. Everything else is the same in both.
uint32_t linkTypeOf(int dlt) { return static_cast<uint32_t>(dlt == DLT_RAW ? kLinkTypeRaw : dlt); }

const char* codeOfActivation(int status) {
  switch (status) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
    case PCAP_ERROR_IFACE_NOT_UP:
      return "CAPTURE_NO_INTERFACE";
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return "CAPTURE_PERMISSION";
    default:
      return "CAPTURE_OPEN_FAILED";
  }
}

}  // namespace

std::string filterError(const std::string& filter) {
  pcap_t* dead = pcap_open_dead(DLT_EN10MB, 65'535);
  if (dead == nullptr) return "out of memory";
  bpf_program program;
  std::string error;
  if (pcap_compile(dead, &program, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) == 0) pcap_freecode(&program);
  else error = pcap_geterr(dead);
  pcap_close(dead);
  return error;
}

Capture::~Capture() { stop(); }

bool Capture::open(const CaptureOptions& options, CaptureError* error) {
  char text[PCAP_ERRBUF_SIZE] = "";
  auto failWith = [&](const char* code, const char* message) {
    *error = {code, message};
    if (pcap_ != nullptr) pcap_close(pcap_);
    pcap_ = nullptr;
    return false;
  };
  pcap_ = pcap_create(options.interface.c_str(), text);
  if (pcap_ == nullptr) return failWith("CAPTURE_OPEN_FAILED", text);
  pcap_set_snaplen(pcap_, options.snapLength);
  pcap_set_buffer_size(pcap_, options.ringBytes);
  pcap_set_promisc(pcap_, options.promiscuous ? 1 : 0);
  pcap_set_timeout(pcap_, kBlockTimeoutMs);
  // Only asked for: where there are no nanoseconds, the precision read below says so.
  pcap_set_tstamp_precision(pcap_, PCAP_TSTAMP_PRECISION_NANO);
  const int status = pcap_activate(pcap_);
  if (status < 0) {
    const char* detail = pcap_geterr(pcap_);
    return failWith(codeOfActivation(status), detail[0] != '\0' ? detail : pcap_statustostr(status));
  }
  if (!options.filter.empty()) {
    bpf_program program;
    if (pcap_compile(pcap_, &program, options.filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
      return failWith("CAPTURE_BAD_FILTER", pcap_geterr(pcap_));
    }
    const int set = pcap_setfilter(pcap_, &program);
    pcap_freecode(&program);
    if (set != 0) return failWith("CAPTURE_BAD_FILTER", pcap_geterr(pcap_));
  }
  // pcap_dispatch can block on an idle interface in spite of its timeout, so the thread polls the descriptor itself.
  if (pcap_setnonblock(pcap_, 1, text) != 0) return failWith("CAPTURE_OPEN_FAILED", text);
  pcapFd_ = pcap_get_selectable_fd(pcap_);
  if (pcapFd_ < 0) return failWith("CAPTURE_UNSUPPORTED", "the interface cannot be polled");
  // libpcap leaves it open in child processes, which would keep the ring alive.
  fcntl(pcapFd_, F_SETFD, FD_CLOEXEC);
  snapLength_ = pcap_snapshot(pcap_);
  linkType_ = linkTypeOf(pcap_datalink(pcap_));
  fractionsPerUs_ = pcap_get_tstamp_precision(pcap_) == PCAP_TSTAMP_PRECISION_NANO ? 1'000 : 1;
  return true;
}

bool Capture::start(std::vector<LentBuffer> buffers, Notify notify, void* context, CaptureError* error) {
  buffers_ = std::move(buffers);
  for (size_t i = 0; i < buffers_.size(); i++) free_.push_back(static_cast<int>(i));
  notify_ = notify;
  notifyContext_ = context;
  wakeFd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int status = wakeFd_ < 0 ? errno : 0;
  if (status == 0) {
    // Signals are the main thread's.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&thread_, nullptr, threadMain, this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  threadRuns_ = status == 0;
  if (status != 0) *error = {"CAPTURE_OPEN_FAILED", strerror(status)};
  return threadRuns_;
}

int Capture::take() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (ready_.empty()) return -1;
  const int index = ready_.front();
  ready_.pop_front();
  return index;
}

void Capture::giveBack(int index) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(index);
  }
  wake();
}

bool Capture::ended(CaptureError* error) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (ended_) *error = failure_;
  return ended_;
}

void Capture::stop() {
  stopping_ = true;
  if (threadRuns_) {
    wake();
    pthread_join(thread_, nullptr);
    threadRuns_ = false;
  }
  if (wakeFd_ >= 0) close(wakeFd_);
  wakeFd_ = -1;
  if (pcap_ != nullptr) pcap_close(pcap_);
  pcap_ = nullptr;
}

void Capture::wake() {
  const uint64_t one = 1;
  // A full counter means that a wake-up is pending already.
  if (wakeFd_ >= 0 && write(wakeFd_, &one, sizeof one) < 0) return;
}

void* Capture::threadMain(void* self) {
  static_cast<Capture*>(self)->run();
  return nullptr;
}

void Capture::run() {
  deliveredUs_ = monotonicUs();
  while (!ended_) {
    int index = -1;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!free_.empty()) {
        index = free_.front();
        free_.pop_front();
      }
    }
    if (index >= 0) {
      fill(index);
    } else if (stopping_) {
      end(nullptr);
    } else {
      wait(static_cast<int>(kCountersUs / 1'000), false);
    }
    readKernelCounters();
  }
}

// Fills one buffer and hands it over, or ends the capture.
void Capture::fill(int index) {
  BatchWriter batch(buffers_[index].base, buffers_[index].size);
  batch_ = &batch;
  int64_t filledSinceUs = 0;
  const char* failed = nullptr;
  bool last = false;
  for (;;) {
    const int got = pcap_dispatch(pcap_, static_cast<int>(kMaxPackets - batch.count()), onPacket, reinterpret_cast<u_char*>(this));
    if (got < 0 && got != PCAP_ERROR_BREAK) {
      failed = "CAPTURE_INTERFACE_LOST";
      break;
    }
    if (batch.count() == kMaxPackets || batch.room() < static_cast<size_t>(snapLength_)) break;
    if (filledSinceUs == 0 && batch.count() > 0) filledSinceUs = monotonicUs();
    if (got != 0) continue;
    last = stopDue();
    if (last || (!stopping_ && closeDue(filledSinceUs))) break;
    wait(static_cast<int>((stopping_ || filledSinceUs != 0 ? kBatchDelayUs : kIdleUs) / 1'000), true);
  }
  batch_ = nullptr;
  const bool hasNews = batch.count() > 0 || (failed == nullptr && !last);
  if (failed != nullptr || last) readKernelCounters();
  if (hasNews) deliver(index);
  if (failed != nullptr || last) end(failed);
}

// Whether to end now that the ring is empty: packets that came before stop was called may be in a block for a little longer.
bool Capture::stopDue() {
  if (!stopping_) return false;
  const int64_t now = monotonicUs();
  if (stopSeenUs_ == 0) stopSeenUs_ = now;
  return now - stopSeenUs_ >= 2 * kBlockTimeoutMs * 1'000;
}

// Whether an unfinished batch is handed over now that the ring is empty: not while another waits to be taken.
bool Capture::closeDue(int64_t filledSinceUs) const {
  const int64_t now = monotonicUs();
  const bool due = filledSinceUs != 0 ? now - filledSinceUs >= kBatchDelayUs : now - deliveredUs_ >= kIdleUs;
  std::lock_guard<std::mutex> lock(mutex_);
  return due && ready_.empty();
}

void Capture::onPacket(u_char* self, const pcap_pkthdr* header, const u_char* bytes) {
  auto* capture = reinterpret_cast<Capture*>(self);
  BatchWriter& batch = *capture->batch_;
  // With nanoseconds libpcap puts them into tv_usec.
  const auto fraction = static_cast<int64_t>(header->ts.tv_usec / capture->fractionsPerUs_);
  const double timeUs = static_cast<double>(header->ts.tv_sec) * 1e6 + static_cast<double>(fraction);
  if (batch.add(timeUs, bytes, header->caplen, header->len, capture->linkType_)) {
    capture->counters_.packets++;
    capture->counters_.bytes += header->caplen;
  } else {
    capture->counters_.engineDrops++;
  }
  // Stops while the longest packet still fits: one that did not would have left the ring already.
  if (batch.room() < static_cast<size_t>(capture->snapLength_)) pcap_breakloop(capture->pcap_);
}

void Capture::wait(int timeoutMs, bool forPackets) {
  // After an error that pcap_dispatch did not report (an interface that is down), the descriptor would not wait at all.
  const bool pollPackets = forPackets && !pollFailed_;
  pollfd descriptors[2] = {{wakeFd_, POLLIN, 0}, {pcapFd_, POLLIN, 0}};
  poll(descriptors, pollPackets ? 2 : 1, pollFailed_ ? kBlockTimeoutMs : timeoutMs);
  pollFailed_ = pollPackets && (descriptors[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
  uint64_t count;
  if ((descriptors[0].revents & POLLIN) != 0 && read(wakeFd_, &count, sizeof count) < 0) return;
}

void Capture::deliver(int index) {
  auto* header = reinterpret_cast<BatchHeader*>(buffers_[index].base);
  header->kernelDrops = counters_.kernelDrops;
  header->engineDrops = counters_.engineDrops;
  header->captureTimeUs = static_cast<double>(clockUs(CLOCK_REALTIME));
  deliveredUs_ = monotonicUs();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ready_.push_back(index);
  }
  notify_(notifyContext_);
}

void Capture::readKernelCounters() {
  const int64_t now = monotonicUs();
  if (!stopping_ && now - countersReadUs_ < kCountersUs) return;
  countersReadUs_ = now;
  pcap_stat stat{};
  if (pcap_stats(pcap_, &stat) != 0) return;
  counters_.kernelDrops = stat.ps_drop;
  counters_.interfaceDrops = stat.ps_ifdrop;
}

void Capture::end(const char* code) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    if (code != nullptr) failure_ = {code, pcap_geterr(pcap_)};
  }
  notify_(notifyContext_);
}

}  // namespace correlate
