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

PlatWake sleep_on_all(Channel* const* channels, std::size_t count, const PlatWaitPoint* ring,
                      std::int64_t timeout_ns) {
  PlatWaitPoint points[kWaitManyMax];
  bool fence_only = false;
  for (std::size_t i = 0; i < count; ++i) {
    Channel& channel = *channels[i];
    // S1 for each, then one S2 for all (waiting.h).
    channel.wait.announcements.fetch_add(1, std::memory_order_seq_cst);
    const std::uint32_t before =
        channel.self->wait_word.fetch_or(kSleeping, std::memory_order_seq_cst);
    points[i] = channel.wait_point(before | kSleeping);
    fence_only = fence_only || channel.force_attention != 0;
  }
  if (fence_only) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
  } else {
    plat_barrier_shared();
  }
  std::size_t used = count;
  if (ring != nullptr) points[used++] = *ring;
  const bool ready = std::any_of(channels, channels + count, [](const Channel* channel) {
    return !is_usable(*channel) || can_read_now(*channel);  // S3
  });
  if (ready) return PlatWake::kWoken;
  return plat_wait_many(points, used, std::min(timeout_ns, kSliceNs));  // S4
}

}  // namespace smipc::detail
