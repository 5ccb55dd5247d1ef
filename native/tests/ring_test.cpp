// White box: what counts as taken, from every state that a reader can be killed in.
#include "core/ring.h"

#include <atomic>
#include <memory>

#include "support.hpp"

namespace smipc::test {
namespace {

using detail::Channel;
using detail::ChannelShm;
using detail::effective_tail;

// A channel whose segment is plain memory.
class Ring : public testing::Test {
 protected:
  Ring() : shm_(std::make_unique<ChannelShm>()) {
    channel_.shm = shm_.get();
    channel_.limit = 1000;
  }

  void set(std::uint64_t exact, std::uint64_t taken_high, std::uint16_t count) {
    shm_->reader.exact = exact;
    shm_->reader.taken = taken_high << 16 | count;
  }

  // The tail, or UINT64_MAX for impossible.
  std::uint64_t tail(std::uint64_t head) {
    std::uint64_t result = 0;
    return effective_tail(channel_, head, &result) ? result : UINT64_MAX;
  }

  std::unique_ptr<ChannelShm> shm_;
  Channel channel_;
};

TEST_F(Ring, without_a_list_exact_is_the_tail) {
  set(160, 0, 0);
  EXPECT_EQ(160u, tail(200));
  EXPECT_EQ(160u, tail(160));
  EXPECT_EQ(160u, tail(1160));
}

TEST_F(Ring, with_a_list_the_handed_out_messages_are_behind_it) {
  shm_->batch.ends[0] = 2;
  shm_->batch.ends[1] = 5;
  shm_->batch.ends[254] = 100;
  set(160, 160, 0);
  EXPECT_EQ(160u, tail(1000));
  set(160, 160, 1);
  EXPECT_EQ(176u, tail(1000));
  set(160, 160, 2);
  EXPECT_EQ(200u, tail(1000));
  set(160, 160, 255);
  EXPECT_EQ(960u, tail(1000));
}

TEST_F(Ring, a_count_of_an_older_list_is_void) {
  shm_->batch.ends[2] = 7;
  set(160, 80, 3);  // killed after `exact` had moved, before anything else
  EXPECT_EQ(160u, tail(200));
}

TEST_F(Ring, the_writer_may_be_ahead_of_exact_by_more_than_the_ring_while_a_list_is_handed_out) {
  shm_->batch.ends[4] = 10;
  set(160, 160, 5);
  EXPECT_EQ(240u, tail(1240));
  EXPECT_EQ(UINT64_MAX, tail(1241));
}

TEST_F(Ring, impossible_values_are_noticed) {
  set(160, 0, 0);
  EXPECT_EQ(UINT64_MAX, tail(159)) << "a tail behind the head";
  EXPECT_EQ(UINT64_MAX, tail(1161));
  EXPECT_EQ(UINT64_MAX, tail(UINT64_MAX - 7));
  set(160, 160, 256);
  EXPECT_EQ(UINT64_MAX, tail(200)) << "more messages than a list can have";
  set(160, 160, 0xffff);
  EXPECT_EQ(UINT64_MAX, tail(200));
  shm_->batch.ends[0] = 0xffff;
  set(160, 160, 1);
  EXPECT_EQ(UINT64_MAX, tail(200));
}

TEST_F(Ring, cursors_may_wrap_around) {
  const std::uint64_t exact = UINT64_MAX - 63;
  set(exact, 0, 0);
  EXPECT_EQ(exact, tail(exact + 100));
  shm_->batch.ends[0] = 8;
  set(exact, exact & detail::kLengthMask, 1);
  EXPECT_EQ(0u, tail(40));
}

TEST_F(Ring, a_reader_that_moves_exact_for_ever_does_not_keep_the_writer_for_ever) {
  std::atomic<bool> stop{false};
  shm_->batch.ends[0] = 1;
  Companion hostile(Place::kThread, [&] {
    for (std::uint64_t i = 0; !stop; i = (i + 8) % 800) {
      shm_->reader.taken = i << 16 | 1;
      shm_->reader.exact = i;
    }
  });
  for (int i = 0; i < 100'000; ++i) (void)tail(800);
  stop = true;
}

// A reader fetches list after list, in the order of stores of fetch.cpp, while a writer looks on.
TEST_F(Ring, a_tail_is_never_before_exact_and_never_ahead_of_what_was_handed_out) {
  constexpr std::uint64_t kLists = kSanitized ? 20'000 : 300'000;
  std::atomic<std::uint64_t> handed_out{0};
  std::atomic<bool> stop{false};
  channel_.limit = UINT64_MAX / 2;
  Companion writer(Place::kThread, [&] {
    while (!stop) {
      const std::uint64_t at_least = shm_->reader.exact;
      const std::uint64_t now = tail(UINT64_MAX / 2);
      ASSERT_NE(UINT64_MAX, now);
      ASSERT_GE(now, at_least);
      // Whoever saw the store of the count, or of exact, sees what was handed out before.
      ASSERT_LE(now, handed_out.load() + 8 * 3);
    }
  });
  std::uint64_t exact = 0;
  for (std::uint64_t list = 0; list < kLists; ++list) {
    const std::uint64_t count = 2 + list % 3;
    std::atomic_thread_fence(std::memory_order_release);
    for (std::uint64_t i = 0; i < count; ++i) {
      shm_->batch.ends[i].store(static_cast<std::uint16_t>(3 * (i + 1)), std::memory_order_relaxed);
    }
    shm_->reader.taken.store((exact & detail::kLengthMask) << 16, std::memory_order_release);
    for (std::uint64_t i = 1; i <= count; ++i) {
      shm_->reader.taken.store((exact & detail::kLengthMask) << 16 | i, std::memory_order_release);
      handed_out = exact + 8 * 3 * i;
    }
    exact += 8 * 3 * count;
    shm_->reader.exact.store(exact, std::memory_order_release);
  }
  stop = true;
}

}  // namespace
}  // namespace smipc::test
