// Streams: bytes in order whatever the sizes of writes and reads, all or nothing up to the capacity,
// and no read that fails costs a byte.
#include <atomic>

#include "support.hpp"

namespace smipc::test {
namespace {

class Streams : public testing::TestWithParam<Place> {};
INSTANTIATE_TEST_SUITE_P(Between, Streams, places(), place_name);

// `total` bytes by writes and reads of up to `most` bytes each; exact and partial reads mixed.
void pass(Place place, std::uint64_t capacity, std::size_t total, std::size_t most,
          std::uint32_t wait = SMIPC_WAIT_HYBRID) {
  const std::string name = unique_name("stream");
  const Settings settings = {.framing = SMIPC_STREAM, .wait = wait};
  const std::vector<unsigned char> data = pattern(total, capacity);
  End reader(name, SMIPC_READER, capacity, settings);
  Companion other(place, [&] {
    End writer(name, SMIPC_WRITER, capacity, settings);
    Random random(1);
    for (std::size_t at = 0; at < total;) {
      const std::size_t size = std::min(total - at, random.below(most + 1));
      std::size_t written = 0;
      ASSERT_OK(smipc_channel_write(writer, data.data() + at, size, kLong, &written));
      ASSERT_EQ(size, written);
      at += size;
    }
    EXPECT_OK(smipc_channel_flush(writer, kLong));
  });
  std::vector<unsigned char> got(total);
  Random random(2);
  for (std::size_t at = 0; at < total;) {
    std::size_t size = std::min(total - at, random.below(most + 1));
    if (random.below(2) == 0) {
      ASSERT_OK(smipc_channel_read(reader, &got[at], size, kLong));
    } else {
      ASSERT_OK(smipc_channel_read_some(reader, &got[at], size, kLong, &size));
    }
    at += size;
  }
  expect_pattern(got.data(), total, capacity);
  std::size_t size = 0;
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED,
                smipc_channel_read_some(reader, got.data(), 1, kLong, &size));
  other.join();
}

TEST_P(Streams, of_any_capacity_carry_writes_and_reads_of_any_size) {
  const std::size_t step = kSanitized ? 9 : 1;
  for (std::size_t capacity = 1; capacity <= 70; capacity += step) {
    pass(GetParam(), capacity, 40 * capacity, capacity);      // what fits
    pass(GetParam(), capacity, 60 * capacity, 3 * capacity);  // and what does not
  }
}

TEST_P(Streams, of_odd_large_capacities_carry_much) {
  constexpr std::size_t kLess = kSanitized ? 10 : 1;
  pass(GetParam(), 4095, 2'000'000 / kLess, 10'000);
  pass(GetParam(), 4097, 2'000'000 / kLess, 4097);
  pass(GetParam(), 65'537, 20'000'000 / kLess, 300'001);
  pass(GetParam(), 1'000'003, 20'000'000 / kLess, 5'000'000 / kLess);
}

TEST_P(Streams, pass_with_every_wait_policy) {
  for (std::uint32_t wait : {SMIPC_WAIT_SPIN, SMIPC_WAIT_HYBRID, SMIPC_WAIT_BLOCK}) {
    pass(GetParam(), 33, kSanitized ? 2000 : 20'000, 50, wait);
  }
}

// A writer that waits for more room than there is free, and a reader that waits for more bytes than
// there are: together they would wait for ever.
TEST_P(Streams, exact_reads_and_whole_writes_that_overlap_never_deadlock) {
  for (std::uint32_t wait : {SMIPC_WAIT_HYBRID, SMIPC_WAIT_BLOCK}) {
    const Settings settings = {.framing = SMIPC_STREAM, .wait = wait};
    for (std::size_t capacity : {20u, 21u, 64u, 1000u}) {
      const std::string name = unique_name("overlap");
      const std::size_t write_size = capacity * 6 / 10;  // two do not fit
      const std::size_t read_size = capacity;            // one is not enough
      const std::size_t total = write_size * read_size * 2;
      const std::vector<unsigned char> data = pattern(total, 1);
      End reader(name, SMIPC_READER, capacity, settings);
      Companion other(GetParam(), [&] {
        End writer(name, SMIPC_WRITER, capacity, settings);
        for (std::size_t at = 0; at < total; at += write_size) {
          ASSERT_OK(smipc_channel_write(writer, &data[at], write_size, kLong, nullptr));
        }
        EXPECT_OK(smipc_channel_flush(writer, kLong));
      });
      std::vector<unsigned char> got(total);
      const std::size_t rounds = total / read_size;
      for (std::size_t i = 0; i < rounds; ++i) {
        ASSERT_OK(smipc_channel_read(reader, &got[i * read_size], read_size, kLong));
      }
      expect_pattern(got.data(), total, 1);
      other.join();
    }
  }
}

TEST(Stream, a_writer_that_only_tries_and_an_exact_reader_do_not_block_each_other) {
  Pair pair("polling", 20, stream());
  const std::vector<unsigned char> data = pattern(24, 1);
  unsigned char got[20];
  EXPECT_OK(smipc_channel_write(pair.writer, data.data(), 12, 0, nullptr));
  Companion other(Place::kThread,
                  [&] { EXPECT_OK(smipc_channel_read(pair.reader, got, 20, kLong)); });
  smipc_status status;
  do {
    status = smipc_channel_write(pair.writer, data.data() + 12, 12, 0, nullptr);
  } while (status == SMIPC_E_TIMED_OUT);
  EXPECT_OK(status);
  other.join();
  expect_pattern(got, 20, 1);
}

TEST(Stream, up_to_the_capacity_a_write_is_all_or_nothing) {
  for (std::size_t capacity : {1u, 2u, 20u, 4096u, 5000u}) {
    Pair pair("all", capacity, stream());
    const std::vector<unsigned char> data = pattern(capacity, 1);
    std::size_t written = 7;
    EXPECT_OK(smipc_channel_write(pair.writer, data.data(), capacity, 0, &written));
    EXPECT_EQ(capacity, written);
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_write(pair.writer, data.data(), 1, 0, &written));
    EXPECT_EQ(0u, written);
    std::vector<unsigned char> got(capacity);
    EXPECT_OK(smipc_channel_read(pair.reader, got.data(), capacity, 0));
    EXPECT_EQ(data, got);
    EXPECT_OK(smipc_channel_write(pair.writer, data.data(), 1, 0, &written));
    EXPECT_STATUS(SMIPC_E_TIMED_OUT,
                  smipc_channel_write(pair.writer, data.data(), capacity, kShort, &written));
    EXPECT_EQ(0u, written);
    EXPECT_EQ(1u, status_of(pair.reader).used_bytes);
  }
}

TEST(Stream, more_than_the_capacity_goes_as_far_as_it_can_and_says_how_far) {
  Pair pair("far", 20, stream());
  const std::vector<unsigned char> data = pattern(64, 1);
  std::size_t written = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_write(pair.writer, data.data(), 64, 0, &written));
  EXPECT_EQ(20u, written);
  unsigned char got[64];
  EXPECT_OK(smipc_channel_read(pair.reader, got, 15, 0));
  std::size_t more = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT,
                smipc_channel_write(pair.writer, &data[written], 44, kShort, &more));
  EXPECT_EQ(15u, more);
  EXPECT_OK(smipc_channel_read(pair.reader, got + 15, 20, 0));
  expect_pattern(got, 35, 1);
}

