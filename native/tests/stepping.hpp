// Kills a process after each instruction of a call, and looks at what that leaves.
//
// A scenario is made anew for every kill. The victim, a forked child, is stepped through its call
// by ptrace; after so many instructions it is killed, and the others check what they were promised.
// A system call counts as one step, and so does an instruction that fills memory. A call that sleeps is
// killed in its sleep last.
#pragma once

#if defined(__linux__) && defined(__x86_64__)
#define SMIPC_TEST_STEPPING 1
#endif

#if defined(SMIPC_TEST_STEPPING)

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace smipc::test {

class Scenario {
 public:
  virtual ~Scenario() = default;
  // In the survivors' process, before the victim is forked.
  virtual void before() = 0;
  // In the victim: what leads to the call, at full speed; and the call, in steps.
  virtual void prepare() = 0;
  virtual void call() = 0;
  // In the survivors' process, while the victim stands before the call.
  virtual void prepared() {}
  // In the survivors' process, when the victim sleeps in the call: true: they have done something, and
  // it goes on; at most once.
  virtual bool asleep() { return false; }
  // In the survivors' process, when the victim stands where it is about to be killed.
  virtual void stopped() {}
  // In the survivors' process, when the victim is gone. `finished`: the call had returned.
  virtual void after(bool finished) = 0;
};

struct Kills {
  std::uint64_t instructions = 0;  // of the call, up to its end or to where it sleeps
  std::uint64_t kills = 0;
  bool sleeps = false;  // the call does not end without the others
};

// Kills at every instruction of the call with SMIPC_TEST_LONG=1 in the environment (of a call that
// has more than 30,000 before it sleeps, at so many), else at `few` of them, others in each run.
Kills kill_at_every_instruction(const std::function<std::unique_ptr<Scenario>()>& make, int few);

}  // namespace smipc::test

#endif
