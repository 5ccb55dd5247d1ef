// A handle to a named semaphore: the OS's object behind a gate that closing can shut.
//
// 1. The platform object is used only inside the gate, and closed only when the gate is shut and
//    nobody is inside; so no call ever meets a semaphore that has gone.
// 2. No wait is longer than kSliceNs without a look at the gate: the OS has no way to wake one
//    waiter of a semaphore without giving it the semaphore.
// A process that dies with a semaphore taken leaves it taken, as the OS has it.
#pragma once

#include <string>

#include "core/deadline.h"
#include "core/handle_gate.h"
#include "core/named_object.h"
#include "core/open_handles.h"

namespace smipc::detail {

inline constexpr char kSemaphoreNoun[] = "semaphore";

struct Semaphore {
  Semaphore(std::string name_, const UnlinkRule& rule_) : name(std::move(name_)), rule(rule_) {}
  std::string name;
  UnlinkRule rule;
  PlatSemaphore* platform = nullptr;
  HandleGate gate;
  OpenHandle listed;
};

Status semaphore_acquire_slowly(Semaphore& semaphore, std::int64_t timeout_ns);
Status semaphore_release(Semaphore& semaphore, std::uint32_t count);
Status semaphore_close(Semaphore& semaphore);

inline Status semaphore_closed(const Semaphore& semaphore) {
  return fail_object(SMIPC_E_CLOSED, kSemaphoreNoun, "/" + semaphore.name, "it is closed");
}

// Takes one; the wait, if there has to be one, is elsewhere.
inline Status semaphore_acquire(Semaphore& semaphore, std::int64_t timeout_ns) {
  if (!semaphore.gate.enter()) return semaphore_closed(semaphore);
  const bool taken = plat_semaphore_try(semaphore.platform);
  if (taken) [[likely]] {
    semaphore.gate.leave();
    return SMIPC_OK;
  }
  return semaphore_acquire_slowly(semaphore, timeout_ns);
}

}  // namespace smipc::detail

// The opaque type of smipc.h.
struct smipc_semaphore : smipc::detail::Semaphore {
  using Semaphore::Semaphore;
};
