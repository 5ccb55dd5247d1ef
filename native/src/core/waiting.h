// Waiting for the opposite end: spin, then sleep, and know when it is gone.
//
// The sleeping protocol, per direction; the sleeper S waits for a condition that the waker W makes
// true by a release store of its cursor (or by closing):
//   S1  wait_word |= kSleeping          W1  cursor = ... (release)
//   S2  plat_barrier_shared()           W2  compiler fence (a real one if S has kFences)
//   S3  check the condition again       W3  read wait_word; kSleeping? clear it, wake
//   S4  sleep while wait_word is as S1 left it
// The lost wake-up this prevents: W reads the word before S1 and S checks before W1. S2 orders W's
// store and load on W's own core, so W3 cannot miss S1 when S3 has missed W1.
//
// I1. A sleep lasts kSliceNs at most: a waker that was killed between W1 and W3, or a barrier that a
//     peer could not register for, costs one slice and never a hang.
// I2. After every slice without news the OS is asked whether the opposite role is held.
// I3. Only wakers clear kSleeping, and they wake everybody: several threads may sleep on one end (a
//     read, smipc_wait, the watcher), and one whose time is up must not take the bit from another.
//     The price is one needless wake-up after a wait that timed out.
//     It also means that a sleep after a sleep needs neither S1 nor S2, as long as kSleeping is still
//     set and no other thread of ours has announced anything since (`announcements`, counted before
//     S1): then it is the bit that our own S2 has made known.
// I4. The opposite end's flags are read before the condition is checked for the last time, so what
//     it wrote before it closed or died is seen first.
#pragma once

#include "core/channel.h"
#include "core/deadline.h"

namespace smipc::detail {

inline constexpr std::int64_t kSliceNs = 75'000'000;

// Whether the opposite end is gone, from its flags alone. The error is not recorded yet.
Status peer_gone(const Channel& channel);

// Asks the OS, at most every kSliceNs unless `now`, whether an opposite end that looks open is alive,
// and marks it as dead if not. Gives peer_gone(). `time_ns` is of the coarse clock, which on Windows
// has nothing to do with the other.
Status look_for_peer(Channel& channel, bool now, std::int64_t time_ns = plat_now_coarse_ns());

// A stream writer that could not write, and gave up, leaves word that it wants room (I3 of
// stream.cpp); this takes it back.
void forget_stall(Channel& channel);

// Whether a wait of this end begins with spinning.
bool spins_first(const Channel& channel);

// Waits until ready(context) or the deadline. `wanted_bytes` is what a writer needs.
// SMIPC_OK, _TIMED_OUT, _INTERRUPTED, _CLOSED, _OPPOSITE_CLOSED, _OPPOSITE_DIED, _BUSY (a listener
// is to stop); errors are recorded.
//
// ready gets `thorough`: true before every decision (to sleep, to give up), when it must look at
// everything; false while spinning, when it should look at what costs the opposite end least.
using ReadyFunction = bool (*)(Channel& channel, void* context, bool thorough);
Status wait_for_peer(Channel& channel, const Deadline& deadline, std::uint64_t wanted_bytes,
                     ReadyFunction ready, void* context);

template <class Ready>
Status wait_until(Channel& channel, const Deadline& deadline, std::uint64_t wanted_bytes,
                  Ready ready) {
  return wait_for_peer(
      channel, deadline, wanted_bytes,
      [](Channel&, void* context, bool thorough) {
        return (*static_cast<Ready*>(context))(thorough);
      },
      &ready);
}

// W2 and W3: after a cursor has been stored. The fast paths ask must_wake_peer, and wake by themselves.
// True: it slept.
bool wake_peer_slowly(Channel& channel);
inline bool must_wake_peer(const Channel& channel) {
  std::atomic_signal_fence(std::memory_order_seq_cst);  // W2 (pairs with S2)
  // W3 (pairs with S1). Relaxed: the barrier of the sleeper orders it.
  const std::uint32_t word = channel.peer->wait_word.load(std::memory_order_relaxed);
  return ((word | channel.force_attention) & (kSleeping | kFences)) != 0;
}
inline void wake_peer(Channel& channel) {
  if (must_wake_peer(channel)) [[unlikely]]
    wake_peer_slowly(channel);
}

// S1 and S2: announces the sleep and returns the word to sleep on. *announcement is 0 before the
// first sleep of a wait and then belongs to it (I3).
std::uint32_t announce_sleep(Channel& channel, std::uint32_t* announcement);

}  // namespace smipc::detail
