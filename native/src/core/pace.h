// Letting the other side of a queue run ahead a little, for the reason that backoff.h gives: two
// processes that take a lock and its lines from each other for every message crawl. Here a message
// costs so much that its rate does not tell a stream from a ping-pong, so it is tried out: now and
// then a call that finds nothing stays away for a moment, and if several messages (or several
// free slots) are there afterwards, the next ones do, too. The more seldom that was so, the more seldom
// it is tried.
#pragma once

#include <algorithm>
#include <cstdint>

#include "platform/platform.h"

namespace smipc::detail {

class Pace {
 public:
  // When there is nothing; `moved` is how many messages this side has moved in all.
  void found_nothing(std::uint64_t moved) {
    const std::uint64_t burst = moved - last_moved_;
    last_moved_ = moved;
    if (burst >= kSeveral) {
      in_stream_ = true;
      try_every_ = kTryEvery;
      short_bursts_ = 0;
    } else if (in_stream_ && ++short_bursts_ >= kShortBursts) {
      in_stream_ = false;
    }
    if (in_stream_) {
      adapt(burst);
      stay_away(delay_ns_);
    } else if (++since_try_ >= try_every_) {
      since_try_ = 0;
      try_every_ = std::min(try_every_ * 2, kTrySeldom);
      stay_away(kTryNs);
    }
  }

 private:
  static constexpr std::uint64_t kSeveral = 4;
  static constexpr std::uint64_t kShort = 16;
  static constexpr std::uint64_t kLong = 64;
  static constexpr std::uint32_t kShortBursts = 8;
  static constexpr std::uint32_t kTryEvery = 16;
  static constexpr std::uint32_t kTrySeldom = 2048;
  static constexpr std::int64_t kTryNs = 3000;
  static constexpr std::int64_t kLeastNs = 300;
  static constexpr std::int64_t kMostNs = 6000;

  void adapt(std::uint64_t burst) {
    if (burst < kShort) delay_ns_ = std::min(delay_ns_ * 2, kMostNs);
    if (burst > kLong) delay_ns_ = std::max(delay_ns_ / 2, kLeastNs);
  }

  static void stay_away(std::int64_t ns) {
    const std::int64_t until_ns = plat_now_ns() + ns;
    while (plat_now_ns() < until_ns) plat_spin_pause();
  }

  std::uint64_t last_moved_ = 0;
  std::int64_t delay_ns_ = kLeastNs;
  std::uint32_t short_bursts_ = 0;
  std::uint32_t since_try_ = 0;
  std::uint32_t try_every_ = kTryEvery;
  bool in_stream_ = false;
};

}  // namespace smipc::detail
