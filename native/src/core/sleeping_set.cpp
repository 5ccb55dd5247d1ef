// See sleeping_set.h.
#include "core/sleeping_set.h"

#include <algorithm>

namespace smipc::detail {
namespace {

bool is_usable(const Channel& channel) {
  // Q1 (pairs with Q2): ordered after S1, which is seq_cst like the kick.
  return channel.state.load(std::memory_order_acquire) == EndState::kUsable;
}

}  // namespace

bool SleepingSet::announce(Channel& channel, std::size_t place, std::uint32_t* word) {
  std::atomic<std::uint32_t>& announcements = channel.wait.announcements;
  *word = channel.self->wait_word.load(std::memory_order_seq_cst);
  if (place < known_ && (*word & kSleeping) != 0 &&
      announcements.load(std::memory_order_seq_cst) == announcements_[place]) {
    return false;
  }
  // Before S1: whoever sees a bit that is not ours sees this, too.
  announcements_[place] = announcements.fetch_add(1, std::memory_order_seq_cst) + 1;
  *word = channel.self->wait_word.fetch_or(kSleeping, std::memory_order_seq_cst) | kSleeping;  // S1
  return true;
}

PlatWake SleepingSet::sleep(Channel* const* channels, std::size_t count, const PlatWaitPoint* ring,
                            std::int64_t timeout_ns) {
  PlatWaitPoint points[kWaitManyMax];
  bool announced = false;
  bool fence_only = false;
  for (std::size_t i = 0; i < count; ++i) {
    Channel& channel = *channels[i];
    std::uint32_t word = 0;
    // S1 for each, then one S2 for all (waiting.h).
    announced = announce(channel, i, &word) || announced;
    points[i] = channel.wait_point(word);
    fence_only = fence_only || channel.force_attention != 0;
  }
  known_ = count;
  if (announced) {
    if (fence_only) {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    } else {
      plat_barrier_shared();
    }
  }
  std::size_t used = count;
  if (ring != nullptr) points[used++] = *ring;
  const bool ready = std::any_of(channels, channels + count, [](const Channel* channel) {
    return !is_usable(*channel) || can_read_now(*channel);  // S3
  });
  if (ready) return PlatWake::kWoken;
  return plat_wait_many(points, used, timeout_ns);  // S4
}

}  // namespace smipc::detail
