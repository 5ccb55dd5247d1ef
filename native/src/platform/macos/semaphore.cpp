// Named semaphores on macOS: sem_open, which knows neither timeouts nor values, and names of at most 30
// bytes: longer ones are hashed. Waiting with a timeout looks again, less and less often.
//
// The descriptor stays open until plat_semaphore_free: opening the name again gives the same address for
// as long as it is the same semaphore, which is how plat_semaphore_unlink_own knows.
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <time.h>

#include <algorithm>
#include <new>

#include "platform/macos/object_name.h"
#include "platform/named_objects.h"
#include "platform/posix/shm_file.h"
#include "smipc.h"

namespace smipc::detail {

struct PlatSemaphore {
  sem_t* semaphore = nullptr;
  std::string name;  // the system's
};

namespace {

constexpr int kAttempts = 10'000;
constexpr std::int64_t kFirstNapNs = 20'000;
constexpr std::int64_t kLongestNapNs = 2'000'000;

int open_once(const PlatObjectName& wish, const std::string& name, std::uint32_t initial_value,
              sem_t** out, bool* created) {
  *created = false;
  if (wish.existence == SMIPC_RAISE_IF_NOT_EXISTS || wish.existence == SMIPC_LINK_OR_CREATE) {
    *out = ::sem_open(name.c_str(), 0);
    if (*out != SEM_FAILED) return 0;
    if (errno != ENOENT || wish.existence == SMIPC_RAISE_IF_NOT_EXISTS) return errno;
  }
  if (wish.existence == SMIPC_UNLINK_AND_CREATE && ::sem_unlink(name.c_str()) != 0 &&
      errno != ENOENT) {
    return errno;
  }
  *out = ::sem_open(name.c_str(), O_CREAT | O_EXCL, object_mode(wish.access), initial_value);
  *created = *out != SEM_FAILED;
  return *created ? 0 : errno;
}

}  // namespace

PlatResult plat_semaphore_open(const PlatObjectName& name, std::uint32_t initial_value,
                               PlatSemaphore** out, bool* created) {
  auto* semaphore = new (std::nothrow) PlatSemaphore;
  if (semaphore == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  semaphore->name = system_object_name(name.name);
  int error = EEXIST;
  for (int i = 0; i < kAttempts && error == EEXIST; ++i) {
    error = open_once(name, semaphore->name, initial_value, &semaphore->semaphore, created);
    if (name.existence == SMIPC_RAISE_IF_EXISTS) break;
  }
  if (error != 0) {
    delete semaphore;
    return object_failure("sem_open", error);
  }
  *out = semaphore;
  return {};
}

bool plat_semaphore_try(PlatSemaphore* semaphore) {
  return ::sem_trywait(semaphore->semaphore) == 0;
}

PlatWake plat_semaphore_wait(PlatSemaphore* semaphore, std::int64_t timeout_ns) {
  const std::int64_t deadline_ns = plat_now_ns() + timeout_ns;
  for (std::int64_t nap_ns = kFirstNapNs;; nap_ns = std::min(nap_ns * 2, kLongestNapNs)) {
    if (plat_semaphore_try(semaphore)) return PlatWake::kWoken;
    const std::int64_t left = deadline_ns - plat_now_ns();
    if (left <= 0) return PlatWake::kTimedOut;
    const timespec nap = {0, static_cast<long>(std::min(left, nap_ns))};
    if (::nanosleep(&nap, nullptr) != 0) return PlatWake::kInterrupted;
  }
}

PlatResult plat_semaphore_post(PlatSemaphore* semaphore, std::uint32_t count,
                               std::uint32_t* added) {
  for (*added = 0; *added < count; ++*added) {
    if (::sem_post(semaphore->semaphore) == 0) continue;
    if (errno == EOVERFLOW) return {SMIPC_E_INVALID, ""};
    return os_failure("sem_post", errno);
  }
  return {};
}

PlatResult plat_semaphore_value(PlatSemaphore*, std::uint32_t*) {
  return {SMIPC_E_UNSUPPORTED, "this system does not tell a semaphore's value"};
}

void plat_semaphore_close(PlatSemaphore*) {}

void plat_semaphore_free(PlatSemaphore* semaphore) {
  ::sem_close(semaphore->semaphore);
  delete semaphore;
}

// There is no file to note it in that goes with the object.
void plat_semaphore_own(PlatSemaphore*) {}

PlatResult plat_semaphore_unlink_own(PlatSemaphore* semaphore) {
  sem_t* now = ::sem_open(semaphore->name.c_str(), 0);
  const bool same = now == semaphore->semaphore;
  if (now != SEM_FAILED) ::sem_close(now);
  if (!same) return {SMIPC_E_NOT_FOUND, "the name is gone, or another semaphore's by now"};
  return ::sem_unlink(semaphore->name.c_str()) == 0 ? PlatResult{}
                                                    : object_failure("sem_unlink", errno);
}

PlatResult plat_semaphore_unlink(const std::string& name) {
  return ::sem_unlink(system_object_name(name).c_str()) == 0 ? PlatResult{}
                                                             : object_failure("sem_unlink", errno);
}

PlatResult plat_objects_sweep(std::size_t* out_removed) {
  *out_removed = 0;
  return {};
}

}  // namespace smipc::detail
