// The setup section on POSIX: a lock on one byte of the segment's own file.
//
// Invariant: whoever holds the lock of the file that is at the path now is alone. A process that
// waited for the lock of a file that has left the path meanwhile (removed or renewed by the holder)
// notices by its identity and starts over.
#include "platform/posix/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <memory>
#include <new>

#include "platform/posix/file_lock.h"
#include "platform/posix/shm_allocate.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

constexpr std::int64_t kRetryNs = 50'000;

void nap(std::int64_t ns) {
  const timespec duration = {0, static_cast<long>(ns)};
  ::nanosleep(&duration, nullptr);
}

PlatResult open_or_create(PlatSetup* setup, bool create, std::uint32_t access) {
  PlatResult result = shm_open_existing(setup->path, access, &setup->file, &setup->identity);
  if (result.status != SMIPC_E_NOT_FOUND || !create) return result;
  return shm_create(setup->path, access, &setup->file, &setup->identity);
}

enum class Turn : std::uint8_t { kOurs, kAgain, kTheirs };

// Tries the lock once. kAgain: the file has left the path.
PlatResult try_lock_current(PlatSetup* setup, Turn* turn) {
  const LockOutcome outcome = file_lock_try(setup->file.get(), kSetupLockByte);
  if (outcome == LockOutcome::kFailed) return os_failure("fcntl(F_OFD_SETLK)", errno);
  FileIdentity now;
  if (!shm_identify(setup->path, &now) || now != setup->identity) {
    *turn = Turn::kAgain;
  } else {
    *turn = outcome == LockOutcome::kTaken ? Turn::kOurs : Turn::kTheirs;
  }
  return {};
}

// One attempt, without waiting. *out is set when it is our turn.
PlatResult try_enter(const std::string& path, bool create, std::uint32_t access, Turn* turn,
                     PlatSetup** out) {
  std::unique_ptr<PlatSetup> setup(new (std::nothrow) PlatSetup);
  if (setup == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  setup->path = path;
  PlatResult result = open_or_create(setup.get(), create, access);
  if (result.status == SMIPC_E_EXISTS) {
    *turn = Turn::kAgain;
    return {};
  }
  if (result) result = try_lock_current(setup.get(), turn);
  if (result && *turn == Turn::kOurs) *out = setup.release();
  return result;
}

}  // namespace

PlatResult plat_setup_enter(const PlatSegmentName& name, bool create, std::uint32_t access,
                            std::int64_t timeout_ns, PlatSetup** out) {
  const std::string path = shm_path(name);
  const std::int64_t deadline_ns = plat_now_ns() + timeout_ns;
  for (;;) {
    // Nothing is open between two attempts, so that this process can fork meanwhile.
    Turn turn = Turn::kAgain;
    PlatResult result = try_enter(path, create, access, &turn, out);
    if (!result || turn == Turn::kOurs) return result;
    if (plat_now_ns() >= deadline_ns) {
      return {SMIPC_E_TIMED_OUT, "another process has been opening or closing it all the time"};
    }
    if (turn == Turn::kTheirs) nap(kRetryNs);
  }
}

std::uint64_t plat_setup_size(const PlatSetup* setup) {
  struct stat info = {};
  if (::fstat(setup->file.get(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.st_size);
}

bool plat_setup_read(const PlatSetup* setup, void* out, std::size_t size) {
  return ::pread(setup->file.get(), out, size, 0) == static_cast<ssize_t>(size);
}

bool plat_setup_role_held(const PlatSetup* setup, std::uint32_t role, std::uint32_t,
                          std::uint64_t) {
  return file_lock_is_held(setup->file.get(), kFirstRoleLockByte + role);
}

bool plat_setup_any_role_held(const PlatSetup* setup) {
  return file_lock_is_held(setup->file.get(), kFirstRoleLockByte, kCrowdRoles);
}

PlatResult plat_setup_renew(PlatSetup* setup, std::uint32_t access) {
  if (::unlink(setup->path.c_str()) != 0 && errno != ENOENT) return os_failure("unlink", errno);
  FileDescriptor file;
  FileIdentity identity;
  PlatResult result = shm_create(setup->path, access, &file, &identity);
  if (!result) return result;
  // Somebody may have opened the new file already, and have its lock: then they are alone, not we.
  if (file_lock_try(file.get(), kSetupLockByte) != LockOutcome::kTaken) {
    return {SMIPC_E_EXISTS, "another process was faster"};
  }
  setup->file = std::move(file);
  setup->identity = identity;
  return {};
}

PlatResult plat_setup_allocate(PlatSetup* setup, std::uint64_t bytes, std::uint32_t) {
  return shm_allocate(setup->file.get(), bytes);
}

PlatResult plat_setup_remove(PlatSetup* setup, bool keep_reachable, std::uint64_t nonce) {
  const int failed = keep_reachable ? ::rename(setup->path.c_str(), shm_removed_path(nonce).c_str())
                                    : ::unlink(setup->path.c_str());
  if (failed != 0 && errno != ENOENT) {
    // In a sticky directory only the owner may unlink. The memory can go all the same, and an empty
    // file is nothing to the next opener.
    const int error = errno;
    if (!keep_reachable && ::ftruncate(setup->file.get(), 0) == 0) return {};
    errno = error;
    return errno == EACCES || errno == EPERM
               ? PlatResult{SMIPC_E_PERMISSION, "no permission to remove " + setup->path}
               : os_failure("unlink", errno);
  }
  return {};
}

void plat_setup_leave(PlatSetup* setup) {
  FileIdentity now;
  if (plat_setup_size(setup) == 0 && shm_identify(setup->path, &now) && now == setup->identity) {
    ::unlink(setup->path.c_str());
  }
  delete setup;  // closes the file, and with it the lock
}

}  // namespace smipc::detail
