// See user_file.h.
#include "platform/windows/user_file.h"

#include "platform/windows/security.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

// The folder as the system has it, with a backslash at its end; empty when it cannot be told.
std::wstring full_folder(const std::wstring& folder) {
  const DWORD size = ::GetFullPathNameW(folder.c_str(), 0, nullptr, nullptr);
  std::wstring full(size, L'\0');
  const DWORD written = ::GetFullPathNameW(folder.c_str(), size, full.data(), nullptr);
  if (written == 0 || written >= size) return {};
  full.resize(written);
  if (full.back() != L'\\') full += L'\\';
  return full;
}

// The same path in the form that is taken as it is: of any length, and with a file that has the name
// of a device, like aux.mmap, as a file. What has no such form, like a device itself, stays.
std::wstring verbatim(const std::wstring& path) {
  const std::size_t slash = path.find_last_of(L"\\/");
  if (slash == std::wstring::npos && path.find(L':') != std::wstring::npos) return path;
  const std::wstring name = slash == std::wstring::npos ? path : path.substr(slash + 1);
  if (name.empty() || name.back() == L'.' || name.back() == L' ') return path;
  const std::wstring folder =
      full_folder(slash == std::wstring::npos ? L"." : path.substr(0, slash + 1));
  if (folder.size() < 3) return path;
  if (folder[1] == L':') return L"\\\\?\\" + folder + name;
  const bool is_share =
      folder.compare(0, 2, L"\\\\") == 0 && folder[2] != L'?' && folder[2] != L'.';
  return is_share ? L"\\\\?\\UNC\\" + folder.substr(2) + name : path;
}

}  // namespace

std::wstring user_path(const std::string& path) {
  const int size = static_cast<int>(path.size());
  const int units =
      ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path.data(), size, nullptr, 0);
  std::wstring out(static_cast<std::size_t>(units > 0 ? units : 0), L'\0');
  if (units > 0) ::MultiByteToWideChar(CP_UTF8, 0, path.data(), size, out.data(), units);
  return verbatim(out);
}

PlatResult user_file_failure(const char* call, const std::string& path, DWORD error) {
  switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME:
      return {SMIPC_E_NOT_FOUND, path + ": no such file or folder"};
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
      return {SMIPC_E_EXISTS, path + " exists already"};
    case ERROR_ACCESS_DENIED:
    case ERROR_WRITE_PROTECT:
      return {SMIPC_E_PERMISSION, "no permission for " + path};
    case ERROR_SHARING_VIOLATION:
    case ERROR_USER_MAPPED_FILE:
      return {SMIPC_E_BUSY, path + " is in use"};
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
      return {SMIPC_E_NO_SPACE, "no room on the disk of " + path};
    default:
      return os_failure((std::string(call) + " " + path).c_str(), error);
  }
}

PlatResult user_file_open(const std::string& path, const UserFileWish& wish, Handle* out) {
  const std::wstring wide_path = user_path(path);
  if (wide_path.empty()) return {SMIPC_E_INVALID, "the path is no UTF-8"};
  Security security(wish.access);
  if (!security.ok()) return os_failure("building a security descriptor", ::GetLastError());
  Handle file(::CreateFileW(wide_path.c_str(), wish.rights, wish.share, security.attributes(),
                            wish.disposition, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file) {
    const DWORD error = ::GetLastError();
    const DWORD attributes = ::GetFileAttributesW(wide_path.c_str());
    if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
      return {SMIPC_E_NOT_SMIPC, path + " is no regular file"};
    }
    return user_file_failure("CreateFileW", path, error);
  }
  *out = std::move(file);
  return {};
}

}  // namespace smipc::detail
