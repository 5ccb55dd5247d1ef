// Several threads on one end: serialised, nothing lost, nothing twice, and close comes at any time.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "support.hpp"

namespace smipc::test {
namespace {

struct Stamp {
  std::uint32_t thread;
  std::uint32_t number;
};

// One thread after the other counts up; all have to arrive once, and each thread's in order.
class Tally {
 public:
  explicit Tally(std::size_t threads) : next_(threads, 0) {}
  void add(const Stamp& stamp) {
    ASSERT_LT(stamp.thread, next_.size());
    ASSERT_EQ(next_[stamp.thread], stamp.number) << "thread " << stamp.thread;
    ++next_[stamp.thread];
  }
  void expect_all(std::uint32_t count) {
    for (std::uint32_t next : next_) EXPECT_EQ(count, next);
  }

 private:
  std::vector<std::uint32_t> next_;
};

TEST(Threads, that_send_on_one_end_lose_and_double_nothing) {
  constexpr std::uint32_t kThreads = 3;
  constexpr std::uint32_t kCount = kSanitized ? 2000 : 30'000;
  Pair pair("senders", 1000);
  std::vector<std::unique_ptr<Companion>> senders;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
    senders.push_back(std::make_unique<Companion>(Place::kThread, [&pair, thread] {
      Random random(thread);
      for (std::uint32_t i = 0; i < kCount; ++i) {
        const Stamp stamp = {thread, i};
        void* room = nullptr;
        smipc_status status = SMIPC_E_BUSY;  // another thread's reservation is open
        while (status == SMIPC_E_BUSY) {
          status = random.below(10) == 0 ? smipc_channel_reserve(pair.writer, 8, kLong, &room)
                                         : smipc_channel_send(pair.writer, &stamp, 8, kLong);
        }
        ASSERT_OK(status);
        if (room == nullptr) continue;
        std::memcpy(room, &stamp, 8);
        ASSERT_OK(smipc_channel_commit(pair.writer, 8));
      }
    }));
  }
  Tally tally(kThreads);
  for (std::uint32_t i = 0; i < kThreads * kCount; ++i) {
    Stamp stamp;
    std::size_t size = 0;
    ASSERT_OK(smipc_channel_recv(pair.reader, &stamp, sizeof stamp, kLong, &size));
    ASSERT_EQ(sizeof stamp, size);
    tally.add(stamp);
  }
  tally.expect_all(kCount);
}

TEST(Threads, that_receive_on_one_end_lose_and_double_nothing) {
  constexpr std::uint32_t kThreads = 3;
  constexpr std::uint32_t kCount = kSanitized ? 5000 : 100'000;
  Pair pair("receivers", 1000);
  std::vector<std::uint32_t> got[kThreads];
  {
    std::vector<std::unique_ptr<Companion>> receivers;
    for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
      receivers.push_back(std::make_unique<Companion>(Place::kThread, [&pair, &got, thread] {
        for (;;) {
          std::uint32_t number;
          std::size_t size = 0;
          const smipc_status status =
              smipc_channel_recv(pair.reader, &number, sizeof number, kLong, &size);
          if (status == SMIPC_E_OPPOSITE_CLOSED) return;
          ASSERT_OK(status);
          got[thread].push_back(number);
        }
      }));
    }
    for (std::uint32_t i = 0; i < kCount; ++i) {
      ASSERT_OK(smipc_channel_send(pair.writer, &i, sizeof i, kLong));
    }
    EXPECT_OK(smipc_channel_close(pair.writer));
  }
  std::vector<std::uint32_t> all;
  for (const std::vector<std::uint32_t>& one : got) {
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
    all.insert(all.end(), one.begin(), one.end());
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(kCount, all.size());
  for (std::uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(i, all[i]);
}

TEST(Threads, a_call_waits_for_its_turn_within_its_own_timeout) {
  Pair pair("turn", 100);
  const std::uint64_t before = waits_of(pair.reader, SMIPC_READER);
  Companion holder(Place::kThread, [&] {
    unsigned char buffer[8];
    std::size_t size = 0;
    EXPECT_OK(smipc_channel_recv(pair.reader, buffer, 8, SMIPC_FOREVER, &size));
  });
  await_wait(pair.writer, SMIPC_READER, before);
  unsigned char buffer[8];
  std::size_t size = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_recv(pair.reader, buffer, 8, 0, &size));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_recv(pair.reader, buffer, 8, kShort, &size));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_next(pair.reader, nullptr, 0, 0, &size, nullptr));
  EXPECT_EQ(1u, status_of(pair.reader).is_open) << "looking never waits";
  send(pair.writer, pattern(8, 1));
  holder.join();
  send(pair.writer, pattern(8, 2));
  expect_pattern(recv(pair.reader).data(), 8, 2);
}

