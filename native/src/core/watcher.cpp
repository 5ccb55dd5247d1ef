// See watcher.h.
#include "core/watcher.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <system_error>
#include <vector>

#include "core/quiet_thread.h"
#include "core/sleeping_set.h"

namespace smipc::detail {

class WatchGroup {
 public:
  // Ownership stays with the list of groups, for ever: the thread does not end.
  static WatchGroup* start() {
    auto group = std::make_unique<WatchGroup>();
    if (!plat_bell_create(&group->bell_)) return nullptr;
    WatchGroup* raw = group.release();
    start_quiet_thread([raw] { raw->run(); }).detach();
    return raw;
  }

  bool add(WatchEntry* entry) {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (entries_.size() >= kSleepingSetMax) return false;
    entries_.push_back(entry);
    return true;
  }

  void arm(WatchEntry& entry) {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      plat_event_fd_clear(entry.fd_);
      entry.armed_.store(true, std::memory_order_relaxed);  // under the mutex
    }
    plat_bell_ring(bell_);
  }

  void set_now(WatchEntry& entry) {
    const std::lock_guard<std::mutex> guard(mutex_);
    signal(entry);
  }

  // When it returns the thread has let go of the entry's channel.
  void remove(WatchEntry* entry) {
    std::unique_lock<std::mutex> guard(mutex_);
    std::erase(entries_, entry);
    const std::uint64_t round = round_;
    plat_bell_ring(bell_);
    next_round_.wait(guard, [this, round] { return round_ > round; });
  }

 private:
  static constexpr std::int64_t kIdleNs = 3'600'000'000'000;

  static void signal(WatchEntry& entry) {
    entry.armed_.store(false, std::memory_order_relaxed);
    plat_event_fd_set(entry.fd_);
  }

  void run() {
    std::vector<Channel*> channels;
    for (;;) {
      PlatWaitPoint ring;
      channels.clear();
      {
        const std::lock_guard<std::mutex> guard(mutex_);
        ++round_;
        ring = plat_bell_point(bell_);
        for (WatchEntry* entry : entries_) {
          if (entry->armed_.load(std::memory_order_relaxed)) channels.push_back(&entry->channel_);
        }
      }
      next_round_.notify_all();
      if (channels.empty()) {
        plat_wait(ring, kIdleNs);
        continue;
      }
      const PlatWake wake = sleep_on_all(channels.data(), channels.size(), &ring, kSliceNs);
      for (Channel* channel : channels) look_for_peer(*channel, wake == PlatWake::kPeerEnded);
      signal_ready();
    }
  }

  void signal_ready() {
    const std::lock_guard<std::mutex> guard(mutex_);
    for (WatchEntry* entry : entries_) {
      if (entry->armed_.load(std::memory_order_relaxed) && can_read_now(entry->channel_)) {
        signal(*entry);
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable next_round_;
  std::vector<WatchEntry*> entries_;
  std::uint64_t round_ = 0;
  PlatBell* bell_ = nullptr;
};

namespace {

struct Groups {
  std::mutex mutex;
  std::vector<WatchGroup*> list;
};

// Made without a lock, which another thread could hold when this one forks.
std::atomic<Groups*> g_groups{nullptr};

Groups& groups() {
  Groups* known = g_groups.load(std::memory_order_acquire);
  if (known != nullptr) return *known;
  auto made = std::make_unique<Groups>();
  // Release pairs with the acquire above: the mutex is there before the pointer to it.
  if (!g_groups.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel))
    return *known;
  return *made.release();
}

WatchGroup* join_group(WatchEntry* entry) {
  Groups& all = groups();
  const std::lock_guard<std::mutex> guard(all.mutex);
  for (WatchGroup* group : all.list) {
    if (group->add(entry)) return group;
  }
  WatchGroup* group = WatchGroup::start();
  if (group == nullptr) return nullptr;
  all.list.push_back(group);
  group->add(entry);
  return group;
}

}  // namespace

Status WatchEntry::start(Channel& channel, std::unique_ptr<WatchEntry>* out) {
  std::unique_ptr<WatchEntry> entry(new WatchEntry(channel));
  const PlatResult result = plat_event_fd_create(&entry->fd_);
  if (!result) return fail(result.status, channel.name, result.detail);
  try {
    entry->group_ = join_group(entry.get());
  } catch (const std::system_error& error) {
    return fail(SMIPC_E_LIMIT, channel.name, std::string("cannot start a thread: ") + error.what());
  }
  if (entry->group_ == nullptr) return fail(SMIPC_E_NO_MEMORY, channel.name);
  if (can_read_now(channel)) {
    entry->group_->set_now(*entry);
  } else {
    entry->arm();
  }
  *out = std::move(entry);
  return SMIPC_OK;
}

WatchEntry::~WatchEntry() { stop(); }

void WatchEntry::arm() { group_->arm(*this); }

void WatchEntry::stop() {
  if (group_ != nullptr) group_->remove(this);
  group_ = nullptr;
  if (fd_ >= 0) plat_event_fd_close(fd_);
  fd_ = -1;
}

void watchers_forget() { g_groups.store(nullptr, std::memory_order_relaxed); }

void follow_descriptor_slowly(Channel& channel) { channel.watch->arm(); }

}  // namespace smipc::detail
