// Mapped files on Windows, and files that take another's place when they are complete. A file that others
// have mapped cannot be replaced here, and that is said.
#include <cstring>
#include <new>

#include "platform/locked_files.h"
#include "platform/windows/user_file.h"
#include "smipc.h"

namespace smipc::detail {

struct PlatMappedFile {
  void* data = nullptr;
  DWORD volume = 0;
  std::uint64_t index = 0;  // with the volume: which file it is
};

namespace {

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

bool identify(HANDLE file, DWORD* volume, std::uint64_t* index) {
  BY_HANDLE_FILE_INFORMATION info = {};
  if (!::GetFileInformationByHandle(file, &info)) return false;
  *volume = info.dwVolumeSerialNumber;
  *index = (std::uint64_t{info.nFileIndexHigh} << 32) | info.nFileIndexLow;
  return true;
}

// Whether the disk has room, by reserving it. Not every file system can do that ahead of time: there the
// file gets its room when it gets its size, or at the latest when its pages are written.
bool reserve(HANDLE file, LARGE_INTEGER size) {
  FILE_ALLOCATION_INFO allocation = {};
  allocation.AllocationSize = size;
  if (::SetFileInformationByHandle(file, FileAllocationInfo, &allocation, sizeof allocation)) {
    return true;
  }
  const DWORD error = ::GetLastError();
  return error == ERROR_CALL_NOT_IMPLEMENTED || error == ERROR_INVALID_FUNCTION ||
         error == ERROR_NOT_SUPPORTED;
}

PlatResult fill(HANDLE file, const PlatNewFile& wanted) {
  LARGE_INTEGER size = {};
  size.QuadPart = static_cast<LONGLONG>(wanted.bytes);
  DWORD written = 0;
  if (!reserve(file, size) ||
      !::WriteFile(file, wanted.head, static_cast<DWORD>(wanted.head_bytes), &written, nullptr) ||
      !::SetFilePointerEx(file, size, nullptr, FILE_BEGIN) || !::SetEndOfFile(file)) {
    return user_file_failure("writing", wanted.path, ::GetLastError());
  }
  return {};
}

}  // namespace

PlatResult plat_mapped_file_open(const std::string& path, std::uint64_t bytes, bool read_only,
                                 PlatMappedFile** out, void** data) {
  Handle file;
  const DWORD rights = read_only ? GENERIC_READ : GENERIC_READ | GENERIC_WRITE;
  PlatResult result = user_file_open(path, {rights, kShareAll, OPEN_EXISTING, 0}, &file);
  if (!result) return result;
  LARGE_INTEGER size = {};
  if (!::GetFileSizeEx(file.get(), &size)) return os_failure("GetFileSizeEx", ::GetLastError());
  if (static_cast<std::uint64_t>(size.QuadPart) != bytes) {
    return {SMIPC_E_INVALID, path + " has " + std::to_string(size.QuadPart) +
                                 " bytes, and the structure " + std::to_string(bytes)};
  }
  const Handle section(::CreateFileMappingW(
      file.get(), nullptr, read_only ? PAGE_READONLY : PAGE_READWRITE, 0, 0, nullptr));
  if (!section) return user_file_failure("CreateFileMappingW", path, ::GetLastError());
  void* mapped =
      ::MapViewOfFile(section.get(), read_only ? FILE_MAP_READ : FILE_MAP_READ | FILE_MAP_WRITE, 0,
                      0, static_cast<SIZE_T>(bytes));
  if (mapped == nullptr) return os_failure("MapViewOfFile", ::GetLastError());
  auto* made = new (std::nothrow) PlatMappedFile;
  if (made == nullptr) {
    ::UnmapViewOfFile(mapped);
    return {SMIPC_E_NO_MEMORY, ""};
  }
  made->data = mapped;
  identify(file.get(), &made->volume, &made->index);
  *out = made;
  *data = mapped;
  return {};
}

bool plat_mapped_file_is_current(const PlatMappedFile* file, const std::string& path) {
  Handle now;
  DWORD volume = 0;
  std::uint64_t index = 0;
  return user_file_open(path, {FILE_READ_ATTRIBUTES, kShareAll, OPEN_EXISTING, 0}, &now) &&
         identify(now.get(), &volume, &index) && volume == file->volume && index == file->index;
}

void plat_mapped_file_free(PlatMappedFile* file) {
  if (file == nullptr) return;
  ::UnmapViewOfFile(file->data);
  delete file;
}

PlatResult plat_file_create(const PlatNewFile& file) {
  const std::string fresh = file.path + ".new";
  Handle handle;
  // CREATE_ALWAYS: who creates has the exclusive lock, and what lies here is of somebody who died.
  PlatResult result =
      user_file_open(fresh, {GENERIC_WRITE, 0, CREATE_ALWAYS, file.access}, &handle);
  if (!result) return result;
  result = fill(handle.get(), file);
  handle.reset();
  const std::wstring from = user_path(fresh);
  if (result) {
    const DWORD flags = file.replace ? MOVEFILE_REPLACE_EXISTING : 0;
    if (::MoveFileExW(from.c_str(), user_path(file.path).c_str(), flags)) return {};
    const DWORD error = ::GetLastError();
    result = user_file_failure("MoveFileExW", file.path, error);
    if (file.replace && error == ERROR_ACCESS_DENIED) {
      result = {SMIPC_E_BUSY, file.path + " is open elsewhere, and Windows cannot replace it then"};
    }
  }
  ::DeleteFileW(from.c_str());
  return result;
}

}  // namespace smipc::detail
