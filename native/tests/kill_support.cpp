// See kill_support.hpp.
#include "kill_support.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <algorithm>
#include <cstdio>
#include <utility>

namespace smipc::test {
namespace {

constexpr std::int64_t kPromised = 100 * kMillisecond;

void drain(smipc_channel* reader, const Settings& settings) {
  unsigned char bytes[8192];
  std::size_t size = 0;
  smipc_status status = SMIPC_OK;
  while (status == SMIPC_OK) {
    status = settings.framing == SMIPC_MESSAGE
                 ? smipc_channel_recv(reader, bytes, sizeof bytes, 0, &size)
                 : smipc_channel_read_some(reader, bytes, sizeof bytes, 0, &size);
  }
  EXPECT_TRUE(status == SMIPC_E_TIMED_OUT || status == SMIPC_E_OPPOSITE_CLOSED ||
              status == SMIPC_E_OPPOSITE_DIED)
      << name_of(status);
}

}  // namespace

void send_numbered(smipc_channel* writer, std::uint64_t first, const Sizes& sizes) {
  for (std::size_t i = 0; i < sizes.size(); ++i) send(writer, pattern(sizes[i], first + i));
}

void recv_numbered(smipc_channel* reader, std::uint64_t number, std::size_t size) {
  EXPECT_EQ(pattern(size, number), recv(reader)) << "message " << number;
}

void expect_usable(const std::string& name, const Settings& settings) {
  {
    End writer(name, SMIPC_WRITER, kSmallRing, settings);
    End reader(name, SMIPC_READER, kSmallRing, settings);
    drain(reader, settings);
    const std::vector<unsigned char> data = pattern(77, 1000);
    std::vector<unsigned char> got(data.size());
    std::size_t size = 0;
    if (settings.framing == SMIPC_MESSAGE) {
      EXPECT_OK(smipc_channel_send(writer, data.data(), data.size(), kLong));
      EXPECT_OK(smipc_channel_recv(reader, got.data(), got.size(), kLong, &size));
    } else {
      EXPECT_OK(smipc_channel_write(writer, data.data(), data.size(), kLong, nullptr));
      EXPECT_OK(smipc_channel_read(reader, got.data(), got.size(), kLong));
    }
    EXPECT_EQ(data, got);
  }
  const std::vector<std::string> left = files_of(name);
  EXPECT_TRUE(left.empty()) << left.front();
}

void expect_survived(const std::string& call,
                     const std::function<std::unique_ptr<Scenario>(std::int64_t* told)>& make) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's own instructions are not ours";
  std::vector<std::int64_t> told;
  std::int64_t last = 0;
  const Kills kills = kill_at_every_instruction(
      [&] {
        if (last > 0) told.push_back(std::exchange(last, 0));
        return make(&last);
      },
      kFewKills);
  std::int64_t median = 0;
  if (!told.empty()) {
    std::sort(told.begin(), told.end());
    median = told[told.size() / 2];
    EXPECT_LT(median, kPromised);
  }
  std::printf("    %-28s %6llu instructions%s, %6llu kills, told after %lld ms at most\n",
              call.c_str(), static_cast<unsigned long long>(kills.instructions),
              kills.sleeps ? " (then asleep)" : "", static_cast<unsigned long long>(kills.kills),
              static_cast<long long>(told.empty() ? 0 : told.back() / kMillisecond));
  EXPECT_GT(kills.kills, 1u);
}

}  // namespace smipc::test

#endif
