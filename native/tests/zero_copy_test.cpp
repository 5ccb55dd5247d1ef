// Writing into the ring and reading in it: reserve, commit, abort, peek, release, next.
#include <cstring>

#include "support.hpp"

namespace smipc::test {
namespace {

void* reserve(smipc_channel* writer, std::size_t size) {
  void* room = nullptr;
  EXPECT_OK(smipc_channel_reserve(writer, size, kLong, &room));
  EXPECT_EQ(0u, reinterpret_cast<std::uintptr_t>(room) % 8);
  return room;
}

void fill(void* room, std::size_t size, std::uint64_t seed) {
  if (size > 0) std::memcpy(room, pattern(size, seed).data(), size);
}

const void* peek(smipc_channel* reader, std::size_t expected_size) {
  const void* view = nullptr;
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_peek(reader, kLong, &view, &size));
  EXPECT_EQ(expected_size, size);
  EXPECT_EQ(0u, reinterpret_cast<std::uintptr_t>(view) % 8);
  return view;
}

TEST(Reserve, every_size_up_to_the_capacity_is_contiguous_at_every_place_of_the_ring) {
  for (std::size_t capacity : {1u, 8u, 20u, 100u, 4088u, 5000u}) {
    Pair pair("everywhere", capacity);
    const std::size_t rounds = capacity > 1000 ? 200 : 2000;
    Random random(capacity);
    for (std::uint64_t i = 0; i < rounds; ++i) {
      const std::size_t size = random.below(capacity + 1);
      fill(reserve(pair.writer, size), size, i);
      EXPECT_OK(smipc_channel_commit(pair.writer, size));
      expect_pattern(peek(pair.reader, size), size, i);
      EXPECT_OK(smipc_channel_release(pair.reader));
    }
  }
}

TEST(Reserve, a_shorter_commit_sends_less_and_costs_less) {
  Pair pair("shorter", 100);
  for (std::size_t size : {100u, 99u, 50u, 8u, 1u, 0u}) {
    fill(reserve(pair.writer, 100), 100, size);
    EXPECT_OK(smipc_channel_commit(pair.writer, size));
    EXPECT_EQ(8 + (size + 7) / 8 * 8, status_of(pair.writer).used_bytes);
    const std::vector<unsigned char> data = recv(pair.reader);
    EXPECT_EQ(size, data.size());
    const std::vector<unsigned char> whole = pattern(100, size);
    EXPECT_TRUE(std::equal(data.begin(), data.end(), whole.begin()));
  }
}

TEST(Reserve, a_commit_larger_than_the_reservation_is_refused_and_it_stays_open) {
  Pair pair("larger", 100);
  fill(reserve(pair.writer, 20), 20, 1);
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_commit(pair.writer, 21));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_commit(pair.writer, SIZE_MAX));
  EXPECT_OK(smipc_channel_commit(pair.writer, 20));
  expect_pattern(recv(pair.reader).data(), 20, 1);
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_commit(pair.writer, 0));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_abort(pair.writer));
}

TEST(Reserve, abort_gives_the_room_back_and_sends_nothing) {
  Pair pair("abort", 100);
  for (int i = 0; i < 50; ++i) {
    reserve(pair.writer, 100);
    EXPECT_OK(smipc_channel_abort(pair.writer));
  }
  EXPECT_EQ(0u, status_of(pair.writer).used_bytes);
  send(pair.writer, pattern(100, 1));
  expect_pattern(recv(pair.reader).data(), 100, 1);
}

TEST(Reserve, while_one_is_open_nothing_else_can_be_sent) {
  Pair pair("busy", 100);
  void* const room = reserve(pair.writer, 10);
  fill(room, 10, 1);
  const smipc_buffer part = {room, 4};
  std::size_t n = 0;
  void* second = nullptr;
  const unsigned char blob[] = {'[', 1, 0, 0, 0, 's', 1, 0, 0, 0, 'x'};
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_send(pair.writer, "x", 1, kLong));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_try_send(pair.writer, "x", 1));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_send_parts(pair.writer, &part, 1, kLong, nullptr));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_send_many(pair.writer, &part, 1, kLong, &n));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_send_list(pair.writer, blob, sizeof blob, kLong, &n));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_reserve(pair.writer, 1, kLong, &second));
  EXPECT_EQ(nullptr, second);
  EXPECT_OK(smipc_channel_commit(pair.writer, 10));
  expect_pattern(recv(pair.reader).data(), 10, 1);
  std::vector<unsigned char> data;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair.reader, &data));
}

