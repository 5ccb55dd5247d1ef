// See stepping.hpp.
//
// To be killed after so many instructions a victim need not be stepped through all of them: the first
// life, which is, notes where each instruction is. Later ones run at full speed to a breakpoint, at an
// instruction shortly before that has not been executed often by then, and go on in steps.
#include "stepping.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <unistd.h>

#include <cstdlib>
#include <unordered_map>
#include <utility>
#include <vector>

#include "stepped_process.hpp"
#include "support.hpp"

namespace smipc::test {
namespace {

// A call that tries again and again before it sleeps goes round the same instructions.
constexpr std::uint64_t kMost = 30'000;
constexpr std::uint64_t kNoEnd = UINT64_MAX;

// Where a life came by.
class Path {
 public:
  void add(std::uint64_t place) { places_.push_back(place); }

  struct Leap {
    std::uint64_t instructions = 0;  // that it leaps over
    std::uint64_t place = 0;
    std::uint64_t times = 0;  // that it comes by there
  };

  // Chooses the cheapest one for each instruction: a stop at a breakpoint costs what a step does.
  void survey() {
    std::unordered_map<std::uint64_t, std::uint64_t> times;
    std::uint64_t cost = kNoEnd;
    Leap best;
    for (std::uint64_t at = 0; at < places_.size(); ++at) {
      const std::uint64_t place = places_[at];
      // Inside of an instruction that repeats itself there is no breakpoint.
      const bool repeats = at > 0 && places_[at - 1] == place;
      if (cost != kNoEnd) ++cost;
      if (at > 0 && !repeats && ++times[place] <= cost) {
        cost = times[place];
        best = {at, place, times[place]};
      }
      leaps_.push_back(best);
    }
  }

  Leap leap_to(std::uint64_t at) const { return at < leaps_.size() ? leaps_[at] : Leap(); }

 private:
  std::vector<std::uint64_t> places_;
  std::vector<Leap> leaps_;
};

// One life and death. How many instructions it took is less than `limit` when the call ended, or
// fell asleep, before.
struct Life {
  std::uint64_t instructions = 0;
  Stop end = Stop::kStepped;
  bool leapt_too_far = false;
};

using MakeScenario = std::function<std::unique_ptr<Scenario>()>;

void step_through(SteppedProcess& victim, std::uint64_t limit, Path* notes, Life* life) {
  while (life->instructions < limit && life->end == Stop::kStepped) {
    if (notes != nullptr) notes->add(victim.place());
    life->end = victim.step();
    ++life->instructions;
  }
}

Life live_and_die(const MakeScenario& make, std::uint64_t limit, Path::Leap leap, Path* notes) {
  ::alarm(kWatchdogSeconds);  // anew: it is for one kill
  const std::unique_ptr<Scenario> scenario = make();
  scenario->before();
  Life life;
  {
    SteppedProcess victim(*scenario);
    EXPECT_TRUE(victim.is_ready()) << "the victim could not prepare its call";
    if (victim.is_ready()) {
      scenario->prepared();
      if (leap.times > 0) {
        life.end = victim.run_to(leap.place, leap.times);
        life.leapt_too_far = life.end == Stop::kMarker || life.end == Stop::kAsleep;
        life.instructions = leap.instructions;
        if (life.end == Stop::kEnded) life = Life();
      }
      step_through(victim, limit, notes, &life);
      if (life.end == Stop::kStepped) scenario->stopped();
    }
  }
  EXPECT_NE(Stop::kEnded, life.end) << "the victim ended by itself";
  scenario->after(life.end == Stop::kMarker);
  return life;
}

bool has_failed() {
  return testing::Test::HasFatalFailure() || testing::Test::HasNonfatalFailure();
}

}  // namespace

Kills kill_at_every_instruction(const MakeScenario& make, int few) {
  Path path;
  Life whole = live_and_die(make, kNoEnd, {}, &path);
  Kills out;
  out.kills = 1;
  // It may have been held up for once, by a lock of the setup section that somebody else had.
  for (int again = 0; again < 2 && whole.end == Stop::kAsleep && !has_failed(); ++again) {
    Path other;
    const Life life = live_and_die(make, kNoEnd, {}, &other);
    ++out.kills;
    if (life.instructions <= whole.instructions) continue;
    whole = life;
    path = std::move(other);
  }
  path.survey();
  out.instructions = whole.instructions;
  out.sleeps = whole.end == Stop::kAsleep;
  const char* wanted = std::getenv("SMIPC_TEST_LONG");
  const bool all = wanted != nullptr && *wanted == '1';
  const std::uint64_t most = all ? kMost : static_cast<std::uint64_t>(few);
  const std::uint64_t stride = whole.instructions / most + 1;
  Random random(static_cast<std::uint64_t>(now_ns()));
  // A victim that waits spins for as long as it takes: the number of instructions differs a little.
  for (std::uint64_t at = random.below(stride); at < whole.instructions; at += stride) {
    SCOPED_TRACE("killed after " + std::to_string(at) + " instructions");
    const Life life = live_and_die(make, at, path.leap_to(at), nullptr);
    ++out.kills;
    if (life.leapt_too_far && !has_failed()) {
      live_and_die(make, at, {}, nullptr);  // this one went another way
      ++out.kills;
    }
    if (has_failed()) break;
  }
  return out;
}

}  // namespace smipc::test

#endif
