// Listeners: what they hand to the callback, how they end, and who may call what meanwhile.
#include <condition_variable>
#include <deque>
#include <mutex>

#include "support.hpp"

namespace smipc::test {
namespace {

// Collects what the callback gets.
class Collector {
 public:
  static void call(void* context, const void* data, std::size_t size, smipc_status status) {
    static_cast<Collector*>(context)->add(data, size, status);
  }

  // Waits for the next message; for streams, the next bytes.
  std::vector<unsigned char> next() {
    std::unique_lock<std::mutex> guard(mutex_);
    changed_.wait(guard, [this] { return !messages_.empty(); });
    std::vector<unsigned char> message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }

  smipc_status next_end() {
    std::unique_lock<std::mutex> guard(mutex_);
    changed_.wait(guard, [this] { return !ends_.empty(); });
    const smipc_status status = ends_.front();
    ends_.pop_front();
    return status;
  }

  std::size_t pending() {
    const std::lock_guard<std::mutex> guard(mutex_);
    return messages_.size() + ends_.size();
  }

 private:
  void add(const void* data, std::size_t size, smipc_status status) {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (status == SMIPC_OK) {
      const auto* bytes = static_cast<const unsigned char*>(data);
      messages_.emplace_back(bytes, bytes + size);
    } else {
      EXPECT_EQ(nullptr, data);
      EXPECT_EQ(0u, size);
      ends_.push_back(status);
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::vector<unsigned char>> messages_;
  std::deque<smipc_status> ends_;
};

class Listening : public testing::TestWithParam<Place> {};
INSTANTIATE_TEST_SUITE_P(Between, Listening, places(), place_name);

TEST_P(Listening, gets_every_message_whole_and_in_order) {
  const std::string name = unique_name("messages");
  constexpr std::uint64_t kCount = kSanitized ? 200 : 3000;
  End reader(name, SMIPC_READER, 1000);
  Collector collector;
  EXPECT_OK(smipc_channel_listen(reader, Collector::call, &collector));
  Companion other(GetParam(), [&] {
    End writer(name, SMIPC_WRITER, 1000);
    Random sizes(1);
    for (std::uint64_t i = 0; i < kCount; ++i) send(writer, pattern(sizes.below(2500), i));
    EXPECT_OK(smipc_channel_flush(writer, kLong));
  });
  Random sizes(1);
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const std::vector<unsigned char> message = collector.next();
    ASSERT_EQ(sizes.below(2500), message.size());
    expect_pattern(message.data(), message.size(), i);
  }
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, collector.next_end());
  other.join();
  EXPECT_OK(smipc_channel_listen_stop(reader));
  EXPECT_EQ(0u, collector.pending());
}

TEST_P(Listening, gets_all_bytes_of_a_stream_in_order) {
  const std::string name = unique_name("bytes");
  constexpr std::size_t kTotal = kSanitized ? 200'000 : 5'000'000;
  End reader(name, SMIPC_READER, 1001, stream());
  Collector collector;
  EXPECT_OK(smipc_channel_listen(reader, Collector::call, &collector));
  Companion other(GetParam(), [&] {
    End writer(name, SMIPC_WRITER, 1001, stream());
    const std::vector<unsigned char> data = pattern(kTotal, 1);
    EXPECT_OK(smipc_channel_write(writer, data.data(), kTotal, kLong, nullptr));
  });
  std::vector<unsigned char> got;
  while (got.size() < kTotal) {
    const std::vector<unsigned char> some = collector.next();
    EXPECT_FALSE(some.empty());
    got.insert(got.end(), some.begin(), some.end());
  }
  ASSERT_EQ(kTotal, got.size());
  expect_pattern(got.data(), kTotal, 1);
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, collector.next_end());
  other.join();
}

TEST(Listener, while_it_is_on_reading_by_hand_is_busy) {
  Pair messages("busy-m", 100);
  Pair streams("busy-s", 100, stream());
  Collector collector;
  EXPECT_OK(smipc_channel_listen(messages.reader, Collector::call, &collector));
  EXPECT_OK(smipc_channel_listen(streams.reader, Collector::call, &collector));
  EXPECT_EQ(1u, status_of(messages.reader).listener);
  unsigned char buffer[100];
  smipc_buffer part = {buffer, 100};
  std::size_t n = 0;
  const void* view = nullptr;
  std::int32_t fd = -1;
  smipc_channel* reader = messages.reader;
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_recv(reader, buffer, 100, 0, &n));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_recv_parts(reader, &part, 1, 0, &n));
  EXPECT_STATUS(SMIPC_E_BUSY,
                smipc_channel_recv_many(reader, buffer, 100, 1, 0, &part, &n, nullptr));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_next(reader, nullptr, 0, 0, &n, nullptr));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_peek(reader, 0, &view, &n));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_release(reader));
  EXPECT_STATUS(SMIPC_E_BUSY, static_cast<smipc_status>(smipc_channel_fetch(reader, 0)));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_listen(reader, Collector::call, &collector));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_fd(reader, &fd));
  unsigned char ready;
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_wait(&reader, 1, 0, &ready, &n));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_read(streams.reader, buffer, 1, 0));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_read_some(streams.reader, buffer, 1, 0, &n));
  EXPECT_OK(smipc_channel_listen_stop(messages.reader));
  EXPECT_OK(smipc_channel_listen_stop(streams.reader));
  EXPECT_EQ(0u, status_of(messages.reader).listener);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_recv(reader, buffer, 100, 0, &n));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_read(streams.reader, buffer, 1, 0));
}

