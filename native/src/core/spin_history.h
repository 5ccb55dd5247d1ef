// How long to spin before sleeping, learnt from how long waits have been.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace smipc::detail {

// Spinning pays while answers come within the cost of a sleep (about 45 us here across cores).
inline constexpr std::int64_t kLongSpinNs = 50'000;
inline constexpr std::int64_t kShortSpinNs = 3'000;
inline constexpr std::int64_t kUsuallyLongNs = 60'000;
// Now and then a spin of more than a wake-up's length, in case waits got short: two ends that both
// sleep after 3 us would otherwise never find each other awake.
inline constexpr std::uint32_t kProbeEvery = 16;
inline constexpr std::int64_t kProbeSpinNs = 150'000;

// Relaxed throughout: threads that overwrite each other's figures lose one of many.
class SpinHistory {
 public:
  std::int64_t budget_ns() const {
    if (average_ns_.load(std::memory_order_relaxed) <= kUsuallyLongNs) return kLongSpinNs;
    const bool probe = count_.load(std::memory_order_relaxed) % kProbeEvery == 0;
    return probe ? kProbeSpinNs : kShortSpinNs;
  }

  void learn(std::int64_t waited_ns) {
    constexpr std::int64_t kMost = 1'000'000;
    const std::int64_t average = average_ns_.load(std::memory_order_relaxed);
    average_ns_.store(average + (std::min(waited_ns, kMost) - average) / 4,
                      std::memory_order_relaxed);
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> average_ns_{0};
  std::atomic<std::uint32_t> count_{0};
};

}  // namespace smipc::detail
