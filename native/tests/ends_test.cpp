// Ends in processes that are killed: the survivor is told, a successor goes on, nothing is lost, and
// at most the message in hand comes twice. tests/test_ends.py measures how soon.
#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "core/channel.h"
#include "support.hpp"

namespace smipc::test {
namespace {

constexpr int kKills = kSanitized ? 10 : 40;

// Lets the other process run for a while: traffic of some messages, and a little more.
void run_a_while(Random& random) {
  const std::int64_t until = now_ns() + static_cast<std::int64_t>(random.below(3'000'000));
  while (now_ns() < until) std::this_thread::yield();
}

// Small ones, large ones that are published as they grow, and some larger than the channel.
std::size_t size_of(std::uint64_t number, std::uint64_t capacity) {
  Random random(number);
  const std::size_t kind = random.below(10);
  if (kind < 7) return random.below(100);
  return random.below(static_cast<std::size_t>(kind < 9 ? capacity : 2 * capacity));
}

std::vector<unsigned char> numbered(std::uint64_t number, std::uint64_t capacity) {
  std::vector<unsigned char> data = pattern(8 + size_of(number, capacity), number);
  std::memcpy(data.data(), &number, 8);
  return data;
}

std::uint64_t check_numbered(const std::vector<unsigned char>& data, std::uint64_t capacity) {
  std::uint64_t number = UINT64_MAX;
  EXPECT_GE(data.size(), 8u);
  std::memcpy(&number, data.data(), 8);
  EXPECT_EQ(numbered(number, capacity), data) << "message " << number;
  return number;
}

class Killed : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Capacity, Killed, testing::Values(64, 5000, 400'000),
                         testing::PrintToStringParamName());

// The writer's application keeps count in shared memory of its own: what has gone, before it goes.
TEST_P(Killed, writer_again_and_again_the_reader_misses_nothing) {
  NEEDS_PROCESSES();
  const std::uint64_t capacity = GetParam();
  const std::string name = unique_name("writer");
  End reader(name, SMIPC_READER, capacity);
  Random random(capacity);
  std::vector<unsigned char> room(2 * capacity + 100);
  std::uint64_t next = 0;  // the number that the next writer begins with
  Signal opened;
  for (int kill = 0; kill < kKills; ++kill) {
    Companion writer_process(Place::kProcess, [&] {
      End writer(name, SMIPC_WRITER, capacity);
      opened.set();
      for (std::uint64_t number = next;; ++number) {
        const std::vector<unsigned char> data = numbered(number, capacity);
        EXPECT_OK(smipc_channel_send(writer, data.data(), data.size(), SMIPC_FOREVER));
      }
    });
    opened.wait();
    const std::uint64_t enough = next + random.below(100);
    bool killed = false;
    for (;;) {
      if (!killed && next >= enough) {
        run_a_while(random);
        writer_process.kill();
        killed = true;
      }
      std::size_t size = 0;
      const smipc_status status =
          smipc_channel_recv(reader, room.data(), room.size(), kLong, &size);
      if (status == SMIPC_E_OPPOSITE_DIED) break;
      ASSERT_OK(status);
      ASSERT_EQ(next,
                check_numbered({room.begin(), room.begin() + static_cast<long>(size)}, capacity));
      ++next;
    }
    ASSERT_TRUE(killed) << "told of a death before it";
  }
}

TEST_P(Killed, reader_again_and_again_the_message_in_hand_comes_twice_at_most) {
  NEEDS_PROCESSES();
  const std::uint64_t capacity = GetParam();
  const std::string name = unique_name("reader");
  End writer(name, SMIPC_WRITER, capacity);
  Random random(capacity);
  std::uint64_t sent = 0;      // has gone
  std::uint64_t expected = 0;  // by the next reader, or the one before
  Signal opened;
  for (int kill = 0; kill < kKills; ++kill) {
    int numbers[2];
    ASSERT_EQ(0, ::pipe(numbers));
    Companion reader_process(Place::kProcess, [&] {
      End reader(name, SMIPC_READER, capacity);
      opened.set();
      std::vector<unsigned char> room(2 * capacity + 100);
      for (;;) {
        std::size_t size = 0;
        EXPECT_OK(smipc_channel_recv(reader, room.data(), room.size(), SMIPC_FOREVER, &size));
        const std::uint64_t number =
            check_numbered({room.begin(), room.begin() + static_cast<long>(size)}, capacity);
        EXPECT_EQ(8, ::write(numbers[1], &number, 8));
      }
    });
    opened.wait();
    const std::uint64_t enough = sent + 10 + random.below(100);
    bool killed = false;
    for (;;) {
      if (!killed && sent >= enough) {
        run_a_while(random);
        reader_process.kill();
        killed = true;
      }
      const std::vector<unsigned char> data = numbered(sent, capacity);
      const smipc_status status = smipc_channel_send(writer, data.data(), data.size(), kLong);
      if (status == SMIPC_E_OPPOSITE_DIED) break;
      ASSERT_OK(status);
      ++sent;
    }
    ASSERT_TRUE(killed) << "told of a death before it";
    ::close(numbers[1]);
    // What it has told of. It may have had one more in hand: taken, and not yet told.
    std::uint64_t number = 0;
    bool first = true;
    while (::read(numbers[0], &number, 8) == 8) {
      if (first) {
        ASSERT_LE(number, expected + 1) << "lost";
        ASSERT_GE(number + 1, expected) << "twice";
      } else {
        ASSERT_EQ(expected, number);
      }
      first = false;
      expected = number + 1;
    }
    ::close(numbers[0]);
  }
}

TEST(KilledReader, is_told_to_a_writer_that_seldom_writes_and_never_waits) {
  NEEDS_PROCESSES();
  const std::vector<unsigned char> large = pattern(100'000, 1);
  const smipc_buffer part = {const_cast<unsigned char*>(large.data()), 16};
  const std::vector<std::function<smipc_status(smipc_channel*)>> ways = {
      [&](smipc_channel* w) { return smipc_channel_send(w, large.data(), 16, SMIPC_FOREVER); },
      [&](smipc_channel* w) { return smipc_channel_send(w, large.data(), 100'000, SMIPC_FOREVER); },
      [&](smipc_channel* w) {
        return smipc_channel_send_parts(w, &part, 1, SMIPC_FOREVER, nullptr);
      },
      [&](smipc_channel* w) {
        void* room = nullptr;
        const smipc_status status = smipc_channel_reserve(w, 16, SMIPC_FOREVER, &room);
        return status == SMIPC_OK ? smipc_channel_commit(w, 16) : status;
      }};
  for (std::size_t way = 0; way < ways.size(); ++way) {
    // The reader is killed right behind the burst, or when it has gone to sleep.
    for (auto [burst, asleep] : {std::pair{0, false}, {1, false}, {3000, false}, {3000, true}}) {
      const std::string name = unique_name("seldom");
      const auto wait_100_ms = [] {
        const std::int64_t until = now_ns() + 100 * kMillisecond;
        while (now_ns() < until) std::this_thread::yield();
      };
      Signal opened;
      End writer(name, SMIPC_WRITER, 1'000'000);
      Companion reader_process(Place::kProcess, [&] {
        End reader(name, SMIPC_READER, 1);
        opened.set();
        for (;;) recv(reader);
      });
      opened.wait();
      for (int i = 0; i < burst; ++i) ASSERT_OK(ways[way](writer));
      ASSERT_OK(smipc_channel_flush(writer, kLong));
      if (asleep) wait_100_ms();
      reader_process.kill();
      // 100 ms later it has to know, whatever it does; only a burst of small ones looks at the clock
      // with every 16th of them, and with the second of those that find the reader asleep.
      wait_100_ms();
      int accepted = 0;
      while (ways[way](writer) == SMIPC_OK) ++accepted;
      EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, ways[way](writer));
      const int most = way != 0 || burst <= 1 ? 0 : asleep ? 1 : 16;
      EXPECT_LE(accepted, most) << "way " << way << ", burst " << burst << ", asleep " << asleep;
    }
  }
}

TEST(KilledReader, is_told_to_a_stream_writer_that_never_waits) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("seldom-stream");
  Signal opened;
  End writer(name, SMIPC_WRITER, 1'000'000, stream());
  Companion reader_process(Place::kProcess, [&] {
    End reader(name, SMIPC_READER, 1, stream());
    opened.set();
    wait_to_be_killed();
  });
  opened.wait();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_OK(smipc_channel_write(writer, "x", 1, SMIPC_FOREVER, nullptr));
  }
  reader_process.kill();
  const std::int64_t promised = now_ns() + 100 * kMillisecond;
  while (now_ns() < promised) std::this_thread::yield();
  EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, smipc_channel_write(writer, "x", 1, SMIPC_FOREVER, nullptr));
}

// As Python does, which looks after its signals in between.
TEST(KilledPeer, is_told_to_whoever_waits_in_short_slices) {
  NEEDS_PROCESSES();
  for (const std::uint32_t wait : {SMIPC_WAIT_HYBRID, SMIPC_WAIT_SPIN, SMIPC_WAIT_BLOCK}) {
    const std::string name = unique_name("slices");
    Settings settings;
    settings.wait = wait;
    End reader(name, SMIPC_READER, 100, settings);
    Signal opened;
    Companion writer_process(Place::kProcess, [&] {
      End writer(name, SMIPC_WRITER, 100);
      opened.set();
      wait_to_be_killed();
    });
    opened.wait();
    writer_process.kill();
    const std::int64_t promised = now_ns() + 100 * kMillisecond;
    unsigned char buffer[8];
    std::size_t size = 0;
    smipc_status status = SMIPC_OK;
    do {
      status = smipc_channel_recv(reader, buffer, sizeof buffer, 10 * kMillisecond, &size);
    } while (status == SMIPC_E_TIMED_OUT && now_ns() < promised);
    EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, status) << "wait policy " << wait;
  }
}

