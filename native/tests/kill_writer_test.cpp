// Writers that are killed at any instruction of a call. What was committed is there, in order and
// whole; the reader is told; a successor goes on; nothing is left.
#include "kill_support.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <algorithm>
#include <optional>

#include "core/channel.h"
#include "large_copy_support.hpp"

namespace smipc::test {
namespace {

struct Plan {
  const char* name;
  Sizes earlier;          // what earlier writers have sent
  std::size_t taken = 0;  // how many of those are taken before the call
  Sizes sizes;            // what the call sends, message by message
  Call call;
  bool reader_waits = false;  // it sleeps when the call begins, and takes what comes
  std::uint32_t wait = SMIPC_WAIT_HYBRID;
  std::uint64_t capacity = kSmallRing;
};

class KilledWriter : public Scenario {
 public:
  KilledWriter(const Plan& plan, std::int64_t* told)
      : plan_(plan), told_(told), name_(unique_name(plan.name)) {}

  void before() override {
    reader_.emplace(name_, SMIPC_READER, plan_.capacity, settings());
    if (!plan_.earlier.empty()) {
      End writer(name_, SMIPC_WRITER, plan_.capacity, settings());
      for (std::size_t i = 0; i < plan_.earlier.size(); ++i) {
        send(writer, pattern(plan_.earlier[i], i));
        if (next_ < plan_.taken) take_one();
      }
    }
    if (plan_.reader_waits) {
      const std::uint64_t waits = waits_of(*reader_, SMIPC_READER);
      thread_ = std::thread([this] { drain(); });
      await_wait(*reader_, SMIPC_READER, waits);
    }
  }

  void prepare() override { victim_.emplace(name_, SMIPC_WRITER, plan_.capacity, settings()); }
  void call() override { plan_.call(*victim_); }

  void after(bool finished) override {
    const std::int64_t killed_at = now_ns();
    if (thread_.joinable()) {
      thread_.join();
    } else {
      drain();
    }
    *told_ = now_ns() - killed_at;
    const std::size_t all = plan_.earlier.size() + plan_.sizes.size();
    EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, end_);
    EXPECT_LE(plan_.earlier.size(), next_) << "lost";
    EXPECT_LE(next_, all) << "invented";
    if (finished) {
      EXPECT_EQ(all, next_) << "lost";
    }
    {
      End successor(name_, SMIPC_WRITER, plan_.capacity, settings());
      send(successor, pattern(33, 500));
      recv_numbered(*reader_, 500, 33);
    }
    reader_.reset();
    expect_usable(name_);
  }

 private:
  Settings settings() const { return {SMIPC_MESSAGE, plan_.wait}; }

  smipc_status take_one() {
    unsigned char bytes[8192];
    std::size_t size = 0;
    const smipc_status status = smipc_channel_recv(*reader_, bytes, sizeof bytes, kLong, &size);
    if (status != SMIPC_OK) return status;
    const std::size_t earlier = plan_.earlier.size();
    const Sizes& sizes = next_ < earlier ? plan_.earlier : plan_.sizes;
    const std::size_t index = next_ < earlier ? next_ : next_ - earlier;
    EXPECT_LT(index, sizes.size()) << "invented";
    if (index < sizes.size()) {
      EXPECT_EQ(pattern(sizes[index], next_), std::vector<unsigned char>(bytes, bytes + size))
          << "message " << next_;
    }
    ++next_;
    return status;
  }

  void drain() {
    while ((end_ = take_one()) == SMIPC_OK) {
    }
  }

