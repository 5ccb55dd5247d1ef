// Bursts of one call after bursts of another, in rings of all sizes: what the fast path was allowed by one
// call (how far it may go before it has to look at the room, at the peer, or at where the ring ends) is
// still right after any other.
#include <algorithm>
#include <deque>
#include <tuple>

#include "core/channel.h"
#include "core/claim.h"
#include "core/ring.h"
#include "large_copy_support.hpp"
#include "support.hpp"

namespace smipc::test {
namespace {

using Bytes = std::vector<unsigned char>;

constexpr std::size_t kSmall = 128;  // what the fast path takes
constexpr std::size_t kListLength = 40;

// The capacity, and whether large payloads go around the caches wherever that can be done (large_copy.h).
class MixedCalls : public testing::TestWithParam<std::tuple<std::uint64_t, bool>> {
 protected:
  static std::uint64_t capacity() { return std::get<0>(GetParam()); }

  std::size_t some_size() {
    const auto all = static_cast<std::size_t>(capacity());
    const std::size_t most = random_.below(4) == 0 ? all : std::min(kSmall, all);
    return random_.below(most + 1);
  }

  // What each call does once; false: no room.
  bool send() {
    const Bytes data = pattern(same_size_, sent_);
    return went(smipc_channel_send(pair_.writer, data.data(), data.size(), 0), data);
  }

  bool send_parts() {
    const Bytes data = pattern(some_size(), sent_);
    const std::size_t cut = random_.below(data.size() + 1);
    Bytes copy = data;
    const smipc_buffer parts[2] = {{copy.data(), cut}, {copy.data() + cut, copy.size() - cut}};
    return went(smipc_channel_send_parts(pair_.writer, parts, 2, 0, nullptr), data);
  }

  bool send_many() {
    std::vector<Bytes> list;
    std::vector<smipc_buffer> buffers;
    const std::size_t length = 1 + random_.below(kListLength);
    for (std::size_t i = 0; i < length; ++i) {
      list.push_back(pattern(some_size(), sent_ + i));
    }
    for (Bytes& data : list) buffers.push_back({data.data(), data.size()});
    std::size_t gone = 0;
    const smipc_status status =
        smipc_channel_send_many(pair_.writer, buffers.data(), buffers.size(), 0, &gone);
    EXPECT_EQ(status == SMIPC_OK, gone == list.size());
    for (std::size_t i = 0; i < gone; ++i) went(SMIPC_OK, list[i]);
    return status == SMIPC_OK;
  }

  bool reserve_and(bool commits) {
    const Bytes data = pattern(some_size(), sent_);
    void* room = nullptr;
    const smipc_status status = smipc_channel_reserve(pair_.writer, data.size(), 0, &room);
    if (status != SMIPC_OK) return went(status, data);
    std::copy(data.begin(), data.end(), static_cast<unsigned char*>(room));
    send_in_vain(data);
    EXPECT_TRUE(std::equal(data.begin(), data.end(), static_cast<unsigned char*>(room)));
    if (!commits) {
      EXPECT_OK(smipc_channel_abort(pair_.writer));
      return true;
    }
    return went(smipc_channel_commit(pair_.writer, data.size()), data);
  }

