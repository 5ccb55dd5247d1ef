// See section.h.
#include "platform/windows/section.h"

#include "platform/windows/security.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

DWORD high_half(std::uint64_t value) { return static_cast<DWORD>(value >> 32); }
DWORD low_half(std::uint64_t value) { return static_cast<DWORD>(value & 0xffff'ffffu); }

bool is_out_of_memory(DWORD error) {
  return error == ERROR_COMMITMENT_LIMIT || error == ERROR_NOT_ENOUGH_MEMORY ||
         error == ERROR_OUTOFMEMORY || error == ERROR_DISK_FULL ||
         error == ERROR_NOT_ENOUGH_QUOTA || error == ERROR_FILE_TOO_LARGE;
}

MEMORYSTATUSEX memory_status() {
  MEMORYSTATUSEX status = {};
  status.dwLength = sizeof status;
  ::GlobalMemoryStatusEx(&status);
  return status;
}

PlatResult create_failure(const std::wstring& name, std::uint64_t bytes, DWORD error) {
  if (is_out_of_memory(error)) return no_memory_for(bytes);
  if (error == ERROR_ACCESS_DENIED && name.compare(0, 7, L"Global\\") == 0) {
    return {SMIPC_E_PERMISSION,
            "sharing it with other users takes the right to create global objects "
            "(SeCreateGlobalPrivilege), which services and administrators have"};
  }
  return open_failure("CreateFileMappingW", name, error);
}

}  // namespace

PlatResult no_memory_for(std::uint64_t bytes) {
  const MEMORYSTATUSEX status = memory_status();
  return {SMIPC_E_NO_SPACE, "it needs " + std::to_string(bytes) +
                                " bytes of shared memory, and the system has " +
                                std::to_string(status.ullAvailPageFile) + " left of " +
                                std::to_string(status.ullTotalPageFile) +
                                " bytes of memory and paging file; ask for less, end other "
                                "programs, or make the paging file larger"};
}

PlatResult open_failure(const char* call, const std::wstring& name, DWORD error) {
  switch (error) {
    case ERROR_FILE_NOT_FOUND:
      return {SMIPC_E_NOT_FOUND, utf8(name) + " does not exist"};
    case ERROR_ACCESS_DENIED:
      return {SMIPC_E_PERMISSION, utf8(name) + " belongs to another user"};
    case ERROR_INVALID_HANDLE:
      return {SMIPC_E_NOT_SMIPC, utf8(name) + " is an object of another kind"};
    default:
      return os_failure(call, error);
  }
}

PlatResult Section::open(const std::wstring& name) {
  handle_ = Handle(::OpenFileMappingW(kSectionRights, FALSE, name.c_str()));
  if (!handle_) return open_failure("OpenFileMappingW", name, ::GetLastError());
  return look();
}

PlatResult Section::create(const std::wstring& name, std::uint32_t access, std::uint64_t bytes) {
  // Asked beforehand as well: not every system reserves the memory for a section.
  if (bytes > memory_status().ullAvailPageFile) return no_memory_for(bytes);
  Security security(access);
  if (!security.ok()) return {SMIPC_E_OS, "cannot make a security descriptor"};
  handle_ = Handle(::CreateFileMappingW(INVALID_HANDLE_VALUE, security.attributes(), PAGE_READWRITE,
                                        high_half(bytes), low_half(bytes), name.c_str()));
  const DWORD error = ::GetLastError();
  if (!handle_) return create_failure(name, bytes, error);
  if (error == ERROR_ALREADY_EXISTS) {
    handle_.reset();
    return {SMIPC_E_EXISTS, utf8(name) + " exists"};
  }
  bytes_ = bytes;
  return {};
}

PlatResult Section::open_file(HANDLE file, std::uint64_t bytes) {
  handle_ = Handle(::CreateFileMappingW(file, nullptr, PAGE_READWRITE, high_half(bytes),
                                        low_half(bytes), nullptr));
  if (!handle_) {
    const DWORD error = ::GetLastError();
    PlatResult result = os_failure("CreateFileMappingW", error);
    if (is_out_of_memory(error)) result.status = SMIPC_E_NO_SPACE;
    return result;
  }
  bytes_ = bytes;
  if (bytes != 0) return {};
  const PlatResult result = look();
  // Mappings end at a page, and files where they like.
  LARGE_INTEGER size = {};
  if (result && ::GetFileSizeEx(file, &size)) bytes_ = static_cast<std::uint64_t>(size.QuadPart);
  return result;
}

PlatResult Section::look() {
  void* view = ::MapViewOfFile(handle_.get(), FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 0);
  if (view == nullptr) return os_failure("MapViewOfFile", ::GetLastError());
  view_ = static_cast<std::byte*>(view);
  MEMORY_BASIC_INFORMATION information = {};
  if (::VirtualQuery(view, &information, sizeof information) == 0) {
    return os_failure("VirtualQuery", ::GetLastError());
  }
  // Memory that is only reserved would fault when it is touched: nothing of ours is like that.
  if (information.State != MEM_COMMIT) return {SMIPC_E_NOT_SMIPC, ""};
  bytes_ = information.RegionSize;
  return {};
}

void Section::close() {
  if (view_ != nullptr) ::UnmapViewOfFile(view_);
  view_ = nullptr;
  bytes_ = 0;
  handle_.reset();
}

}  // namespace smipc::detail