TEST(Stream, a_read_that_times_out_consumes_nothing) {
  Pair pair("nothing", 100, stream());
  const std::vector<unsigned char> data = pattern(30, 1);
  unsigned char got[30];
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_read(pair.reader, got, 1, 0));
  EXPECT_OK(smipc_channel_write(pair.writer, data.data(), 10, 0, nullptr));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_read(pair.reader, got, 11, 0));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_read(pair.reader, got, 11, kShort));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_read(pair.reader, got, 30, kShort));
  EXPECT_OK(smipc_channel_write(pair.writer, &data[10], 20, 0, nullptr));
  EXPECT_OK(smipc_channel_read(pair.reader, got, 30, 0));
  expect_pattern(got, 30, 1);
}

TEST(Stream, a_long_read_that_breaks_off_again_and_again_keeps_every_byte) {
  Pair pair("kept", 20, stream());
  const std::vector<unsigned char> data = pattern(500, 1);
  std::vector<unsigned char> got(500);
  for (std::size_t at = 0; at < 500; at += 10) {
    ASSERT_OK(smipc_channel_write(pair.writer, &data[at], 10, 0, nullptr));
    // More than the channel holds: what is there must be taken, and kept.
    const smipc_status status = smipc_channel_read(pair.reader, got.data(), 500, 0);
    ASSERT_STATUS(at + 10 < 500 ? SMIPC_E_TIMED_OUT : SMIPC_OK, status);
  }
  expect_pattern(got.data(), 500, 1);
}

