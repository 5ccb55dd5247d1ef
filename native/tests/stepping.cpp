// See stepping.hpp.
#include "stepping.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "support.hpp"

namespace smipc::test {
namespace {

// A victim counts as asleep when a system call takes longer than this, ...
constexpr std::int64_t kAsleepAfter = 30 * kMillisecond;
// ... or when those of at least kNap have taken so long together: it looks again between its naps.
constexpr std::int64_t kNap = 2 * kMillisecond;
constexpr std::int64_t kAsleepInNaps = 100 * kMillisecond;
// A call that tries again and again before it sleeps goes round the same instructions.
constexpr std::uint64_t kMost = 30'000;
constexpr std::uint64_t kNoEnd = UINT64_MAX;

enum class Stop : std::uint8_t { kStepped, kMarker, kAsleep, kEnded };

class Victim {
 public:
  explicit Victim(Scenario& scenario) : scenario_(scenario) {
    pid_ = ::fork();
    if (pid_ == 0) live(scenario);
    int status = 0;
    EXPECT_EQ(pid_, ::waitpid(pid_, &status, 0));
    ready_ = WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
  }
  Victim(const Victim&) = delete;
  ~Victim() { kill(); }

  bool is_ready() const { return ready_; }

  Stop step() {
    const bool enters_kernel = next_is_system_call();
    if (::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr) != 0) return Stop::kEnded;
    int status = 0;
    if (!enters_kernel) {
      if (::waitpid(pid_, &status, 0) != pid_) return Stop::kEnded;
    } else if (!wait_while_in_kernel(&status)) {
      return Stop::kAsleep;
    }
    if (!WIFSTOPPED(status)) {
      reaped_ = true;
      return Stop::kEnded;
    }
    return WSTOPSIG(status) == SIGSTOP ? Stop::kMarker : Stop::kStepped;
  }

  void kill() {
    if (reaped_) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) == pid_ && WIFSTOPPED(status)) {
    }
    reaped_ = true;
  }

 private:
  [[noreturn]] static void live(Scenario& scenario) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    scenario.prepare();
    if (testing::Test::HasFailure()) ::_exit(1);
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    scenario.call();
    ::raise(SIGSTOP);
    ::_exit(0);
  }

  bool next_is_system_call() const {
    user_regs_struct registers;
    if (::ptrace(PTRACE_GETREGS, pid_, nullptr, &registers) != 0) return false;
    errno = 0;
    const long code = ::ptrace(PTRACE_PEEKTEXT, pid_, registers.rip, nullptr);
    return errno == 0 && (code & 0xffff) == 0x050f;
  }

  bool wait_while_in_kernel(int* status) {
    std::int64_t since = now_ns();
    for (;;) {
      const pid_t changed = ::waitpid(pid_, status, WNOHANG);
      const std::int64_t took = now_ns() - since;
      if (changed != 0) {
        if (took >= kNap) napped_ns_ += took;
        return changed == pid_ && napped_ns_ < kAsleepInNaps;
      }
      if (took > kAsleepAfter) {
        if (helped_ || !scenario_.asleep()) return false;
        helped_ = true;
        since = now_ns();
      }
      ::sched_yield();
    }
  }

  Scenario& scenario_;
  pid_t pid_ = 0;
  bool helped_ = false;
  std::int64_t napped_ns_ = 0;
  bool ready_ = false;
  bool reaped_ = false;
};

// One life and death. How many instructions it took is less than `limit` when the call ended, or
// fell asleep, before.
struct Life {
  std::uint64_t instructions = 0;
  Stop end = Stop::kStepped;
};

Life live_and_die(const std::function<std::unique_ptr<Scenario>()>& make, std::uint64_t limit) {
  ::alarm(kWatchdogSeconds);  // anew: it is for one kill
  const std::unique_ptr<Scenario> scenario = make();
  scenario->before();
  Life life;
  {
    Victim victim(*scenario);
    EXPECT_TRUE(victim.is_ready()) << "the victim could not prepare its call";
    if (victim.is_ready()) scenario->prepared();
    while (victim.is_ready() && life.instructions < limit && life.end == Stop::kStepped) {
      life.end = victim.step();
      ++life.instructions;
    }
    if (victim.is_ready() && life.end == Stop::kStepped) scenario->stopped();
  }
  EXPECT_NE(Stop::kEnded, life.end) << "the victim ended by itself";
  scenario->after(life.end == Stop::kMarker);
  return life;
}

}  // namespace

Kills kill_at_every_instruction(const std::function<std::unique_ptr<Scenario>()>& make, int few) {
  const Life whole = live_and_die(make, kNoEnd);
  Kills out;
  out.instructions = whole.instructions;
  out.sleeps = whole.end == Stop::kAsleep;
  out.kills = 1;
  const char* wanted = std::getenv("SMIPC_TEST_LONG");
  const bool all = wanted != nullptr && *wanted == '1';
  const std::uint64_t most = all ? kMost : static_cast<std::uint64_t>(few);
  const std::uint64_t stride = whole.instructions / most + 1;
  Random random(static_cast<std::uint64_t>(now_ns()));
  // A victim that waits spins for as long as it takes: the number of instructions differs a little.
  for (std::uint64_t at = random.below(stride); at < whole.instructions; at += stride) {
    SCOPED_TRACE("killed after " + std::to_string(at) + " instructions");
    live_and_die(make, at);
    ++out.kills;
    if (testing::Test::HasFatalFailure() || testing::Test::HasNonfatalFailure()) break;
  }
  return out;
}

}  // namespace smipc::test

#endif
