// Timeouts: 0 tries, some wait as long as they say and no message is lost, for ever is for ever;
// and a signal handler ends a sleep.
#if !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#endif

#include <atomic>
#include <functional>
#include <thread>

#include "core/channel.h"
#include "support.hpp"

namespace smipc::test {
namespace {

struct Blocking {
  const char* name;
  std::uint32_t framing;
  std::uint32_t mode;
  std::function<smipc_status(smipc_channel*, std::int64_t timeout_ns)> run;
};

// Each of these has to wait on a full (writers) or empty (readers) channel of 100 bytes.
const std::vector<Blocking>& blocking_calls() {
  static const std::vector<unsigned char> data = pattern(300, 1);
  static thread_local unsigned char buffer[300];
  static thread_local std::size_t n;
  static thread_local void* room;
  static thread_local const void* view;
  using H = smipc_channel*;
  using T = std::int64_t;
  const auto part = [] { return smipc_buffer{const_cast<unsigned char*>(data.data()), 50}; };
  static const std::vector<Blocking> all = {
      {"write", SMIPC_STREAM, SMIPC_WRITER,
       [](H h, T t) { return smipc_channel_write(h, data.data(), 50, t, &n); }},
      {"write_large", SMIPC_STREAM, SMIPC_WRITER,
       [](H h, T t) { return smipc_channel_write(h, data.data(), 300, t, &n); }},
      {"read", SMIPC_STREAM, SMIPC_READER,
       [](H h, T t) { return smipc_channel_read(h, buffer, 50, t); }},
      {"read_large", SMIPC_STREAM, SMIPC_READER,
       [](H h, T t) { return smipc_channel_read(h, buffer, 300, t); }},
      {"read_some", SMIPC_STREAM, SMIPC_READER,
       [](H h, T t) { return smipc_channel_read_some(h, buffer, 300, t, &n); }},
      {"flush_stream", SMIPC_STREAM, SMIPC_WRITER, smipc_channel_flush},
      {"send", SMIPC_MESSAGE, SMIPC_WRITER,
       [](H h, T t) { return smipc_channel_send(h, data.data(), 50, t); }},
      {"send_large", SMIPC_MESSAGE, SMIPC_WRITER,
       [](H h, T t) { return smipc_channel_send(h, data.data(), 300, t); }},
      {"send_parts", SMIPC_MESSAGE, SMIPC_WRITER,
       [part](H h, T t) {
         const smipc_buffer one = part();
         return smipc_channel_send_parts(h, &one, 1, t, nullptr);
       }},
      {"send_many", SMIPC_MESSAGE, SMIPC_WRITER,
       [part](H h, T t) {
         const smipc_buffer one = part();
         return smipc_channel_send_many(h, &one, 1, t, &n);
       }},
      {"reserve", SMIPC_MESSAGE, SMIPC_WRITER,
       [](H h, T t) { return smipc_channel_reserve(h, 50, t, &room); }},
      {"flush_message", SMIPC_MESSAGE, SMIPC_WRITER, smipc_channel_flush},
      {"recv", SMIPC_MESSAGE, SMIPC_READER,
       [](H h, T t) { return smipc_channel_recv(h, buffer, 300, t, &n); }},
      {"recv_parts", SMIPC_MESSAGE, SMIPC_READER,
       [](H h, T t) {
         const smipc_buffer into = {buffer, 300};
         return smipc_channel_recv_parts(h, &into, 1, t, &n);
       }},
      {"recv_many", SMIPC_MESSAGE, SMIPC_READER,
       [](H h, T t) {
         smipc_buffer out[4];
         return smipc_channel_recv_many(h, buffer, 300, 4, t, out, &n, nullptr);
       }},
      {"next", SMIPC_MESSAGE, SMIPC_READER,
       [](H h, T t) { return smipc_channel_next(h, buffer, 8, t, &n, nullptr); }},
      {"peek", SMIPC_MESSAGE, SMIPC_READER,
       [](H h, T t) { return smipc_channel_peek(h, t, &view, &n); }},
      {"fetch", SMIPC_MESSAGE, SMIPC_READER,
       [](H h, T t) { return static_cast<smipc_status>(smipc_channel_fetch(h, t)); }},
      {"wait", SMIPC_MESSAGE, SMIPC_READER,
       [](H h, T t) {
         unsigned char ready;
         return smipc_wait(&h, 1, t, &ready, &n);
       }},
  };
  return all;
}

std::string call_name(const testing::TestParamInfo<std::tuple<std::size_t, std::uint32_t>>& info) {
  static const char* const policies[] = {"spin", "hybrid", "block"};
  return std::string(blocking_calls()[std::get<0>(info.param)].name) + "_" +
         policies[std::get<1>(info.param)];
}

// An end of a channel on which the call has to wait.
class Blocked : public testing::TestWithParam<std::tuple<std::size_t, std::uint32_t>> {
 protected:
  Blocked()
      : call_(blocking_calls()[std::get<0>(GetParam())]),
        pair_(std::string("blocked-") + call_.name, 100,
              {.framing = call_.framing, .wait = std::get<1>(GetParam())}),
        end_(call_.mode == SMIPC_WRITER ? pair_.writer : pair_.reader) {
    prepare();
  }

