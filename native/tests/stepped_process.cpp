// See stepped_process.hpp.
#include "stepped_process.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "support.hpp"

namespace smipc::test {
namespace {

// A victim counts as asleep when it sleeps longer than this, ...
constexpr std::int64_t kAsleepAfter = 30 * kMillisecond;
// ... or when naps of at least kNap have taken so long together: it looks again between its naps.
constexpr std::int64_t kNap = 2 * kMillisecond;
constexpr std::int64_t kAsleepInNaps = 100 * kMillisecond;
// Once the others have done something for it, it gets time to find out.
constexpr std::int64_t kAsleepAfterHelp = 500 * kMillisecond;

constexpr std::uint32_t kSystemCall = 0x050f;
// Fills of more are done in one step, which is what they are to the others.
constexpr unsigned long long kShortFill = 256;

// The length of an instruction that fills memory, as memset has it: else a step for each byte.
unsigned fill_bytes(std::uint32_t code) {
  if ((code & 0xfeff) == 0xaaf3) return 2;       // rep stosb, stosd
  return (code & 0xffffff) == 0xab48f3 ? 3 : 0;  // rep stosq
}

}  // namespace

SteppedProcess::SteppedProcess(Scenario& scenario) : scenario_(scenario) {
  pid_ = ::fork();
  if (pid_ == 0) live(scenario);
  int status = 0;
  EXPECT_EQ(pid_, ::waitpid(pid_, &status, 0));
  ready_ = WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
}

void SteppedProcess::live(Scenario& scenario) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  scenario.prepare();
  if (testing::Test::HasFailure()) ::_exit(1);
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
  scenario.call();
  ::raise(SIGSTOP);
  ::_exit(0);
}

std::uint64_t SteppedProcess::place() const {
  errno = 0;
  const long place =
      ::ptrace(PTRACE_PEEKUSER, pid_, offsetof(user, regs) + offsetof(user_regs_struct, rip), 0);
  return errno == 0 ? static_cast<std::uint64_t>(place) : 0;
}

Stop SteppedProcess::step() {
  user_regs_struct registers;
  if (::ptrace(PTRACE_GETREGS, pid_, nullptr, &registers) != 0) return Stop::kEnded;
  errno = 0;
  const long word = ::ptrace(PTRACE_PEEKTEXT, pid_, registers.rip, nullptr);
  if (errno != 0) return Stop::kEnded;
  const auto code = static_cast<std::uint32_t>(word);
  const unsigned fill = fill_bytes(code);
  if (fill != 0 && registers.rcx > kShortFill) {
    const Stop stop = run_to(registers.rip + fill, 1);
    if (stop != Stop::kEnded) return stop;
  }
  return resume(PTRACE_SINGLESTEP, (code & 0xffff) == kSystemCall);
}

bool SteppedProcess::set_breakpoint(std::uint64_t place) const {
  const auto poke = [this](std::size_t which, std::uint64_t value) {
    return ::ptrace(PTRACE_POKEUSER, pid_, offsetof(user, u_debugreg) + which * sizeof(long),
                    value) == 0;
  };
  if (place == 0) return poke(7, 0);
  return poke(7, 0) && poke(0, place) && poke(7, 1);
}

Stop SteppedProcess::run_to(std::uint64_t place, std::uint64_t times) {
  if (!set_breakpoint(place)) return Stop::kEnded;
  Stop stop = Stop::kStepped;
  while (times-- > 0 && stop == Stop::kStepped) stop = resume(PTRACE_CONT, true);
  if (stop == Stop::kStepped) set_breakpoint(0);
  return stop;
}

Stop SteppedProcess::resume(int request, bool may_sleep) {
  if (::ptrace(static_cast<__ptrace_request>(request), pid_, nullptr, nullptr) != 0) {
    return Stop::kEnded;
  }
  int status = 0;
  if (!may_sleep) {
    if (::waitpid(pid_, &status, 0) != pid_) return Stop::kEnded;
  } else if (!wait_for_stop(&status)) {
    return Stop::kAsleep;
  }
  if (!WIFSTOPPED(status)) {
    reaped_ = true;
    return Stop::kEnded;
  }
  return WSTOPSIG(status) == SIGSTOP ? Stop::kMarker : Stop::kStepped;
}

// It may also be that it does not get a processor.
bool SteppedProcess::is_sleeping() const {
  char path[64];
  char text[512] = {};
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid_));
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) return true;
  const std::size_t size = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  const char* behind_name = size == 0 ? nullptr : std::strrchr(text, ')');
  return behind_name == nullptr || std::strlen(behind_name) < 3 || behind_name[2] == 'S';
}

bool SteppedProcess::wait_for_stop(int* status) {
  std::int64_t since = now_ns();
  for (;;) {
    const pid_t changed = ::waitpid(pid_, status, WNOHANG);
    const std::int64_t took = now_ns() - since;
    if (changed != 0) {
      if (took >= kNap) napped_ns_ += took;
      return changed == pid_ && (helped_ || napped_ns_ < kAsleepInNaps);
    }
    if (took > (helped_ ? kAsleepAfterHelp : kAsleepAfter) && is_sleeping()) {
      if (helped_ || !scenario_.asleep()) return false;
      helped_ = true;
      since = now_ns();
    }
    ::sched_yield();
  }
}

void SteppedProcess::kill() {
  if (reaped_) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) == pid_ && WIFSTOPPED(status)) {
  }
  reaped_ = true;
}

}  // namespace smipc::test

#endif
