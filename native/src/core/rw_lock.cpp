// See rw_lock.h.
#include "core/rw_lock.h"

#include <algorithm>
#include <chrono>
#include <new>

#include "smipc.h"

namespace smipc::detail {
namespace {

constexpr std::int64_t kSliceNs = 20'000'000;       // how late the death of a holder is noticed
constexpr std::int64_t kTurnSliceNs = 100'000'000;  // of waiting for threads of this process
constexpr std::int64_t kAnnounceNs = 50'000'000;  // how far ahead a waiting editor announces itself
constexpr std::int64_t kStandBackNs = 100'000'000;  // how long a reader heeds that

Status fail_lock(Status status, const RwLock& lock, std::string_view detail = {}) {
  return fail_object(status, kLockNoun, lock.path, detail);
}

// In a forked child, which has no other threads and none of the locks.
void forget(void* argument) {
  auto* lock = static_cast<RwLock*>(argument);
  new (&lock->mutex) std::mutex;
  new (&lock->changed) std::condition_variable;
  lock->pid = plat_process_id();
  lock->holders = 0;
  lock->acquiring = false;
  lock->only_holder = 0;
}

// ---- The turn inside this process ---------------------------------------------------------------

enum class Turn : std::uint8_t { kJoined, kMine };

bool must_wait(const RwLock& lock, bool exclusive) {
  return lock.acquiring || (lock.holders > 0 && (exclusive || lock.exclusive));
}

Status take_turn(RwLock& lock, bool exclusive, const Deadline& deadline,
                 std::unique_lock<std::mutex>& guard, Turn* turn) {
  const std::uintptr_t me = plat_thread_token();
  if (lock.holders > 0 && lock.only_holder == me && (exclusive || lock.exclusive)) {
    return fail_lock(SMIPC_E_BUSY, lock, "this thread holds it already");
  }
  while (!lock.closed && must_wait(lock, exclusive)) {
    const std::int64_t slice = deadline.slice(plat_now_ns(), kTurnSliceNs);
    if (slice <= 0) return fail_object_quietly(SMIPC_E_TIMED_OUT, kLockNoun, lock.path);
    lock.changed.wait_for(guard, std::chrono::nanoseconds(slice));
  }
  if (lock.closed) return fail_lock(SMIPC_E_CLOSED, lock, "it is closed");
  *turn = lock.holders > 0 ? Turn::kJoined : Turn::kMine;
  return SMIPC_OK;
}

// ---- The lock of the OS ----------------------------------------------------------------------------

// Whether a waiting editor has asked readers to stand back, and this one has not done so for long.
bool stands_back(const LockPageShm& page, std::int64_t since_ns = 0) {
  // Relaxed: a hint, and nothing else is read because of it.
  const std::uint64_t until = page.writer_until_ns.load(std::memory_order_relaxed);
  if (until == 0) return false;
  const std::int64_t now = plat_now_ns();
  if (since_ns == 0) since_ns = now;
  const std::int64_t left = static_cast<std::int64_t>(until - static_cast<std::uint64_t>(now));
  return left > 0 && left <= kAnnounceNs && now - since_ns < kStandBackNs;
}

Status wait_for_os(RwLock& lock, bool exclusive, const Deadline& deadline) {
  LockPageShm& page = *lock.page;
  const std::int64_t since_ns = plat_now_ns();
  for (;;) {
    const std::uint32_t prepared = plat_unlock_prepare(&page.wake_word);
    if (exclusive || !stands_back(page, since_ns)) {
      const PlatResult result = plat_lock_file_try(lock.file, exclusive);
      if (result) return SMIPC_OK;
      if (result.status != SMIPC_E_TIMED_OUT) return fail_lock(result.status, lock, result.detail);
    }
    const std::int64_t now = plat_now_ns();
    const std::int64_t slice = deadline.slice(now, kSliceNs);
    if (slice <= 0) {
      // Other editors that wait announce themselves again.
      if (exclusive) page.writer_until_ns.store(0, std::memory_order_relaxed);
      return fail_object_quietly(SMIPC_E_TIMED_OUT, kLockNoun, lock.path);
    }
    if (exclusive) {
      page.writer_until_ns.store(static_cast<std::uint64_t>(now + kAnnounceNs),
                                 std::memory_order_relaxed);
    }
    if (plat_unlock_sleep(&page.wake_word, prepared, slice) == PlatWake::kInterrupted) {
      return fail_object_quietly(SMIPC_E_INTERRUPTED, kLockNoun, lock.path);
    }
    const std::lock_guard<std::mutex> guard(lock.mutex);
    if (lock.closed) return fail_lock(SMIPC_E_CLOSED, lock, "it is closed");
  }
}

Status lock_os(RwLock& lock, bool exclusive, const Deadline& deadline, Manners manners) {
  const bool rude = exclusive || (deadline.tries_only() && manners == Manners::kByDeadline);
  if (rude || !stands_back(*lock.page)) {
    const PlatResult result = plat_lock_file_try(lock.file, exclusive);
    if (result) return SMIPC_OK;
    if (result.status != SMIPC_E_TIMED_OUT) return fail_lock(result.status, lock, result.detail);
  }
  if (deadline.tries_only()) return fail_object_quietly(SMIPC_E_TIMED_OUT, kLockNoun, lock.path);
  return wait_for_os(lock, exclusive, deadline);
}

// With the lock: reads the mark that a dead editor left, and sets this one's own.
std::uint32_t begin(RwLock& lock, bool exclusive) {
  LockPageShm& page = *lock.page;
  // Relaxed: the lock of the OS orders the page, as it orders the structure.
  const std::uint32_t left = page.editor_pid.load(std::memory_order_relaxed);
  if (exclusive) {
    page.writer_until_ns.store(0, std::memory_order_relaxed);
    page.editor_pid.store(lock.pid, std::memory_order_seq_cst);  // X3: before the edit
  }
  return left;
}

void end(RwLock& lock) {
  if (lock.exclusive) {
    LockPageShm& page = *lock.page;
    page.edits.store(page.edits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    page.editor_pid.store(lock.restored_mark, std::memory_order_seq_cst);  // X4: after the edit
    lock.restored_mark = 0;
  }
  plat_lock_file_unlock(lock.file);
  plat_unlock_wake(&lock.page->wake_word);
}

}  // namespace

Status rw_lock_open(const std::string& path, std::uint32_t access, RwLock* lock) {
  lock->path = path;
  lock->pid = plat_process_id();
  void* page = nullptr;
  const PlatResult result =
      plat_lock_file_open(path, access, kLockPageBytes, forget, lock, &lock->file, &page);
  if (!result) return fail_lock(result.status, *lock, result.detail);
  lock->page = static_cast<LockPageShm*>(page);
  std::uint64_t magic = lock->page->magic.load(std::memory_order_acquire);
  if (magic == 0) {
    lock->page->layout_version.store(kLockLayoutVersion, std::memory_order_relaxed);
    lock->page->magic.store(kLockMagic, std::memory_order_release);  // the version before it
    magic = kLockMagic;
  }
  const std::uint32_t version = lock->page->layout_version.load(std::memory_order_relaxed);
  if (magic == kLockMagic && version == kLockLayoutVersion) return SMIPC_OK;
  plat_lock_file_close(lock->file);
  plat_lock_file_free(lock->file);
  lock->file = nullptr;
  if (magic != kLockMagic) return fail_lock(SMIPC_E_NOT_SMIPC, *lock, "this is no lock file");
  return fail_lock(SMIPC_E_VERSION, *lock, "its layout has version " + std::to_string(version));
}

Status rw_lock_acquire(RwLock& lock, bool exclusive, const Deadline& deadline,
                       std::uint32_t* cut_off_pid, Manners manners) {
  std::unique_lock<std::mutex> guard(lock.mutex);
  Turn turn = Turn::kMine;
  Status status = take_turn(lock, exclusive, deadline, guard, &turn);
  if (status != SMIPC_OK) return status;
  if (turn == Turn::kMine) {
    lock.acquiring = true;
    guard.unlock();
    status = lock_os(lock, exclusive, deadline, manners);
    guard.lock();
    lock.acquiring = false;
    if (status == SMIPC_OK && lock.closed) {
      plat_lock_file_unlock(lock.file);
      plat_unlock_wake(&lock.page->wake_word);
      status = fail_lock(SMIPC_E_CLOSED, lock, "it is closed");
    }
    if (status != SMIPC_OK) {
      lock.changed.notify_all();
      return status;
    }
    lock.exclusive = exclusive;
    if (!exclusive) lock.changed.notify_all();
  }
  *cut_off_pid = begin(lock, exclusive);
  const std::uintptr_t me = plat_thread_token();
  if (lock.holders == 0) lock.only_holder = me;
  if (lock.only_holder != me) lock.only_holder = 0;
  ++lock.holders;
  return SMIPC_OK;
}

Status rw_lock_release(RwLock& lock, std::uint32_t mark) {
  const std::lock_guard<std::mutex> guard(lock.mutex);
  if (lock.holders == 0) return fail_lock(SMIPC_E_INVALID, lock, "it is not locked by this handle");
  if (lock.exclusive) lock.restored_mark = mark;
  if (--lock.holders == 0) {
    end(lock);
    lock.changed.notify_all();
  }
  return SMIPC_OK;
}

void rw_lock_close(RwLock& lock) {
  std::unique_lock<std::mutex> guard(lock.mutex);
  if (lock.closed) return;
  lock.closed = true;
  if (lock.holders > 0) end(lock);
  lock.holders = 0;
  lock.changed.notify_all();
  while (lock.acquiring) lock.changed.wait_for(guard, std::chrono::nanoseconds(kTurnSliceNs));
  plat_lock_file_close(lock.file);
}

void rw_lock_free(RwLock& lock) {
  if (lock.file == nullptr) return;
  rw_lock_close(lock);
  plat_lock_file_free(lock.file);
  lock.file = nullptr;
}

}  // namespace smipc::detail
