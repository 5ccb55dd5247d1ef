// smipc_wait: until any of several readers can be read.
#include <algorithm>
#include <atomic>
#include <system_error>
#include <vector>

#include "core/liveness_round.h"
#include "core/quiet_thread.h"
#include "core/sleeping_set.h"
#include "core/watcher.h"

namespace smipc::detail {
namespace {

// Looks before anybody sleeps: so many at all channels together, and at each.
constexpr std::size_t kQuickLooks = 1024;
constexpr std::size_t kQuickPolls = 64;
// Starting and ending the threads below takes longer (30 to 50 us for each 127 channels).
constexpr std::int64_t kLookBeforeThreadsNs = 100'000;
constexpr std::int64_t kIdleNs = 3'600'000'000'000;

std::size_t mark_ready(Channel* const* channels, std::size_t count, std::uint8_t* out_ready) {
  std::size_t ready = 0;
  for (std::size_t i = 0; i < count; ++i) {
    out_ready[i] = can_read_now(*channels[i]) ? 1 : 0;
    ready += out_ready[i];
  }
  return ready;
}

bool any_closed(Channel* const* channels, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (channels[i]->state.load(std::memory_order_acquire) != EndState::kUsable) return true;
  }
  return false;
}

bool any_ready(Channel* const* channels, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (can_read_now(*channels[i])) return true;
  }
  return any_closed(channels, count);
}

bool look_on(Channel* const* channels, std::size_t count, const Deadline& deadline) {
  const std::int64_t until_ns = plat_now_ns() + kLookBeforeThreadsNs;
  for (;;) {
    if (any_ready(channels, count)) return true;
    const std::int64_t now_ns = plat_now_ns();
    if (now_ns >= until_ns || deadline.passed(now_ns)) return false;
    plat_spin_pause();
  }
}

// More channels than one call to the OS can wait for: a thread for each lot, which sleeps until
// something happens. What one may miss, and who has died, the thread that waits for them looks for.
class Helpers {
 public:
  Helpers(Channel* const* channels, std::size_t count) {
    plat_bell_create(&found_);
    plat_bell_create(&stop_);
    const PlatWaitPoint stop = plat_bell_point(stop_);
    try {
      for (std::size_t first = 0; first < count; first += kSleepingSetMax) {
        const std::size_t lot = std::min(kSleepingSetMax, count - first);
        threads_.push_back(start_quiet_thread([this, channels, first, lot, stop] {
          SleepingSet set;
          while (!stopped_.load(std::memory_order_acquire) && !any_ready(channels + first, lot)) {
            const PlatWake wake = set.sleep(channels + first, lot, &stop, kIdleNs);
            if (wake == PlatWake::kPeerEnded) LivenessRound().look(channels + first, lot, true);
          }
          plat_bell_ring(found_);
        }));
      }
    } catch (...) {
      end();
      throw;
    }
  }
  ~Helpers() { end(); }

  PlatWake wait(std::int64_t timeout_ns, Channel* const* channels, std::size_t count) {
    const PlatWaitPoint found = plat_bell_point(found_);
    if (any_ready(channels, count)) return PlatWake::kWoken;
    return plat_wait(found, timeout_ns);
  }

 private:
  void end() {
    stopped_.store(true, std::memory_order_release);
    plat_bell_ring(stop_);
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    plat_bell_free(found_);
    plat_bell_free(stop_);
    found_ = stop_ = nullptr;
  }

  PlatBell* found_ = nullptr;
  PlatBell* stop_ = nullptr;
  std::atomic<bool> stopped_{false};
  std::vector<std::thread> threads_;
};

// SMIPC_OK: look again.
template <class Sleep>
Status sleep_until_ready(Channel* const* channels, std::size_t count, const Deadline& deadline,
                         Sleep sleep) {
  LivenessRound liveness;
  for (;;) {
    if (any_ready(channels, count)) return SMIPC_OK;
    const std::int64_t now_ns = plat_now_ns();
    if (deadline.passed(now_ns)) return fail_quietly(SMIPC_E_TIMED_OUT, {});
    const PlatWake wake = sleep(deadline.slice(now_ns, kSliceNs));
    liveness.look(channels, count, wake == PlatWake::kPeerEnded);
    if (wake == PlatWake::kInterrupted && !any_ready(channels, count)) {
      return fail_quietly(SMIPC_E_INTERRUPTED, {});
    }
  }
}

Status sleep_for_any(Channel* const* channels, std::size_t count, const Deadline& deadline) {
  if (count <= kSleepingSetMax) {
    SleepingSet set;
    return sleep_until_ready(channels, count, deadline,
                             [channels, count, &set](std::int64_t slice_ns) {
                               return set.sleep(channels, count, nullptr, slice_ns);
                             });
  }
  try {
    Helpers helpers(channels, count);
    return sleep_until_ready(channels, count, deadline,
                             [channels, count, &helpers](std::int64_t slice_ns) {
                               return helpers.wait(slice_ns, channels, count);
                             });
  } catch (const std::system_error& error) {
    return fail(SMIPC_E_LIMIT, {}, std::string("cannot start a thread: ") + error.what());
  }
}

}  // namespace

Status wait_for_any(Channel* const* channels, std::size_t count, const Deadline& deadline,
                    std::uint8_t* out_ready, std::size_t* out_count) {
  *out_count = mark_ready(channels, count, out_ready);
  const std::size_t polls = deadline.tries_only() ? 0 : std::min(kQuickPolls, kQuickLooks / count);
  for (std::size_t poll = 0; poll < polls && *out_count == 0; ++poll) {
    plat_spin_pause();
    if (any_ready(channels, count)) *out_count = mark_ready(channels, count, out_ready);
  }
  if (*out_count == 0 && count > kSleepingSetMax && !deadline.tries_only() &&
      look_on(channels, count, deadline)) {
    *out_count = mark_ready(channels, count, out_ready);
  }
  if (*out_count > 0) return SMIPC_OK;
  LivenessRound().look(channels, count, false);
  if (deadline.tries_only() && !any_ready(channels, count)) {
    return fail_quietly(SMIPC_E_TIMED_OUT, {});
  }
  const Status status = sleep_for_any(channels, count, deadline);
  if (any_closed(channels, count))
    return fail(SMIPC_E_CLOSED, {}, "a channel was closed meanwhile");
  *out_count = mark_ready(channels, count, out_ready);
  return *out_count > 0 ? SMIPC_OK : status;
}

}  // namespace smipc::detail
