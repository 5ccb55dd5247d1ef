// Time, randomness, processors and fork on POSIX.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "platform/lasting_mutex.h"
#include "platform/named_objects.h"
#include "platform/platform.h"
#include "platform/posix/fork_guard.h"
#include "platform/posix/system.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace smipc::detail {
namespace {

std::int64_t read_clock(clockid_t clock) {
  timespec now = {};
  ::clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// Drawn when it is first asked for; a forked child draws its own.
std::atomic<std::uint64_t> g_process_number{0};

}  // namespace

std::int64_t plat_now_ns() { return read_clock(CLOCK_MONOTONIC); }

std::int64_t plat_now_coarse_ns() {
#if defined(CLOCK_MONOTONIC_COARSE)
  return read_clock(CLOCK_MONOTONIC_COARSE);
#else
  return read_clock(CLOCK_MONOTONIC);
#endif
}

std::int64_t plat_unix_time_ns() { return read_clock(CLOCK_REALTIME); }

void plat_pause(std::int64_t ns) {
  const timespec duration = {static_cast<time_t>(ns / 1'000'000'000),
                             static_cast<long>(ns % 1'000'000'000)};
  ::nanosleep(&duration, nullptr);
}

std::uint64_t plat_random_u64() {
  std::uint64_t value = 0;
  if (!system_random(&value, sizeof value) || value == 0) {
    static std::atomic<std::uint64_t> counter{1};  // no entropy source: unique, if guessable
    value = static_cast<std::uint64_t>(plat_unix_time_ns()) ^ (counter.fetch_add(1) << 48) ^
            (static_cast<std::uint64_t>(::getpid()) << 24) ^ 1;
  }
  return value == 0 ? 1 : value;
}

unsigned plat_cpu_count() {
  const long count = ::sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? static_cast<unsigned>(count) : 1;
}

std::uint32_t plat_only_cpu() {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) != 1) return 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) return static_cast<std::uint32_t>(cpu) + 1;
  }
#endif
  return 0;
}

// The OS tells when it was asked about a lock, so any number will do that no other process has.
std::uint64_t plat_process_start_time() {
  // Relaxed: only the number itself is of interest.
  std::uint64_t number = g_process_number.load(std::memory_order_relaxed);
  if (number != 0) return number;
  const std::uint64_t fresh = plat_random_u64();
  return g_process_number.compare_exchange_strong(number, fresh, std::memory_order_relaxed)
             ? fresh
             : number;
}

std::uint32_t plat_process_id() { return static_cast<std::uint32_t>(::getpid()); }

void plat_signals_block(PlatSignalMask* before) {
  sigset_t all;
  sigset_t old;
  static_assert(sizeof old <= sizeof before->bytes);
  sigfillset(&all);  // a macro on macOS
  ::pthread_sigmask(SIG_SETMASK, &all, &old);
  std::memcpy(before->bytes, &old, sizeof old);
}

void plat_signals_restore(const PlatSignalMask* before) {
  sigset_t old;
  std::memcpy(&old, before->bytes, sizeof old);
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

static LastingMutex g_fork_mutex;

std::mutex& fork_mutex() { return g_fork_mutex.mutex; }

int& ForkGuard::depth() {
  static thread_local int depth = 0;
  return depth;
}

void plat_on_fork(void (*lock)(), void (*unlock)(), void (*child)()) {
  static void (*lock_before)();
  static void (*unlock_after)();
  static void (*mark_in_child)();
  lock_before = lock;
  unlock_after = unlock;
  mark_in_child = child;
  ::pthread_atfork(
      [] {
        lock_before();
        fork_mutex().lock();
      },
      [] {
        fork_mutex().unlock();
        unlock_after();
      },
      [] {
        g_process_number.store(0, std::memory_order_relaxed);
        mark_in_child();
        fork_mutex().unlock();
        unlock_after();
      });
}

}  // namespace smipc::detail
