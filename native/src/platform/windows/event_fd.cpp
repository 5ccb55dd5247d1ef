// Readiness for other event loops on Windows: a manual-reset event. Handles of the OS have 32
// significant bits, so one fits where POSIX has a descriptor.
#include "platform/windows/windows_api.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

HANDLE handle_of(std::int32_t fd) {
  return reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(fd));
}

}  // namespace

PlatResult plat_event_fd_create(std::int32_t* out) {
  Handle event(::CreateEventW(nullptr, TRUE, FALSE, nullptr));
  if (!event) return os_failure("CreateEventW", ::GetLastError());
  *out = static_cast<std::int32_t>(reinterpret_cast<std::intptr_t>(event.release()));
  return {};
}

void plat_event_fd_set(std::int32_t fd) { ::SetEvent(handle_of(fd)); }

void plat_event_fd_clear(std::int32_t fd) { ::ResetEvent(handle_of(fd)); }

void plat_event_fd_close(std::int32_t fd) { ::CloseHandle(handle_of(fd)); }

}  // namespace smipc::detail
