// Calls without a handle argument: those of the handle that they were asked of, for as long as it exists.
#include <atomic>
#include <cstring>
#include <thread>

#include "message_queue_support.hpp"
#include "support.hpp"

namespace smipc::test {
namespace {

constexpr std::size_t kMost = 256;

// Bytes with their size in front, as CPython has them.
struct Sized {
  std::size_t size;
  std::size_t hash;
  char data[8];
};

smipc_channel_calls calls_of(smipc_channel* channel) {
  smipc_channel_calls calls = {};
  EXPECT_OK(smipc_channel_bind(channel, &calls));
  return calls;
}

std::string text_in(const smipc_fetch_area& area, std::int64_t result) {
  EXPECT_EQ(SMIPC_FETCH_ONE, result >> SMIPC_FETCH_KIND_SHIFT);
  return {static_cast<const char*>(area.data), static_cast<std::size_t>(result)};
}

TEST(BoundCalls, do_what_the_calls_of_the_handle_do) {
  Pair pair("bound", 1000, message());
  const smipc_channel_calls writer = calls_of(pair.writer);
  const smipc_channel_calls reader = calls_of(pair.reader);
  smipc_fetch_area area;
  ASSERT_OK(smipc_channel_fetch_open(pair.reader, &area));
  EXPECT_EQ(SMIPC_E_TIMED_OUT, reader.fetch_now());
  EXPECT_EQ(SMIPC_E_TIMED_OUT, reader.fetch_soon());
  EXPECT_EQ(SMIPC_E_TIMED_OUT, reader.fetch_wait());
  const Sized one = {3, 0, "one"};
  EXPECT_OK(writer.try_send_sized(one.data));
  EXPECT_EQ("one", text_in(area, reader.fetch_wait()));
  const Sized two = {3, 0, "two"};
  EXPECT_EQ(3u, smipc_size_before(two.data));
  EXPECT_OK(smipc_channel_try_send_sized(pair.writer, two.data));
  EXPECT_EQ("two", text_in(area, reader.fetch_now()));
  EXPECT_OK(writer.try_send_sized(nullptr));
  EXPECT_EQ("", text_in(area, reader.fetch_soon()));
}

TEST(BoundCalls, of_one_handle_are_the_same_each_time_and_of_two_handles_never) {
  Pair pair("same", 1000, message());
  const smipc_channel_calls once = calls_of(pair.writer);
  const smipc_channel_calls again = calls_of(pair.writer);
  const smipc_channel_calls other = calls_of(pair.reader);
  EXPECT_EQ(once.try_send_sized, again.try_send_sized);
  EXPECT_EQ(once.fetch_now, again.fetch_now);
  EXPECT_NE(once.try_send_sized, other.try_send_sized);
  EXPECT_EQ(SMIPC_E_WRONG_END, other.try_send_sized(nullptr));
  EXPECT_EQ(SMIPC_E_WRONG_END, once.fetch_now());
}

TEST(BoundCalls, that_two_threads_ask_for_at_once_are_the_same) {
  for (int round = 0; round < 300; ++round) {
    Pair pair("race", 1000, message());
    std::atomic<int> begun{0};
    smipc_channel_calls calls[2];
    const auto bind = [&](smipc_channel_calls* out) {
      ++begun;
      while (begun < 2) {
      }
      EXPECT_OK(smipc_channel_bind(pair.writer, out));
    };
    std::thread other(bind, &calls[1]);
    bind(&calls[0]);
    other.join();
    ASSERT_EQ(calls[0].try_send_sized, calls[1].try_send_sized) << round;
  }
}

TEST(BoundCalls, say_what_is_wrong) {
  Pair pair("wrong", 1000, message());
  smipc_channel_calls calls;
  EXPECT_EQ(SMIPC_E_INVALID, smipc_channel_bind(nullptr, &calls));
  EXPECT_EQ(SMIPC_E_INVALID, smipc_channel_bind(pair.writer, nullptr));
  calls = calls_of(pair.writer);
  EXPECT_EQ(SMIPC_E_INVALID, smipc_channel_try_send_sized(nullptr, nullptr));
  EXPECT_OK(smipc_channel_close(pair.writer));
  EXPECT_EQ(SMIPC_E_CLOSED, calls.try_send_sized(nullptr));
}

TEST(BoundCalls, are_limited_and_go_on_to_others_when_a_handle_is_freed) {
  const std::string name = unique_name("many");
  End writer(name, SMIPC_WRITER, 1000, message());
  const smipc_channel_calls first = calls_of(writer);
  std::vector<std::unique_ptr<Pair>> pairs;
  std::size_t bound = 1;
  smipc_channel_calls calls;
  smipc_status status = SMIPC_OK;
  for (std::size_t i = 0; status == SMIPC_OK && i < kMost; ++i) {
    pairs.push_back(std::make_unique<Pair>("many" + std::to_string(i), 1000, message()));
    status = smipc_channel_bind(pairs.back()->writer, &calls);
    if (status == SMIPC_OK) ++bound;
  }
  EXPECT_STATUS(SMIPC_E_LIMIT, status);
  EXPECT_NE(nullptr, std::strstr(smipc_last_error(), "256")) << smipc_last_error();
  EXPECT_EQ(kMost, bound);
  EXPECT_EQ(first.try_send_sized, calls_of(writer).try_send_sized);  // it has got them already
  smipc_channel* const refused = pairs.back()->writer;
  pairs.erase(pairs.begin());
  EXPECT_OK(smipc_channel_bind(refused, &calls));
  const Sized text = {7, 0, "its own"};
  EXPECT_OK(calls.try_send_sized(text.data));
  std::vector<unsigned char> got;
  EXPECT_OK(try_recv(pairs.back()->reader, &got));
  EXPECT_EQ(7u, got.size());
}

TEST(BoundCalls, of_a_queue_send_without_waiting_and_fetch_into_its_area) {
  MessageQueue queue(unique_name("bound"), {.max_messages = 2, .max_message_size = 70'000});
  std::vector<std::uint64_t> area(SMIPC_QUEUE_AREA_SIZE / 8);
  smipc_message_queue_calls calls;
  ASSERT_OK(smipc_message_queue_bind(queue.handle(), area.data(), &calls));
  const Sized two = {3, 0, "two"};
  EXPECT_OK(queue.send("one", 3));
  EXPECT_OK(calls.try_send_sized(two.data));
  EXPECT_EQ(SMIPC_E_TIMED_OUT, smipc_message_queue_try_send_sized(queue.handle(), two.data));
  EXPECT_EQ(3, calls.fetch_wait());
  EXPECT_EQ(0, std::memcmp(area.data(), "one", 3));
  EXPECT_EQ(3, calls.fetch_wait());
  EXPECT_EQ(0, std::memcmp(area.data(), "two", 3));
  EXPECT_EQ(SMIPC_E_TIMED_OUT, calls.fetch_wait());
  const std::vector<char> large(70'000, 'x');
  EXPECT_OK(queue.send(large.data(), large.size(), 7));
  EXPECT_EQ(SMIPC_E_BUFFER_TOO_SMALL, calls.fetch_wait());
  EXPECT_EQ(large.size(), area[0]);
  Message message;
  message.words.assign(70'000 / 8, 0);
  EXPECT_OK(smipc_message_queue_receive(queue.handle(), message.words.data(), 70'000, 0,
                                        &message.size, &message.priority));
  EXPECT_OK(queue.send("four", 4, 7));
  EXPECT_EQ((std::int64_t{7} << SMIPC_QUEUE_SIZE_BITS) + 4, calls.fetch_wait());
}

TEST(BoundCalls, of_a_queue_say_what_is_wrong) {
  MessageQueue queue(unique_name("wrong"), {.max_messages = 2});
  std::vector<std::uint64_t> area(SMIPC_QUEUE_AREA_SIZE / 8);
  smipc_message_queue_calls calls;
  EXPECT_EQ(SMIPC_E_INVALID, smipc_message_queue_bind(nullptr, area.data(), &calls));
  EXPECT_EQ(SMIPC_E_INVALID, smipc_message_queue_bind(queue.handle(), nullptr, &calls));
  EXPECT_EQ(SMIPC_E_INVALID, smipc_message_queue_bind(queue.handle(), area.data(), nullptr));
  ASSERT_OK(smipc_message_queue_bind(queue.handle(), area.data(), &calls));
  EXPECT_EQ(SMIPC_E_INVALID, smipc_message_queue_try_send_sized(nullptr, nullptr));
  EXPECT_OK(smipc_message_queue_close(queue.handle()));
  EXPECT_EQ(SMIPC_E_CLOSED, calls.try_send_sized(nullptr));
  EXPECT_EQ(SMIPC_E_CLOSED, calls.fetch_wait());
}

}  // namespace
}  // namespace smipc::test
