// All open ends and other handles of this process: for smipc_clean and for fork.
#include <mutex>
#include <type_traits>

#include "core/call_lock.h"
#include "core/channel.h"
#include "core/fork_count.h"
#include "core/open_handles.h"
#include "core/watcher.h"
#include "platform/named_objects.h"

namespace smipc::detail {

// The list of OpenHandle; the registry's mutex guards it.
struct OpenHandles {
  static inline OpenHandle* first = nullptr;
  static inline std::uint64_t rounds = 0;

  static void insert(OpenHandle& handle) {
    handle.next_ = first;
    if (first != nullptr) first->previous_ = &handle;
    first = &handle;
  }

  static void erase(OpenHandle& handle) {
    if (handle.previous_ != nullptr) handle.previous_->next_ = handle.next_;
    if (handle.next_ != nullptr) handle.next_->previous_ = handle.previous_;
    if (first == &handle) first = handle.next_;
    handle.previous_ = handle.next_ = nullptr;
  }

  static OpenHandle* not_closed_in(std::uint64_t round) {
    OpenHandle* handle = first;
    while (handle != nullptr && handle->round_ >= round) handle = handle->next_;
    return handle;
  }

  // The parent's threads are closing nothing here.
  static void forget_closing() {
    for (OpenHandle* handle = first; handle != nullptr; handle = handle->next_) {
      handle->closing_ = 0;
    }
  }

  static void close_all(std::unique_lock<CallLock>& lock) {
    const std::uint64_t round = ++rounds;
    while (OpenHandle* handle = not_closed_in(round)) {
      handle->round_ = round;
      ++handle->closing_;  // so it stays, while others may come and go
      lock.unlock();
      handle->close_(handle->handle_);
      lock.lock();
      --handle->closing_;
    }
  }

  static bool is_closing(const OpenHandle& handle) { return handle.closing_ > 0; }
};

namespace {

constexpr std::int64_t kPauseNs = 1'000'000;

// Usable while static objects are made and destroyed, when other threads may run already, or still.
// (Not every platform's std::mutex is.)
constinit CallLock g_mutex;
static_assert(std::is_trivially_destructible_v<CallLock>);

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
  OpenHandles::forget_closing();
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
  const std::lock_guard<CallLock> guard(g_mutex);
  channel->next = g_first;
  if (g_first != nullptr) g_first->previous = channel;
  g_first = channel;
}

void registry_remove(Channel* channel) {
  const std::lock_guard<CallLock> guard(g_mutex);
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
      const std::lock_guard<CallLock> guard(g_mutex);
      channel = g_first;
    }
    if (channel == nullptr) return SMIPC_OK;
    channel_close(*channel);  // takes it off the list
  }
}

void OpenHandle::add() {
  const std::lock_guard<CallLock> guard(g_mutex);
  OpenHandles::insert(*this);
}

void OpenHandle::remove() {
  std::unique_lock<CallLock> lock(g_mutex);
  while (OpenHandles::is_closing(*this)) {
    lock.unlock();
    plat_pause(kPauseNs);
    lock.lock();
  }
  OpenHandles::erase(*this);
}

void open_handles_close() {
  std::unique_lock<CallLock> lock(g_mutex);
  OpenHandles::close_all(lock);
}

}  // namespace smipc::detail
