// Messages gathered from and scattered into many buffers; and large ones that break off half-way.
#include <cstring>

#include "support.hpp"

namespace smipc::test {
namespace {

// Cuts [data, data + size) at random places, with empty buffers in between.
std::vector<smipc_buffer> cut(unsigned char* data, std::size_t size, Random& random) {
  std::vector<smipc_buffer> parts;
  for (std::size_t at = 0; at < size;) {
    const std::size_t n = std::min(size - at, random.below(size / 3 + 2));
    parts.push_back({n == 0 ? nullptr : data + at, n});
    at += n;
  }
  parts.push_back({nullptr, 0});
  return parts;
}

TEST(Parts, gather_and_scatter_whatever_the_cuts) {
  for (std::size_t capacity : {16u, 100u, 1000u, 300'000u}) {
    const std::string name = unique_name("cuts");
    constexpr int kRounds = kSanitized ? 20 : 200;
    End reader(name, SMIPC_READER, capacity);
    Companion other(Place::kThread, [&] {
      End writer(name, SMIPC_WRITER, capacity);
      Random random(1);
      for (std::uint64_t i = 0; i < kRounds; ++i) {
        std::vector<unsigned char> data = pattern(random.below(2 * capacity + 1), i);
        const std::vector<smipc_buffer> parts = cut(data.data(), data.size(), random);
        std::uint64_t done = 0;
        EXPECT_OK(smipc_channel_send_parts(writer, parts.data(), parts.size(), kLong, &done));
      }
    });
    Random random(2);
    std::vector<unsigned char> room(2 * capacity);
    for (std::uint64_t i = 0; i < kRounds; ++i) {
      const std::vector<smipc_buffer> parts = cut(room.data(), room.size(), random);
      std::size_t size = 0;
      ASSERT_OK(smipc_channel_recv_parts(reader, parts.data(), parts.size(), kLong, &size));
      expect_pattern(room.data(), size, i);
    }
    other.join();
  }
}

TEST(Parts, that_are_too_small_together_leave_the_message) {
  Pair pair("small", 100);
  send(pair.writer, pattern(20, 1));
  unsigned char buffer[20];
  const smipc_buffer parts[2] = {{buffer, 10}, {buffer + 10, 9}};
  std::size_t size = 0;
  EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                smipc_channel_recv_parts(pair.reader, parts, 2, 0, &size));
  EXPECT_EQ(20u, size);
  EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                smipc_channel_recv_parts(pair.reader, nullptr, 0, 0, &size));
  EXPECT_EQ(20u, size);
  expect_pattern(recv(pair.reader).data(), 20, 1);
}

// A message larger than its channel, sent piece by piece by a caller who only tries.
class Resumable : public testing::Test {
 protected:
  Resumable() : pair_("resume", 64), data_(pattern(1000, 1)) {}

  smipc_status try_send(std::uint64_t* done) {
    const smipc_buffer parts[2] = {{data_.data(), 333}, {data_.data() + 333, 667}};
    return smipc_channel_send_parts(pair_.writer, parts, 2, 0, done);
  }

  // Receives in turns with try_send, up to a whole message.
  std::vector<unsigned char> receive_in_turns(std::uint64_t* done) {
    std::vector<unsigned char> got(1000);
    std::size_t size = 0;
    smipc_status status = SMIPC_E_TIMED_OUT;
    for (int turn = 0; status == SMIPC_E_TIMED_OUT && turn < 1000; ++turn) {
      status = smipc_channel_recv(pair_.reader, got.data(), got.size(), 0, &size);
      if (status == SMIPC_E_TIMED_OUT && done != nullptr) (void)try_send(done);
    }
    EXPECT_OK(status);
    got.resize(size);
    return got;
  }

  // Where the message is to go on. One of 2 bytes is before it, and there is room for another.
  std::uint64_t break_off_before_a_reservation_without_room() {
    for (int i = 0; i < 2; ++i) EXPECT_OK(smipc_channel_send(pair_.writer, data_.data(), 2, 0));
    std::uint64_t done = 0;
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
    std::vector<unsigned char> got;
    EXPECT_OK(try_recv(pair_.reader, &got));
    void* room = nullptr;
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_reserve(pair_.writer, 64, 0, &room));
    return done;
  }

  Pair pair_;
  std::vector<unsigned char> data_;
};

TEST_F(Resumable, goes_on_where_it_timed_out) {
  std::uint64_t done = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
  EXPECT_GT(done, 0u);
  EXPECT_LE(done, data_.size());
  EXPECT_EQ(data_, receive_in_turns(&done));
  EXPECT_OK(try_send(&done));
  EXPECT_EQ(1u, status_of(pair_.writer).messages_written);
  EXPECT_EQ(1000u, status_of(pair_.writer).bytes_written);
  EXPECT_EQ(1u, status_of(pair_.reader).messages_read);
}

