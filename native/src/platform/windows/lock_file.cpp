// Lock files on Windows: LockFileEx on one byte, far behind the end of the file. The locks belong to the
// handle, exclude other handles of the same process, and are freed by the kernel when it goes.
#include <algorithm>
#include <new>

#include "platform/locked_files.h"
#include "platform/windows/interrupt.h"
#include "platform/windows/user_file.h"
#include "smipc.h"

namespace smipc::detail {

struct PlatLockFile {
  Handle file;
  void* page = nullptr;
};

namespace {

constexpr DWORD kLockByte = DWORD{1} << 30;
constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

OVERLAPPED lock_place() {
  OVERLAPPED place = {};
  place.Offset = kLockByte;
  return place;
}

PlatResult map_page(const std::string& path, HANDLE file, std::uint64_t bytes, void** page) {
  LARGE_INTEGER size = {};
  if (!::GetFileSizeEx(file, &size)) return os_failure("GetFileSizeEx", ::GetLastError());
  const auto wanted = static_cast<DWORD>(bytes);
  // A section larger than its file makes the file as large, zeroed.
  const DWORD section_bytes = size.QuadPart < static_cast<LONGLONG>(bytes) ? wanted : 0;
  const Handle section(
      ::CreateFileMappingW(file, nullptr, PAGE_READWRITE, 0, section_bytes, nullptr));
  if (!section) return user_file_failure("CreateFileMappingW", path, ::GetLastError());
  *page = ::MapViewOfFile(section.get(), FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, wanted);
  return *page != nullptr ? PlatResult{} : os_failure("MapViewOfFile", ::GetLastError());
}

}  // namespace

PlatResult plat_lock_file_open(const std::string& path, std::uint32_t access,
                               std::uint64_t page_bytes, void (*)(void*), void*, PlatLockFile** out,
                               void** page) {
  Handle file;
  PlatResult result =
      user_file_open(path, {GENERIC_READ | GENERIC_WRITE, kShareAll, OPEN_ALWAYS, access}, &file);
  if (!result) return result;
  result = map_page(path, file.get(), page_bytes, page);
  if (!result) return result;
  *out = new (std::nothrow) PlatLockFile;
  if (*out == nullptr) {
    ::UnmapViewOfFile(*page);
    return {SMIPC_E_NO_MEMORY, ""};
  }
  (*out)->file = std::move(file);
  (*out)->page = *page;
  return {};
}

PlatResult plat_lock_file_try(PlatLockFile* file, bool exclusive) {
  if (!file->file) return {SMIPC_E_CLOSED, ""};
  OVERLAPPED place = lock_place();
  const DWORD flags = LOCKFILE_FAIL_IMMEDIATELY | (exclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0);
  if (::LockFileEx(file->file.get(), flags, 0, 1, 0, &place)) return {};
  const DWORD error = ::GetLastError();
  if (error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING) return {SMIPC_E_TIMED_OUT, ""};
  return os_failure("LockFileEx", error);
}

void plat_lock_file_unlock(PlatLockFile* file) {
  OVERLAPPED place = lock_place();
  if (file->file) ::UnlockFileEx(file->file.get(), 0, 1, 0, &place);
}

void plat_lock_file_close(PlatLockFile* file) { file->file.reset(); }

void plat_lock_file_free(PlatLockFile* file) {
  ::UnmapViewOfFile(file->page);
  delete file;
}

// No word can be slept on between processes here. So waiters look again, every millisecond; and Ctrl-C
// wakes them.
std::uint32_t plat_unlock_prepare(std::atomic<std::uint32_t>*) { return 0; }

PlatWake plat_unlock_sleep(std::atomic<std::uint32_t>*, std::uint32_t, std::int64_t timeout_ns) {
  constexpr std::int64_t kLookNs = 1'000'000;
  InterruptScope interrupt;
  const auto milliseconds =
      static_cast<DWORD>((std::min(timeout_ns, kLookNs) + 999'999) / 1'000'000);
  if (interrupt.handle() == nullptr) {
    ::Sleep(milliseconds);
    return PlatWake::kWoken;
  }
  if (::WaitForSingleObject(interrupt.handle(), milliseconds) != WAIT_OBJECT_0) {
    return PlatWake::kWoken;
  }
  interrupt.accept();
  return PlatWake::kInterrupted;
}

void plat_unlock_wake(std::atomic<std::uint32_t>*) {}

}  // namespace smipc::detail
