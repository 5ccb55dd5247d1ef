// Lock files on POSIX: open-file-description locks on one byte.
//
// 1. The page is mapped through another open file than the one that has the lock: a mapping would keep
//    the lock's open file alive in a forked child, and with it the lock.
// 2. A forked child closes its copies of the locks' descriptors before it does anything else, which
//    unlocks nothing. It opens the file again when it first wants the lock.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>
#include <new>

#include "platform/lasting_mutex.h"
#include "platform/locked_files.h"
#include "platform/posix/lock_byte.h"
#include "platform/posix/shm_file.h"
#include "platform/posix/user_file.h"
#include "smipc.h"

namespace smipc::detail {

struct PlatLockFile {
  std::string path;
  FileDescriptor file;
  FileIdentity identity;
  bool closed = false;
  void* page = nullptr;
  std::size_t page_bytes = 0;
  void (*after_fork)(void*) = nullptr;
  void* argument = nullptr;
  PlatLockFile* previous = nullptr;
  PlatLockFile* next = nullptr;
};

namespace {

LastingMutex g_list;
constexpr std::mutex& g_list_mutex = g_list.mutex;

PlatLockFile* g_first = nullptr;

void in_child() {
  for (PlatLockFile* file = g_first; file != nullptr; file = file->next) {
    file->file = FileDescriptor();
    file->after_fork(file->argument);
  }
  g_list_mutex.unlock();
}

// When the library is loaded: at the first open another thread could be in it when this one forks.
[[maybe_unused]] const int g_watches_forks =
    ::pthread_atfork([] { g_list_mutex.lock(); }, [] { g_list_mutex.unlock(); }, in_child);

void add_to_list(PlatLockFile* file) {
  file->next = g_first;
  if (g_first != nullptr) g_first->previous = file;
  g_first = file;
}

void take_from_list(PlatLockFile* file) {
  const std::lock_guard<std::mutex> guard(g_list_mutex);
  if (file->previous != nullptr) file->previous->next = file->next;
  if (file->next != nullptr) file->next->previous = file->previous;
  if (g_first == file) g_first = file->next;
}

PlatResult map_page(PlatLockFile* lock) {
  FileDescriptor file;
  FileIdentity identity;
  PlatResult result = user_file_open(lock->path, O_RDWR, &file, &identity);
  if (!result) return result;
  if (identity != lock->identity) return {SMIPC_E_OS, lock->path + " was replaced by hand"};
  void* page = ::mmap(nullptr, lock->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (page == MAP_FAILED) return os_failure("mmap", errno);
  lock->page = page;
  return {};
}

PlatResult open_all(PlatLockFile* lock, std::uint32_t access) {
  PlatResult result = user_file_open_or_create(lock->path, access, &lock->file, &lock->identity);
  if (!result) return result;
  struct stat info = {};
  if (::fstat(lock->file.get(), &info) != 0) return os_failure("fstat", errno);
  if (info.st_size < static_cast<off_t>(lock->page_bytes)) {
    result = user_file_allocate(lock->file.get(), lock->path, lock->page_bytes);
    if (!result) return result;
  }
  return map_page(lock);
}

// In a forked child, or after one was closed by it.
PlatResult open_again(PlatLockFile* lock) {
  FileIdentity identity;
  PlatResult result = user_file_open(lock->path, O_RDWR, &lock->file, &identity);
  if (result && identity != lock->identity) {
    lock->file = FileDescriptor();
    result = {SMIPC_E_OS, lock->path + " was replaced by hand"};
  }
  return result;
}

}  // namespace

PlatResult plat_lock_file_open(const std::string& path, std::uint32_t access,
                               std::uint64_t page_bytes, void (*after_fork)(void*), void* argument,
                               PlatLockFile** out, void** page) {
  auto* lock = new (std::nothrow) PlatLockFile;
  if (lock == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  lock->path = path;
  lock->page_bytes = static_cast<std::size_t>(page_bytes);
  lock->after_fork = after_fork;
  lock->argument = argument;
  // The list's mutex from here on: no child is forked that has a descriptor which is not in the list.
  std::unique_lock<std::mutex> guard(g_list_mutex);
  const PlatResult result = open_all(lock, access);
  if (!result) {
    guard.unlock();
    delete lock;
    return result;
  }
  add_to_list(lock);
  *out = lock;
  *page = lock->page;
  return {};
}

PlatResult plat_lock_file_try(PlatLockFile* file, bool exclusive) {
  if (!file->file) {
    const std::lock_guard<std::mutex> guard(g_list_mutex);
    if (!file->file) {
      if (file->closed) return {SMIPC_E_CLOSED, ""};
      PlatResult result = open_again(file);
      if (!result) return result;
    }
  }
  switch (lock_byte_try(file->file.get(), exclusive)) {
    case LockOutcome::kTaken:
      return {};
    case LockOutcome::kHeldByOther:
      return {SMIPC_E_TIMED_OUT, ""};
    default:
      return os_failure("fcntl(F_OFD_SETLK)", errno);
  }
}

void plat_lock_file_unlock(PlatLockFile* file) {
  if (file->file) lock_byte_unlock(file->file.get());
}

void plat_lock_file_close(PlatLockFile* file) {
  const std::lock_guard<std::mutex> guard(g_list_mutex);
  file->file = FileDescriptor();
  file->closed = true;
}

void plat_lock_file_free(PlatLockFile* file) {
  take_from_list(file);
  ::munmap(file->page, file->page_bytes);
  delete file;
}

}  // namespace smipc::detail
