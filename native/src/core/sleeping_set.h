// Sleeping on several readers at once: the protocol of waiting.h for a set of channels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/channel.h"
#include "core/reading.h"

namespace smipc::detail {

// The most channels a set may hold: one place is for a bell.
inline constexpr std::size_t kSleepingSetMax = kWaitManyMax - 1;

// Sleeps of one thread on the same channels, one after the other. The channels stay open as long as
// the set knows them.
class SleepingSet {
 public:
  // Sleeps until one of the channels may be readable, the bell (may be NULL) has rung since `ring`
  // was taken, or timeout_ns has passed.
  PlatWake sleep(Channel* const* channels, std::size_t count, const PlatWaitPoint* ring,
                 std::int64_t timeout_ns);

  // Before other channels take the places of these.
  void forget() { known_ = 0; }

 private:
  // Announces the sleep on a channel; true: the barrier has to follow.
  bool announce(Channel& channel, std::size_t place, std::uint32_t* word);

  // Of the last sleep, by place (I3 of waiting.h).
  std::uint32_t announcements_[kSleepingSetMax] = {};
  std::size_t known_ = 0;
};

}  // namespace smipc::detail