  void prepare() {
    smipc_fetch_area area;
    if (call_.mode == SMIPC_READER && call_.framing == SMIPC_MESSAGE) {
      EXPECT_OK(smipc_channel_fetch_open(end_, &area));
    }
    if (call_.mode == SMIPC_WRITER) fill();
  }

  void fill() {
    const std::vector<unsigned char> data = pattern(100, 7);
    if (call_.framing == SMIPC_STREAM) {
      EXPECT_OK(smipc_channel_write(end_, data.data(), 100, 0, nullptr));
    } else {
      EXPECT_OK(smipc_channel_send(end_, data.data(), 100, 0));
    }
  }

  // Returns when the call waits. smipc_wait does not say so: there it may come too early.
  void await_call(std::uint64_t waits_before) {
    if (!is_wait()) await_wait(end_, call_.mode, waits_before);
  }

  bool is_wait() const { return std::string_view(call_.name) == "wait"; }

  bool is_large() const {
    return std::string_view(call_.name).find("_large") != std::string_view::npos;
  }

  std::size_t wanted_bytes() const {
    return std::string_view(call_.name) == "read_large" ? 300 : 50;
  }

  // What the opposite end does so that the call goes on. A reader takes all until the end is closed.
  void unblock() {
    std::vector<unsigned char> data = pattern(300, 1);
    std::size_t size = 0;
    smipc_status status = SMIPC_OK;
    if (call_.mode == SMIPC_READER) {
      status = call_.framing == SMIPC_STREAM
                   ? smipc_channel_write(pair_.writer, data.data(), wanted_bytes(), kLong, nullptr)
                   : smipc_channel_send(pair_.writer, data.data(), 50, kLong);
      EXPECT_OK(status);
      return;
    }
    while (status == SMIPC_OK) {
      status = call_.framing == SMIPC_STREAM
                   ? smipc_channel_read_some(pair_.reader, data.data(), 300, kLong, &size)
                   : smipc_channel_recv(pair_.reader, data.data(), 300, kLong, &size);
    }
    EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, status);
  }

  const Blocking& call_;
  Pair pair_;
  smipc_channel* end_;
};

INSTANTIATE_TEST_SUITE_P(Call, Blocked,
                         testing::Combine(testing::Range(std::size_t{0}, blocking_calls().size()),
                                          testing::Values(SMIPC_WAIT_SPIN, SMIPC_WAIT_HYBRID,
                                                          SMIPC_WAIT_BLOCK)),
                         call_name);

// Those policies that sleep.
class Asleep : public Blocked {};
INSTANTIATE_TEST_SUITE_P(Call, Asleep,
                         testing::Combine(testing::Range(std::size_t{0}, blocking_calls().size()),
                                          testing::Values(SMIPC_WAIT_HYBRID, SMIPC_WAIT_BLOCK)),
                         call_name);

#if !defined(_WIN32)  // there a Ctrl-C interrupts: tests/ has it
TEST_P(Asleep, is_interrupted_by_a_signal_handler_and_nothing_is_lost) {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  struct sigaction old;
  ASSERT_EQ(0, ::sigaction(SIGUSR1, &action, &old));
  const std::uint64_t used = status_of(end_).used_bytes;
  const pthread_t caller = ::pthread_self();
  std::atomic<bool> returned{false};
  Companion other(Place::kThread, [&] {
    while (!returned) {  // one that comes between two sleeps is no loss
      ::pthread_kill(caller, SIGUSR1);
      std::this_thread::yield();
    }
  });
  EXPECT_STATUS(SMIPC_E_INTERRUPTED, call_.run(end_, SMIPC_FOREVER));
  returned = true;
  other.join();
  ASSERT_EQ(0, ::sigaction(SIGUSR1, &old, nullptr));
  EXPECT_EQ(used, status_of(end_).used_bytes);
}
#else
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Asleep);
#endif

TEST_P(Blocked, times_out_and_names_the_channel) {
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, call_.run(end_, 0));
  if (!is_wait()) {
    EXPECT_NE(std::string::npos, std::string(smipc_last_error()).find(pair_.name));
  }
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, call_.run(end_, 1));
  const std::int64_t before = now_ns();
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, call_.run(end_, kShort));
  EXPECT_GE(now_ns() - before, kShort) << "it waits as long as it was told to";
}

