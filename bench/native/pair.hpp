// Two processes on two cores: fork, pinning, the start handshake, and the orders that the measuring
// side gives.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>

#include "options.hpp"

namespace bench {

inline std::uint64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000ull +
         static_cast<std::uint64_t>(t.tv_nsec);
}

// Of this process so far, in user and in kernel mode.
inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

inline void check_os(bool ok, const char* what) {
  if (!ok) {
    fail(std::string(what) + ": " + std::strerror(errno));
  }
}

inline void pin_to_core(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  check_os(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity (two cores are needed)");
}

// Memory that both processes see.
inline void* map_shared(std::size_t size) {
  void* at =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  check_os(at != MAP_FAILED, "mmap");
  return at;
}

// The initiator measures: it starts round trips and receives what goes one way. The responder
// answers and sends.
enum class Side { kInitiator, kResponder };

// The word that both share beside the contestant: who is ready, and how many messages come next. It
// waits asleep, because a contestant may have threads of its own on the same core that still work.
class Control {
 public:
  Control() : shared_(new (map_shared(sizeof(Shared))) Shared) {}

  void wait_for_both() {
    shared_->ready.fetch_add(1);
    while (shared_->ready.load() < 2) {
      doze();
    }
  }

  // Initiator: the next section has `count` messages; 0 ends the program.
  void order(std::uint64_t count) {
    shared_->count.store(count, std::memory_order_relaxed);
    shared_->number.store(++number_, std::memory_order_release);
  }

  // Responder: waits for the next order.
  std::uint64_t next_order() {
    while (shared_->number.load(std::memory_order_acquire) == number_) {
      doze();
    }
    ++number_;
    return shared_->count.load(std::memory_order_relaxed);
  }

 private:
  struct Shared {
    alignas(128) std::atomic<int> ready{0};
    alignas(128) std::atomic<std::uint64_t> number{0};
    std::atomic<std::uint64_t> count{0};
  };
  static void doze() {
    const timespec moment{0, 50'000};
    nanosleep(&moment, nullptr);
  }

  Shared* shared_;
  std::uint64_t number_ = 0;
};

// Forks. The parent goes on as the initiator on core 0, the child as the responder on another. A
// responder that fails takes the initiator with it, and the reverse.
inline Side split(pid_t& child, int responder_core = 1) {
  const pid_t parent = getpid();
  struct sigaction action{};
  action.sa_handler = [](int) {
    const int saved = errno;
    int status = 0;
    if (waitpid(-1, &status, WNOHANG) > 0 && status != 0) {
      _exit(WIFEXITED(status) ? WEXITSTATUS(status) : kExitFailed);
    }
    errno = saved;
  };
  action.sa_flags = SA_RESTART | SA_NOCLDSTOP;
  check_os(sigaction(SIGCHLD, &action, nullptr) == 0, "sigaction");
  child = fork();
  check_os(child >= 0, "fork");
  if (child == 0) {
    signal(SIGCHLD, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
      _exit(kExitFailed);
    }
  }
  pin_to_core(child == 0 ? responder_core : 0);
  return child == 0 ? Side::kResponder : Side::kInitiator;
}

}  // namespace bench
