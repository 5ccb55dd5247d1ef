// Where the host has put the two cores: the round trip of one cache line between them, in ns, as
// one line of JSON. The median of short batches, so that a preemption does not count. It must stay
// short: it runs around every sample.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <vector>

#include "pair.hpp"

namespace {

struct alignas(128) LineShm {
  std::atomic<std::uint64_t> value;
};

constexpr int kBatches = 25;
constexpr std::uint64_t kExchanges = 400;

}  // namespace

int main() {
  auto* there = static_cast<LineShm*>(bench::map_shared(sizeof(LineShm)));
  auto* back = static_cast<LineShm*>(bench::map_shared(sizeof(LineShm)));
  bench::Control control;
  pid_t child = 0;
  const bool responder = bench::split(child) == bench::Side::kResponder;
  control.wait_for_both();
  if (responder) {
    for (std::uint64_t i = 1; i <= kBatches * kExchanges; ++i) {
      while (there->value.load(std::memory_order_acquire) != i) {
      }
      back->value.store(i, std::memory_order_release);
    }
    _exit(0);
  }
  std::vector<double> batches;
  std::uint64_t i = 0;
  for (int batch = 0; batch < kBatches; ++batch) {
    const std::uint64_t begin = bench::now_ns();
    for (std::uint64_t k = 0; k < kExchanges; ++k) {
      there->value.store(++i, std::memory_order_release);
      while (back->value.load(std::memory_order_acquire) != i) {
      }
    }
    batches.push_back(static_cast<double>(bench::now_ns() - begin) /
                      static_cast<double>(kExchanges));
  }
  std::nth_element(batches.begin(), batches.begin() + kBatches / 2, batches.end());
  std::printf("{\"round_trip_ns\": %.1f}\n", batches[kBatches / 2]);
}