TEST(KilledPeer, is_told_to_whoever_polls) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("polls");
  End reader(name, SMIPC_READER, 100);
  Signal opened;
  Companion writer_process(Place::kProcess, [&] {
    End writer(name, SMIPC_WRITER, 100);
    send(writer, pattern(20, 1));
    opened.set();
    wait_to_be_killed();
  });
  opened.wait();
  writer_process.kill();
  expect_pattern(recv(reader).data(), 20, 1);
  std::vector<unsigned char> data;
  smipc_status status;
  do {
    status = try_recv(reader, &data);
  } while (status == SMIPC_E_TIMED_OUT);
  EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, status);
}

TEST(KilledPeer, is_not_one_that_is_stopped) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("stopped");
  End reader(name, SMIPC_READER, 100);
  Signal opened;
  Signal go;
  Companion writer_process(Place::kProcess, [&] {
    End writer(name, SMIPC_WRITER, 100);
    opened.set();
    go.wait();
    send(writer, pattern(20, 1));
    EXPECT_OK(smipc_channel_flush(writer, kLong));
  });
  opened.wait();
  ASSERT_EQ(0, ::kill(static_cast<pid_t>(writer_process.pid()), SIGSTOP));
  std::size_t size = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT,
                smipc_channel_recv(reader, nullptr, 0, 500 * kMillisecond, &size));
  ASSERT_EQ(0, ::kill(static_cast<pid_t>(writer_process.pid()), SIGCONT));
  go.set();
  expect_pattern(recv(reader).data(), 20, 1);
  writer_process.join();
}