  // While a reservation is open.
  void send_in_vain(const Bytes& data) {
    const smipc_buffer one = {const_cast<unsigned char*>(data.data()), data.size()};
    void* room = nullptr;
    switch (random_.below(4)) {
      case 0:
        EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_send_parts(pair_.writer, &one, 1, 0, nullptr));
        return;
      case 1:
        EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_send_many(pair_.writer, &one, 1, 0, nullptr));
        return;
      case 2:
        EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_reserve(pair_.writer, data.size(), 0, &room));
        return;
      default:
        EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_send(pair_.writer, data.data(), data.size(), 0));
    }
  }

  // That the fast path stays within the room that is known, the lap, and the sends before a look.
  void expect_fast_path_within_bounds() {
    const detail::Channel& channel = *pair_.writer;
    const detail::WriterState& writer = channel.writer;
    const std::uint64_t room = writer.room_end - writer.head;
    EXPECT_LE(room, channel.limit);
    const std::int64_t fast = detail::ahead_of(writer.head, writer.fast_end);
    EXPECT_LE(fast, static_cast<std::int64_t>(room));
    EXPECT_LE(fast, std::max<std::int64_t>(0, detail::ahead_of(writer.head, writer.look_end)));
    const std::uint64_t left = detail::left_of_lap(channel, writer.lap, writer.head);
    EXPECT_LE(fast, static_cast<std::int64_t>(left));
  }

  bool went(smipc_status status, const Bytes& data) {
    if (status != SMIPC_OK) {
      EXPECT_STATUS(SMIPC_E_TIMED_OUT, status);
      EXPECT_FALSE(there_.empty());
      return false;
    }
    there_.push_back(data);
    ++sent_;
    return true;
  }

  // And these; false: there is none.
  bool recv() {
    Bytes data(capacity());
    std::size_t size = 0;
    const smipc_status status =
        smipc_channel_recv(pair_.reader, data.data(), data.size(), 0, &size);
    return came(status, data.data(), size);
  }

  bool recv_into_too_little() {
    if (there_.empty() || there_.front().empty()) return recv();
    Bytes data(there_.front().size() - 1);
    std::size_t size = 0;
    EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                  smipc_channel_recv(pair_.reader, data.data(), data.size(), 0, &size));
    EXPECT_EQ(there_.front().size(), size);
    return recv();
  }

  bool recv_many() {
    Bytes data(capacity() + 10 * kSmall);
    smipc_buffer out[kListLength];
    std::size_t count = 0;
    std::size_t needed = 0;
    const smipc_status status =
        smipc_channel_recv_many(pair_.reader, data.data(), data.size(),
                                1 + random_.below(kListLength), 0, out, &count, &needed);
    if (status != SMIPC_OK) return came(status, nullptr, 0);
    EXPECT_GT(count, 0u);
    for (std::size_t i = 0; i < count; ++i) came(SMIPC_OK, out[i].data, out[i].size);
    return true;
  }

  bool peek() {
    const void* view = nullptr;
    std::size_t size = 0;
    const smipc_status status = smipc_channel_peek(pair_.reader, 0, &view, &size);
    if (status != SMIPC_OK) return came(status, nullptr, 0);
    Bytes data(capacity());
    std::size_t got = 0;
    EXPECT_STATUS(SMIPC_E_BUSY,
                  smipc_channel_recv(pair_.reader, data.data(), data.size(), 0, &got));
    came(SMIPC_OK, view, size);
    EXPECT_OK(smipc_channel_release(pair_.reader));
    return true;
  }

  bool next() {
    unsigned char prefix[8];
    std::size_t size = 0;
    std::size_t copied = 0;
    const smipc_status status =
        smipc_channel_next(pair_.reader, prefix, sizeof prefix, 0, &size, &copied);
    if (status != SMIPC_OK) return came(status, nullptr, 0);
    EXPECT_EQ(there_.front().size(), size);
    return recv();
  }

  bool came(smipc_status status, const void* data, std::size_t size) {
    if (status != SMIPC_OK) {
      EXPECT_STATUS(SMIPC_E_TIMED_OUT, status);
      EXPECT_TRUE(there_.empty());
      return false;
    }
    const auto* bytes = static_cast<const unsigned char*>(data);
    EXPECT_EQ(there_.front(), Bytes(bytes, bytes + size));
    there_.pop_front();
    ++received_;
    return true;
  }

  bool send_somehow(std::size_t way) {
    switch (way) {
      case 0:
        return send_parts();
      case 1:
        return send_many();
      case 2:
        return reserve_and(true);
      case 3:
        return reserve_and(false);
      default:
        return send();
    }
  }

  bool receive_somehow(std::size_t way) {
    switch (way) {
      case 0:
        return recv_into_too_little();
      case 1:
        return recv_many();
      case 2:
        return peek();
      case 3:
        return next();
      default:
        return recv();
    }
  }

  void burst(bool sends) {
    const std::size_t way = random_.below(8);
    const std::size_t length = 1 + random_.below(60);
    same_size_ = some_size();
    if (std::get<1>(GetParam())) pair_.writer->writer.copy_choice = going_around_caches();
    for (std::size_t i = 0; i < length && !HasFailure(); ++i) {
      const bool goes_on = sends ? send_somehow(way) : receive_somehow(way);
      expect_fast_path_within_bounds();
      if (!goes_on) return;
    }
  }

  Pair pair_{"mixed", capacity()};
  Random random_{capacity()};
  std::deque<Bytes> there_;
  std::size_t same_size_ = 0;  // of the messages of a burst
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

