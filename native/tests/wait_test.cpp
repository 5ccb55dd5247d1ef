// Waiting for several readers at once: smipc_wait, and descriptors for poll.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>

#include "support.hpp"

namespace smipc::test {
namespace {

struct Many {
  explicit Many(std::size_t total, const Settings& settings = {}) {
    for (std::size_t i = 0; i < total; ++i) {
      names.push_back(unique_name("wait"));
      writers.emplace_back(names.back(), SMIPC_WRITER, 64, settings);
      readers.emplace_back(names.back(), SMIPC_READER, 64, settings);
      handles.push_back(readers.back());
    }
    ready.resize(total);
  }

  smipc_status wait(std::int64_t timeout_ns) {
    std::fill(ready.begin(), ready.end(), static_cast<std::uint8_t>(9));
    return smipc_wait(handles.data(), handles.size(), timeout_ns, ready.data(), &count);
  }

  // Those that are marked.
  std::vector<std::size_t> found() const {
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < ready.size(); ++i) {
      EXPECT_LE(ready[i], 1);
      if (ready[i] == 1) indices.push_back(i);
    }
    EXPECT_EQ(count, indices.size());
    return indices;
  }

  std::vector<std::string> names;
  std::vector<End> writers;
  std::vector<End> readers;
  std::vector<smipc_channel*> handles;
  std::vector<std::uint8_t> ready;
  std::size_t count = 99;
};

class Wait : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(On, Wait, testing::Values(1, 2, 127, 128, 200, 1000),
                         testing::PrintToStringParamName());

TEST_P(Wait, finds_those_that_can_be_read) {
  Many many(GetParam());
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, many.wait(0));
  EXPECT_TRUE(many.found().empty());
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, many.wait(kShort));
  const std::size_t last = GetParam() - 1;
  send(many.writers[last], pattern(5, 1));
  EXPECT_OK(many.wait(SMIPC_FOREVER));
  EXPECT_EQ(std::vector<std::size_t>({last}), many.found());
  if (last == 0) return;
  send(many.writers[0], {});
  EXPECT_OK(many.wait(0));
  EXPECT_EQ(std::vector<std::size_t>({0, last}), many.found());
  recv(many.readers[last]);
  EXPECT_OK(many.wait(0));
  EXPECT_EQ(std::vector<std::size_t>({0}), many.found());
}

TEST_P(Wait, is_woken_by_any_of_them) {
  Many many(GetParam());
  Random random(GetParam());
  constexpr int kRounds = kSanitized ? 10 : 50;
  for (int round = 0; round < kRounds; ++round) {
    const std::size_t chosen = random.below(GetParam());
    Companion other(Place::kThread, [&] { send(many.writers[chosen], pattern(8, chosen)); });
    ASSERT_OK(many.wait(SMIPC_FOREVER));
    ASSERT_EQ(std::vector<std::size_t>({chosen}), many.found());
    expect_pattern(recv(many.readers[chosen]).data(), 8, chosen);
  }
}

TEST_P(Wait, is_told_when_an_opposite_end_closes) {
  Many many(GetParam());
  const std::size_t chosen = GetParam() / 2;
  Companion other(Place::kThread, [&] { EXPECT_OK(smipc_channel_close(many.writers[chosen])); });
  EXPECT_OK(many.wait(SMIPC_FOREVER));
  EXPECT_EQ(std::vector<std::size_t>({chosen}), many.found());
}

TEST_P(Wait, is_told_when_an_opposite_end_is_killed) {
  Many many(GetParam());
  const std::size_t chosen = GetParam() / 2;
  many.writers[chosen].reset();
  Signal opened;
  Companion other(Place::kProcess, [&] {
    End writer(many.names[chosen], SMIPC_WRITER, 64);
    opened.set();
    for (;;) ::pause();
  });
  opened.wait();
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, many.wait(0)) << "its successor is there";
  other.kill();
  EXPECT_OK(many.wait(SMIPC_FOREVER));
  EXPECT_EQ(std::vector<std::size_t>({chosen}), many.found());
  std::vector<unsigned char> data;
  EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, try_recv(many.readers[chosen], &data));
}