TEST(Listener, stopping_loses_nothing_and_it_can_be_started_again) {
  const std::string name = unique_name("stop");
  End reader(name, SMIPC_READER, 200);
  constexpr std::uint64_t kCount = kSanitized ? 2000 : 20'000;
  Companion other(Place::kThread, [&] {
    End writer(name, SMIPC_WRITER, 200);
    for (std::uint64_t i = 0; i < kCount; ++i) send(writer, pattern(i % 30, i));
    EXPECT_OK(smipc_channel_flush(writer, kLong));
  });
  std::uint64_t received = 0;
  const auto check = [&received](const std::vector<unsigned char>& message) {
    ASSERT_EQ(received % 30, message.size());
    expect_pattern(message.data(), message.size(), received++);
  };
  while (received < kCount) {
    Collector collector;
    EXPECT_OK(smipc_channel_listen(reader, Collector::call, &collector));
    check(collector.next());
    EXPECT_OK(smipc_channel_listen_stop(reader));
    EXPECT_OK(smipc_channel_listen_stop(reader));
    while (collector.pending() > 0 && received < kCount) check(collector.next());
    // And one by hand.
    if (received < kCount) check(recv(reader));
  }
  other.join();
}

TEST(Listener, may_look_at_its_channel_but_not_stop_itself) {
  Pair pair("itself", 100);
  struct Context {
    smipc_channel* reader;
    Collector collector;
  } context = {pair.reader, {}};
  const auto callback = [](void* opaque, const void* data, std::size_t size, smipc_status status) {
    auto* own = static_cast<Context*>(opaque);
    EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_listen_stop(own->reader));
    EXPECT_EQ(1u, status_of(own->reader).listener);
    char buffer[8];
    std::size_t n = 0;
    EXPECT_STATUS(SMIPC_E_BUSY, smipc_channel_recv(own->reader, buffer, 8, SMIPC_FOREVER, &n));
    Collector::call(&own->collector, data, size, status);
  };
  EXPECT_OK(smipc_channel_listen(pair.reader, callback, &context));
  for (std::uint64_t i = 0; i < 3; ++i) {
    send(pair.writer, pattern(20, i));
    expect_pattern(context.collector.next().data(), 20, i);
  }
  EXPECT_OK(smipc_channel_listen_stop(pair.reader));
}

TEST(Listener, the_message_in_hand_is_taken_after_the_callback) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("in-hand");
  End writer(name, SMIPC_WRITER, 100);
  send(writer, pattern(20, 1));
  send(writer, pattern(20, 2));
  Signal called;
  Companion other(Place::kProcess, [&] {
    End reader(name, SMIPC_READER, 100);
    const auto callback = [](void* context, const void*, std::size_t, smipc_status) {
      static_cast<Signal*>(context)->set();
      wait_to_be_killed();
    };
    EXPECT_OK(smipc_channel_listen(reader, callback, &called));
    wait_to_be_killed();
  });
  called.wait();
  other.kill();
  End successor(name, SMIPC_READER, 100);
  expect_pattern(recv(successor).data(), 20, 1);
  expect_pattern(recv(successor).data(), 20, 2);
}

