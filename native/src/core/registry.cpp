// All open ends of this process: for smipc_clean and for fork.
#include <mutex>

#include "core/channel.h"
#include "core/fork_count.h"
#include "core/watcher.h"

namespace smipc::detail {
namespace {

// Leaked on purpose: other threads may still run while static objects are destroyed.
std::mutex& registry_mutex() {
  static auto* mutex = new std::mutex;
  return *mutex;
}

Channel* g_first = nullptr;

// The child has none of the segments (their mappings do not survive fork), and must not touch the
// parent's roles: its handles are dead. Nothing is freed; other threads' locks may be in any state.
void mark_forked() {
  g_fork_count.fetch_add(1, std::memory_order_relaxed);
  for (Channel* channel = g_first; channel != nullptr; channel = channel->next) {
    channel->state.store(EndState::kForked, std::memory_order_relaxed);
    channel->lock.disable();
  }
  g_first = nullptr;
  watchers_forget();
}

}  // namespace

void registry_watch_forks() {
  static const bool done = [] {
    plat_on_fork([] { registry_mutex().lock(); }, [] { registry_mutex().unlock(); }, mark_forked);
    return true;
  }();
  (void)done;
}

void registry_add(Channel* channel) {
  const std::lock_guard<std::mutex> guard(registry_mutex());
  channel->next = g_first;
  if (g_first != nullptr) g_first->previous = channel;
  g_first = channel;
}

void registry_remove(Channel* channel) {
  const std::lock_guard<std::mutex> guard(registry_mutex());
  if (channel->previous != nullptr) channel->previous->next = channel->next;
  if (channel->next != nullptr) channel->next->previous = channel->previous;
  if (g_first == channel) g_first = channel->next;
  channel->previous = nullptr;
  channel->next = nullptr;
}

Status registry_close_all() {
  for (;;) {
    Channel* channel;
    {
      const std::lock_guard<std::mutex> guard(registry_mutex());
      channel = g_first;
    }
    if (channel == nullptr) return SMIPC_OK;
    channel_close(*channel);  // takes it off the list
  }
}

}  // namespace smipc::detail