TEST(KilledPeer, of_an_unlinked_channel_is_told_and_no_file_is_left) {
  NEEDS_PROCESSES();
  Pair pair("unlinked", 100);
  pair.writer.reset();
  Signal opened;
  Companion writer_process(Place::kProcess, [&] {
    End writer(pair.name, SMIPC_WRITER, 100);
    send(writer, pattern(20, 1));
    opened.set();
    wait_to_be_killed();
  });
  opened.wait();
  char removed[64];
  const auto& header =
      static_cast<detail::Channel*>(static_cast<smipc_channel*>(pair.reader))->nonce;
  std::snprintf(removed, sizeof removed, "/dev/shm/smipc.removed.%016llx",
                static_cast<unsigned long long>(header));
  EXPECT_OK(smipc_channel_unlink(pair.name.data(), pair.name.size()));
  EXPECT_EQ(0, ::access(removed, F_OK)) << "where the ends ask for each other's locks";
  expect_pattern(recv(pair.reader).data(), 20, 1);
  writer_process.kill();
  std::size_t size = 0;
  EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, smipc_channel_recv(pair.reader, nullptr, 0, kLong, &size));
  pair.reader.reset();
  EXPECT_NE(0, ::access(removed, F_OK));
}

TEST(KilledPeer, both_of_them_leave_a_name_that_can_be_opened) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("both");
  for (int round = 0; round < 5; ++round) {
    Signal opened;
    Companion process(Place::kProcess, [&] {
      End writer(name, SMIPC_WRITER, 100);
      End reader(name, SMIPC_READER, 100);
      send(writer, pattern(20, 1));
      opened.set();
      wait_to_be_killed();
    });
    opened.wait();
    process.kill();
    End reader(name, SMIPC_READER, 50);
    EXPECT_EQ(50u, status_of(reader).capacity_bytes) << "a new channel, not the dead one's";
    std::vector<unsigned char> data;
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(reader, &data));
  }
  EXPECT_FILES(0u, name);
}

}  // namespace
}  // namespace smipc::test
