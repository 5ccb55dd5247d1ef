// See setup_lock.h.
#include "platform/windows/setup_lock.h"

#include <algorithm>

#include "platform/windows/section.h"
#include "platform/windows/security.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

DWORD milliseconds_until(std::int64_t deadline_ns) {
  constexpr std::int64_t kMost = 60'000;
  return static_cast<DWORD>(
      std::clamp<std::int64_t>((deadline_ns - plat_now_ns()) / 1'000'000, 0, kMost));
}

}  // namespace

PlatResult SetupLock::enter(Scope scope, const std::string& stem, std::int64_t deadline_ns) {
  // In the machine's scope anybody may have to wait for anybody: who gets at the segment is decided
  // by the segment's own rights.
  Security security(scope == Scope::kSession ? SMIPC_ACCESS_USER : SMIPC_ACCESS_ALL);
  if (!security.ok()) return {SMIPC_E_OS, "cannot make a security descriptor"};
  const std::wstring name = object_name(scope, stem, "setup");
  Handle mutex(
      ::CreateMutexExW(security.attributes(), name.c_str(), 0, SYNCHRONIZE | MUTEX_MODIFY_STATE));
  if (!mutex) return open_failure("CreateMutexExW", name, ::GetLastError());
  switch (::WaitForSingleObject(mutex.get(), milliseconds_until(deadline_ns))) {
    case WAIT_OBJECT_0:
    case WAIT_ABANDONED:
      mutex_ = std::move(mutex);
      return {};
    case WAIT_TIMEOUT:
      return {SMIPC_E_TIMED_OUT, "another process has been opening or closing it all the time"};
    default:
      return os_failure("WaitForSingleObject", ::GetLastError());
  }
}

void SetupLock::leave() {
  if (mutex_) ::ReleaseMutex(mutex_.get());
  mutex_.reset();
}

}  // namespace smipc::detail
