// The lock of the setup section: a named mutex per name and scope.
//
// The OS frees it when its owner dies and tells the next one so (WAIT_ABANDONED). That is nothing
// to act on: if nobody waits, the mutex goes with its owner and the next one makes a fresh one, so
// whoever enters checks what is inside in any case.
#pragma once

#include "platform/windows/names.h"
#include "platform/windows/windows_api.h"

namespace smipc::detail {

// Belongs to the thread that enters, until destruction by that thread.
class SetupLock {
 public:
  SetupLock() = default;
  ~SetupLock() { leave(); }
  SetupLock(const SetupLock&) = delete;
  SetupLock& operator=(const SetupLock&) = delete;

  // SMIPC_E_TIMED_OUT, _PERMISSION, _NOT_SMIPC, _OS.
  PlatResult enter(Scope scope, const std::string& stem, std::int64_t deadline_ns);
  void leave();
  bool is_held() const { return static_cast<bool>(mutex_); }

 private:
  Handle mutex_;
};

}  // namespace smipc::detail
