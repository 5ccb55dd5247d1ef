// The macOS part of the POSIX platform.
//
// Segments are files and not shm_open's objects, which can be neither locked nor listed, and whose
// names hold 31 bytes. Mapped files are kept in memory as well, and written to disk now and then.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <mutex>

#include "platform/posix/fork_guard.h"
#include "platform/posix/system.h"

namespace smipc::detail {

// Unlike /tmp, nobody cleans it: what is mapped looks unused to who does. Made when the library is
// loaded and never destroyed, as on Linux.
const std::string& g_directory = *new std::string("/var/tmp");

const std::string& system_directory() { return g_directory; }

int system_allocate(int fd, std::int64_t offset, std::int64_t bytes) {
  fstore_t store = {};
  store.fst_flags = F_ALLOCATEALL;
  store.fst_posmode = F_PEOFPOSMODE;  // from where the file ends now
  store.fst_length = static_cast<off_t>(bytes);
  if (::fcntl(fd, F_PREALLOCATE, &store) != 0) return errno;
  return ::ftruncate(fd, static_cast<off_t>(offset + bytes)) == 0 ? 0 : errno;
}

bool system_random(void* out, std::size_t size) { return ::getentropy(out, size) == 0; }

// Here a mapping keeps the file, but not what was opened: closing the descriptor would drop the
// lock. So it stays open, and children that are forked close theirs first of all. Children that
// exec lose it by CLOEXEC.
namespace {

LockKeeper* g_kept = nullptr;  // guarded by fork_mutex()

}  // namespace

// In a forked child, where only the forking thread exists: it holds fork_mutex().
void forget_kept_locks() {
  for (LockKeeper* keeper = g_kept; keeper != nullptr; keeper = keeper->next_) {
    keeper->file_ = FileDescriptor();
  }
  g_kept = nullptr;
}

// When the library is loaded: at the first use another thread could be in it when this one forks.
[[maybe_unused]] const int g_forgets_after_fork =
    ::pthread_atfork(nullptr, nullptr, forget_kept_locks);

void LockKeeper::keep(FileDescriptor file) {
  const ForkGuard guard;
  file_ = std::move(file);
  next_ = g_kept;
  if (g_kept != nullptr) g_kept->previous_ = this;
  g_kept = this;
}

void LockKeeper::drop() {
  const ForkGuard guard;
  if (!file_) return;
  if (previous_ != nullptr) previous_->next_ = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  if (g_kept == this) g_kept = next_;
  previous_ = nullptr;
  next_ = nullptr;
  file_ = FileDescriptor();
}

}  // namespace smipc::detail
