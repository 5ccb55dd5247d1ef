// See waiting.h.
#include "core/waiting.h"

#include <thread>
#include <utility>

namespace smipc::detail {
namespace {

// Who waited this long in vain goes back to sleep at once.
constexpr std::int64_t kInVainNs = 1'000'000;
constexpr int kPollsPerClock = 32;
// The same for calls that must not sleep (SMIPC_SOON), which keep an event loop from other work: so
// seldom that it is some 2 us on average.
constexpr std::uint32_t kSoonProbeEvery = 64;
// Polls before anything is written down or a clock is read: some 3 us. An answer within them costs
// no line but the cursor's.
constexpr int kQuickPolls = 256;

// No static inside the function: its guard may be held by another thread when this one forks, and
// the child would wait for it for ever.
std::atomic<unsigned> g_cpu_count{0};

bool is_only_processor() {
  unsigned count = g_cpu_count.load(std::memory_order_relaxed);
  if (count == 0) {
    count = plat_cpu_count();
    g_cpu_count.store(count, std::memory_order_relaxed);
  }
  return count == 1;
}

// Spinning is in the way of an opposite end that can only run on our processor.
bool shares_processor(const Channel& channel) {
  const bool only_one = is_only_processor();
  const std::uint32_t cpu = channel.self->only_cpu.load(std::memory_order_relaxed);
  return only_one || (cpu != 0 && cpu == channel.peer->only_cpu.load(std::memory_order_relaxed));
}

std::int64_t spin_budget(const Channel& channel) {
  return spins_first(channel) ? channel.wait.spins.budget_ns() : 0;
}

// What ends a wait besides the condition; SMIPC_OK: nothing.
Status reason_to_stop(const Channel& channel) {
  // Q1 (pairs with Q2 in close.cpp and listener.cpp): flags before the kick that ends a sleep.
  if (channel.state.load(std::memory_order_seq_cst) != EndState::kUsable) return SMIPC_E_CLOSED;
  if (channel.stop_listening.load(std::memory_order_seq_cst)) return SMIPC_E_BUSY;
  return peer_gone(channel);
}

// I4: what was written before the end came counts first.
Status stop_unless_ready(Channel& channel, Status reason, ReadyFunction ready, void* context) {
  if (reason != SMIPC_E_CLOSED && ready(channel, context, true)) return SMIPC_OK;
  return fail(reason, channel.name);
}

// Polls for up to spin_ns; true: something happened, look.
bool spin(Channel& channel, const Deadline& deadline, std::int64_t start_ns, std::int64_t spin_ns,
          ReadyFunction ready, void* context) {
  for (;;) {
    for (int poll = 0; poll < kPollsPerClock; ++poll) {
      if (ready(channel, context, false)) return true;
      plat_spin_pause();
    }
    if (reason_to_stop(channel) != SMIPC_OK) return true;
    const std::int64_t now = plat_now_ns();
    if (now - start_ns >= spin_ns || deadline.passed(now)) return false;
    if (shares_processor(channel)) std::this_thread::yield();
  }
}

// One sleep of at most a slice. SMIPC_OK: look again.
Status sleep_once(Channel& channel, const Deadline& deadline, std::uint32_t* announcement,
                  ReadyFunction ready, void* context) {
  const std::uint32_t expected = announce_sleep(channel, announcement);
  Status status = SMIPC_OK;
  if (reason_to_stop(channel) == SMIPC_OK && !ready(channel, context, true)) {  // S3
    const std::int64_t slice_ns = deadline.slice(plat_now_ns(), kSliceNs);
    const PlatWake wake = plat_wait(channel.wait_point(expected), slice_ns);  // S4
    if (wake == PlatWake::kInterrupted) status = SMIPC_E_INTERRUPTED;
    if (wake == PlatWake::kPeerEnded) look_for_peer(channel, true);
  }
  return status;
}

// The first, cheap part: true when the condition came true.
bool quick_spin(Channel& channel, ReadyFunction ready, void* context) {
  for (int poll = 0; poll < kQuickPolls; ++poll) {
    if (ready(channel, context, false)) {
      channel.wait.spins.learn(0);
      return true;
    }
    plat_spin_pause();
  }
  return false;
}

// All the waiting of a call that must not sleep. True: the condition is true. The budget halves with
// each spin that was in vain and is back at once when one was not.
bool spin_soon(Channel& channel, ReadyFunction ready, void* context) {
  WaitState& wait = channel.wait;
  if (!spins_first(channel)) return false;
  bool came = false;
  for (int poll = 0; poll < kQuickPolls && !came; ++poll) {
    came = ready(channel, context, false);
    if (!came) plat_spin_pause();
  }
  if (!came) {
    std::int64_t spin_ns = wait.soon_ns;
    if (spin_ns == 0 && ++wait.soon_misses % kSoonProbeEvery == 0) spin_ns = kProbeSpinNs;
    came = spin_ns > 0 &&
           spin(channel, Deadline(kForever), plat_now_ns(), spin_ns, ready, context) &&
           ready(channel, context, true);
  }
  wait.soon_ns = came ? kLongSpinNs : wait.soon_ns / 2;
  if (wait.soon_ns < kShortSpinNs) wait.soon_ns = 0;
  return came;
}

bool is_stream_writer(const Channel& channel) {
  return channel.framing == SMIPC_STREAM && channel.is_writer();
}

// Says in shared memory that this end waits, and lets an opposite end that sleeps know, because it
// may be waiting for us (a reader that wants more bytes than the writer has room for).
void announce_stall(Channel& channel, std::uint64_t wanted_bytes) {
  EndShm& self = *channel.self;
  self.waits.store(self.waits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  self.wanted_bytes.store(wanted_bytes, std::memory_order_relaxed);
  self.stalled.store(1, std::memory_order_release);  // L2 (pairs with L1)
  if (is_stream_writer(channel)) wake_peer_slowly(channel);
}

// The rest of a wait.
Status wait_patiently(Channel& channel, const Deadline& deadline, bool in_vain,
                      std::int64_t spun_ns, ReadyFunction ready, void* context) {
  const std::int64_t start_ns = plat_now_ns() - spun_ns;
  const bool never_sleeps = channel.wait_policy == SMIPC_WAIT_SPIN;
  std::uint32_t announcement = 0;
  const bool sleeps_at_once = in_vain || spun_ns > 0;
  std::int64_t spin_ns = never_sleeps ? kSliceNs : sleeps_at_once ? 0 : spin_budget(channel);
  for (;;) {
    if (spin_ns > 0) spin(channel, deadline, plat_now_ns(), spin_ns, ready, context);
    if (ready(channel, context, true)) {
      channel.wait.spins.learn(plat_now_ns() - start_ns);
      return SMIPC_OK;
    }
    if (const Status reason = reason_to_stop(channel); reason != SMIPC_OK) {
      return stop_unless_ready(channel, reason, ready, context);
    }
    const std::int64_t now = plat_now_ns();
    if (deadline.passed(now)) {
      // For callers who wait in slices that are shorter than ours, and never sleep.
      if (const Status gone = look_for_peer(channel, false); gone != SMIPC_OK) {
        return stop_unless_ready(channel, gone, ready, context);
      }
      channel.wait.in_vain = !never_sleeps && now - start_ns >= kInVainNs;
      return fail_quietly(SMIPC_E_TIMED_OUT, channel.name);
    }
    if (!never_sleeps) {
      spin_ns = 0;
      const Status status = sleep_once(channel, deadline, &announcement, ready, context);
      if (status == SMIPC_E_INTERRUPTED && !ready(channel, context, true)) {
        return fail_quietly(SMIPC_E_INTERRUPTED, channel.name);
      }
    }
    if (const Status gone = look_for_peer(channel, false); gone != SMIPC_OK) {
      return stop_unless_ready(channel, gone, ready, context);
    }
  }
}

}  // namespace

Status peer_gone(const Channel& channel) {
  // G1 (pairs with G2 in close.cpp): what was written before the end closed.
  const std::uint32_t word = channel.peer->wait_word.load(std::memory_order_acquire);
  if ((word & (kClosed | kDead)) == 0) return SMIPC_OK;
  return (word & kClosed) != 0 ? SMIPC_E_OPPOSITE_CLOSED : SMIPC_E_OPPOSITE_DIED;
}

Status look_for_peer(Channel& channel, bool now, std::int64_t time_ns) {
  const Status gone = peer_gone(channel);
  if (gone != SMIPC_OK) return gone;
  // Relaxed: it only spreads the questions out.
  if (!now &&
      time_ns - channel.wait.last_liveness_ns.load(std::memory_order_relaxed) < kSliceNs * 9 / 10) {
    return SMIPC_OK;
  }
  channel.wait.last_liveness_ns.store(time_ns, std::memory_order_relaxed);
  EndShm& peer = *channel.peer;
  // Read before asking the OS: if a successor attaches meanwhile, the exchange below fails.
  std::uint32_t word = peer.wait_word.load(std::memory_order_acquire);
  if ((word & kOpen) == 0) return SMIPC_OK;  // nobody has come yet
  if (plat_segment_role_held(channel.segment, channel.peer_role(),
                             peer.pid.load(std::memory_order_relaxed),
                             peer.start_time.load(std::memory_order_relaxed))) {
    return SMIPC_OK;
  }
  while ((word & (kClosed | kDead)) == 0) {
    const std::uint32_t dead = word | kDead;
    if (peer.wait_word.compare_exchange_weak(word, dead, std::memory_order_acq_rel)) break;
    if ((word >> kEpochShift) != (dead >> kEpochShift)) return SMIPC_OK;  // a successor is here
  }
  return peer_gone(channel);
}

bool spins_first(const Channel& channel) {
  return channel.wait_policy != SMIPC_WAIT_BLOCK && !shares_processor(channel);
}

void forget_stall(Channel& channel) {
  if (channel.self->stalled.load(std::memory_order_relaxed) != 0) {
    channel.self->stalled.store(0, std::memory_order_relaxed);
  }
}

Status wait_for_peer(Channel& channel, const Deadline& deadline, std::uint64_t wanted_bytes,
                     ReadyFunction ready, void* context) {
  if (ready(channel, context, true)) return SMIPC_OK;
  if (const Status reason = reason_to_stop(channel); reason != SMIPC_OK) {
    return stop_unless_ready(channel, reason, ready, context);
  }
  if (deadline.tries_only()) {
    if (deadline.soon() && spin_soon(channel, ready, context)) return SMIPC_OK;
    const Status gone = look_for_peer(channel, false);
    if (gone != SMIPC_OK) return stop_unless_ready(channel, gone, ready, context);
    if (is_stream_writer(channel)) announce_stall(channel, wanted_bytes);
    return fail_quietly(SMIPC_E_TIMED_OUT, channel.name);
  }
  const bool in_vain = std::exchange(channel.wait.in_vain, false);
  const std::int64_t spun_ns = std::exchange(channel.wait.spun_ns, 0);
  const bool spins = !in_vain && spun_ns == 0 && spins_first(channel);
  if (spins && quick_spin(channel, ready, context)) return SMIPC_OK;
  announce_stall(channel, wanted_bytes);
  const Status status = wait_patiently(channel, deadline, in_vain, spun_ns, ready, context);
  if (status == SMIPC_OK || !is_stream_writer(channel)) forget_stall(channel);
  return status;
}

bool wake_peer_slowly(Channel& channel) {
  // W2 for a peer, or a process of ours, without the asymmetric barrier.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  EndShm& peer = *channel.peer;
  if ((peer.wait_word.load(std::memory_order_relaxed) & kSleeping) == 0) return false;
  const std::uint32_t before = peer.wait_word.fetch_and(~kSleeping, std::memory_order_acq_rel);
  if ((before & kSleeping) == 0) return false;
  plat_wake(channel.peer_wait_point());
  return true;
}

std::uint32_t announce_sleep(Channel& channel, std::uint32_t* announcement) {
  std::atomic<std::uint32_t>& announcements = channel.wait.announcements;
  const std::uint32_t word = channel.self->wait_word.load(std::memory_order_seq_cst);
  if (*announcement != 0 && (word & kSleeping) != 0 &&
      announcements.load(std::memory_order_seq_cst) == *announcement) {
    return word;
  }
  // Before S1: whoever sees a bit that is not ours sees this, too.
  *announcement = announcements.fetch_add(1, std::memory_order_seq_cst) + 1;
  const std::uint32_t before =
      channel.self->wait_word.fetch_or(kSleeping, std::memory_order_seq_cst);  // S1
  if (channel.force_attention == 0) {
    plat_barrier_shared();  // S2 (pairs with W2)
  } else {
    std::atomic_thread_fence(
        std::memory_order_seq_cst);  // the peer reads kFences and does the same
  }
  return before | kSleeping;
}

}  // namespace smipc::detail
