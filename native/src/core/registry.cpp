// All open ends of this process: for smipc_clean and for fork.
#include <mutex>

#include "core/channel.h"
#include "core/fork_count.h"
#include "core/watcher.h"
#include "platform/lasting_mutex.h"

namespace smipc::detail {
namespace {

LastingMutex g_lasting;
constexpr std::mutex& g_mutex = g_lasting.mutex;

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

// When the library is loaded, and not at the first open: another thread may be in that when this
// one forks.
[[maybe_unused]] const bool g_watches_forks = [] {
  plat_on_fork([] { g_mutex.lock(); }, [] { g_mutex.unlock(); }, mark_forked);
  return true;
}();

}  // namespace

void registry_add(Channel* channel) {
  const std::lock_guard<std::mutex> guard(g_mutex);
  channel->next = g_first;
  if (g_first != nullptr) g_first->previous = channel;
  g_first = channel;
}

void registry_remove(Channel* channel) {
  const std::lock_guard<std::mutex> guard(g_mutex);
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
      const std::lock_guard<std::mutex> guard(g_mutex);
      channel = g_first;
    }
    if (channel == nullptr) return SMIPC_OK;
    channel_close(*channel);  // takes it off the list
  }
}

}  // namespace smipc::detail
