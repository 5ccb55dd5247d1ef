// White box: large payloads through the caches, or around them: that both ways copy what they should, and which
// one is taken. What they are worth is in bench/.
#include "core/large_copy.h"

#include <algorithm>

#include "core/channel.h"
#include "core/ring.h"
#include "large_copy_support.hpp"
#include "support.hpp"

namespace smipc::test {
namespace {

using detail::CopyChoice;

TEST(NonTemporalCopy, copies_exactly_so_many_bytes_from_and_to_any_address) {
  constexpr std::size_t kMargin = 80;
  for (std::size_t size = 1; size <= 400; ++size) {
    for (std::size_t from = 0; from < 64; from += 21) {
      for (std::size_t to = 0; to < 64; to += 7) {
        const auto source = pattern(size + from, size);
        std::vector<unsigned char> target(to + size + kMargin, 0xee);
        detail::copy_non_temporal(reinterpret_cast<std::byte*>(target.data()) + to,
                                  reinterpret_cast<const std::byte*>(source.data()) + from, size);
        ASSERT_TRUE(std::equal(source.begin() + from, source.end(), target.begin() + to)) << size;
        const auto written = [](unsigned char byte) { return byte != 0xee; };
        ASSERT_TRUE(std::none_of(target.begin(), target.begin() + to, written)) << size;
        ASSERT_TRUE(std::none_of(target.begin() + to + size, target.end(), written)) << size;
      }
    }
  }
}

constexpr std::size_t kSize = 64 * 1024;
constexpr int kSamples = 5;
constexpr std::int64_t kFastNs = 2'000;
constexpr std::int64_t kSlowNs = 30'000;

TEST(CopyChoice, fast_copies_stay_in_the_caches_and_are_looked_at_now_and_then) {
  CopyChoice choice;
  const Told told = tell(choice, 10'000, kSize, kFastNs, 1);
  EXPECT_EQ(0, told.around);
  EXPECT_GT(told.timed, 100);
  EXPECT_LT(told.timed, 1000);
}

TEST(CopyChoice, the_first_two_rounds_of_a_ring_do_not_count) {
  CopyChoice choice(100 * kSize);
  EXPECT_EQ(0, tell(choice, 200, kSize, kSlowNs, 1).timed);
  EXPECT_EQ(kSamples, tell(choice, kSamples, kSize, kSlowNs, 1).timed);
}

TEST(CopyChoice, slow_copies_go_around_the_caches_where_that_is_fast) {
  CopyChoice choice;
  EXPECT_EQ(0, tell(choice, kSamples, kSize, kSlowNs, kFastNs).around);
  EXPECT_EQ(kSamples, tell(choice, kSamples, kSize, kSlowNs, kFastNs).around);
  // Looked at again every 64 MiB.
  EXPECT_EQ(1000, tell(choice, 1000, kSize, kSlowNs, kFastNs).around);
  const Told later = tell(choice, 10'000, kSize, kSlowNs, kFastNs);
  EXPECT_GT(later.around, 9'900);
  EXPECT_LT(later.around, 10'000);
}

TEST(CopyChoice, they_come_back_when_the_caches_have_become_fast) {
  CopyChoice choice = going_around_caches();
  tell(choice, 2'000, kSize, kFastNs, kFastNs);
  EXPECT_EQ(0, tell(choice, 2'000, kSize, kFastNs, kFastNs).around);
}

TEST(CopyChoice, slow_copies_stay_where_the_other_way_is_no_better_for_both_sides_together) {
  CopyChoice choice;
  tell(choice, kSamples, kSize, kSlowNs, kSlowNs);
  EXPECT_EQ(kSamples, tell(choice, kSamples, kSize, kSlowNs, kSlowNs).around);  // a trial
  EXPECT_EQ(0, tell(choice, 1000, kSize, kSlowNs, kSlowNs).around);
  // The writer would gain, by 100 ns; the reader would lose more.
  CopyChoice small;
  tell(small, 2 * kSamples, 1024, 300, 200);
  EXPECT_EQ(0, tell(small, 1000, 1024, 300, 200).around);
}

TEST(CopyChoice, two_of_five_samples_may_be_wrong) {
  CopyChoice choice;
  tell(choice, 2, kSize, 1'000 * kSlowNs, 1);
  EXPECT_EQ(0, tell(choice, 1000, kSize, kFastNs, 1).around);
}

TEST(CopyChoice, a_little_better_is_not_enough) {
  CopyChoice choice;
  const std::int64_t reader_loses = 250 + kSize / 32;
  const std::int64_t a_tenth_less = kSlowNs * 9 / 10 - reader_loses;
  tell(choice, 2 * kSamples, kSize, kSlowNs, a_tenth_less);
  EXPECT_EQ(0, tell(choice, 1000, kSize, kSlowNs, a_tenth_less).around);
}

TEST(CopyChoice, what_a_copy_has_cost_besides_counts) {
  CopyChoice choice;
  for (int i = 0; i < kSamples; ++i) {
    tell(choice, 1, kSize, kFastNs, 1);
    choice.learn_more(kSlowNs);
  }
  EXPECT_EQ(kSamples, tell(choice, kSamples, kSize, kFastNs, 1).around);
}

TEST(CopyChoice, how_the_last_copy_was_made_is_told_once) {
  CopyChoice choice;
  tell(choice, 1, kSize, kFastNs, 1);
  EXPECT_TRUE(choice.take_last().timed);
  EXPECT_FALSE(choice.take_last().timed);
  CopyChoice around = going_around_caches();
  tell(around, 1, kSize, kFastNs, 1);
  const CopyChoice::Made last = around.take_last();
  EXPECT_TRUE(last.around);
  EXPECT_FALSE(last.timed);
  EXPECT_FALSE(around.take_last().around);
}

TEST(CopyChoice, copies_of_other_threads_that_were_timed_besides_do_not_count) {
  CopyChoice choice;
  for (int i = 0; i < 3 * kSamples; ++i) EXPECT_TRUE(choice.is_timed(kSize));
  for (int i = 0; i < 3 * kSamples; ++i) {
    choice.learn(kSize, i < kSamples ? kFastNs : kSlowNs, false);
  }
  EXPECT_EQ(0, tell(choice, 20, kSize, kSlowNs, 1).timed);  // fast, by the first five
}

TEST(CopyChoice, copies_of_other_threads_that_went_the_other_way_do_not_count) {
  CopyChoice choice;
  tell(choice, kSamples + 1, kSize, kSlowNs, kSlowNs);  // the trial has begun
  for (int i = 0; i < kSamples; ++i) choice.learn(kSize, 1, false);
  EXPECT_EQ(kSamples - 1, tell(choice, kSamples - 1, kSize, kSlowNs, kSlowNs).around);
  EXPECT_EQ(0, tell(choice, 100, kSize, kSlowNs, kSlowNs).around);  // and was lost
}

TEST(CopyChoice, copies_of_other_threads_that_end_after_a_trial_do_not_count) {
  CopyChoice choice = going_around_caches();
  for (int i = 0; i < kSamples; ++i) choice.learn(kSize, 1, true);
  EXPECT_EQ(1'023, tell(choice, 1'023, kSize, kSlowNs, kFastNs).around);  // the rest of 64 MiB
  const Told next = tell(choice, kSamples, kSize, kSlowNs, kFastNs);
  EXPECT_EQ(kSamples, next.timed);
  EXPECT_EQ(0, next.around);
}

TEST(CopyChoice, clocks_that_jump_do_no_harm) {
  CopyChoice choice;
  tell(choice, 1000, kSize, INT64_MAX, INT64_MAX);
  choice.learn_more(INT64_MAX);
  choice.learn_more(INT64_MAX);
  tell(choice, 1000, 2 * kSize, INT64_MIN, INT64_MIN);
  choice.learn_more(INT64_MIN);
  tell(choice, 1000, 1024, INT64_MAX, INT64_MIN);
}

#if SMIPC_SSE2

detail::WriterState& state_of(const Pair& pair) { return pair.writer->writer; }

TEST(LargeCopies, of_every_call_go_the_way_that_was_chosen) {
  Pair pair("chosen", 10'000);
  Pair bytes("chosen", 10'000, stream());
  auto data = pattern(2000, 1);
  smipc_buffer parts[] = {{data.data(), 1500}, {data.data(), 1024}, {data.data(), 1023}};
  std::size_t sent = 0;
  // Each takes what it has copied off what is left to be copied so.
  const auto left_by = [](const Pair& of, const auto& call) {
    state_of(of).copy_choice = going_around_caches();
    const std::int64_t before = state_of(of).copy_choice.left();
    EXPECT_OK(call(of.writer));
    return before - state_of(of).copy_choice.left();
  };
  EXPECT_EQ(2000, left_by(pair, [&](smipc_channel* writer) {
              return smipc_channel_send(writer, data.data(), 2000, kLong);
            }));
  EXPECT_EQ(2524, left_by(pair, [&](smipc_channel* writer) {
              return smipc_channel_send_parts(writer, parts, 3, kLong, nullptr);
            }));
  EXPECT_EQ(2524, left_by(pair, [&](smipc_channel* writer) {
              return smipc_channel_send_many(writer, parts, 3, kLong, &sent);
            }));
  EXPECT_EQ(2000, left_by(bytes, [&](smipc_channel* writer) {
              return smipc_channel_write(writer, data.data(), 2000, kLong, nullptr);
            }));
}

TEST(LargeCopies, that_went_around_the_caches_are_followed_by_no_claim) {
  Pair pair("unclaimed", 100'000);
  const auto claimed = [&pair] {
    const detail::WriterState& writer = state_of(pair);
    return std::max<std::int64_t>(0, detail::ahead_of(writer.head, writer.claimed_end));
  };
  send(pair.writer, pattern(2000, 1));
  EXPECT_GT(claimed(), 0);
  state_of(pair).copy_choice = going_around_caches();
  send(pair.writer, pattern(2000, 1));
  EXPECT_EQ(0, claimed());
  send(pair.writer, pattern(20, 1));
  EXPECT_GT(claimed(), 0);
  // Small parts of a large message are small copies.
  auto data = pattern(600, 1);
  const smipc_buffer parts[] = {{data.data(), 600}, {data.data(), 600}};
  send(pair.writer, pattern(2000, 1));
  ASSERT_OK(smipc_channel_send_parts(pair.writer, parts, 2, kLong, nullptr));
  EXPECT_GT(claimed(), 0);
}

TEST(LargeCopies, that_are_timed_are_asked_about_when_the_message_has_gone) {
  Pair pair("charged", 100'000);
  state_of(pair).copy_choice = CopyChoice();
  send(pair.writer, pattern(2000, 1));
  EXPECT_FALSE(state_of(pair).copy_choice.take_last().timed);  // somebody has asked
}

TEST(LargeCopies, of_a_new_writer_are_not_timed_before_its_pages_are_there) {
  Pair pair("pages", 10'000);
  EXPECT_GE(state_of(pair).copy_choice.left(), 20'000);
}

// Stores that are still on their way when the head is published would be missed at once in a small ring.
TEST(LargeCopies, around_the_caches_are_complete_when_they_are_published) {
  constexpr std::size_t kAll = kSanitized ? 6'000'000 : 60'000'000;  // less than what goes one way
  for (const std::uint64_t capacity : {4095, 4097, 8200}) {
    Pair pair("complete", capacity, stream());
    const auto data = pattern(kAll, capacity);
    Companion reader(Place::kThread, [&] {
      std::vector<unsigned char> some(4096);
      for (std::size_t done = 0, got = 0; done < kAll; done += got) {
        ASSERT_OK(smipc_channel_read_some(pair.reader, some.data(), some.size(), kLong, &got));
        ASSERT_TRUE(std::equal(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(got),
                               data.begin() + static_cast<std::ptrdiff_t>(done)))
            << "behind byte " << done;
      }
    });
    state_of(pair).copy_choice = going_around_caches();
    ASSERT_OK(smipc_channel_write(pair.writer, data.data(), kAll, kLong, nullptr));
  }
}

#endif

// Whichever way, and in turns: in one piece, in chunks that are published as they are written, and larger
// than the ring.
class LargeCopiesOf : public testing::TestWithParam<std::uint32_t> {};

TEST_P(LargeCopiesOf, arrive_whole_whichever_way_they_went) {
  const std::size_t sizes[] = {1023, 1024, 1025, 4097, 65'536, 65'537, 150'001, 500'003, 8};
  constexpr int kRounds = kSanitized ? 8 : 40;
  Settings settings;
  settings.framing = GetParam();
  Pair pair("large", 200'000, settings);
  const bool streams = GetParam() == SMIPC_STREAM;
  const auto each = [&sizes](auto&& pass) {
    for (int round = 0; round < kRounds; ++round) {
      for (const std::size_t size : sizes) pass(size, round);
    }
  };
  Companion reader(Place::kThread, [&] {
    each([&](std::size_t size, int round) {
      std::vector<unsigned char> data(size);
      std::size_t got = size;
      ASSERT_OK(streams ? smipc_channel_read(pair.reader, data.data(), size, kLong)
                        : smipc_channel_recv(pair.reader, data.data(), size, kLong, &got));
      ASSERT_EQ(size, got);
      ASSERT_EQ(pattern(size, static_cast<std::uint64_t>(round)), data);
    });
  });
  each([&](std::size_t size, int round) {
    if (round % 4 < 3) pair.writer->writer.copy_choice = going_around_caches();
    const auto data = pattern(size, static_cast<std::uint64_t>(round));
    ASSERT_OK(streams ? smipc_channel_write(pair.writer, data.data(), size, kLong, nullptr)
                      : smipc_channel_send(pair.writer, data.data(), size, kLong));
    if (round % 4 == 3) pair.writer->writer.copy_choice = CopyChoice();
  });
}

INSTANTIATE_TEST_SUITE_P(Framings, LargeCopiesOf, testing::Values(SMIPC_MESSAGE, SMIPC_STREAM));

}  // namespace
}  // namespace smipc::test
