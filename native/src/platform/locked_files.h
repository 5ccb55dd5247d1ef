// The contract with the operating system for files: locks that die with their process, and files that
// are mapped and replaced. It belongs to platform.h, and what holds there holds here. Paths are bytes;
// on Windows they are UTF-8.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "platform/platform.h"

namespace smipc::detail {

// ---- Locks ------------------------------------------------------------------------------------------

// An open lock file. Two of them exclude each other, also in one process.
struct PlatLockFile;

// Opens or creates the file, gives it page_bytes if it has fewer, and maps them: *page stays valid
// until plat_lock_file_free. `access` (smipc.h) counts for a file that is created here. A forked child
// has none of the locks; `after_fork(argument)` runs in it, and the file is opened again when need be.
// SMIPC_E_NOT_FOUND (no such folder), _PERMISSION, _NOT_SMIPC (no regular file), _NO_SPACE, _LIMIT,
// _NO_MEMORY, _OS.
PlatResult plat_lock_file_open(const std::string& path, std::uint32_t access,
                               std::uint64_t page_bytes, void (*after_fork)(void*), void* argument,
                               PlatLockFile** out, void** page);

// Takes the lock if it is free. SMIPC_E_TIMED_OUT: it is not. SMIPC_E_OS, _LIMIT.
PlatResult plat_lock_file_try(PlatLockFile* file, bool exclusive);
void plat_lock_file_unlock(PlatLockFile* file);

// Closes the file, and with it the lock; the page stays.
void plat_lock_file_close(PlatLockFile* file);
void plat_lock_file_free(PlatLockFile* file);  // after close

// Sleeping until others unlock. In this order: prepare, try the lock, and if it is taken, sleep.
// `word` is one in the page that nobody else uses. Sleeping may end without cause.
std::uint32_t plat_unlock_prepare(std::atomic<std::uint32_t>* word);
PlatWake plat_unlock_sleep(std::atomic<std::uint32_t>* word, std::uint32_t prepared,
                           std::int64_t timeout_ns);
// After unlocking.
void plat_unlock_wake(std::atomic<std::uint32_t>* word);

// ---- Mapped files -----------------------------------------------------------------------------------

struct PlatMappedFile;

// Maps all of the file, which must have `bytes`. SMIPC_E_NOT_FOUND, _PERMISSION, _INVALID (it has
// another size), _NOT_SMIPC, _LIMIT, _NO_MEMORY, _OS.
PlatResult plat_mapped_file_open(const std::string& path, std::uint64_t bytes, bool read_only,
                                 PlatMappedFile** out, void** data);
// Whether it is still the file at the path.
bool plat_mapped_file_is_current(const PlatMappedFile* file, const std::string& path);
void plat_mapped_file_free(PlatMappedFile* file);

// Makes a file of `bytes` that begins with `head` and is zero behind it, allocated now, and moves it to
// the path when it is complete: in place of what is there, if `replace`. Nothing mapped is changed.
// SMIPC_E_EXISTS, _NOT_FOUND (no such folder), _PERMISSION, _BUSY (others have it open, and this OS
// cannot replace it then), _NO_SPACE, _LIMIT, _OS.
struct PlatNewFile {
  std::string path;
  std::uint64_t bytes = 0;
  const void* head = nullptr;
  std::size_t head_bytes = 0;
  std::uint32_t access = 0;
  bool replace = false;
};
PlatResult plat_file_create(const PlatNewFile& file);

}  // namespace smipc::detail
