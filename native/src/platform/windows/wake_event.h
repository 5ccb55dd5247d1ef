// The event that the threads of one process sleep on for one role of a segment, or for one bell.
//
// It is set by other processes, who know of one sleeper at most; here there may be several (one in a
// call, one in smipc_wait). An auto-reset event wakes one thread, and a manual-reset one can be reset
// by a thread that comes back while another has not gone to sleep yet. So the thread that is
// woken sees to the others:
//   I1. Every sleeper has a ticket, in order of arrival.
//   I2. A wake is for all tickets given out before the first thread woke. That thread notes the
//       limit, and sets the event again as long as there are sleepers with tickets below it.
//   I3. Each such thread does the same when it wakes, so the chain ends with the last of them. A
//       newcomer that takes another's turn starts a chain of its own: a wake too many, never one too few.
#pragma once

#include <vector>

#include "platform/windows/windows_api.h"

namespace smipc::detail {

class WakeEvent {
 public:
  // With a name, the event is shared with other processes; without, it is private.
  PlatResult create(const wchar_t* name, SECURITY_ATTRIBUTES* attributes);

  HANDLE handle() const { return event_.get(); }
  void set() { ::SetEvent(event_.get()); }

  // Around a wait for the handle; `woken`: the wait ended with it.
  std::uint64_t begin_sleep();
  void end_sleep(std::uint64_t ticket, bool woken);

 private:
  Handle event_;
  SRWLOCK lock_ = SRWLOCK_INIT;
  std::uint64_t next_ticket_ = 1;
  std::uint64_t wake_below_ = 0;
  std::vector<std::uint64_t> sleepers_;
};

}  // namespace smipc::detail
