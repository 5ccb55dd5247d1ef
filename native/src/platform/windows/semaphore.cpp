// Named semaphores on Windows: CreateSemaphoreW, by the name "Local\sem.name".
#include <new>

#include "platform/windows/interrupt.h"
#include "platform/windows/object_access.h"
#include "platform/windows/security.h"
#include "smipc.h"

namespace smipc::detail {

struct PlatSemaphore {
  Handle handle;
  std::wstring name;
};

namespace {

constexpr char kPrefix[] = "sem.";
constexpr DWORD kRights = SEMAPHORE_ALL_ACCESS;

// The kernel's way to look at a count without changing it; no header of the SDK declares it.
struct SemaphoreBasicInformation {
  LONG current_count;
  LONG maximum_count;
};
using NtQuerySemaphore = LONG(NTAPI*)(HANDLE, int, void*, ULONG, ULONG*);

NtQuerySemaphore query_function() {
  static const auto function = reinterpret_cast<NtQuerySemaphore>(reinterpret_cast<void*>(
      ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "NtQuerySemaphore")));
  return function;
}

PlatResult open_or_create(const PlatObjectName& name, std::uint32_t initial_value,
                          PlatSemaphore* semaphore, bool* created) {
  *created = false;
  if (name.existence == SMIPC_RAISE_IF_NOT_EXISTS) {
    semaphore->handle = Handle(::OpenSemaphoreW(kRights, FALSE, semaphore->name.c_str()));
    if (semaphore->handle) return {};
    return object_failure("OpenSemaphoreW", ::GetLastError());
  }
  Security security(name.access);
  if (!security.ok()) return os_failure("building a security descriptor", ::GetLastError());
  semaphore->handle =
      Handle(::CreateSemaphoreW(security.attributes(), static_cast<LONG>(initial_value),
                                SMIPC_MAX_SEMAPHORE, semaphore->name.c_str()));
  const DWORD error = ::GetLastError();
  if (!semaphore->handle) return object_failure("CreateSemaphoreW", error);
  *created = error != ERROR_ALREADY_EXISTS;
  return check_existence(name.existence, *created);
}

}  // namespace

PlatResult plat_semaphore_open(const PlatObjectName& name, std::uint32_t initial_value,
                               PlatSemaphore** out, bool* created) {
  auto* semaphore = new (std::nothrow) PlatSemaphore;
  if (semaphore == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  semaphore->name = object_name(kPrefix, name.name);
  PlatResult result = open_or_create(name, initial_value, semaphore, created);
  if (!result) {
    delete semaphore;
    return result;
  }
  *out = semaphore;
  return {};
}

bool plat_semaphore_try(PlatSemaphore* semaphore) {
  return ::WaitForSingleObject(semaphore->handle.get(), 0) == WAIT_OBJECT_0;
}

PlatWake plat_semaphore_wait(PlatSemaphore* semaphore, std::int64_t timeout_ns) {
  InterruptScope interrupt;
  const HANDLE handles[] = {semaphore->handle.get(), interrupt.handle()};
  const DWORD count = interrupt.handle() != nullptr ? 2 : 1;
  const auto milliseconds = static_cast<DWORD>((timeout_ns + 999'999) / 1'000'000);
  switch (::WaitForMultipleObjects(count, handles, FALSE, milliseconds)) {
    case WAIT_OBJECT_0:
      return PlatWake::kWoken;
    case WAIT_OBJECT_0 + 1:
      interrupt.accept();
      return PlatWake::kInterrupted;
    default:
      return PlatWake::kTimedOut;
  }
}

PlatResult plat_semaphore_post(PlatSemaphore* semaphore, std::uint32_t count,
                               std::uint32_t* added) {
  *added = 0;
  if (::ReleaseSemaphore(semaphore->handle.get(), static_cast<LONG>(count), nullptr)) return {};
  const DWORD error = ::GetLastError();
  if (error == ERROR_TOO_MANY_POSTS) return {SMIPC_E_INVALID, ""};
  return os_failure("ReleaseSemaphore", error);
}

PlatResult plat_semaphore_value(PlatSemaphore* semaphore, std::uint32_t* out) {
  SemaphoreBasicInformation info = {};
  const NtQuerySemaphore query = query_function();
  if (query == nullptr || query(semaphore->handle.get(), 0, &info, sizeof info, nullptr) != 0) {
    return {SMIPC_E_UNSUPPORTED, "this system does not tell a semaphore's value"};
  }
  *out = info.current_count > 0 ? static_cast<std::uint32_t>(info.current_count) : 0;
  return {};
}

void plat_semaphore_close(PlatSemaphore* semaphore) { semaphore->handle.reset(); }

void plat_semaphore_free(PlatSemaphore* semaphore) { delete semaphore; }

PlatResult plat_semaphore_unlink_own(PlatSemaphore* semaphore) {
  const Handle found(::OpenSemaphoreW(SYNCHRONIZE, FALSE, semaphore->name.c_str()));
  return found ? PlatResult{} : object_failure("OpenSemaphoreW", ::GetLastError());
}

PlatResult plat_semaphore_unlink(const std::string& name) {
  const std::wstring full = object_name(kPrefix, name);
  const Handle found(::OpenSemaphoreW(SYNCHRONIZE, FALSE, full.c_str()));
  return found ? PlatResult{} : object_failure("OpenSemaphoreW", ::GetLastError());
}

}  // namespace smipc::detail
