// See object_access.h.
#include "platform/windows/object_access.h"

#include "smipc.h"

namespace smipc::detail {

PlatResult object_failure(const char* call, DWORD error) {
  switch (error) {
    case ERROR_FILE_NOT_FOUND:
      return {SMIPC_E_NOT_FOUND, "it does not exist"};
    case ERROR_ACCESS_DENIED:
      return {SMIPC_E_PERMISSION, "it belongs to another user"};
    case ERROR_INVALID_HANDLE:
      return {SMIPC_E_EXISTS, "an object of another kind has its name"};
    default:
      return os_failure(call, error);
  }
}

std::wstring object_name(const char* prefix, const std::string& name) {
  return L"Local\\" + wide(prefix + name);
}

PlatResult check_existence(std::uint32_t existence, bool created) {
  if (created || existence == SMIPC_LINK_OR_CREATE || existence == SMIPC_RAISE_IF_NOT_EXISTS) {
    return {};
  }
  if (existence == SMIPC_RAISE_IF_EXISTS) return {SMIPC_E_EXISTS, "it exists already"};
  return {SMIPC_E_EXISTS, "it is in use, and Windows cannot give its name to a new one"};
}

void plat_pause(std::int64_t ns) { ::Sleep(static_cast<DWORD>((ns + 999'999) / 1'000'000)); }

}  // namespace smipc::detail