TEST(Stream, what_a_broken_off_read_kept_comes_first_in_every_kind_of_read) {
  Pair pair("first", 20, stream());
  const std::vector<unsigned char> data = pattern(60, 1);
  std::vector<unsigned char> got(100);
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_write(pair.writer, data.data(), 20, 0, nullptr));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_read(pair.reader, got.data(), 100, 0));
  EXPECT_OK(smipc_channel_write(pair.writer, &data[20], 20, 0, nullptr));
  EXPECT_OK(smipc_channel_read(pair.reader, got.data(), 3, 0));
  EXPECT_OK(smipc_channel_read_some(pair.reader, &got[3], 4, 0, &size));
  EXPECT_EQ(4u, size);
  unsigned char ready = 0;
  smipc_channel* const reader = pair.reader;
  EXPECT_OK(smipc_wait(&reader, 1, 0, &ready, nullptr));
  EXPECT_OK(smipc_channel_read(pair.reader, &got[7], 30, 0));  // over the seam
  EXPECT_OK(smipc_channel_read_some(pair.reader, &got[37], 60, 0, &size));
  EXPECT_EQ(3u, size);
  expect_pattern(got.data(), 40, 1);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_wait(&reader, 1, 0, &ready, nullptr));
}

TEST(Stream, read_some_takes_what_is_there_and_waits_for_the_first_byte_only) {
  Pair pair("some", 100, stream());
  unsigned char got[100];
  std::size_t size = 9;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_read_some(pair.reader, got, 100, 0, &size));
  EXPECT_EQ(0u, size);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_read_some(pair.reader, got, 100, kShort, &size));
  const std::vector<unsigned char> data = pattern(50, 1);
  EXPECT_OK(smipc_channel_write(pair.writer, data.data(), 50, 0, nullptr));
  EXPECT_OK(smipc_channel_read_some(pair.reader, got, 20, kLong, &size));
  EXPECT_EQ(20u, size);
  EXPECT_OK(smipc_channel_read_some(pair.reader, got + 20, 80, kLong, &size));
  EXPECT_EQ(30u, size);
  expect_pattern(got, 50, 1);
  EXPECT_OK(smipc_channel_read_some(pair.reader, got, 0, kLong, &size));
  EXPECT_EQ(0u, size);
}

TEST(Stream, what_is_left_of_a_closed_writer_can_be_got) {
  Pair pair("rest", 20, stream());
  const std::vector<unsigned char> data = pattern(10, 1);
  unsigned char got[100];
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_write(pair.writer, data.data(), 10, 0, nullptr));
  EXPECT_OK(smipc_channel_close(pair.writer));
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, smipc_channel_read(pair.reader, got, 11, kLong));
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, smipc_channel_read(pair.reader, got, 100, kLong));
  EXPECT_OK(smipc_channel_read_some(pair.reader, got, 100, kLong, &size));
  EXPECT_EQ(10u, size);
  expect_pattern(got, 10, 1);
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED,
                smipc_channel_read_some(pair.reader, got, 1, kLong, &size));
}

}  // namespace
}  // namespace smipc::test