TEST_F(Resumable, given_up_by_any_other_send_is_never_seen) {
  void* room = nullptr;
  const smipc_buffer small = {data_.data(), 5};
  for (int way = 0; way < 5; ++way) {
    std::uint64_t done = 0;
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
    std::vector<unsigned char> got;
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair_.reader, &got));  // takes the pieces
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair_.reader, &got));
    std::size_t n = 0;
    switch (way) {
      case 0:
        EXPECT_OK(smipc_channel_send(pair_.writer, data_.data(), 5, 0));
        break;
      case 1:
        EXPECT_OK(smipc_channel_send_many(pair_.writer, &small, 1, 0, &n));
        break;
      case 2:
        EXPECT_OK(smipc_channel_reserve(pair_.writer, 5, 0, &room));
        std::memcpy(room, data_.data(), 5);
        EXPECT_OK(smipc_channel_commit(pair_.writer, 5));
        break;
      case 3:
        EXPECT_OK(smipc_channel_send_parts(pair_.writer, &small, 1, 0, nullptr));
        break;
      default:
        const unsigned char blob[] = {'[', 1, 0,        0,        0,        's',      5,       0,
                                      0,   0, data_[0], data_[1], data_[2], data_[3], data_[4]};
        EXPECT_OK(smipc_channel_send_list(pair_.writer, blob, sizeof blob, 0, &(n = 0)));
    }
    EXPECT_OK(try_recv(pair_.reader, &got));
    EXPECT_EQ(std::vector<unsigned char>(data_.begin(), data_.begin() + 5), got);
    EXPECT_STATUS(SMIPC_E_INVALID, try_send(&done)) << "there is nothing to go on with";
  }
  EXPECT_EQ(5u, status_of(pair_.reader).messages_read);
}

TEST_F(Resumable, goes_on_after_a_reservation_that_found_no_room) {
  std::vector<unsigned char> got;
  std::uint64_t done = break_off_before_a_reservation_without_room();
  EXPECT_OK(try_recv(pair_.reader, &got));
  EXPECT_EQ(data_, receive_in_turns(&done));
  EXPECT_OK(try_send(&done));
}

TEST_F(Resumable, given_up_by_a_send_after_a_reservation_that_found_no_room) {
  std::vector<unsigned char> got;
  std::uint64_t done = break_off_before_a_reservation_without_room();
  EXPECT_OK(smipc_channel_send(pair_.writer, data_.data(), 5, 0));
  EXPECT_STATUS(SMIPC_E_INVALID, try_send(&done)) << "there is nothing to go on with";
  for (int i = 0; i < 2; ++i) EXPECT_OK(try_recv(pair_.reader, &got));
  EXPECT_EQ(5u, got.size());
}

TEST_F(Resumable, given_up_for_another_large_one_is_never_seen) {
  std::uint64_t done = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
  std::vector<unsigned char> got;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair_.reader, &got));
  data_ = pattern(1000, 2);
  std::uint64_t second = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&second));
  EXPECT_EQ(data_, receive_in_turns(&second));
}

TEST_F(Resumable, given_up_at_once_without_a_place_to_remember) {
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(nullptr));
  std::vector<unsigned char> got;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair_.reader, &got));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_send(pair_.writer, data_.data(), 1000, 0));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair_.reader, &got));
  send(pair_.writer, pattern(7, 3));
  EXPECT_OK(try_recv(pair_.reader, &got));
  EXPECT_EQ(pattern(7, 3), got);
}

// The reader had begun with a large one, so it asks for much room; but the next one is small.
TEST_F(Resumable, given_up_does_not_ask_a_small_buffer_for_room) {
  std::uint64_t done = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
  std::vector<unsigned char> got;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair_.reader, &got));
  send(pair_.writer, pattern(7, 3));
  unsigned char buffer[7];
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_recv(pair_.reader, buffer, 7, 0, &size));
  expect_pattern(buffer, size, 3);
}

TEST_F(Resumable, a_writer_that_goes_in_the_middle_leaves_nothing_of_it) {
  std::uint64_t done = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
  std::vector<unsigned char> got;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair_.reader, &got));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
  EXPECT_OK(smipc_channel_close(pair_.writer));
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, try_recv(pair_.reader, &got));
  pair_.writer.reset();
  pair_.writer = End(pair_.name, SMIPC_WRITER, 64);
  EXPECT_STATUS(SMIPC_E_INVALID, try_send(&done)) << "the place belongs to another handle";
  send(pair_.writer, pattern(7, 3));
  EXPECT_OK(try_recv(pair_.reader, &got));
  EXPECT_EQ(pattern(7, 3), got);
}

TEST_F(Resumable, a_reader_that_was_replaced_in_the_middle_gets_the_next_message_whole) {
  std::uint64_t done = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
  std::vector<unsigned char> got;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair_.reader, &got));
  pair_.reader.reset();
  pair_.reader = End(pair_.name, SMIPC_READER, 64);
  EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, try_send(&done)) << "its first half is lost";
  send(pair_.writer, pattern(7, 3));
  EXPECT_OK(try_recv(pair_.reader, &got));
  EXPECT_EQ(pattern(7, 3), got);
}