TEST_P(Wait, is_ended_when_one_of_them_is_closed_here) {
  Many many(GetParam());
  std::atomic<bool> closing{false};
  Companion other(Place::kThread, [&] {
    while (!closing) std::this_thread::yield();
    EXPECT_OK(smipc_channel_close(many.handles[GetParam() - 1]));
  });
  closing = true;
  EXPECT_STATUS(SMIPC_E_CLOSED, many.wait(SMIPC_FOREVER));
  other.join();
  EXPECT_STATUS(SMIPC_E_CLOSED, many.wait(SMIPC_FOREVER));
}

TEST(WaitSome, needs_only_readers_of_any_framing) {
  Pair messages("both-m", 64);
  Pair streams("both-s", 64, stream());
  smipc_channel* handles[3] = {messages.reader, streams.reader, streams.reader};
  std::uint8_t ready[3];
  EXPECT_OK(smipc_channel_write(streams.writer, "x", 1, 0, nullptr));
  EXPECT_OK(smipc_wait(handles, 3, kLong, ready, nullptr)) << "one of them twice";
  EXPECT_EQ(0, ready[0]);
  EXPECT_EQ(1, ready[1]);
  EXPECT_EQ(1, ready[2]);
  handles[2] = messages.writer;
  EXPECT_STATUS(SMIPC_E_WRONG_END, smipc_wait(handles, 3, 0, ready, nullptr));
  handles[2] = nullptr;
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_wait(handles, 3, 0, ready, nullptr));
}

TEST(WaitSome, uses_no_descriptor) {
  Many many(200);
  const int before = ::dup(0);
  ::close(before);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, many.wait(kShort));
  const int after = ::dup(0);
  ::close(after);
  EXPECT_EQ(before, after) << "the lowest free one";
}

bool readable(std::int32_t fd, int timeout_ms) {
  pollfd item = {fd, POLLIN, 0};
  const int count = ::poll(&item, 1, timeout_ms);
  EXPECT_GE(count, 0);
  return count == 1 && (item.revents & POLLIN) != 0;
}

constexpr int kForeverMs = -1;

class Descriptor : public testing::TestWithParam<std::uint32_t> {
 protected:
  Descriptor() : pair_("fd", 1000, {.framing = GetParam()}) {
    EXPECT_OK(smipc_channel_fd(pair_.reader, &fd_));
  }

  void put(std::size_t size) {
    const std::vector<unsigned char> data = pattern(size, 1);
    if (GetParam() == SMIPC_STREAM) {
      EXPECT_OK(smipc_channel_write(pair_.writer, data.data(), size, 0, nullptr));
    } else {
      EXPECT_OK(smipc_channel_send(pair_.writer, data.data(), size, 0));
    }
  }
  void get() {
    unsigned char buffer[1000];
    std::size_t size = 0;
    if (GetParam() == SMIPC_STREAM) {
      EXPECT_OK(smipc_channel_read(pair_.reader, buffer, 20, 0));
    } else {
      EXPECT_OK(smipc_channel_recv(pair_.reader, buffer, sizeof buffer, 0, &size));
    }
  }

  Pair pair_;
  std::int32_t fd_ = -1;
};
INSTANTIATE_TEST_SUITE_P(Of, Descriptor, testing::Values(SMIPC_STREAM, SMIPC_MESSAGE),
                         [](const testing::TestParamInfo<std::uint32_t>& which) {
                           return which.param == SMIPC_STREAM ? "stream" : "message";
                         });

TEST_P(Descriptor, is_readable_while_something_can_be_read) {
  EXPECT_FALSE(readable(fd_, 0));
  for (int round = 0; round < 100; ++round) {
    put(20);
    put(20);
    EXPECT_TRUE(readable(fd_, kForeverMs));
    get();
    EXPECT_TRUE(readable(fd_, kForeverMs));
    get();
    EXPECT_FALSE(readable(fd_, 0));
  }
  std::int32_t again = -1;
  EXPECT_OK(smipc_channel_fd(pair_.reader, &again));
  EXPECT_EQ(fd_, again);
}

