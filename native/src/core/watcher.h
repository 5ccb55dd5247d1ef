// Watching many readers at once: the threads behind smipc_channel_fd, and smipc_wait.
//
// A watch group is a thread that sleeps on up to kWaitManyMax - 1 wait words and its own bell, and
// makes a descriptor readable when its reader can be read. Groups are shared by all channels of the
// process and started when the first descriptor is asked for.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/channel.h"
#include "core/deadline.h"

namespace smipc::detail {

class WatchGroup;

// One watched reader. Owned by its channel, which stops it before its segment goes.
class WatchEntry {
 public:
  // On failure the error is recorded.
  static Status start(Channel& channel, std::unique_ptr<WatchEntry>* out);
  ~WatchEntry();

  std::int32_t fd() const { return fd_; }

  // The descriptor stops being readable, and becomes so again when there is something to read.
  void arm();

  // No more use of the channel when it returns. Idempotent.
  void stop();

 private:
  friend class WatchGroup;
  explicit WatchEntry(Channel& channel) : channel_(channel) {}

  Channel& channel_;
  WatchGroup* group_ = nullptr;
  std::int32_t fd_ = -1;
  std::atomic<bool> armed_{false};
};

// In a forked child: the threads do not exist there.
void watchers_forget();

// smipc_wait. Readers only, all open.
Status wait_for_any(Channel* const* channels, std::size_t count, const Deadline& deadline,
                    std::uint8_t* out_ready, std::size_t* out_count);

}  // namespace smipc::detail
