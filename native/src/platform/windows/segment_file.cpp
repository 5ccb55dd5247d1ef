// See segment_file.h.
#include "platform/windows/segment_file.h"

#include "platform/windows/section.h"
#include "platform/windows/security.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

PlatResult file_failure(const char* call, const std::wstring& path, DWORD error) {
  switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
      return {SMIPC_E_NOT_FOUND, utf8(path) + " does not exist"};
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
      return {SMIPC_E_EXISTS, utf8(path) + " exists"};
    case ERROR_ACCESS_DENIED:
      return {SMIPC_E_PERMISSION, "no permission for " + utf8(path)};
    default:
      return os_failure(call, error);
  }
}

// The machine's folder takes files of every user, and each file says itself who may open it.
PlatResult ensure_folder(Scope scope) {
  const std::wstring folder = files_folder(scope);
  if (folder.empty()) {
    return {SMIPC_E_OS, scope == Scope::kSession ? "the variable LOCALAPPDATA is not set"
                                                 : "the variable ProgramData is not set"};
  }
  Security security(scope == Scope::kSession ? SMIPC_ACCESS_USER : SMIPC_ACCESS_ALL);
  if (!security.ok()) return {SMIPC_E_OS, "cannot make a security descriptor"};
  if (::CreateDirectoryW(folder.c_str(), security.attributes())) return {};
  const DWORD error = ::GetLastError();
  return error == ERROR_ALREADY_EXISTS ? PlatResult{}
                                       : file_failure("CreateDirectoryW", folder, error);
}

PlatResult check_disk_space(Scope scope, std::uint64_t bytes) {
  const std::wstring folder = files_folder(scope);
  ULARGE_INTEGER available = {};
  ULARGE_INTEGER total = {};
  if (!::GetDiskFreeSpaceExW(folder.c_str(), &available, &total, nullptr)) return {};
  if (bytes <= available.QuadPart) return {};
  return {SMIPC_E_NO_SPACE, "it needs a file of " + std::to_string(bytes) + " bytes, and " +
                                utf8(folder) + " has " + std::to_string(available.QuadPart) +
                                " free of " + std::to_string(total.QuadPart) +
                                "; ask for less, or make room there"};
}

}  // namespace

PlatResult segment_file_open(const std::wstring& path, Handle* out) {
  if (path.empty()) return {SMIPC_E_NOT_FOUND, ""};
  // A link that was planted under the name is opened itself, and refused.
  const DWORD flags = FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT;
  Handle file(::CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, kShareAll, nullptr,
                            OPEN_EXISTING, flags, nullptr));
  if (!file) {
    const DWORD error = ::GetLastError();
    const DWORD attributes = ::GetFileAttributesW(path.c_str());
    if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
      return {SMIPC_E_NOT_SMIPC, utf8(path) + " is no ordinary file"};
    }
    return file_failure("CreateFileW", path, error);
  }
  BY_HANDLE_FILE_INFORMATION information = {};
  if (!::GetFileInformationByHandle(file.get(), &information)) {
    return os_failure("GetFileInformationByHandle", ::GetLastError());
  }
  const DWORD strange = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
  if (::GetFileType(file.get()) != FILE_TYPE_DISK ||
      (information.dwFileAttributes & strange) != 0) {
    return {SMIPC_E_NOT_SMIPC, utf8(path) + " is no ordinary file"};
  }
  *out = std::move(file);
  return {};
}

PlatResult segment_file_create(Scope scope, const std::string& file_name, std::uint32_t access,
                               std::uint64_t bytes, Handle* out) {
  PlatResult result = ensure_folder(scope);
  if (result) result = check_disk_space(scope, bytes);
  if (!result) return result;
  const std::wstring path = file_path(scope, file_name);
  Security security(access);
  if (!security.ok()) return {SMIPC_E_OS, "cannot make a security descriptor"};
  Handle file(::CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, kShareAll,
                            security.attributes(), CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file) return file_failure("CreateFileW", path, ::GetLastError());
  *out = std::move(file);
  return {};
}

PlatResult segment_file_move_away(Scope scope, const std::string& file_name, std::uint64_t nonce,
                                  std::wstring* out_path) {
  const std::wstring path = file_path(scope, file_name);
  const std::wstring removed = file_path(scope, removed_file_name(nonce));
  if (!::MoveFileExW(path.c_str(), removed.c_str(), MOVEFILE_REPLACE_EXISTING)) {
    const DWORD error = ::GetLastError();
    const PlatResult result = file_failure("MoveFileExW", path, error);
    return result.status == SMIPC_E_NOT_FOUND ? PlatResult{} : result;
  }
  *out_path = removed;
  return {};
}

bool segment_file_delete(const std::wstring& path) {
  return !path.empty() && ::DeleteFileW(path.c_str());
}

std::uint64_t segment_file_id(HANDLE file) {
  BY_HANDLE_FILE_INFORMATION information = {};
  ::GetFileInformationByHandle(file, &information);
  const std::uint64_t index =
      (std::uint64_t{information.nFileIndexHigh} << 32) | information.nFileIndexLow;
  // The volume's serial number where the index is seldom different.
  const std::uint64_t id = index ^ (std::uint64_t{information.dwVolumeSerialNumber} << 32);
  return id == 0 ? 1 : id;
}

}  // namespace smipc::detail
