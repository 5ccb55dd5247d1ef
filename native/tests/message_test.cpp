// Messages of every size through rings of every size, against a model, in threads and in processes.
#include <cstring>
#include <deque>

#include "support.hpp"

namespace smipc::test {
namespace {

// What smipc.h says about room: a message of n bytes takes 8 + n, rounded up to a multiple of 8, and
// one of the capacity's size always fits.
std::uint64_t cost(std::uint64_t size) { return 8 + (size + 7) / 8 * 8; }

class Messages : public testing::TestWithParam<Place> {};
INSTANTIATE_TEST_SUITE_P(Between, Messages, places(), place_name);

TEST_P(Messages, of_0_to_3_times_the_capacity_pass_for_capacities_1_to_130) {
  const std::size_t step = kSanitized ? 7 : 1;
  for (std::size_t capacity = 1; capacity <= 130; capacity += step) {
    const std::string name = unique_name("every");
    End reader(name, SMIPC_READER, capacity);
    Companion other(GetParam(), [&] {
      End writer(name, SMIPC_WRITER, capacity);
      for (std::size_t size = 0; size <= 3 * capacity; ++size) {
        send(writer, pattern(size, size + capacity));
      }
      EXPECT_OK(smipc_channel_flush(writer, kLong));
    });
    unsigned char buffer[3 * 130];
    for (std::size_t size = 0; size <= 3 * capacity; ++size) {
      std::size_t got = 0;
      ASSERT_OK(smipc_channel_recv(reader, buffer, sizeof buffer, kLong, &got));
      ASSERT_EQ(size, got) << "capacity " << capacity;
      expect_pattern(buffer, size, size + capacity);
    }
    std::size_t got = 0;
    EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED,
                  smipc_channel_recv(reader, buffer, sizeof buffer, kLong, &got));
    other.join();
  }
}

struct Traffic {
  std::uint64_t capacity;
  std::size_t largest;
  std::size_t count;
};

// Every way to send and to receive, chosen at random.
void send_one(smipc_channel* writer, Random& random, const std::vector<unsigned char>& data,
              std::uint64_t capacity) {
  void* room = nullptr;
  const std::size_t half = data.size() / 2;
  const auto bytes = const_cast<unsigned char*>(data.data());
  const smipc_buffer parts[3] = {{bytes, half}, {nullptr, 0}, {bytes + half, data.size() - half}};
  const std::size_t way = random.below(3);
  if (way == 1) {
    ASSERT_OK(smipc_channel_send_parts(writer, parts, 3, kLong, nullptr));
  } else if (way == 2 && data.size() <= capacity) {
    ASSERT_OK(smipc_channel_reserve(writer, data.size(), kLong, &room));
    if (!data.empty()) std::memcpy(room, data.data(), data.size());
    ASSERT_OK(smipc_channel_commit(writer, data.size()));
  } else {
    send(writer, data);
  }
}

void recv_one(smipc_channel* reader, Random& random, std::size_t size, std::uint64_t seed,
              std::size_t largest) {
  std::vector<unsigned char> buffer(largest + 1);
  std::size_t got = 0;
  const void* view = nullptr;
  const std::size_t half = random.below(size + 1);
  const smipc_buffer parts[2] = {{buffer.data(), half}, {buffer.data() + half, largest - half}};
  switch (random.below(4)) {
    case 0:
      ASSERT_OK(smipc_channel_peek(reader, kLong, &view, &got));
      ASSERT_EQ(0u, reinterpret_cast<std::uintptr_t>(view) % 8);
      expect_pattern(view, got, seed);
      ASSERT_OK(smipc_channel_release(reader));
      break;
    case 1:
      ASSERT_OK(smipc_channel_recv_parts(reader, parts, 2, kLong, &got));
      expect_pattern(buffer.data(), got, seed);
      break;
    case 2:
      buffer = recv(reader);
      got = buffer.size();
      expect_pattern(buffer.data(), got, seed);
      break;
    default:
      ASSERT_OK(smipc_channel_recv(reader, buffer.data(), buffer.size(), kLong, &got));
      expect_pattern(buffer.data(), got, seed);
  }
  ASSERT_EQ(size, got);
}

void pass(Place place, const Traffic& traffic, std::uint32_t wait) {
  const std::string name = unique_name("random");
  const Settings settings = {.wait = wait};
  End reader(name, SMIPC_READER, traffic.capacity, settings);
  const auto size_of = [&traffic](Random& random) {
    const std::size_t most = random.below(4) == 0 ? traffic.largest : traffic.largest / 16 + 1;
    return random.below(most + 1);
  };
  Companion other(place, [&] {
    End writer(name, SMIPC_WRITER, traffic.capacity, settings);
    Random sizes(traffic.capacity);
    Random ways(1);
    for (std::uint64_t i = 0; i < traffic.count && !testing::Test::HasFatalFailure(); ++i) {
      send_one(writer, ways, pattern(size_of(sizes), i), traffic.capacity);
    }
    EXPECT_OK(smipc_channel_flush(writer, kLong));
    EXPECT_EQ(0u, status_of(writer).used_bytes);
  });
  Random sizes(traffic.capacity);
  Random ways(2);
  for (std::uint64_t i = 0; i < traffic.count && !testing::Test::HasFatalFailure(); ++i) {
    recv_one(reader, ways, size_of(sizes), i, traffic.largest);
  }
  other.join();
}

TEST_P(Messages, of_random_sizes_pass_whatever_the_way) {
  constexpr std::size_t kLess = kSanitized ? 10 : 1;
  for (const Traffic& traffic :
       {Traffic{1, 40, 500}, Traffic{24, 100, 1000}, Traffic{1000, 3000, 4000},
        Traffic{4088, 20'000, 3000}, Traffic{65'536, 200'000, 600},
        Traffic{1'000'003, 3'000'000, 60}}) {
    pass(GetParam(), {traffic.capacity, traffic.largest, traffic.count / kLess}, SMIPC_WAIT_HYBRID);
  }
}

TEST_P(Messages, pass_with_every_wait_policy) {
  for (std::uint32_t wait : {SMIPC_WAIT_SPIN, SMIPC_WAIT_HYBRID, SMIPC_WAIT_BLOCK}) {
    pass(GetParam(), {200, 1000, kSanitized ? 100u : 1000u}, wait);
  }
}

TEST_P(Messages, larger_than_many_channels_pass) {
  constexpr std::size_t kSize = kSanitized ? 5'000'001 : 50'000'001;
  const std::string name = unique_name("large");
  End reader(name, SMIPC_READER, 65'536);
  Companion other(GetParam(), [&] {
    End writer(name, SMIPC_WRITER, 65'536);
    send(writer, pattern(kSize, 1));
    send(writer, pattern(3, 2));
    EXPECT_OK(smipc_channel_flush(writer, kLong));
  });
  const std::vector<unsigned char> data = recv(reader);
  ASSERT_EQ(kSize, data.size());
  expect_pattern(data.data(), data.size(), 1);
  expect_pattern(recv(reader).data(), 3, 2);
  other.join();
}

TEST(MessageModel, what_fits_is_what_the_header_says) {
  for (std::uint64_t capacity : {1u, 2u, 7u, 8u, 9u, 20u, 64u, 100u, 1000u, 4080u, 4088u, 4096u}) {
    Pair pair("model", capacity);
    const std::uint64_t limit = cost(capacity);
    EXPECT_EQ(limit, status_of(pair.writer).limit_bytes);
    std::deque<std::pair<std::size_t, std::uint64_t>> model;  // sizes and seeds
    std::uint64_t used = 0;
    Random random(capacity);
    for (std::uint64_t step = 0; step < 4000; ++step) {
      if (random.below(2) == 0) {
        const std::size_t size =
            random.below(random.below(3) == 0 ? capacity + 1 : capacity / 4 + 2);
        if (cost(size) > limit) continue;
        const std::vector<unsigned char> data = pattern(size, step);
        const bool fits = used + cost(size) <= limit;
        ASSERT_STATUS(fits ? SMIPC_OK : SMIPC_E_TIMED_OUT,
                      smipc_channel_send(pair.writer, data.data(), size, 0))
            << size << " bytes, used " << used << " of " << limit;
        if (fits) {
          model.emplace_back(size, step);
          used += cost(size);
        }
      } else {
        std::vector<unsigned char> data;
        ASSERT_STATUS(model.empty() ? SMIPC_E_TIMED_OUT : SMIPC_OK, try_recv(pair.reader, &data));
        if (model.empty()) continue;
        ASSERT_EQ(model.front().first, data.size());
        expect_pattern(data.data(), data.size(), model.front().second);
        used -= cost(data.size());
        model.pop_front();
      }
      ASSERT_EQ(used, status_of(pair.writer).used_bytes);
    }
  }
}

TEST(MessageModel, a_buffer_too_small_leaves_the_message) {
  Pair pair("small", 100);
  send(pair.writer, pattern(33, 1));
  send(pair.writer, {});
  unsigned char buffer[33];
  std::size_t size = 0;
  for (std::size_t room : {0u, 1u, 32u}) {
    EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                  smipc_channel_recv(pair.reader, buffer, room, 0, &size));
    EXPECT_EQ(33u, size);
    const std::string text = smipc_last_error();
    EXPECT_NE(std::string::npos, text.find("33")) << text;
    EXPECT_NE(std::string::npos, text.find(pair.name)) << text;
  }
  EXPECT_EQ(0u, status_of(pair.reader).messages_read);
  EXPECT_OK(smipc_channel_recv(pair.reader, buffer, 33, 0, &size));
  expect_pattern(buffer, 33, 1);
  EXPECT_OK(smipc_channel_recv(pair.reader, buffer, 0, 0, &size));
  EXPECT_EQ(0u, size);
}

TEST(MessageModel, a_buffer_too_small_for_more_than_the_channel_leaves_the_message) {
  Pair pair("small-large", 64);
  Companion other(Place::kThread, [&] { send(pair.writer, pattern(1000, 1)); });
  unsigned char buffer[1000];
  std::size_t size = 0;
  EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                smipc_channel_recv(pair.reader, buffer, 999, kLong, &size));
  EXPECT_EQ(1000u, size);
  EXPECT_OK(smipc_channel_recv(pair.reader, buffer, 1000, kLong, &size));
  expect_pattern(buffer, 1000, 1);
}

TEST(MessageModel, a_broken_off_recv_of_a_large_message_goes_on_in_any_call) {
  for (int way = 0; way < 4; ++way) {
    Pair pair("go-on", 64);
    const std::vector<unsigned char> data = pattern(500, 1);
    const smipc_buffer part = {const_cast<unsigned char*>(data.data()), data.size()};
    std::uint64_t done = 0;
    std::vector<unsigned char> buffer(500);
    std::size_t size = 0;
    // Both sides try in turns, and each turn comes a little further.
    smipc_status sent = SMIPC_E_TIMED_OUT;
    smipc_status received = SMIPC_E_TIMED_OUT;
    const void* view = nullptr;
    for (int turn = 0; received == SMIPC_E_TIMED_OUT; ++turn) {
      if (sent != SMIPC_OK) sent = smipc_channel_send_parts(pair.writer, &part, 1, 0, &done);
      switch ((way + (way == 3 ? turn : 0)) % 3) {
        case 0:
          received = smipc_channel_recv(pair.reader, buffer.data(), 500, 0, &size);
          view = buffer.data();
          break;
        case 1:
          received = smipc_channel_peek(pair.reader, 0, &view, &size);
          break;
        default:
          EXPECT_OK(smipc_channel_next(pair.reader, nullptr, 0, 0, &size, nullptr));
          EXPECT_EQ(500u, size);
          const smipc_buffer halves[2] = {{buffer.data(), 250}, {buffer.data() + 250, 250}};
          received = smipc_channel_recv_parts(pair.reader, halves, 2, 0, &size);
          view = buffer.data();
      }
      ASSERT_LT(turn, 1000);
    }
    EXPECT_OK(received);
    ASSERT_EQ(500u, size);
    expect_pattern(view, 500, 1);
  }
}

}  // namespace
}  // namespace smipc::test
