// Descriptors of readers, for poll and the event loops of others. POSIX.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support.hpp"

namespace smipc::test {
namespace {

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
  NEEDS_PROCESSES();
  pair_.writer.reset();
  Signal opened;
  Companion other(Place::kProcess, [&] {
    End writer(pair_.name, SMIPC_WRITER, 1, {.framing = GetParam()});
    opened.set();
    wait_to_be_killed();
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
  std::vector<Pair> pairs;
  std::vector<pollfd> items;
  for (int i = 0; i < 300; ++i) {
    pairs.emplace_back("watched", 64);
    std::int32_t fd = -1;
    ASSERT_OK(smipc_channel_fd(pairs.back().reader, &fd));
    items.push_back({fd, POLLIN, 0});
  }
  for (std::size_t chosen : {0u, 126u, 127u, 128u, 299u}) {
    Companion other(Place::kThread, [&] { send(pairs[chosen].writer, pattern(8, chosen)); });
    ASSERT_EQ(1, ::poll(items.data(), static_cast<nfds_t>(items.size()), kForeverMs));
    EXPECT_EQ(POLLIN, items[chosen].revents);
    recv(pairs[chosen].reader);
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

TEST(WaitSome, uses_no_descriptor) {
  std::vector<Pair> pairs;
  std::vector<smipc_channel*> readers;
  for (int i = 0; i < 200; ++i) {
    pairs.emplace_back("wait", 64);
    readers.push_back(pairs.back().reader);
  }
  std::vector<std::uint8_t> ready(200);
  std::size_t count = 0;
  const int before = ::dup(0);
  ::close(before);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_wait(readers.data(), 200, kShort, ready.data(), &count));
  const int after = ::dup(0);
  ::close(after);
  EXPECT_EQ(before, after) << "the lowest free one";
}

}  // namespace
}  // namespace smipc::test