  const Plan& plan_;
  std::int64_t* told_;
  std::string name_;
  std::optional<End> reader_;
  std::optional<End> victim_;
  std::thread thread_;
  std::size_t next_ = 0;
  smipc_status end_ = SMIPC_OK;
};

// A call that sends these sizes one by one, numbered from `first`.
Call sending(std::uint64_t first, Sizes sizes) {
  return [first, sizes](smipc_channel* writer) { send_numbered(writer, first, sizes); };
}

// In which large payloads go around the caches, whatever this machine is good at.
Call sending_around_caches(std::uint64_t first, Sizes sizes) {
  return [first, sizes](smipc_channel* writer) {
    writer->writer.copy_choice = going_around_caches();
    send_numbered(writer, first, sizes);
  };
}

void reserve_and_commit(smipc_channel* writer) {
  void* room = nullptr;
  const std::vector<unsigned char> data = pattern(100, 0);
  EXPECT_OK(smipc_channel_reserve(writer, 120, SMIPC_FOREVER, &room));
  std::copy(data.begin(), data.end(), static_cast<unsigned char*>(room));
  EXPECT_OK(smipc_channel_commit(writer, 100));
}

void reserve_and_abort(smipc_channel* writer) {
  void* room = nullptr;
  EXPECT_OK(smipc_channel_reserve(writer, 120, SMIPC_FOREVER, &room));
  EXPECT_OK(smipc_channel_abort(writer));
}

void send_five(smipc_channel* writer) {
  std::vector<std::vector<unsigned char>> data;
  std::vector<smipc_buffer> messages;
  for (std::uint64_t i = 0; i < 5; ++i) data.push_back(pattern(10 + i, i));
  for (auto& bytes : data) messages.push_back({bytes.data(), bytes.size()});
  std::size_t sent = 0;
  EXPECT_OK(
      smipc_channel_send_many(writer, messages.data(), messages.size(), SMIPC_FOREVER, &sent));
}

void send_and_flush(smipc_channel* writer) {
  send(writer, pattern(20, 0));
  EXPECT_OK(smipc_channel_flush(writer, SMIPC_FOREVER));
}

// Of a ring of one page with that capacity no byte is unused; it has room for eight messages of that size.
constexpr std::uint64_t kWholePage = 4088;
constexpr std::size_t kEighth = 500;

const Plan kPlans[] = {
    {"send", {}, 0, {24}, sending(0, {24})},
    {"send_nothing", {}, 0, {0}, sending(0, {0})},
    {"send_behind_others", {20, 30}, 0, {24}, sending(2, {24})},
    {"send_where_the_ring_wraps",
     Sizes(kLapCount, kLapSize),
     kLapCount,
     {240},
     sending(kLapCount, {240})},
    {"send_fills_the_ring", {}, 0, {kSmallRing}, sending(0, {kSmallRing})},
    {"send_to_a_full_ring", {kSmallRing}, 0, {24}, sending(1, {24})},
    {"send_to_a_full_ring_asleep",
     {kSmallRing},
     0,
     {24},
     sending(1, {24}),
     false,
     SMIPC_WAIT_BLOCK},
    {"send_wakes", {}, 0, {24}, sending(0, {24}), true},
    {"send_wakes_a_sleeper", {}, 0, {24}, sending(0, {24}), true, SMIPC_WAIT_BLOCK},
    {"send_in_pieces", {}, 0, {1000}, sending(0, {1000}), true},
    {"send_in_pieces_asleep", {}, 0, {1000}, sending(0, {1000}), true, SMIPC_WAIT_BLOCK},
    {"send_in_pieces_unread", {}, 0, {1000}, sending(0, {1000})},
    {"send_three", {}, 0, {10, 20, 30}, sending(0, {10, 20, 30}), true},
    {"send_up_to_what_is_unread",
     Sizes(9, kEighth),
     2,
     {24, 24},
     sending(9, {24, 24}),
     false,
     SMIPC_WAIT_HYBRID,
     kWholePage},
    {"send_around_the_caches",
     Sizes(9, kEighth),
     6,
     {1030, 24},
     sending_around_caches(9, {1030, 24}),
     false,
     SMIPC_WAIT_HYBRID,
     kWholePage},
    {"send_many", {}, 0, {10, 11, 12, 13, 14}, send_five},
    {"reserve_and_commit", {}, 0, {100}, reserve_and_commit},
    {"reserve_and_abort", {40}, 0, {}, reserve_and_abort},
    {"send_and_flush", {}, 0, {20}, send_and_flush, true},
};

class KillWriter : public testing::TestWithParam<Plan> {};
INSTANTIATE_TEST_SUITE_P(AtEveryInstruction, KillWriter, testing::ValuesIn(kPlans),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(KillWriter, of) {
  const Plan& plan = GetParam();
  expect_survived(plan.name,
                  [&](std::int64_t* told) { return std::make_unique<KilledWriter>(plan, told); });
}

}  // namespace
}  // namespace smipc::test

#endif