TEST_P(Descriptor, wakes_a_poll_that_waits) {
  for (int round = 0; round < 20; ++round) {
    Companion other(Place::kThread, [&] { put(20); });
    EXPECT_TRUE(readable(fd_, kForeverMs));
    get();
    other.join();
  }
}

TEST_P(Descriptor, is_readable_when_the_opposite_end_is_gone) {
  EXPECT_OK(smipc_channel_close(pair_.writer));
  EXPECT_TRUE(readable(fd_, kForeverMs));
  pair_.writer.reset();
  pair_.writer = End(pair_.name, SMIPC_WRITER, 1, {.framing = GetParam()});
  unsigned char byte;
  std::size_t size = 0;
  const smipc_status status = GetParam() == SMIPC_STREAM
                                  ? smipc_channel_read_some(pair_.reader, &byte, 1, 0, &size)
                                  : smipc_channel_recv(pair_.reader, &byte, 1, 0, &size);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, status);
  EXPECT_FALSE(readable(fd_, 0)) << "a successor is there, and nothing to read";
  put(20);
  EXPECT_TRUE(readable(fd_, kForeverMs));
}

TEST_P(Descriptor, is_readable_when_the_opposite_process_is_killed) {
  pair_.writer.reset();
  Signal opened;
  Companion other(Place::kProcess, [&] {
    End writer(pair_.name, SMIPC_WRITER, 1, {.framing = GetParam()});
    opened.set();
    for (;;) ::pause();
  });
  opened.wait();
  unsigned char byte;
  std::size_t size = 0;
  (void)(GetParam() == SMIPC_STREAM ? smipc_channel_read_some(pair_.reader, &byte, 1, 0, &size)
                                    : smipc_channel_recv(pair_.reader, &byte, 1, 0, &size));
  EXPECT_FALSE(readable(fd_, 0));
  other.kill();
  EXPECT_TRUE(readable(fd_, kForeverMs));
}

TEST_P(Descriptor, can_be_armed_for_one_time) {
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_fd_arm(pair_.reader, 10));
  EXPECT_FALSE(readable(fd_, 0));
  put(20);
  EXPECT_TRUE(readable(fd_, kForeverMs));
  EXPECT_OK(smipc_channel_fd_arm(pair_.reader, 10));
  get();
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_fd_arm(pair_.reader, 0));
  EXPECT_FALSE(readable(fd_, 0));
  Companion other(Place::kThread, [&] { put(20); });
  EXPECT_TRUE(readable(fd_, kForeverMs));
}

TEST(Descriptors, of_more_channels_than_one_thread_can_watch) {
  Many many(300);
  std::vector<pollfd> items;
  for (smipc_channel* reader : many.handles) {
    std::int32_t fd = -1;
    ASSERT_OK(smipc_channel_fd(reader, &fd));
    items.push_back({fd, POLLIN, 0});
  }
  for (std::size_t chosen : {0u, 126u, 127u, 128u, 299u}) {
    Companion other(Place::kThread, [&] { send(many.writers[chosen], pattern(8, chosen)); });
    ASSERT_EQ(1, ::poll(items.data(), static_cast<nfds_t>(items.size()), kForeverMs));
    EXPECT_EQ(POLLIN, items[chosen].revents);
    recv(many.handles[chosen]);
  }
}

TEST(Descriptors, without_any_left_a_limit_is_the_error) {
  Pair pair("emfile", 64);
  struct rlimit limit;
  ASSERT_EQ(0, ::getrlimit(RLIMIT_NOFILE, &limit));
  const struct rlimit none = {0, limit.rlim_max};
  ASSERT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &none));
  std::int32_t fd = -1;
  const smipc_status status = smipc_channel_fd(pair.reader, &fd);
  smipc_channel* channel = nullptr;
  const smipc_status opened = try_open(pair.name + "-2", SMIPC_READER, 64, {}, &channel);
  ASSERT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &limit));
  EXPECT_STATUS(SMIPC_E_LIMIT, status);
  EXPECT_STATUS(SMIPC_E_LIMIT, opened);
  send(pair.writer, pattern(8, 1));
  expect_pattern(recv(pair.reader).data(), 8, 1);
  EXPECT_OK(smipc_channel_fd(pair.reader, &fd));
}

}  // namespace
}  // namespace smipc::test
