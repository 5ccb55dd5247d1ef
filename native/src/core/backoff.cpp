// See backoff.h.
#include "core/backoff.h"

#include <algorithm>

#include "platform/platform.h"

namespace smipc::detail {
namespace {

constexpr std::uint64_t kBurstAlways = 8;  // no ping-pong sends so many at once
constexpr std::uint64_t kBurstShort = 32;
constexpr std::uint64_t kBurstLong = 128;
constexpr std::uint32_t kFirstNs = 300;
constexpr std::uint32_t kMostNs = 3000;
constexpr std::uint32_t kLooksPerRate = 32;
// Nearer than this no two messages of a ping-pong are (the best round trip seen is 120 ns).
constexpr std::int64_t kStreamNs = 100;

void look_at_rate(DrainBackoff& backoff, std::uint64_t messages) {
  const std::int64_t now_ns = plat_now_ns();
  const auto count = static_cast<std::int64_t>(messages - backoff.window_start);
  backoff.fast_stream = now_ns - backoff.window_start_ns < count * kStreamNs;
  backoff.window_start = messages;
  backoff.window_start_ns = now_ns;
}

void stay_away(std::uint32_t delay_ns) {
  const std::int64_t until_ns = plat_now_ns() + delay_ns;
  while (plat_now_ns() < until_ns) {
  }
}

void stay_away_after(DrainBackoff& backoff, std::uint64_t messages) {
  const std::uint64_t burst = messages - backoff.burst_start;
  backoff.burst_start = messages;
  if (burst == 0) return;
  if (burst < kBurstShort) {
    backoff.delay_ns = std::clamp(backoff.delay_ns * 2, kFirstNs, kMostNs);
  } else if (burst > kBurstLong) {
    backoff.delay_ns = std::max(backoff.delay_ns / 2, kFirstNs);
  }
  stay_away(backoff.delay_ns);
}

void count_look(DrainBackoff& backoff, std::uint64_t messages) {
  if (++backoff.looks % kLooksPerRate == 0) look_at_rate(backoff, messages);
}

}  // namespace

void back_off_after_burst(DrainBackoff& backoff, std::uint64_t messages) {
  count_look(backoff, messages);
  const std::uint64_t burst = messages - backoff.burst_start;
  if (burst >= kBurstAlways || backoff.fast_stream) {
    stay_away_after(backoff, messages);
  } else {
    backoff.burst_start = messages;
  }
}

void back_off_when_close(DrainBackoff& backoff, std::uint64_t messages) {
  count_look(backoff, messages);
  if (backoff.fast_stream) stay_away_after(backoff, messages);
}

}  // namespace smipc::detail
