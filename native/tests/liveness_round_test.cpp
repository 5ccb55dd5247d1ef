// Asking after many opposite ends: one that dies takes all of its channels along, and no others.
#include "core/liveness_round.h"

#include "core/waiting.h"
#include "support.hpp"

namespace smipc::test {
namespace {

using detail::Channel;

constexpr std::size_t kEach = 5;

// Readers of this process; the writers of the first kEach channels live in one other process, those
// of the next kEach in another.
struct TwoWriters {
  std::vector<std::string> names;
  std::vector<End> readers;
  std::vector<Channel*> channels;
  Signal opened[2];
  std::vector<std::unique_ptr<Companion>> processes;

  TwoWriters() {
    for (std::size_t i = 0; i < 2 * kEach; ++i) {
      names.push_back(unique_name("round"));
      readers.emplace_back(names.back(), SMIPC_READER, 64);
      channels.push_back(static_cast<smipc_channel*>(readers.back()));
    }
    for (std::size_t process = 0; process < 2; ++process) {
      processes.push_back(std::make_unique<Companion>(Place::kProcess, [this, process] {
        std::vector<End> writers;
        for (std::size_t i = 0; i < kEach; ++i) {
          writers.emplace_back(names[process * kEach + i], SMIPC_WRITER, 64);
        }
        opened[process].set();
        wait_to_be_killed();
      }));
      opened[process].wait();
    }
  }

  std::vector<bool> dead() const {
    std::vector<bool> result;
    for (const Channel* channel : channels) {
      result.push_back(detail::peer_gone(*channel) == SMIPC_E_OPPOSITE_DIED);
    }
    return result;
  }
};

std::vector<bool> first_and_second(bool first, bool second) {
  std::vector<bool> result(kEach, first);
  result.insert(result.end(), kEach, second);
  return result;
}

TEST(LivenessRound, a_process_that_dies_takes_all_of_its_channels_along) {
  NEEDS_PROCESSES();
  TwoWriters two;
  detail::LivenessRound round;
  round.look(two.channels.data(), two.channels.size(), true);
  EXPECT_EQ(first_and_second(false, false), two.dead());
  two.processes[1]->kill();
  round.look(two.channels.data(), two.channels.size(), true);
  EXPECT_EQ(first_and_second(false, true), two.dead());
  two.processes[0]->kill();
  round.look(two.channels.data(), two.channels.size(), true);
  EXPECT_EQ(first_and_second(true, true), two.dead());
}

TEST(LivenessRound, ends_that_do_not_tell_their_process_are_asked_for_each) {
  NEEDS_PROCESSES();
  TwoWriters two;
  for (Channel* channel : two.channels) channel->peer->start_time.store(0);
  two.processes[0]->kill();
  detail::LivenessRound().look(two.channels.data(), two.channels.size(), true);
  EXPECT_EQ(first_and_second(true, false), two.dead());
  two.processes[1]->kill();
}

TEST(LivenessRound, an_end_that_lies_about_its_process_is_found_out) {
  NEEDS_PROCESSES();
  TwoWriters two;
  for (std::size_t i = kEach; i < 2 * kEach; ++i) {
    two.channels[i]->peer->pid.store(two.channels[0]->peer->pid.load());
    two.channels[i]->peer->start_time.store(two.channels[0]->peer->start_time.load());
  }
  two.processes[1]->kill();
  detail::LivenessRound round;
  constexpr int kEnough = 8 * 2 * kEach;
  for (int i = 0; i < kEnough; ++i) round.look(two.channels.data(), two.channels.size(), true);
  EXPECT_EQ(first_and_second(false, true), two.dead());
  two.processes[0]->kill();
}

}  // namespace
}  // namespace smipc::test
