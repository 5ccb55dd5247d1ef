// Asking after many opposite ends at the price of a few questions.
//
// Whoever waits for many channels often waits for few processes, and a process that ends gives up
// all of its roles. So one role of each process is asked for, and speaks for the others.
//
// I1. Only an end that counts as open speaks or is spoken for: one that its process has closed says
//     so by its flags.
// I2. If a role is not held any more, every other role of that process is asked for itself.
// I3. Every eighth round one channel is asked for itself, in turn: an end that does not say the truth about
//     its process, which then speaks for nobody but itself, is found out in the end.
// I4. Ends that do not tell their process from others (no start time) are asked for each.
#pragma once

#include <unordered_map>

#include "core/channel.h"

namespace smipc::detail {

class LivenessRound {
 public:
  // Marks the opposite ends that have died. As look_for_peer, each process is asked at most once in
  // a slice, unless `now`.
  void look(Channel* const* channels, std::size_t count, bool now);

 private:
  struct Hash {
    std::size_t operator()(const PlatHolder& holder) const {
      return static_cast<std::size_t>(holder.start_time ^ holder.pid);
    }
  };
  void look_at(Channel& channel, bool now);

  std::unordered_map<PlatHolder, bool, Hash> lives_;  // of this round: whether the process does
  std::size_t rounds_ = 0;                            // for I3
};

}  // namespace smipc::detail
