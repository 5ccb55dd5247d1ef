// Waiting for several readers at once: smipc_wait.
#include <atomic>

#include "support.hpp"

namespace smipc::test {
namespace {

struct Many {
  explicit Many(std::size_t total, const Settings& settings = {}) {
    for (std::size_t i = 0; i < total; ++i) {
      names.push_back(unique_name("wait"));
      writers.emplace_back(names.back(), SMIPC_WRITER, 64, settings);
      readers.emplace_back(names.back(), SMIPC_READER, 64, settings);
      handles.push_back(readers.back());
    }
    ready.resize(total);
  }

  smipc_status wait(std::int64_t timeout_ns) {
    std::fill(ready.begin(), ready.end(), static_cast<std::uint8_t>(9));
    return smipc_wait(handles.data(), handles.size(), timeout_ns, ready.data(), &count);
  }

  // Those that are marked.
  std::vector<std::size_t> found() const {
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < ready.size(); ++i) {
      EXPECT_LE(ready[i], 1);
      if (ready[i] == 1) indices.push_back(i);
    }
    EXPECT_EQ(count, indices.size());
    return indices;
  }

  std::vector<std::string> names;
  std::vector<End> writers;
  std::vector<End> readers;
  std::vector<smipc_channel*> handles;
  std::vector<std::uint8_t> ready;
  std::size_t count = 99;
};

class Wait : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(On, Wait,
                         testing::Values(1, 2, 127, 128, 200, kOpeningIsDear > 1 ? 300 : 1000),
                         testing::PrintToStringParamName());

TEST_P(Wait, finds_those_that_can_be_read) {
  Many many(GetParam());
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, many.wait(0));
  EXPECT_TRUE(many.found().empty());
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, many.wait(kShort));
  const std::size_t last = GetParam() - 1;
  send(many.writers[last], pattern(5, 1));
  EXPECT_OK(many.wait(SMIPC_FOREVER));
  EXPECT_EQ(std::vector<std::size_t>({last}), many.found());
  if (last == 0) return;
  send(many.writers[0], {});
  EXPECT_OK(many.wait(0));
  EXPECT_EQ(std::vector<std::size_t>({0, last}), many.found());
  recv(many.readers[last]);
  EXPECT_OK(many.wait(0));
  EXPECT_EQ(std::vector<std::size_t>({0}), many.found());
}

TEST_P(Wait, is_woken_by_any_of_them) {
  Many many(GetParam());
  Random random(GetParam());
  constexpr int kRounds = kSanitized ? 10 : 50;
  for (int round = 0; round < kRounds; ++round) {
    const std::size_t chosen = random.below(GetParam());
    Companion other(Place::kThread, [&] { send(many.writers[chosen], pattern(8, chosen)); });
    ASSERT_OK(many.wait(SMIPC_FOREVER));
    ASSERT_EQ(std::vector<std::size_t>({chosen}), many.found());
    expect_pattern(recv(many.readers[chosen]).data(), 8, chosen);
  }
}

TEST_P(Wait, is_told_when_an_opposite_end_closes) {
  Many many(GetParam());
  const std::size_t chosen = GetParam() / 2;
  Companion other(Place::kThread, [&] { EXPECT_OK(smipc_channel_close(many.writers[chosen])); });
  EXPECT_OK(many.wait(SMIPC_FOREVER));
  EXPECT_EQ(std::vector<std::size_t>({chosen}), many.found());
}

TEST_P(Wait, is_told_when_an_opposite_end_is_killed) {
  NEEDS_PROCESSES();
  Many many(GetParam());
  const std::size_t chosen = GetParam() / 2;
  many.writers[chosen].reset();
  Signal opened;
  Companion other(Place::kProcess, [&] {
    End writer(many.names[chosen], SMIPC_WRITER, 64);
    opened.set();
    wait_to_be_killed();
  });
  opened.wait();
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, many.wait(0)) << "its successor is there";
  other.kill();
  EXPECT_OK(many.wait(SMIPC_FOREVER));
  EXPECT_EQ(std::vector<std::size_t>({chosen}), many.found());
  std::vector<unsigned char> data;
  EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, try_recv(many.readers[chosen], &data));
}

TEST_P(Wait, is_ended_when_one_of_them_is_closed_here) {
  Many many(GetParam());
  std::atomic<bool> closing{false};
  Companion other(Place::kThread, [&] {
    while (!closing) std::this_thread::yield();
    EXPECT_OK(smipc_channel_close(many.handles[GetParam() - 1]));
  });
  closing = true;
  EXPECT_STATUS(SMIPC_E_CLOSED, many.wait(SMIPC_FOREVER));
  other.join();
  EXPECT_STATUS(SMIPC_E_CLOSED, many.wait(SMIPC_FOREVER));
}

TEST(WaitSome, needs_only_readers_of_any_framing) {
  Pair messages("both-m", 64);
  Pair streams("both-s", 64, stream());
  smipc_channel* handles[3] = {messages.reader, streams.reader, streams.reader};
  std::uint8_t ready[3];
  EXPECT_OK(smipc_channel_write(streams.writer, "x", 1, 0, nullptr));
  EXPECT_OK(smipc_wait(handles, 3, kLong, ready, nullptr)) << "one of them twice";
  EXPECT_EQ(0, ready[0]);
  EXPECT_EQ(1, ready[1]);
  EXPECT_EQ(1, ready[2]);
  handles[2] = messages.writer;
  EXPECT_STATUS(SMIPC_E_WRONG_END, smipc_wait(handles, 3, 0, ready, nullptr));
  handles[2] = nullptr;
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_wait(handles, 3, 0, ready, nullptr));
}

}  // namespace
}  // namespace smipc::test
