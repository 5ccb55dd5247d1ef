// Going in and out of a call on a handle: one place that says who may.
#pragma once

#include "core/channel.h"
#include "core/deadline.h"

namespace smipc::detail {

// Why a call of this kind is not for this handle; records the error.
Status refuse(const Channel& channel, CallKind kind);

// The fast way in: only an open handle, the owner thread, and a call that the end serves.
inline bool enter_fast(Channel& channel, CallKind kind) {
  if (!channel.lock.enter_as_owner()) [[unlikely]]
    return false;
  // Relaxed: `allowed` changes while the lock is held, or before the handle is given out.
  if ((channel.allowed.load(std::memory_order_relaxed) & kind) != 0) [[likely]]
    return true;
  channel.lock.leave_as_owner();
  return false;
}

inline void leave_fast(Channel& channel) { channel.lock.leave_as_owner(); }

// The complete way in. ok(): inside until destruction; otherwise status() says why not.
class Entry {
 public:
  Entry(Channel& channel, CallKind kind, const Deadline& deadline, bool is_listener = false);
  ~Entry();
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  bool ok() const { return status_ == 0; }
  Status status() const { return status_; }

 private:
  Channel& channel_;
  Status status_ = 0;
  bool as_owner_ = false;
};

}  // namespace smipc::detail
