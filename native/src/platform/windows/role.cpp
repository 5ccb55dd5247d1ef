// See role.h.
#include "platform/windows/role.h"

#include "platform/windows/section.h"
#include "platform/windows/security.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

// How often, a millisecond apart, a role that should be free is tried: somebody may be asking about
// the last holder just now.
constexpr int kAttempts = 50;

}  // namespace

std::wstring role_name(Scope scope, const std::string& stem, std::uint64_t id, std::uint32_t role) {
  return object_name(scope, stem, id, ("role" + std::to_string(role)).c_str());
}

PlatResult role_take(Scope scope, const std::wstring& name, Handle* out) {
  Security security(scope == Scope::kSession ? SMIPC_ACCESS_USER : SMIPC_ACCESS_ALL);
  if (!security.ok()) return {SMIPC_E_OS, "cannot make a security descriptor"};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0) ::Sleep(1);
    Handle role(::CreateEventExW(security.attributes(), name.c_str(), CREATE_EVENT_MANUAL_RESET,
                                 SYNCHRONIZE));
    const DWORD error = ::GetLastError();
    if (role && error != ERROR_ALREADY_EXISTS) {
      *out = std::move(role);
      return {};
    }
    if (!role && error != ERROR_ACCESS_DENIED) return open_failure("CreateEventExW", name, error);
  }
  return {SMIPC_E_END_TAKEN, ""};
}

bool role_exists(const std::wstring& name) {
  const Handle role(::OpenEventW(SYNCHRONIZE, FALSE, name.c_str()));
  return role || ::GetLastError() != ERROR_FILE_NOT_FOUND;
}

}  // namespace smipc::detail
