// Readers that are killed at any instruction of a call. The writer is told; a successor gets what is
// left, in order, and nothing twice but what the dead one had in hand.
#include "kill_support.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <algorithm>
#include <optional>

namespace smipc::test {
namespace {

struct Plan {
  const char* name;
  Sizes sent;             // before the call
  std::size_t taken = 0;  // how many of those earlier readers have taken
  std::size_t takes = 0;  // how many messages the call takes
  Call call;
  std::size_t meanwhile = 0;  // > 0: a writer is busy sending one more message of that size
  std::uint32_t wait = SMIPC_WAIT_HYBRID;
  bool at_once = false;  // it takes all of them or none
};

class KilledReader : public Scenario {
 public:
  KilledReader(const Plan& plan, std::int64_t* told)
      : plan_(plan), told_(told), name_(unique_name(plan.name)) {}

  void before() override {
    writer_.emplace(name_, SMIPC_WRITER, kSmallRing, settings());
    {
      End reader(name_, SMIPC_READER, kSmallRing, settings());
      for (std::size_t i = 0; i < plan_.sent.size(); ++i) {
        send(*writer_, pattern(plan_.sent[i], i));
        if (i < plan_.taken) recv_numbered(reader, i, plan_.sent[i]);
      }
    }
  }

  void prepare() override { victim_.emplace(name_, SMIPC_READER, kSmallRing, settings()); }

  // Not before: the writer would meet the earlier reader, which has closed.
  void prepared() override {
    if (plan_.meanwhile == 0) return;
    const std::uint64_t waits = waits_of(*writer_, SMIPC_WRITER);
    thread_ = std::thread([this] {
      const std::vector<unsigned char> data = pattern(plan_.meanwhile, plan_.sent.size());
      sent_ = smipc_channel_send(*writer_, data.data(), data.size(), kLong);
    });
    await_wait(*writer_, SMIPC_WRITER, waits);
  }

  void call() override { plan_.call(*victim_); }

  void after(bool finished) override {
    std::size_t all = plan_.sent.size();
    const std::int64_t killed_at = now_ns();
    if (thread_.joinable()) {
      thread_.join();
      EXPECT_TRUE(sent_ == SMIPC_OK || sent_ == SMIPC_E_OPPOSITE_DIED) << name_of(sent_);
      if (sent_ == SMIPC_OK) ++all;
    }
    const smipc_status flushed = smipc_channel_flush(*writer_, kLong);
    EXPECT_TRUE(flushed == SMIPC_OK || flushed == SMIPC_E_OPPOSITE_DIED) << name_of(flushed);
    *told_ = now_ns() - killed_at;
    {
      End successor(name_, SMIPC_READER, kSmallRing, settings());
      const std::size_t first = drain(successor, all);
      EXPECT_LE(plan_.taken, first) << "twice";
      EXPECT_LE(first, plan_.taken + plan_.takes) << "lost";
      if (plan_.at_once) {
        EXPECT_TRUE(first == plan_.taken || first == plan_.taken + plan_.takes) << "taken in part";
      }
      if (finished) {
        EXPECT_EQ(plan_.taken + plan_.takes, first);
      }
      send(*writer_, pattern(33, 500));
      recv_numbered(successor, 500, 33);
    }
    writer_.reset();
    expect_usable(name_);
  }

 private:
  Settings settings() const { return {SMIPC_MESSAGE, plan_.wait}; }

  std::size_t size_of(std::size_t number) const {
    return number < plan_.sent.size() ? plan_.sent[number] : plan_.meanwhile;
  }

  // Receives all that there is and returns the number of the first; it has to go on to `end`.
  std::size_t drain(smipc_channel* reader, std::size_t end) {
    std::vector<std::vector<unsigned char>> messages;
    std::vector<unsigned char> data;
    smipc_status status;
    while ((status = try_recv(reader, &data)) == SMIPC_OK) messages.push_back(data);
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, status);
    EXPECT_LE(messages.size(), end) << "invented";
    const std::size_t first = end - std::min(end, messages.size());
    for (std::size_t i = 0; first + i < end; ++i) {
      EXPECT_EQ(pattern(size_of(first + i), first + i), messages[i]) << "message " << first + i;
    }
    return first;
  }

  const Plan& plan_;
  std::int64_t* told_;
  std::string name_;
  std::optional<End> writer_;
  std::optional<End> victim_;
  std::thread thread_;
  smipc_status sent_ = SMIPC_OK;
};

// A call that receives these, by number and size.
Call receiving(std::uint64_t first, Sizes sizes) {
  return [first, sizes](smipc_channel* reader) {
    for (std::size_t i = 0; i < sizes.size(); ++i) recv_numbered(reader, first + i, sizes[i]);
  };
}

void recv_small(smipc_channel* reader) {
  unsigned char bytes[kSmallRing];
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_recv(reader, bytes, sizeof bytes, SMIPC_FOREVER, &size));
}

