// See backoff.h.
#include "core/backoff.h"

#include <algorithm>

#include "platform/platform.h"

namespace smipc::detail {
namespace {

constexpr std::uint64_t kBurstShort = 32;
constexpr std::uint64_t kBurstLong = 128;
constexpr std::uint64_t kNoBurst = 5;  // after staying away: they come slower than in a stream
constexpr std::uint32_t kFirstNs = 300;
constexpr std::uint32_t kMostNs = 3000;
// Nearer than this no two messages of a ping-pong are (the best round trip seen is 60 ns, by the bare
// exchange).
constexpr std::int64_t kStreamNs = 50;

void spend(std::uint32_t delay_ns) {
  const std::int64_t until_ns = plat_now_ns() + delay_ns;
  while (plat_now_ns() < until_ns) {
  }
}

}  // namespace

void look_at_rate(DrainBackoff& backoff, std::uint64_t messages) {
  const std::int64_t now_ns = plat_now_ns();
  const auto count = static_cast<std::int64_t>(messages - backoff.window_start);
  backoff.fast_stream = now_ns - backoff.window_start_ns < count * kStreamNs;
  backoff.window_start = messages;
  backoff.window_start_ns = now_ns;
}

void stay_away(DrainBackoff& backoff, std::uint64_t messages) {
  const std::uint64_t burst = messages - backoff.burst_start;
  backoff.burst_start = messages;
  if (burst == 0) return;
  if (backoff.stayed && burst <= kNoBurst) {
    backoff.fast_stream = false;
    backoff.stayed = false;
    return;
  }
  if (burst < kBurstShort) {
    backoff.delay_ns = std::clamp(backoff.delay_ns * 2, kFirstNs, kMostNs);
  } else if (burst > kBurstLong) {
    backoff.delay_ns = std::max(backoff.delay_ns / 2, kFirstNs);
  }
  backoff.stayed = true;
  spend(backoff.delay_ns);
}

}  // namespace smipc::detail
