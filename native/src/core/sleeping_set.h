// Sleeping on several readers at once: the protocol of waiting.h for a set of channels.
#pragma once

#include <cstddef>
#include <vector>

#include "core/channel.h"
#include "core/reading.h"

namespace smipc::detail {

// The most channels a set may hold: one place is for a bell.
inline constexpr std::size_t kSleepingSetMax = kWaitManyMax - 1;

// Sleeps until one of the channels may be readable, the bell (may be NULL) has rung since `ring`
// was taken, or timeout_ns has passed; at most one slice.
PlatWake sleep_on_all(Channel* const* channels, std::size_t count, const PlatWaitPoint* ring,
                      std::int64_t timeout_ns);

}  // namespace smipc::detail
