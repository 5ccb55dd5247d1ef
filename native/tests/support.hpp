// What all C++ tests share: unique names, a watchdog, ends that close themselves, companions in a
// thread or in another process, and bytes that can be checked.
//
// No test here may use a sleep to wait for something: only the watchdog knows a time.
#pragma once

#include <gtest/gtest.h>
#include <smipc.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace smipc::test {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// Repeats of what opens and closes channels are divided by it. Named objects take a server's answer each
// under Wine, where a channel costs a hundred times what it costs on Linux.
#if defined(_WIN32)
inline constexpr int kOpeningIsDear = 10;
#else
inline constexpr int kOpeningIsDear = 1;
#endif

// For timeouts that have to be long enough never to pass, and for those that have to pass.
inline constexpr std::int64_t kMillisecond = 1'000'000;
inline constexpr std::int64_t kShort = 20 * kMillisecond;
inline constexpr std::int64_t kLong = 60'000 * kMillisecond;

// Nobody else uses it; begins with `what`.
std::string unique_name(std::string_view what);
// The same of letters, digits, "-" and "_": for the objects of the OS, and for files.
std::string object_name(std::string_view what);

// The files under /dev/shm whose readable part begins with that of `name`. On Windows there are
// none, and nothing is expected of them.
std::vector<std::string> files_of(std::string_view name);
#if defined(_WIN32)
#define EXPECT_FILES(count, name) EXPECT_TRUE(files_of(name).empty())
#else
#define EXPECT_FILES(count, name) EXPECT_EQ(count, files_of(name).size())
#endif

std::uint32_t process_id();

std::int64_t now_ns();

// Statuses are compared by name, so that a failure can be read.
std::string_view name_of(smipc_status status);
#define EXPECT_STATUS(expected, call) \
  EXPECT_EQ(::smipc::test::name_of(expected), ::smipc::test::name_of(call)) << smipc_last_error()
#define ASSERT_STATUS(expected, call) \
  ASSERT_EQ(::smipc::test::name_of(expected), ::smipc::test::name_of(call)) << smipc_last_error()
#define EXPECT_OK(call) EXPECT_STATUS(SMIPC_OK, call)
#define ASSERT_OK(call) ASSERT_STATUS(SMIPC_OK, call)

struct Settings {
  std::uint32_t framing = SMIPC_MESSAGE;
  std::uint32_t wait = SMIPC_WAIT_HYBRID;
  std::uint32_t lifetime = SMIPC_LIFETIME_PROCESS;
  std::uint32_t access = SMIPC_ACCESS_USER;
};

smipc_status try_open(const std::string& name, std::uint32_t mode, std::uint64_t capacity,
                      const Settings& settings, smipc_channel** out);

// An end that is freed on destruction. Opening it must work.
class End {
 public:
  End(const std::string& name, std::uint32_t mode, std::uint64_t capacity,
      const Settings& settings = {});
  End(End&& other) noexcept : channel_(other.release()) {}
  End& operator=(End&& other) noexcept;
  ~End() { smipc_channel_free(channel_); }

  operator smipc_channel*() const { return channel_; }  // NOLINT: it stands for the handle
  smipc_channel* operator->() const { return channel_; }
  smipc_channel* release();
  void reset() { smipc_channel_free(release()); }

 private:
  smipc_channel* channel_ = nullptr;
};

// Both ends in this process.
struct Pair {
  explicit Pair(std::string_view what, std::uint64_t capacity, const Settings& settings = {})
      : name(unique_name(what)),
        writer(name, SMIPC_WRITER, capacity, settings),
        reader(name, SMIPC_READER, capacity, settings) {}
  std::string name;
  End writer;
  End reader;
};

Settings stream();
Settings message();

// Runs something at the same time, in a thread or in a forked process that has its own ends.
// Failed expectations in there are failures of the test.
enum class Place : std::uint8_t { kThread, kProcess };
#if defined(_WIN32)
// Nothing is forked there; tests/ has the same with processes of their own.
inline auto places() { return testing::Values(Place::kThread); }
#define NEEDS_PROCESSES() GTEST_SKIP() << "needs fork"
#else
inline auto places() { return testing::Values(Place::kThread, Place::kProcess); }
#define NEEDS_PROCESSES() static_cast<void>(0)
#endif
class Companion {
 public:
  Companion(Place place, std::function<void()> body);
  Companion(Companion&&) = delete;
  ~Companion();  // joins
  void join();
  // Of a process: ends it as the OS would, and returns when it is gone.
  void kill();
  std::int64_t pid() const { return pid_; }

 private:
  std::thread thread_;
  std::int64_t pid_ = 0;
};
std::string place_name(const testing::TestParamInfo<Place>& info);

// Of a companion in a process: the rest of its life.
[[noreturn]] void wait_to_be_killed();

// Tells another process that something has happened. Made before the fork.
class Signal {
 public:
  Signal();
  Signal(const Signal&) = delete;
  ~Signal();
  void set();
  void wait();

 private:
  int fds_[2];
};

// A watchdog around each test, and nothing may be left in /dev/shm after it.
void watch_over(const std::string& test);
void watch_no_more();
inline constexpr unsigned kWatchdogSeconds = kSanitized ? 280 : 120;

// Bytes that depend on the seed and on their position.
std::vector<unsigned char> pattern(std::size_t size, std::uint64_t seed);
// EXPECTs that `data` is pattern(size, seed).
void expect_pattern(const void* data, std::size_t size, std::uint64_t seed);

// The same numbers in every process, from 0 to limit - 1.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(next() % limit); }

 private:
  std::uint64_t state_;
};

// The most common calls, which have to work.
void send(smipc_channel* writer, const std::vector<unsigned char>& data);
std::vector<unsigned char> recv(smipc_channel* reader, std::int64_t timeout_ns = kLong);
smipc_status try_recv(smipc_channel* reader, std::vector<unsigned char>* out);
smipc_channel_status status_of(smipc_channel* channel);

// Returns when the end of that role waits in a call, as seen in the segment. For what another
// thread or process is about to do. `waits_before`: what waits_of() said before.
std::uint64_t waits_of(smipc_channel* channel, std::uint32_t role);
void await_wait(smipc_channel* channel, std::uint32_t role, std::uint64_t waits_before);

}  // namespace smipc::test
