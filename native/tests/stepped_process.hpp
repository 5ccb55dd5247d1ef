// A child that is stepped through a call by ptrace, and killed.
#pragma once

#include "stepping.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <sys/types.h>
#include <sys/user.h>

namespace smipc::test {

enum class Stop : std::uint8_t { kStepped, kMarker, kAsleep, kEnded };

class SteppedProcess {
 public:
  // Forked; stands before scenario.call() when this returns.
  explicit SteppedProcess(Scenario& scenario);
  SteppedProcess(const SteppedProcess&) = delete;
  ~SteppedProcess() { kill(); }

  bool is_ready() const { return ready_; }

  // The address of the next instruction.
  std::uint64_t place() const;

  // One instruction. kMarker: the call has returned; kAsleep: it sleeps, and nobody helps it.
  Stop step();

  // Until it is about to execute the instruction in that place for the `times`th time, at full speed.
  // kEnded, with the victim where it was: there are no breakpoints on this machine.
  Stop run_to(std::uint64_t place, std::uint64_t times);

  void kill();

 private:
  [[noreturn]] static void live(Scenario& scenario);
  bool set_breakpoint(std::uint64_t place) const;
  bool is_sleeping() const;
  bool wait_for_stop(int* status);
  Stop resume(int request, bool may_sleep);

  Scenario& scenario_;
  pid_t pid_ = 0;
  bool helped_ = false;
  std::int64_t napped_ns_ = 0;
  bool ready_ = false;
  bool reaped_ = false;
};

}  // namespace smipc::test

#endif
