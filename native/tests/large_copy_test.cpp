// White box: large payloads through the caches, or around them: that both ways copy what they should, and which
// one is taken. What they are worth is in bench/.
#include "core/large_copy.h"

#include <algorithm>

#include "core/channel.h"
#include "large_copy_support.hpp"
#include "support.hpp"

namespace smipc::test {
namespace {

using detail::CopyChoice;

TEST(NonTemporalCopy, copies_exactly_so_many_bytes_from_and_to_any_address) {
  constexpr std::size_t kMargin = 80;
  for (std::size_t size = 0; size <= 400; ++size) {
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

TEST(CopyChoice, what_a_copy_has_cost_besides_counts) {
  CopyChoice choice;
  for (int i = 0; i < kSamples; ++i) {
    tell(choice, 1, kSize, kFastNs, 1);
    ASSERT_TRUE(choice.just_timed());
    choice.learn_more(kSlowNs);
  }
  EXPECT_EQ(kSamples, tell(choice, kSamples, kSize, kFastNs, 1).around);
}

TEST(CopyChoice, clocks_that_jump_do_no_harm) {
  CopyChoice choice;
  tell(choice, 1000, kSize, INT64_MAX, INT64_MAX);
  tell(choice, 1000, 2 * kSize, INT64_MIN, INT64_MIN);
  tell(choice, 1000, 1024, INT64_MAX, INT64_MIN);
}

// Whichever way, and in turns: in one piece, in chunks that are published as they are written, and larger
// than the ring.
class LargeCopies : public testing::TestWithParam<std::uint32_t> {};

TEST_P(LargeCopies, arrive_whole_whichever_way_they_went) {
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

INSTANTIATE_TEST_SUITE_P(Framings, LargeCopies, testing::Values(SMIPC_MESSAGE, SMIPC_STREAM));

}  // namespace
}  // namespace smipc::test
