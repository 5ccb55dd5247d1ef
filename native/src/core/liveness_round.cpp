// See liveness_round.h.
#include "core/liveness_round.h"

#include <new>

#include "core/waiting.h"

namespace smipc::detail {
namespace {

constexpr std::size_t kRoundsPerCheck = 8;

}  // namespace

void LivenessRound::look(Channel* const* channels, std::size_t count, bool now) {
  lives_.clear();
  for (std::size_t i = 0; i < count; ++i) look_at(*channels[i], now);
  if (count > 1 && ++rounds_ % kRoundsPerCheck == 0) {
    look_for_peer(*channels[rounds_ / kRoundsPerCheck % count], now);  // I3
  }
}

void LivenessRound::look_at(Channel& channel, bool now) {
  const PlatHolder holder = channel.living_peer();
  if (holder.pid == 0) return;   // I1
  if (holder.start_time == 0) {  // I4
    look_for_peer(channel, now);
    return;
  }
  const auto known = lives_.find(holder);
  if (known != lives_.end()) {
    if (!known->second) look_for_peer(channel, true);  // I2
    return;
  }
  const bool lives = look_for_peer(channel, now) == SMIPC_OK;
  try {
    lives_.emplace(holder, lives);
  } catch (const std::bad_alloc&) {  // the next one of that process is asked for itself
  }
}

}  // namespace smipc::detail
