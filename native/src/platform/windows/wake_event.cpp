// See wake_event.h.
#include "platform/windows/wake_event.h"

#include <algorithm>

#include "platform/windows/section.h"

namespace smipc::detail {

PlatResult WakeEvent::create(const wchar_t* name, SECURITY_ATTRIBUTES* attributes) {
  event_ = Handle(::CreateEventExW(attributes, name, 0, SYNCHRONIZE | EVENT_MODIFY_STATE));
  if (event_) return {};
  return open_failure("CreateEventExW", name != nullptr ? name : L"an event", ::GetLastError());
}

std::uint64_t WakeEvent::begin_sleep() {
  ::AcquireSRWLockExclusive(&lock_);
  const std::uint64_t ticket = next_ticket_++;
  sleepers_.push_back(ticket);
  ::ReleaseSRWLockExclusive(&lock_);
  return ticket;
}

void WakeEvent::end_sleep(std::uint64_t ticket, bool woken) {
  ::AcquireSRWLockExclusive(&lock_);
  sleepers_.erase(std::find(sleepers_.begin(), sleepers_.end(), ticket));
  if (woken && ticket >= wake_below_) wake_below_ = next_ticket_;                       // I2
  const bool pass_on = woken && !sleepers_.empty() && sleepers_.front() < wake_below_;  // I3
  ::ReleaseSRWLockExclusive(&lock_);
  if (pass_on) set();
}

}  // namespace smipc::detail
