// A lock between processes: shared for readers, exclusive for one editor, freed by the OS when its
// holder dies. What is shared is in lock_page.h; the story in docs/design/locked-structures.md.
//
// The OS's lock excludes handles, not the threads that share one. So a handle has a turn of its own:
// several of its threads may hold it shared, or one exclusively; the first one takes the OS's lock, and
// the last one gives it back. `mutex` guards the turn, and is not held while the OS is waited for.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "core/deadline.h"
#include "core/error.h"
#include "core/lock_page.h"
#include "core/open_handles.h"
#include "platform/locked_files.h"

namespace smipc::detail {

inline constexpr char kLockNoun[] = "lock";

struct RwLock {
  std::string path;
  PlatLockFile* file = nullptr;
  LockPageShm* page = nullptr;
  std::uint32_t pid = 0;  // of this process

  std::mutex mutex;
  std::condition_variable changed;
  std::uint32_t holders = 0;
  bool exclusive = false;
  bool acquiring = false;  // one thread is with the OS
  bool closed = false;
  std::uint32_t restored_mark = 0;  // what unlocking leaves as the mark of a cut-off edit, once
  std::uintptr_t only_holder = 0;   // the thread that took it, unless another one has joined since
};

Status rw_lock_open(const std::string& path, std::uint32_t access, RwLock* lock);

// *cut_off_pid: the process that died in an edit which nobody has mended since, or 0.
// A reader that only tries does not stand back for waiting editors, unless the caller says that it is
// the beginning of a wait.
// SMIPC_E_TIMED_OUT, _INTERRUPTED, _BUSY (this thread has it), _CLOSED, _OS.
enum class Manners : std::uint8_t { kByDeadline, kStandBack };
Status rw_lock_acquire(RwLock& lock, bool exclusive, const Deadline& deadline,
                       std::uint32_t* cut_off_pid, Manners manners = Manners::kByDeadline);

// `mark`: of a holder who has changed nothing, the cut_off_pid that it got. SMIPC_E_INVALID when it is
// not held.
Status rw_lock_release(RwLock& lock, std::uint32_t mark = 0);

// Gives it back if it is held, and wakes this handle's waiters.
void rw_lock_close(RwLock& lock);
void rw_lock_free(RwLock& lock);

}  // namespace smipc::detail

// The opaque type of smipc.h.
struct smipc_rwlock : smipc::detail::RwLock {
  smipc::detail::OpenHandle listed;
};