TEST(Threads, ends_pass_from_thread_to_thread) {
  Pair pair("pass", 100);
  for (std::uint64_t i = 0; i < (kSanitized ? 50u : 500u); ++i) {
    Companion(Place::kThread, [&] { send(pair.writer, pattern(20, i)); }).join();
    Companion(Place::kThread, [&] { expect_pattern(recv(pair.reader).data(), 20, i); }).join();
  }
}

TEST(Threads, close_at_any_moment_ends_every_call) {
  constexpr int kRounds = (kSanitized ? 50 : 300) / kOpeningIsDear;
  for (int round = 0; round < kRounds; ++round) {
    Pair pair("close", 100);
    std::atomic<int> running{0};
    const auto until_closed = [&running](const std::function<smipc_status()>& call) {
      ++running;
      smipc_status status;
      do {
        status = call();
      } while (status == SMIPC_OK);
      return status;
    };
    std::vector<std::unique_ptr<Companion>> callers;
    const auto start = [&callers](std::function<void()> body) {
      callers.push_back(std::make_unique<Companion>(Place::kThread, std::move(body)));
    };
    for (int i = 0; i < 2; ++i) {
      start([&] {
        const smipc_status status = until_closed(
            [&] { return smipc_channel_send(pair.writer, "12345", 5, SMIPC_FOREVER); });
        EXPECT_TRUE(status == SMIPC_E_CLOSED || status == SMIPC_E_OPPOSITE_CLOSED);
      });
      start([&] {
        const smipc_status status = until_closed([&] {
          char buffer[8];
          std::size_t size = 0;
          return smipc_channel_recv(pair.reader, buffer, 8, SMIPC_FOREVER, &size);
        });
        EXPECT_TRUE(status == SMIPC_E_CLOSED || status == SMIPC_E_OPPOSITE_CLOSED);
      });
    }
    start([&] {
      const smipc_status status = until_closed([&] {
        smipc_channel* const reader = pair.reader;
        std::uint8_t ready;
        const smipc_status waited = smipc_wait(&reader, 1, SMIPC_FOREVER, &ready, nullptr);
        return status_of(reader).is_open == 1 ? waited : SMIPC_E_CLOSED;
      });
      EXPECT_STATUS(SMIPC_E_CLOSED, status);
    });
    while (running < 5) std::this_thread::yield();
    Companion closer(Place::kThread, [&] { EXPECT_OK(smipc_channel_close(pair.writer)); });
    EXPECT_OK(smipc_channel_close(pair.reader));
    EXPECT_OK(smipc_channel_close(pair.reader));
    callers.clear();
    closer.join();
    EXPECT_FILES(0u, pair.name);
  }
}

TEST(Threads, several_that_close_all_return_when_it_is_closed) {
  for (int round = 0; round < (kSanitized ? 100 : 1000) / kOpeningIsDear; ++round) {
    Pair pair("closers", 100);
    std::atomic<bool> go{false};
    const auto close = [&] {
      while (!go) std::this_thread::yield();
      EXPECT_OK(smipc_channel_close(pair.reader));
      EXPECT_EQ(0u, status_of(pair.reader).is_open);
    };
    Companion a(Place::kThread, close);
    Companion b(Place::kThread, close);
    go = true;
    EXPECT_OK(smipc_clean());
    EXPECT_EQ(0u, status_of(pair.reader).is_open);
    EXPECT_EQ(0u, status_of(pair.writer).is_open);
  }
}

TEST(Threads, opening_and_closing_one_name_at_once_gives_it_to_one_at_a_time) {
  const std::string name = unique_name("race");
  std::atomic<int> holders{0};
  std::atomic<int> opened{0};
  std::vector<std::unique_ptr<Companion>> racers;
  for (int i = 0; i < 4; ++i) {
    racers.push_back(std::make_unique<Companion>(Place::kThread, [&] {
      for (int round = 0; round < (kSanitized ? 50 : 500); ++round) {
        smipc_channel* channel = nullptr;
        const smipc_status status = try_open(name, SMIPC_READER, 100, {}, &channel);
        if (status == SMIPC_E_END_TAKEN) continue;
        ASSERT_OK(status);
        EXPECT_EQ(1, ++holders);
        ++opened;
        --holders;
        smipc_channel_free(channel);
      }
    }));
  }
  racers.clear();
  EXPECT_GT(opened, 0);
  EXPECT_FILES(0u, name);
}

}  // namespace
}  // namespace smipc::test