TEST(Reserve, closing_aborts_it_and_its_memory_stays) {
  Pair pair("close", 100);
  void* const room = reserve(pair.writer, 100);
  EXPECT_OK(smipc_channel_close(pair.writer));
  fill(room, 100, 1);  // garbage goes nowhere, and does not fault
  EXPECT_STATUS(SMIPC_E_CLOSED, smipc_channel_commit(pair.writer, 100));
  std::vector<unsigned char> data;
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, try_recv(pair.reader, &data));
}

TEST(Reserve, a_commit_after_the_reader_has_gone_says_so) {
  Pair pair("gone", 100);
  reserve(pair.writer, 100);
  EXPECT_OK(smipc_channel_close(pair.reader));
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, smipc_channel_commit(pair.writer, 100));
  pair.reader = End(pair.name, SMIPC_READER, 100);
  std::vector<unsigned char> data;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair.reader, &data));
  send(pair.writer, pattern(20, 2));
  expect_pattern(recv(pair.reader).data(), 20, 2);
}

TEST(Reserve, a_writer_that_comes_back_without_committing_has_sent_nothing) {
  Pair pair("nothing", 100);
  send(pair.writer, pattern(10, 1));
  fill(reserve(pair.writer, 50), 50, 2);
  pair.writer.reset();
  pair.writer = End(pair.name, SMIPC_WRITER, 100);
  send(pair.writer, pattern(20, 3));
  expect_pattern(recv(pair.reader).data(), 10, 1);
  expect_pattern(recv(pair.reader).data(), 20, 3);
}

TEST(Peek, twice_lends_the_same_message_until_it_is_released) {
  Pair pair("twice", 100);
  send(pair.writer, pattern(20, 1));
  send(pair.writer, pattern(30, 2));
  const void* const view = peek(pair.reader, 20);
  EXPECT_EQ(view, peek(pair.reader, 20));
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_next(pair.reader, nullptr, 0, 0, &size, nullptr));
  EXPECT_EQ(20u, size);
  expect_pattern(view, 20, 1);
  EXPECT_EQ(0u, status_of(pair.reader).messages_read);
  EXPECT_OK(smipc_channel_release(pair.reader));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_release(pair.reader));
  expect_pattern(peek(pair.reader, 30), 30, 2);
  EXPECT_OK(smipc_channel_release(pair.reader));
  EXPECT_EQ(2u, status_of(pair.reader).messages_read);
}

TEST(Peek, a_borrowed_message_keeps_its_room) {
  Pair pair("room", 100);
  send(pair.writer, pattern(90, 1));
  const void* const view = peek(pair.reader, 90);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_send(pair.writer, view, 90, kShort));
  expect_pattern(view, 90, 1);
  EXPECT_OK(smipc_channel_release(pair.reader));
  send(pair.writer, pattern(90, 2));
  expect_pattern(recv(pair.reader).data(), 90, 2);
}

TEST(Peek, while_a_message_is_borrowed_no_other_way_of_reading_works) {
  Pair pair("busy", 100);
  send(pair.writer, pattern(20, 1));
  send(pair.writer, pattern(20, 2));
  peek(pair.reader, 20);
  unsigned char buffer[100];
  const smipc_buffer part = {buffer, 100};
  smipc_buffer out[2];
  std::size_t n = 0;
  smipc_fetch_area area;
  smipc_channel* const reader = pair.reader;
  EXPECT_OK(smipc_channel_fetch_open(reader, &area));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_recv(reader, buffer, 100, kLong, &n));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_recv_parts(reader, &part, 1, kLong, &n));
  EXPECT_STATUS(SMIPC_E_BUSY,
                smipc_channel_recv_many(reader, buffer, 100, 2, kLong, out, &n, nullptr));
  EXPECT_STATUS(SMIPC_E_BUSY, static_cast<smipc_status>(smipc_channel_fetch(reader, kLong)));
  EXPECT_STATUS(
      SMIPC_E_BUSY,
      smipc_channel_listen(reader, [](void*, const void*, std::size_t, smipc_status) {}, nullptr));
  EXPECT_OK(smipc_channel_release(reader));
  expect_pattern(recv(reader).data(), 20, 2);
}

