// See support.hpp.
#include "support.hpp"

#include <atomic>
#include <cstdio>
#include <cstring>

// A refused allocation is something the library has to cope with; forked companions have threads.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() {
  return "die_after_fork=0:allocator_may_return_null=1";
}

namespace smipc::test {
namespace {

std::string process_prefix() { return "t" + std::to_string(process_id()) + "-"; }

class Guard : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& info) override {
    watch_over(std::string(info.test_suite_name()) + "." + info.name());
  }
  void OnTestEnd(const testing::TestInfo&) override {
    watch_no_more();
    for (const std::string& file : files_of(process_prefix())) {
      ADD_FAILURE() << "left in /dev/shm: " << file;
      std::remove(("/dev/shm/" + file).c_str());
    }
  }
};

const bool g_guarded = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new Guard);
  return true;
}();

}  // namespace

std::string unique_name(std::string_view what) {
  static std::atomic<unsigned> counter{0};
  static const std::string prefix = process_prefix();  // of the test, also in its companions
  return prefix + std::to_string(counter++) + "-" + std::string(what);
}

std::string object_name(std::string_view what) {
  std::string name = unique_name(what);
  for (char& c : name) {
    if (c == '.' || c == '/' || c == '\\') c = '-';
  }
  return name;
}

std::string_view name_of(smipc_status status) { return smipc_status_name(status); }

smipc_status try_open(const std::string& name, std::uint32_t mode, std::uint64_t capacity,
                      const Settings& settings, smipc_channel** out) {
  smipc_channel_options options;
  smipc_channel_options_init(&options);
  options.framing = settings.framing;
  options.wait = settings.wait;
  options.lifetime = settings.lifetime;
  options.access = settings.access;
  return smipc_channel_open(name.data(), name.size(), mode, capacity, &options, out);
}

End::End(const std::string& name, std::uint32_t mode, std::uint64_t capacity,
         const Settings& settings) {
  EXPECT_OK(try_open(name, mode, capacity, settings, &channel_));
}

End& End::operator=(End&& other) noexcept {
  smipc_channel* const taken = other.release();
  smipc_channel_free(channel_);
  channel_ = taken;
  return *this;
}

smipc_channel* End::release() {
  smipc_channel* const channel = channel_;
  channel_ = nullptr;
  return channel;
}

Settings stream() { return {.framing = SMIPC_STREAM}; }
Settings message() { return {.framing = SMIPC_MESSAGE}; }

std::string place_name(const testing::TestParamInfo<Place>& info) {
  return info.param == Place::kThread ? "threads" : "processes";
}

std::uint64_t Random::next() {  // splitmix64
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::vector<unsigned char> pattern(std::size_t size, std::uint64_t seed) {
  std::vector<unsigned char> data(size);
  Random random(seed);
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(data.data() + i, &word, std::min<std::size_t>(8, size - i));
  }
  return data;
}

void expect_pattern(const void* data, std::size_t size, std::uint64_t seed) {
  const std::vector<unsigned char> expected = pattern(size, seed);
  const auto* bytes = static_cast<const unsigned char*>(data);
  if (size == 0 || std::memcmp(bytes, expected.data(), size) == 0) return;
  std::size_t at = 0;
  while (bytes[at] == expected[at]) ++at;
  ADD_FAILURE() << "seed " << seed << ": byte " << at << " of " << size << " is wrong";
}

void send(smipc_channel* writer, const std::vector<unsigned char>& data) {
  ASSERT_OK(smipc_channel_send(writer, data.data(), data.size(), kLong));
}

std::vector<unsigned char> recv(smipc_channel* reader, std::int64_t timeout_ns) {
  std::vector<unsigned char> data;
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_next(reader, nullptr, 0, timeout_ns, &size, nullptr));
  data.resize(size);
  EXPECT_OK(smipc_channel_recv(reader, data.data(), data.size(), timeout_ns, &size));
  data.resize(size);
  return data;
}

smipc_status try_recv(smipc_channel* reader, std::vector<unsigned char>* out) {
  // Kept: to allocate this much each time takes the sanitizers longer than all the rest.
  static thread_local std::vector<unsigned char> room(1 << 20);
  std::size_t size = 0;
  const smipc_status status = smipc_channel_recv(reader, room.data(), room.size(), 0, &size);
  out->assign(room.begin(), room.begin() + static_cast<long>(status == SMIPC_OK ? size : 0));
  return status;
}

smipc_channel_status status_of(smipc_channel* channel) {
  smipc_channel_status status = {};
  status.struct_size = sizeof status;
  EXPECT_OK(smipc_channel_get_status(channel, &status));
  return status;
}

std::uint64_t waits_of(smipc_channel* channel, std::uint32_t role) {
  const smipc_channel_status status = status_of(channel);
  return role == SMIPC_WRITER ? status.writer_waits : status.reader_waits;
}

void await_wait(smipc_channel* channel, std::uint32_t role, std::uint64_t waits_before) {
  while (waits_of(channel, role) == waits_before) std::this_thread::yield();
}

}  // namespace smipc::test