TEST(Listener, tells_of_a_killed_writer_and_goes_on_with_its_successor) {
  NEEDS_PROCESSES();
  for (const Settings& settings : {message(), stream()}) {
    const std::string name = unique_name("killed");
    End reader(name, SMIPC_READER, 100, settings);
    const auto put = [&settings](smipc_channel* writer, std::uint64_t seed) {
      const std::vector<unsigned char> data = pattern(20, seed);
      EXPECT_OK(settings.framing == SMIPC_STREAM
                    ? smipc_channel_write(writer, data.data(), 20, kLong, nullptr)
                    : smipc_channel_send(writer, data.data(), 20, kLong));
    };
    Collector collector;
    EXPECT_OK(smipc_channel_listen(reader, Collector::call, &collector));
    for (std::uint64_t life = 0; life < 3; ++life) {
      Signal sent;
      Companion other(Place::kProcess, [&] {
        End writer(name, SMIPC_WRITER, 100, settings);
        put(writer, life);
        sent.set();
        wait_to_be_killed();
      });
      sent.wait();
      expect_pattern(collector.next().data(), 20, life);
      other.kill();
      EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, collector.next_end());
    }
    End writer(name, SMIPC_WRITER, 100, settings);
    put(writer, 7);
    expect_pattern(collector.next().data(), 20, 7);
    EXPECT_OK(smipc_channel_close(writer));
    EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, collector.next_end());
    EXPECT_OK(smipc_channel_listen_stop(reader));
    EXPECT_EQ(0u, collector.pending());
  }
}

TEST(Listener, that_has_ended_by_itself_lets_reading_by_hand_go_on) {
  Pair pair("ended", 100);
  Collector collector;
  EXPECT_OK(smipc_channel_listen(pair.reader, Collector::call, &collector));
  pair.writer.reset();
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, collector.next_end());
  while (status_of(pair.reader).listener == 1) std::this_thread::yield();
  pair.writer = End(pair.name, SMIPC_WRITER, 100);
  send(pair.writer, pattern(20, 1));
  expect_pattern(recv(pair.reader).data(), 20, 1);
  EXPECT_OK(smipc_channel_listen(pair.reader, Collector::call, &collector));
  send(pair.writer, pattern(20, 2));
  expect_pattern(collector.next().data(), 20, 2);
}

TEST(Listener, close_and_free_end_it) {
  for (int round = 0; round < 100; ++round) {
    Pair pair("close", 100);
    Collector collector;
    EXPECT_OK(smipc_channel_listen(pair.reader, Collector::call, &collector));
    if (round % 2 == 0) {
      EXPECT_OK(smipc_channel_close(pair.reader));
    }
    pair.reader.reset();
    EXPECT_EQ(0u, collector.pending());
  }
}

TEST(Listener, may_be_started_stopped_and_closed_by_several_threads_at_once) {
  for (int round = 0; round < (kSanitized ? 50 : 300); ++round) {
    Pair pair("threads", 100);
    Collector collector;
    const auto start = [&] {
      const smipc_status status = smipc_channel_listen(pair.reader, Collector::call, &collector);
      EXPECT_TRUE(status == SMIPC_OK || status == SMIPC_E_BUSY || status == SMIPC_E_CLOSED);
    };
    const auto stop = [&] { EXPECT_OK(smipc_channel_listen_stop(pair.reader)); };
    Companion a(Place::kThread, [&] {
      start();
      stop();
    });
    Companion b(Place::kThread, [&] {
      stop();
      start();
    });
    if (round % 2 == 0) {
      EXPECT_OK(smipc_channel_close(pair.reader));
    }
    a.join();
    b.join();
    EXPECT_OK(smipc_channel_listen_stop(pair.reader));
  }
}

}  // namespace
}  // namespace smipc::test
