// Many messages in one call.
#include "support.hpp"

namespace smipc::test {
namespace {

std::vector<smipc_buffer> buffers_of(std::vector<std::vector<unsigned char>>& messages) {
  std::vector<smipc_buffer> buffers;
  for (std::vector<unsigned char>& message : messages) {
    buffers.push_back({message.data(), message.size()});
  }
  return buffers;
}

std::vector<std::vector<unsigned char>> messages_of(std::size_t count, std::size_t largest) {
  std::vector<std::vector<unsigned char>> messages;
  Random random(count);
  for (std::size_t i = 0; i < count; ++i) messages.push_back(pattern(random.below(largest + 1), i));
  return messages;
}

class Many : public testing::TestWithParam<Place> {};
INSTANTIATE_TEST_SUITE_P(Between, Many, places(), place_name);

TEST_P(Many, messages_of_all_sizes_pass_in_batches_of_all_sizes) {
  const std::string name = unique_name("many");
  constexpr std::size_t kCount = kSanitized ? 400 : 4000;
  constexpr std::size_t kLargest = 2500;  // some larger than the channel
  End reader(name, SMIPC_READER, 1000);
  Companion other(GetParam(), [&] {
    End writer(name, SMIPC_WRITER, 1000);
    auto messages = messages_of(kCount, kLargest);
    const std::vector<smipc_buffer> buffers = buffers_of(messages);
    Random random(1);
    for (std::size_t at = 0; at < kCount;) {
      const std::size_t count = std::min(kCount - at, random.below(100));
      std::size_t sent = 0;
      ASSERT_OK(smipc_channel_send_many(writer, &buffers[at], count, kLong, &sent));
      ASSERT_EQ(count, sent);
      at += count;
    }
    EXPECT_OK(smipc_channel_flush(writer, kLong));
  });
  const auto expected = messages_of(kCount, kLargest);
  std::vector<unsigned char> buffer(3000);
  smipc_buffer out[64];
  Random random(2);
  for (std::size_t at = 0; at < kCount;) {
    const std::size_t limit = 1 + random.below(64);
    std::size_t count = 0;
    std::size_t needed = 0;
    ASSERT_OK(smipc_channel_recv_many(reader, buffer.data(), buffer.size(), limit, kLong, out,
                                      &count, &needed));
    ASSERT_GE(count, 1u);
    ASSERT_LE(count, limit);
    const auto* next = buffer.data();
    for (std::size_t i = 0; i < count; ++i, ++at) {
      ASSERT_EQ(next, out[i].data) << "packed one after the other";
      ASSERT_EQ(expected[at].size(), out[i].size);
      expect_pattern(out[i].data, out[i].size, at);
      next += out[i].size;
    }
  }
  other.join();
}

TEST(ManyMessages, that_do_not_all_fit_are_counted) {
  Pair pair("fit", 100);  // 112 bytes: seven of 16
  auto messages = messages_of(0, 0);
  for (std::size_t i = 0; i < 10; ++i) messages.push_back(pattern(8, i));
  const std::vector<smipc_buffer> buffers = buffers_of(messages);
  std::size_t sent = 99;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT,
                smipc_channel_send_many(pair.writer, buffers.data(), 10, 0, &sent));
  EXPECT_EQ(7u, sent);
  EXPECT_EQ(7u, status_of(pair.writer).messages_written);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT,
                smipc_channel_send_many(pair.writer, &buffers[7], 3, kShort, nullptr));
  for (std::size_t i = 0; i < 7; ++i) expect_pattern(recv(pair.reader).data(), 8, i);
  std::vector<unsigned char> data;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair.reader, &data));
  EXPECT_OK(smipc_channel_send_many(pair.writer, &buffers[7], 3, 0, &sent));
  for (std::size_t i = 7; i < 10; ++i) expect_pattern(recv(pair.reader).data(), 8, i);
}

TEST(ManyMessages, receiving_stops_at_what_does_not_fit) {
  Pair pair("stop", 1000);
  for (std::size_t i = 0; i < 4; ++i) send(pair.writer, pattern(10 * i + 10, i));
  unsigned char buffer[100];
  smipc_buffer out[8];
  std::size_t count = 9;
  std::size_t needed = 0;
  EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                smipc_channel_recv_many(pair.reader, buffer, 9, 8, 0, out, &count, &needed));
  EXPECT_EQ(0u, count);
  EXPECT_EQ(10u, needed);
  EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                smipc_channel_recv_many(pair.reader, buffer, 9, 8, 0, out, &count, nullptr));
  EXPECT_OK(smipc_channel_recv_many(pair.reader, buffer, 59, 8, 0, out, &count, &needed));
  EXPECT_EQ(2u, count);
  expect_pattern(out[0].data, 10, 0);
  expect_pattern(out[1].data, 20, 1);
  EXPECT_OK(smipc_channel_recv_many(pair.reader, buffer, 100, 1, 0, out, &count, &needed));
  EXPECT_EQ(1u, count);
  EXPECT_OK(smipc_channel_recv_many(pair.reader, buffer, 100, 0, 0, out, &count, &needed));
  EXPECT_EQ(0u, count);
  EXPECT_OK(smipc_channel_recv_many(pair.reader, buffer, 100, 8, 0, out, &count, &needed));
  EXPECT_EQ(1u, count);
  expect_pattern(out[0].data, 40, 3);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT,
                smipc_channel_recv_many(pair.reader, buffer, 100, 8, kShort, out, &count, &needed));
}

TEST(ManyMessages, what_is_left_when_the_writer_has_closed_comes_first) {
  Pair pair("left", 1000);
  for (std::size_t i = 0; i < 4; ++i) send(pair.writer, pattern(10, i));
  EXPECT_OK(smipc_channel_close(pair.writer));
  unsigned char buffer[1000];
  smipc_buffer out[8];
  std::size_t count = 0;
  EXPECT_OK(smipc_channel_recv_many(pair.reader, buffer, 1000, 8, kLong, out, &count, nullptr));
  EXPECT_EQ(4u, count);
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED,
                smipc_channel_recv_many(pair.reader, buffer, 1000, 8, kLong, out, &count, nullptr));
}

TEST(ManyMessages, sending_to_a_closed_reader_says_so) {
  Pair pair("gone", 1000);
  auto messages = messages_of(5, 10);
  EXPECT_OK(smipc_channel_close(pair.reader));
  std::size_t sent = 9;
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED,
                smipc_channel_send_many(pair.writer, buffers_of(messages).data(), 5, kLong, &sent));
  EXPECT_EQ(0u, sent);
}

}  // namespace
}  // namespace smipc::test
