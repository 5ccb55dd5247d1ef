// Named semaphores on Linux: the C library's sem_open.
//
// glibc keeps "/name" in /dev/shm/sem.name. Which file a semaphore came from is looked up after opening,
// and believed only if opening the name once more gives the same semaphore: POSIX promises the same
// address for as long as the name is not unlinked. Without that (an unknown C library, a name that was
// taken meanwhile) the semaphore has no identity, and plat_semaphore_unlink_own finds nothing.
//
// A new one is made as new shared memory is: complete, without a name (O_TMPFILE), and then linked to
// it. sem_open itself makes a file of a random name first, which nobody could ever tell from a
// semaphore that is in use if its creator were killed there. It is the way out where the other fails.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <new>

#include "platform/linux/owner_record.h"
#include "platform/named_objects.h"
#include "platform/posix/shm_file.h"
#include "platform/thread_sanitizer.h"
#include "smipc.h"

// glibc 2.30. Weak, so that a library built with it runs without it.
extern "C" int sem_clockwait(sem_t*, clockid_t, const struct timespec*) __attribute__((weak));

#if SMIPC_HAS_TSAN
extern "C" void __tsan_acquire(void*);
#endif

namespace smipc::detail {

struct PlatSemaphore {
  sem_t* semaphore = nullptr;
  std::string name;
  FileIdentity identity;
  bool identified = false;
  OwnerRecord record;
};

namespace {

constexpr int kAttempts = 10'000;  // of racing with those who unlink and create the same name

std::string file_path(const std::string& name) { return shm_directory() + "/sem." + name; }

PlatResult failure(const std::string& name, int error) {
  const std::string path = file_path(name);
  switch (error) {
    case ENOENT:
      return {SMIPC_E_NOT_FOUND, "it does not exist"};
    case EEXIST:
      return {SMIPC_E_EXISTS, "it exists already"};
    case EACCES:
    case EPERM: {
      struct stat info = {};
      if (::lstat(path.c_str(), &info) != 0) return {SMIPC_E_PERMISSION, ""};
      return {SMIPC_E_PERMISSION, path + " belongs to user " + std::to_string(info.st_uid) +
                                      ", this process runs as user " + std::to_string(::geteuid())};
    }
    case ENOSPC:
      return {SMIPC_E_NO_SPACE, shm_directory() + " is full"};
    case ENOMEM:
      return {SMIPC_E_NO_MEMORY, ""};
    case EISDIR:
    case ELOOP:
    case ENODEV:
    case ENXIO:
      return {SMIPC_E_CORRUPT, path + " is no semaphore"};
    default:
      return os_failure("sem_open", error);
  }
}

void identify(PlatSemaphore* semaphore) {
  const std::string path = file_path(semaphore->name);
  FileIdentity identity;
  if (!shm_identify(path, &identity)) return;
  sem_t* again = ::sem_open(("/" + semaphore->name).c_str(), 0);
  if (again == SEM_FAILED) return;
  semaphore->identified = again == semaphore->semaphore;
  semaphore->identity = identity;
  ::sem_close(again);
}

// The C library maps whatever has the name: what is too short would be a SIGBUS later.
bool is_long_enough(const PlatSemaphore& semaphore) {
  if (!semaphore.identified) return true;
  struct stat info = {};
  return ::lstat(file_path(semaphore.name).c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
         info.st_size >= static_cast<off_t>(sizeof(sem_t));
}

// The umask has cut what sem_open was asked for.
void open_to_others(const PlatSemaphore& semaphore, std::uint32_t access) {
  FileDescriptor fd(
      ::open(file_path(semaphore.name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info = {};
  if (fd && ::fstat(fd.get(), &info) == 0 &&
      FileIdentity{info.st_dev, info.st_ino} == semaphore.identity) {
    ::fchmod(fd.get(), access == SMIPC_ACCESS_ALL ? 0666 : 0660);
  }
}

// Not this way; sem_open may know another.
constexpr int kUnsuited = ENOTSUP;

// 0, or errno: EEXIST, ENOSPC, kUnsuited, or EAGAIN when others have unlinked it at once.
int create_whole(const std::string& name, std::uint32_t initial_value, sem_t** out) {
  FileDescriptor file(::open(shm_directory().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  sem_t fresh;
  ::memset(&fresh, 0, sizeof fresh);
  if (!file || ::sem_init(&fresh, 1, initial_value) != 0) return kUnsuited;
  const ssize_t written = ::write(file.get(), &fresh, sizeof fresh);
  if (written != static_cast<ssize_t>(sizeof fresh)) return written < 0 ? errno : ENOSPC;
  const std::string from = "/proc/self/fd/" + std::to_string(file.get());
  const std::string path = file_path(name);
  if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return errno == EEXIST ? EEXIST : kUnsuited;
  }
  *out = ::sem_open(("/" + name).c_str(), 0);
  const int error = *out == SEM_FAILED ? errno : 0;
  struct stat made = {};
  FileIdentity now;
  const bool is_there = ::fstat(file.get(), &made) == 0 && shm_identify(path, &now) &&
                        now == FileIdentity{made.st_dev, made.st_ino};
  if (is_there && error == 0) return 0;
  if (error == 0) ::sem_close(*out);
  *out = SEM_FAILED;
  if (!is_there) return EAGAIN;
  ::unlink(path.c_str());  // a C library that looks elsewhere
  return error == ENOENT ? kUnsuited : error;
}

int create(const std::string& name, std::uint32_t initial_value, sem_t** out) {
  const int error = create_whole(name, initial_value, out);
  if (error != kUnsuited) return error;
  *out = ::sem_open(("/" + name).c_str(), O_CREAT | O_EXCL, 0600, initial_value);
  return *out == SEM_FAILED ? errno : 0;
}

// One round through what the four ways of opening have in common. 0, or errno.
int open_once(const PlatObjectName& name, std::uint32_t initial_value, sem_t** out, bool* created) {
  const std::string slashed = "/" + name.name;
  *created = false;
  if (name.existence == SMIPC_RAISE_IF_NOT_EXISTS || name.existence == SMIPC_LINK_OR_CREATE) {
    *out = ::sem_open(slashed.c_str(), 0);
    if (*out != SEM_FAILED) return 0;
    if (errno != ENOENT || name.existence == SMIPC_RAISE_IF_NOT_EXISTS) return errno;
  }
  if (name.existence == SMIPC_UNLINK_AND_CREATE && ::sem_unlink(slashed.c_str()) != 0 &&
      errno != ENOENT) {
    return errno;
  }
  const int error = create(name.name, initial_value, out);
  *created = error == 0;
  return error;
}

// ThreadSanitizer knows sem_post and the other waits, but not sem_clockwait: it has to be told that
// whoever is let in sees what was written before the post.
void tell_sanitizer([[maybe_unused]] sem_t* semaphore) {
#if SMIPC_HAS_TSAN
  __tsan_acquire(semaphore);
#endif
}

timespec at(std::int64_t ns) {
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

}  // namespace

PlatResult plat_semaphore_open(const PlatObjectName& name, std::uint32_t initial_value,
                               PlatSemaphore** out, bool* created) {
  auto* semaphore = new (std::nothrow) PlatSemaphore;
  if (semaphore == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  semaphore->name = name.name;
  int error = EEXIST;
  for (int i = 0; i < kAttempts && (error == EEXIST || error == EAGAIN); ++i) {
    error = open_once(name, initial_value, &semaphore->semaphore, created);
    if (name.existence == SMIPC_RAISE_IF_EXISTS && error != EAGAIN) break;
  }
  if (error != 0) {
    delete semaphore;
    return failure(name.name, error);
  }
  identify(semaphore);
  if (!is_long_enough(*semaphore)) {
    plat_semaphore_close(semaphore);
    plat_semaphore_free(semaphore);
    return {SMIPC_E_CORRUPT, file_path(name.name) + " is too short for a semaphore"};
  }
  if (*created && name.access != SMIPC_ACCESS_USER && semaphore->identified) {
    open_to_others(*semaphore, name.access);
  }
  *out = semaphore;
  return {};
}

bool plat_semaphore_try(PlatSemaphore* semaphore) {
  return ::sem_trywait(semaphore->semaphore) == 0;
}

PlatWake plat_semaphore_wait(PlatSemaphore* semaphore, std::int64_t timeout_ns) {
  int result;
  if (sem_clockwait != nullptr) {
    const timespec deadline = at(plat_now_ns() + timeout_ns);
    result = ::sem_clockwait(semaphore->semaphore, CLOCK_MONOTONIC, &deadline);
    if (result == 0) tell_sanitizer(semaphore->semaphore);
  } else {
    const timespec deadline = at(plat_unix_time_ns() + timeout_ns);
    result = ::sem_timedwait(semaphore->semaphore, &deadline);
  }
  if (result == 0) return PlatWake::kWoken;
  return errno == EINTR ? PlatWake::kInterrupted : PlatWake::kTimedOut;
}

PlatResult plat_semaphore_post(PlatSemaphore* semaphore, std::uint32_t count,
                               std::uint32_t* added) {
  *added = 0;
  if (count > 1) {  // a single one that does not fit is noticed by sem_post itself
    std::uint32_t value = 0;
    PlatResult result = plat_semaphore_value(semaphore, &value);
    if (!result) return result;
    if (count > static_cast<std::uint32_t>(SEM_VALUE_MAX) - value) return {SMIPC_E_INVALID, ""};
  }
  for (; *added < count; ++*added) {
    if (::sem_post(semaphore->semaphore) == 0) continue;
    if (errno == EOVERFLOW) return {SMIPC_E_INVALID, ""};
    return os_failure("sem_post", errno);
  }
  return {};
}

PlatResult plat_semaphore_value(PlatSemaphore* semaphore, std::uint32_t* out) {
  int value = 0;
  if (::sem_getvalue(semaphore->semaphore, &value) != 0) return os_failure("sem_getvalue", errno);
  *out = value > 0 ? static_cast<std::uint32_t>(value) : 0;
  return {};
}

void plat_semaphore_close(PlatSemaphore* semaphore) {
  if (semaphore->semaphore == nullptr) return;
  ::sem_close(semaphore->semaphore);
  semaphore->semaphore = nullptr;
}

void plat_semaphore_free(PlatSemaphore* semaphore) { delete semaphore; }

void plat_semaphore_own(PlatSemaphore* semaphore) {
  if (semaphore->identified) semaphore->record.begin("sem." + semaphore->name, semaphore->identity);
}

PlatResult plat_semaphore_unlink_own(PlatSemaphore* semaphore) {
  FileIdentity now;
  if (!semaphore->identified || !shm_identify(file_path(semaphore->name), &now) ||
      now != semaphore->identity) {
    semaphore->record.end();
    return {SMIPC_E_NOT_FOUND, "the name is gone, or another semaphore's by now"};
  }
  PlatResult result = plat_semaphore_unlink(semaphore->name);
  if (result) semaphore->record.end();
  return result;
}

PlatResult plat_semaphore_unlink(const std::string& name) {
  if (::sem_unlink(("/" + name).c_str()) == 0) return {};
  return failure(name, errno);
}

}  // namespace smipc::detail
