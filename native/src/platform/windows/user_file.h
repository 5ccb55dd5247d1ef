// Files at paths of the user's choosing, given in UTF-8.
#pragma once

#include <string>

#include "platform/windows/windows_api.h"

namespace smipc::detail {

struct UserFileWish {
  DWORD rights = 0;
  DWORD share = 0;
  DWORD disposition = OPEN_EXISTING;
  std::uint32_t access = 0;  // smipc.h's, for a file that is created
};

// SMIPC_E_INVALID (the path is no UTF-8), _NOT_FOUND, _EXISTS, _PERMISSION, _NOT_SMIPC, _OS.
PlatResult user_file_open(const std::string& path, const UserFileWish& wish, Handle* out);

// The failure of a call on a path.
PlatResult user_file_failure(const char* call, const std::string& path, DWORD error);

// In the form that the system takes as it is; an empty string when the path is no UTF-8.
std::wstring user_path(const std::string& path);

}  // namespace smipc::detail
