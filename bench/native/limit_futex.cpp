// Limit: a round trip in which both sides sleep, one futex word in each direction.
#include <linux/futex.h>
#include <sys/syscall.h>

#include <atomic>
#include <climits>

#include "harness.hpp"
#include "words.hpp"

namespace {

struct alignas(128) SlotShm {
  std::atomic<std::uint32_t> full;  // 0: the receiver may sleep on it; 1: a message is there
  unsigned char payload[bench::kSlotBytes];
};

long futex(std::atomic<std::uint32_t>* word, int operation, std::uint32_t value) {
  return syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(word), operation, value, nullptr,
                 nullptr, 0);
}

class Futex {
 public:
  explicit Futex(const bench::Options& options) {
    if (options.size != bench::kSlotBytes || options.kind != "roundtrip") {
      bench::not_offered("round trips of 64 B only");
    }
    for (auto& slot : slots_) {
      slot = static_cast<SlotShm*>(bench::map_shared(sizeof(SlotShm)));
    }
  }

  void attach(bench::Side side) {
    out_ = slots_[side == bench::Side::kInitiator ? 0 : 1];
    in_ = slots_[side == bench::Side::kInitiator ? 1 : 0];
  }
  void unlink_names() {}

  void send(const void* data, std::size_t) {
    bench::copy_words(out_->payload, data);
    out_->full.store(1, std::memory_order_release);
    bench::check_os(futex(&out_->full, FUTEX_WAKE, INT_MAX) >= 0, "FUTEX_WAKE");
  }

  void recv(void* buffer, std::size_t) {
    while (in_->full.load(std::memory_order_acquire) == 0) {
      if (futex(&in_->full, FUTEX_WAIT, 0) != 0 && errno != EAGAIN && errno != EINTR) {
        bench::check_os(false, "FUTEX_WAIT");
      }
    }
    std::memcpy(buffer, in_->payload, bench::kSlotBytes);
    in_->full.store(0, std::memory_order_relaxed);  // before the answer, which publishes it
  }

 private:
  SlotShm* slots_[2];
  SlotShm* out_ = nullptr;
  SlotShm* in_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) { return bench::run<Futex>(argc, argv); }