TEST_P(MixedCalls, lose_nothing_and_keep_the_order) {
  for (int i = 0; i < 6000 && !HasFailure(); ++i) burst(random_.below(2) == 0);
  EXPECT_EQ(sent_, status_of(pair_.writer).messages_written);
  EXPECT_EQ(received_, status_of(pair_.reader).messages_read);
  EXPECT_EQ(there_.size(), sent_ - received_);
  while (!there_.empty() && !HasFailure()) EXPECT_TRUE(recv());
}

// Pages are of 4 KiB at least: the first ones are in a ring that is larger than their capacity by far. Those of
// whole pages less a record's word leave no byte of the ring unused, with pages of any size.
INSTANTIATE_TEST_SUITE_P(Capacities, MixedCalls,
                         testing::Combine(testing::Values(1, 20, 64, 200, 1000, 4000, 4088, 4096,
                                                          5000, 16'376, 20'000, 65'528, 100'000),
                                          testing::Values(false)));
INSTANTIATE_TEST_SUITE_P(AroundCaches, MixedCalls,
                         testing::Combine(testing::Values(4088, 16'376, 65'528, 100'000),
                                          testing::Values(true)));

// A writer without room looks at the exact tail. When it has then forgotten about the room and looks at the
// published tail only, it knows of less than it had claimed.
TEST(ClaimedLines, are_not_taken_for_room) {
  // Less than the ring, up to whose end lines are claimed at most.
  Pair pair("claimed", 6000);
  std::deque<Bytes> there;
  const auto try_to_send = [&](std::size_t size) {
    const Bytes data = pattern(size, there.size());
    const smipc_status status = smipc_channel_send(pair.writer, data.data(), data.size(), 0);
    if (status == SMIPC_OK) there.push_back(data);
    return status;
  };
  for (int i = 0; i < 82; ++i) ASSERT_OK(try_to_send(64));
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(there.front(), recv(pair.reader));  // too little to be published
    there.pop_front();
  }
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_to_send(1000));
  ASSERT_OK(try_to_send(8));
  void* room = nullptr;
  ASSERT_OK(smipc_channel_reserve(pair.writer, 8, 0, &room));
  there.push_back(pattern(8, 1));
  std::copy(there.back().begin(), there.back().end(), static_cast<unsigned char*>(room));
  ASSERT_OK(smipc_channel_commit(pair.writer, 8));
  int sent = 0;
  while (sent < 100 && try_to_send(8) == SMIPC_OK) ++sent;
  EXPECT_EQ(31, sent);  // 536 bytes of room, 16 each, two of them before
  for (; !there.empty(); there.pop_front()) ASSERT_EQ(there.front(), recv(pair.reader));
}

// While two rounds of the ring go by, with `unread` messages between the two ends. Without any the reader looks once more,
// as one does that waits.
std::int64_t most_claimed(std::size_t size, std::size_t unread) {
  Pair pair("claims", 100'000);
  const detail::WriterState& writer = pair.writer->writer;
  const std::size_t count = 200'000 / size;
  std::int64_t most = 0;
  for (std::size_t i = 0; i < count + unread; ++i) {
    if (i < count) send(pair.writer, pattern(size, i));
    most = std::max(most, detail::ahead_of(writer.head, writer.claimed_end));
    if (i >= unread) {
      EXPECT_EQ(pattern(size, i - unread), recv(pair.reader));
      std::size_t size_there = 0;
      if (unread == 0) {
        EXPECT_STATUS(SMIPC_E_TIMED_OUT,
                      smipc_channel_recv(pair.reader, nullptr, 0, 0, &size_there));
      }
    }
  }
  return most;
}

TEST(ClaimedLines, reach_further_where_the_reader_is_behind_and_messages_are_not_small) {
  EXPECT_EQ(detail::kClaimBytes, most_claimed(300, 0));
  EXPECT_EQ(detail::kStreamClaimBytes, most_claimed(300, 10));
  EXPECT_EQ(detail::kClaimBytes, most_claimed(100, 30));
  EXPECT_EQ(detail::kClaimBytes, most_claimed(2000, 0));
  EXPECT_EQ(detail::kStreamClaimBytes, most_claimed(2000, 10));
}

}  // namespace
}  // namespace smipc::test