TEST_F(Resumable, a_reader_that_was_replaced_before_it_began_gets_all_of_it) {
  std::uint64_t done = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
  pair_.reader.reset();
  pair_.reader = End(pair_.name, SMIPC_READER, 64);
  EXPECT_EQ(data_, receive_in_turns(&done));
}

TEST_F(Resumable, a_wrong_place_to_go_on_is_refused_and_harms_nobody) {
  std::uint64_t done = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
  for (std::uint64_t wrong : {std::uint64_t{1}, done - 1, done + 1, std::uint64_t{1001},
                              std::uint64_t{1002}, std::uint64_t{5000}, UINT64_MAX}) {
    std::uint64_t given = wrong;
    EXPECT_STATUS(SMIPC_E_INVALID, try_send(&given)) << wrong << " is not " << done;
  }
  EXPECT_EQ(data_, receive_in_turns(&done));
}

TEST_F(Resumable, other_buffers_of_another_size_are_refused) {
  std::uint64_t done = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_send(&done));
  const smipc_buffer other = {data_.data(), 999};
  std::uint64_t given = done;
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_send_parts(pair_.writer, &other, 1, 0, &given));
  EXPECT_EQ(data_, receive_in_turns(&done));
}

// ---- A head that is expected, and a body ---------------------------------------------------------

class Headed : public testing::Test {
 protected:
  smipc_status receive(std::string_view head, std::size_t body_size, std::int64_t timeout_ns = 0) {
    body_.assign(body_size, 0);
    return smipc_channel_recv_headed(pair_.reader, head.data(), head.size(), body_.data(),
                                     body_.size(), timeout_ns);
  }
  smipc_status send_two(std::string_view head, const std::vector<unsigned char>& body) {
    return smipc_channel_send_two(pair_.writer, head.data(), head.size(), body.data(), body.size(),
                                  0);
  }

  Pair pair_{"headed", 1000};
  std::vector<unsigned char> body_;
};

TEST_F(Headed, message_goes_to_the_body_alone) {
  for (std::size_t size : {0u, 1u, 500u}) {
    EXPECT_OK(send_two("head", pattern(size, 1)));
    EXPECT_OK(receive("head", size));
    expect_pattern(body_.data(), size, 1);
  }
  EXPECT_OK(send_two("", pattern(20, 2)));
  EXPECT_OK(receive("", 20));
  expect_pattern(body_.data(), 20, 2);
  EXPECT_EQ(8u, status_of(pair_.reader).messages_written + status_of(pair_.reader).messages_read);
}

TEST_F(Headed, message_of_another_kind_stays) {
  EXPECT_OK(send_two("head", pattern(20, 1)));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, receive("heat", 20));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, receive("head", 19));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, receive("head", 21));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, receive(std::string(513, 'x'), 20));
  EXPECT_EQ(24u, recv(pair_.reader).size());
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, receive("head", 20));
}

TEST_F(Headed, message_larger_than_the_channel_stays) {
  const std::vector<unsigned char> large = pattern(3000, 1);
  Companion writer(Place::kThread, [&] { send(pair_.writer, large); });
  EXPECT_STATUS(SMIPC_E_NOT_FOUND,
                receive({reinterpret_cast<const char*>(large.data()), 8}, 2992, kLong));
  expect_pattern(recv(pair_.reader).data(), large.size(), 1);
}

TEST_F(Headed, message_is_waited_for) {
  Companion writer(Place::kThread, [&] {
    await_wait(pair_.writer, SMIPC_READER, 0);
    EXPECT_OK(send_two("head", pattern(20, 1)));
  });
  EXPECT_OK(receive("head", 20, kLong));
  expect_pattern(body_.data(), 20, 1);
}

TEST_F(Headed, message_is_refused_while_another_is_borrowed_and_without_buffers) {
  send(pair_.writer, pattern(20, 1));
  const void* data = nullptr;
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_peek(pair_.reader, 0, &data, &size));
  EXPECT_STATUS(SMIPC_E_BUSY, receive("head", 16));
  EXPECT_OK(smipc_channel_release(pair_.reader));
  EXPECT_STATUS(SMIPC_E_INVALID,
                smipc_channel_recv_headed(pair_.reader, nullptr, 4, body_.data(), 4, 0));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_recv_headed(pair_.reader, "head", 4, nullptr, 4, 0));
  EXPECT_STATUS(SMIPC_E_WRONG_END, smipc_channel_recv_headed(pair_.writer, "", 0, nullptr, 0, 0));
  EXPECT_STATUS(SMIPC_E_WRONG_END, smipc_channel_send_two(pair_.reader, "", 0, nullptr, 0, 0));
}

}  // namespace
}  // namespace smipc::test
