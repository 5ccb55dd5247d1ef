// White box: when a reader stays away. How long it does is in bench/.
#include "core/backoff.h"

#include "support.hpp"

namespace smipc::test {
namespace {

TEST(Backoff, a_few_messages_that_are_there_are_not_kept_waiting_outside_of_a_stream) {
  detail::DrainBackoff backoff;
  for (std::uint64_t batch = 1; batch <= 20; ++batch) {
    detail::back_off_when_close(backoff, 16 * batch);
    EXPECT_EQ(0u, backoff.delay_ns) << "batch " << batch;
  }
}

TEST(Backoff, in_a_stream_they_are) {
  detail::DrainBackoff backoff;
  // No clock has so many messages nearer together than any ping-pong's.
  std::uint64_t messages = 0;
  for (int look = 0; look < 2 * 32; ++look) detail::back_off_when_close(backoff, messages += 1000);
  EXPECT_TRUE(backoff.fast_stream);
  detail::back_off_when_close(backoff, messages += 2);
  EXPECT_GT(backoff.delay_ns, 0u);
}

TEST(Backoff, a_stream_that_has_become_slow_is_none_any_more) {
  detail::DrainBackoff backoff;
  backoff.fast_stream = true;
  for (int look = 0; look < 2 * 32; ++look) detail::back_off_when_close(backoff, 1);
  EXPECT_FALSE(backoff.fast_stream);
}

TEST(Backoff, a_burst_makes_the_reader_of_an_empty_ring_stay_away) {
  detail::DrainBackoff backoff;
  EXPECT_FALSE(detail::wants_distance(backoff, 7));
  EXPECT_TRUE(detail::wants_distance(backoff, 7 + 8));
  detail::stay_away(backoff, 7 + 8);
  EXPECT_GT(backoff.delay_ns, 0u);
}

TEST(Backoff, who_stays_away_and_finds_one_message_is_in_a_ping_pong) {
  detail::DrainBackoff backoff;
  backoff.fast_stream = true;  // mistaken for a stream
  std::uint64_t messages = 1;
  detail::stay_away(backoff, messages);
  EXPECT_TRUE(backoff.stayed);
  EXPECT_TRUE(detail::wants_distance(backoff, ++messages));
  detail::stay_away(backoff, messages);
  EXPECT_FALSE(backoff.fast_stream);
  EXPECT_FALSE(detail::wants_distance(backoff, ++messages));
}

}  // namespace
}  // namespace smipc::test