TEST(Peek, a_message_larger_than_the_channel_is_lent_whole) {
  Pair pair("large", 64);
  Companion other(Place::kThread, [&] {
    send(pair.writer, pattern(1000, 1));
    send(pair.writer, pattern(30, 2));
  });
  const void* const view = peek(pair.reader, 1000);
  expect_pattern(view, 1000, 1);
  EXPECT_EQ(view, peek(pair.reader, 1000));
  smipc_channel* const reader = pair.reader;
  unsigned char ready = 0;
  EXPECT_OK(smipc_wait(&reader, 1, 0, &ready, nullptr));
  EXPECT_OK(smipc_channel_release(pair.reader));
  expect_pattern(peek(pair.reader, 30), 30, 2);
  EXPECT_OK(smipc_channel_release(pair.reader));
}

TEST(Peek, closing_leaves_the_message_to_a_successor_and_its_memory_readable) {
  Pair pair("successor", 100);
  send(pair.writer, pattern(20, 1));
  const auto* const view = static_cast<const unsigned char*>(peek(pair.reader, 20));
  EXPECT_OK(smipc_channel_close(pair.reader));
  unsigned sum = 0;
  for (int i = 0; i < 20; ++i) sum += view[i];
  EXPECT_LE(sum, 20u * 255);
  pair.reader.reset();
  pair.reader = End(pair.name, SMIPC_READER, 100);
  expect_pattern(recv(pair.reader).data(), 20, 1);
}

// "The call returns when the reader has taken all of it", and release takes it.
TEST(Peek, a_large_message_that_was_never_released_was_not_delivered) {
  Pair pair("not-taken", 64);
  Companion other(Place::kThread, [&] {
    const std::vector<unsigned char> data = pattern(1000, 1);
    EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED,
                  smipc_channel_send(pair.writer, data.data(), data.size(), kLong));
  });
  peek(pair.reader, 1000);
  EXPECT_OK(smipc_channel_close(pair.reader));
}

TEST(Next, tells_size_and_first_bytes_and_takes_nothing) {
  Pair pair("next", 100);
  unsigned char prefix[32];
  std::size_t size = 9;
  std::size_t count = 9;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_next(pair.reader, prefix, 8, 0, &size, &count));
  send(pair.writer, pattern(20, 1));
  const std::vector<unsigned char> data = pattern(20, 1);
  for (std::size_t wanted : {0u, 1u, 8u, 20u, 32u}) {
    std::memset(prefix, 0, sizeof prefix);
    EXPECT_OK(smipc_channel_next(pair.reader, prefix, wanted, kLong, &size, &count));
    EXPECT_EQ(20u, size);
    EXPECT_EQ(std::min<std::size_t>(wanted, 20), count);
    EXPECT_EQ(0, std::memcmp(prefix, data.data(), count));
    EXPECT_TRUE(count == sizeof prefix || prefix[count] == 0) << "not a byte more";
  }
  EXPECT_EQ(0u, status_of(pair.reader).messages_read);
  expect_pattern(recv(pair.reader).data(), 20, 1);
}

TEST(Next, tells_the_size_of_a_message_larger_than_the_channel_before_it_has_passed) {
  Pair pair("next-large", 64);
  Companion other(Place::kThread, [&] { send(pair.writer, pattern(1000, 1)); });
  std::size_t size = 0;
  unsigned char prefix[8];
  std::size_t count = 9;
  EXPECT_OK(smipc_channel_next(pair.reader, prefix, 8, kLong, &size, &count));
  EXPECT_EQ(1000u, size);
  EXPECT_LE(count, 8u);
  std::vector<unsigned char> data(1000);
  EXPECT_OK(smipc_channel_recv(pair.reader, data.data(), 1000, kLong, &size));
  expect_pattern(data.data(), 1000, 1);
}

}  // namespace
}  // namespace smipc::test