void recv_many(smipc_channel* reader) {
  unsigned char bytes[kSmallRing];
  smipc_buffer messages[10];
  std::size_t count = 0;
  EXPECT_OK(smipc_channel_recv_many(reader, bytes, sizeof bytes, 10, SMIPC_FOREVER, messages,
                                    &count, nullptr));
  EXPECT_EQ(4u, count);
}

void fetch_one(smipc_channel* reader) {
  smipc_fetch_area area;
  EXPECT_OK(smipc_channel_fetch_open(reader, &area));
  EXPECT_EQ(SMIPC_FETCH_ONE, smipc_channel_fetch(reader, SMIPC_FOREVER) >> SMIPC_FETCH_KIND_SHIFT);
}

// As a binding does: each one is counted, and then it is somebody's.
Call fetching_four_and_handing_out(int count) {
  return [count](smipc_channel* reader) {
    smipc_fetch_area area;
    EXPECT_OK(smipc_channel_fetch_open(reader, &area));
    EXPECT_EQ(SMIPC_FETCH_LIST,
              smipc_channel_fetch(reader, SMIPC_FOREVER) >> SMIPC_FETCH_KIND_SHIFT);
    volatile std::uint16_t* taken = area.taken;
    for (int i = 1; i <= count; ++i) *taken = static_cast<std::uint16_t>(i);
    if (count == 4) {
      EXPECT_EQ(SMIPC_E_TIMED_OUT, smipc_channel_fetch(reader, 0));
    }
  };
}

void peek_and_release(smipc_channel* reader) {
  const void* data = nullptr;
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_peek(reader, SMIPC_FOREVER, &data, &size));
  EXPECT_OK(smipc_channel_release(reader));
}

void next_size(smipc_channel* reader) {
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_next(reader, nullptr, 0, SMIPC_FOREVER, &size, nullptr));
}

void wait_for(smipc_channel* reader) {
  unsigned char ready = 0;
  EXPECT_OK(smipc_wait(&reader, 1, SMIPC_FOREVER, &ready, nullptr));
}

Sizes lap_and(const Sizes& more) {
  Sizes sizes(kLapCount, kLapSize);
  sizes.insert(sizes.end(), more.begin(), more.end());
  return sizes;
}

const Plan kPlans[] = {
    {"recv", {24}, 0, 1, recv_small},
    {"recv_nothing", {0}, 0, 1, recv_small},
    {"recv_the_second", {20, 30, 40}, 1, 1, recv_small},
    {"recv_where_the_ring_wraps", lap_and({240}), kLapCount, 1, recv_small},
    {"recv_all", {10, 20, 30}, 0, 3, receiving(0, {10, 20, 30})},
    {"recv_from_an_empty_ring", {}, 0, 0, recv_small},
    {"recv_from_an_empty_ring_asleep", {}, 0, 0, recv_small, 0, SMIPC_WAIT_BLOCK},
    {"recv_wakes", {kSmallRing}, 0, 2, receiving(0, {kSmallRing, 50}), 50},
    {"recv_wakes_a_sleeper",
     {kSmallRing},
     0,
     2,
     receiving(0, {kSmallRing, 50}),
     50,
     SMIPC_WAIT_BLOCK},
    {"recv_in_pieces", {}, 0, 1, receiving(0, {1000}), 1000},
    {"recv_in_pieces_asleep", {}, 0, 1, receiving(0, {1000}), 1000, SMIPC_WAIT_BLOCK},
    {"recv_many", {10, 20, 30, 40}, 0, 4, recv_many, 0, SMIPC_WAIT_HYBRID, true},
    {"fetch_one", {24}, 0, 1, fetch_one},
    {"fetch_a_list", {8, 8, 8, 8}, 0, 4, fetching_four_and_handing_out(4)},
    {"fetch_a_list_used_in_part", {8, 8, 8, 8}, 0, 2, fetching_four_and_handing_out(2)},
    {"peek_and_release", {30, 40}, 0, 1, peek_and_release},
    {"peek_where_the_ring_wraps", lap_and({240}), kLapCount, 1, peek_and_release},
    {"next", {30, 40}, 0, 0, next_size},
    {"wait", {30}, 0, 0, wait_for},
    {"wait_asleep", {}, 0, 0, wait_for, 0, SMIPC_WAIT_BLOCK},
};

class KillReader : public testing::TestWithParam<Plan> {};
INSTANTIATE_TEST_SUITE_P(AtEveryInstruction, KillReader, testing::ValuesIn(kPlans),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(KillReader, of) {
  const Plan& plan = GetParam();
  expect_survived(plan.name,
                  [&](std::int64_t* told) { return std::make_unique<KilledReader>(plan, told); });
}

}  // namespace
}  // namespace smipc::test

#endif