TEST_P(Blocked, soon_gives_up_without_having_slept) {
  if (is_wait()) GTEST_SKIP() << "it is for one channel";
  for (int i = 0; i < 300; ++i) {  // enough for each length of the spin
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, call_.run(end_, SMIPC_SOON));
  }
  EXPECT_EQ(0u, end_->self->wait_word.load() & detail::kSleeping);
}

TEST_P(Blocked, soon_sees_what_happens_meanwhile) {
  if (is_wait()) GTEST_SKIP() << "it is for one channel";
  if (is_large()) GTEST_SKIP() << "it would have to begin again each time";
  std::atomic<bool> began{false};
  Companion other(Place::kThread, [&] {
    while (!began.load()) std::this_thread::yield();
    unblock();
  });
  smipc_status status = call_.run(end_, SMIPC_SOON);
  began.store(true);
  while (status == SMIPC_E_TIMED_OUT) status = call_.run(end_, SMIPC_SOON);
  EXPECT_GE(status, 0) << smipc_last_error();
  if (call_.mode == SMIPC_WRITER) {
    EXPECT_OK(smipc_channel_close(end_));
  }
  other.join();
}

TEST_P(Blocked, goes_on_when_it_can) {
  for (std::int64_t timeout_ns : {kLong, SMIPC_FOREVER, INT64_MAX}) {
    Pair fresh(call_.name, 100, {.framing = call_.framing, .wait = std::get<1>(GetParam())});
    std::swap(fresh, pair_);
    end_ = call_.mode == SMIPC_WRITER ? pair_.writer : pair_.reader;
    prepare();
    const std::uint64_t before = waits_of(end_, call_.mode);
    Companion other(Place::kThread, [&] {
      await_call(before);
      unblock();
    });
    EXPECT_GE(call_.run(end_, timeout_ns), 0) << smipc_last_error();
    if (call_.mode == SMIPC_WRITER) {
      EXPECT_OK(smipc_channel_close(end_));
    }
    other.join();
  }
}

TEST_P(Blocked, is_ended_by_close_from_another_thread) {
  const std::uint64_t before = waits_of(end_, call_.mode);
  Companion other(Place::kThread, [&] {
    await_call(before);
    EXPECT_OK(smipc_channel_close(end_));
  });
  EXPECT_STATUS(SMIPC_E_CLOSED, call_.run(end_, SMIPC_FOREVER));
  other.join();
}

TEST_P(Blocked, is_told_when_the_opposite_end_closes) {
  const std::uint64_t before = waits_of(end_, call_.mode);
  smipc_channel* const opposite = call_.mode == SMIPC_WRITER ? pair_.reader : pair_.writer;
  Companion other(Place::kThread, [&] {
    await_call(before);
    EXPECT_OK(smipc_channel_close(opposite));
  });
  // smipc_wait: now it can be read without waiting.
  EXPECT_STATUS(is_wait() ? SMIPC_OK : SMIPC_E_OPPOSITE_CLOSED, call_.run(end_, SMIPC_FOREVER));
  other.join();
}

TEST(Timeout, a_blocked_send_goes_on_when_just_enough_room_is_made) {
  for (std::uint32_t wait : {SMIPC_WAIT_HYBRID, SMIPC_WAIT_BLOCK}) {
    Pair pair("one", 65'536, {.wait = wait});
    const std::vector<unsigned char> data = pattern(56, 1);
    while (smipc_channel_send(pair.writer, data.data(), 56, 0) == SMIPC_OK) {
    }
    // One message is far less than what a reader gives back at a time while traffic flows.
    for (int i = 0; i < 10; ++i) {
      const std::uint64_t before = waits_of(pair.writer, SMIPC_WRITER);
      Companion other(Place::kThread, [&] {
        await_wait(pair.reader, SMIPC_WRITER, before);
        std::vector<unsigned char> got;
        EXPECT_OK(try_recv(pair.reader, &got));
      });
      EXPECT_OK(smipc_channel_send(pair.writer, data.data(), 56, 500 * kMillisecond));
      other.join();
    }
  }
}

TEST(Timeout, a_blocked_write_goes_on_when_just_enough_room_is_made) {
  Pair pair("one-byte", 65'536, {.framing = SMIPC_STREAM, .wait = SMIPC_WAIT_BLOCK});
  const std::vector<unsigned char> data = pattern(65'536, 1);
  EXPECT_OK(smipc_channel_write(pair.writer, data.data(), data.size(), 0, nullptr));
  for (int i = 0; i < 10; ++i) {
    const std::uint64_t before = waits_of(pair.writer, SMIPC_WRITER);
    Companion other(Place::kThread, [&] {
      await_wait(pair.reader, SMIPC_WRITER, before);
      unsigned char byte;
      EXPECT_OK(smipc_channel_read(pair.reader, &byte, 1, 0));
    });
    EXPECT_OK(smipc_channel_write(pair.writer, data.data(), 1, 500 * kMillisecond, nullptr));
    other.join();
  }
}

}  // namespace
}  // namespace smipc::test
