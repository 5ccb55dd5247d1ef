// Ends of a stream that are killed at any instruction of a call. What was written is there, in order and without
// a gap; the other end is told; a successor goes on; nothing is left.
#include "kill_support.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <algorithm>
#include <optional>

#include "core/channel.h"
#include "large_copy_support.hpp"

namespace smipc::test {
namespace {

using Bytes = std::vector<unsigned char>;

constexpr std::size_t kPage = 4096;  // the smallest ring; others are of larger pages

struct Plan {
  const char* name;
  std::size_t earlier;  // bytes that earlier writers have written
  std::size_t taken;    // of them, what earlier readers have taken
  std::size_t size;     // what the call writes, or takes at most
  Call call;
  std::size_t meanwhile = 0;  // bytes that the writer tries to write beside a killed reader
  bool reader_waits =
      false;  // beside a killed writer: it sleeps when the call begins, and takes what comes
  std::uint32_t wait = SMIPC_WAIT_HYBRID;
  std::uint64_t capacity = kSmallRing;
};

class KilledStreamEnd : public Scenario {
 public:
  KilledStreamEnd(const Plan& plan, std::int64_t* told)
      : plan_(plan),
        told_(told),
        name_(unique_name(plan.name)),
        bytes_(pattern(plan.earlier + plan.size + plan.meanwhile, 1)) {}

  void before() override {
    reader_.emplace(name_, SMIPC_READER, plan_.capacity, settings());
    if (plan_.earlier == 0) return;
    writer_.emplace(name_, SMIPC_WRITER, plan_.capacity, settings());
    // No write waits for room: what is to be taken is taken on the way.
    for (std::size_t done = 0; done < plan_.earlier;) {
      const std::size_t step = std::min<std::size_t>(plan_.earlier - done, kSmallRing / 2);
      write(*writer_, done, step);
      done += step;
      while (position_ < std::min(done, plan_.taken)) read_some(plan_.taken - position_);
    }
  }

  void call() override { plan_.call(*victim_); }

 protected:
  Settings settings() const { return {SMIPC_STREAM, plan_.wait}; }

  void write(smipc_channel* writer, std::size_t from, std::size_t size) {
    ASSERT_OK(smipc_channel_write(writer, bytes_.data() + from, size, kLong, nullptr));
  }

  // What comes next, which has to be what was written there.
  smipc_status read_some(std::size_t most, std::int64_t timeout_ns = kLong) {
    Bytes data(most);
    std::size_t size = 0;
    const smipc_status status =
        smipc_channel_read_some(*reader_, data.data(), data.size(), timeout_ns, &size);
    if (status != SMIPC_OK) return status;
    EXPECT_LE(position_ + size, bytes_.size()) << "invented";
    const std::size_t known = std::min(size, bytes_.size() - std::min(position_, bytes_.size()));
    EXPECT_TRUE(std::equal(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(known),
                           bytes_.begin() + static_cast<std::ptrdiff_t>(position_)))
        << "behind byte " << position_;
    position_ += size;
    return status;
  }

  // That both ends, of which one is new, go on.
  void expect_to_go_on() {
    const Bytes more = pattern(33, 500);
    Bytes got(more.size());
    EXPECT_OK(smipc_channel_write(*writer_, more.data(), more.size(), kLong, nullptr));
    EXPECT_OK(smipc_channel_read(*reader_, got.data(), got.size(), kLong));
    EXPECT_EQ(more, got);
    writer_.reset();
    reader_.reset();
    expect_usable(name_, settings());
  }

  const Plan& plan_;
  std::int64_t* told_;
  std::string name_;
  Bytes bytes_;
  std::size_t position_ = 0;  // of the reader
  std::optional<End> reader_;
  std::optional<End> writer_;
  std::optional<End> victim_;
  std::thread thread_;
};

class KilledWriter : public KilledStreamEnd {
 public:
  using KilledStreamEnd::KilledStreamEnd;

  void before() override {
    KilledStreamEnd::before();
    writer_.reset();
    if (!plan_.reader_waits) return;
    const std::uint64_t waits = waits_of(*reader_, SMIPC_READER);
    thread_ = std::thread([this] { drain(); });
    await_wait(*reader_, SMIPC_READER, waits);
  }

  void prepare() override { victim_.emplace(name_, SMIPC_WRITER, plan_.capacity, settings()); }

  void after(bool finished) override {
    const std::int64_t killed_at = now_ns();
    thread_.joinable() ? thread_.join() : drain();
    *told_ = now_ns() - killed_at;
    EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, end_);
    EXPECT_LE(plan_.earlier, position_) << "lost";
    if (finished) {
      EXPECT_EQ(bytes_.size(), position_) << "lost";
    } else if (plan_.size <= plan_.capacity) {
      EXPECT_TRUE(position_ == plan_.earlier || position_ == bytes_.size()) << "written in part";
    }
    writer_.emplace(name_, SMIPC_WRITER, plan_.capacity, settings());
    expect_to_go_on();
  }

 private:
  void drain() {
    while ((end_ = read_some(2 * kPage)) == SMIPC_OK) {
    }
  }

  smipc_status end_ = SMIPC_OK;
};

class KilledReader : public KilledStreamEnd {
 public:
  using KilledStreamEnd::KilledStreamEnd;

  void before() override {
    KilledStreamEnd::before();
    reader_.reset();
  }

  void prepare() override { victim_.emplace(name_, SMIPC_READER, plan_.capacity, settings()); }

  // Not before: the writer would meet the earlier reader, which has closed.
  void prepared() override {
    if (plan_.meanwhile == 0) return;
    const std::uint64_t waits = waits_of(*writer_, SMIPC_WRITER);
    thread_ = std::thread([this] {
      wrote_ = smipc_channel_write(*writer_, bytes_.data() + plan_.earlier, plan_.meanwhile, kLong,
                                   nullptr);
    });
    await_wait(*writer_, SMIPC_WRITER, waits);
  }

  void after(bool finished) override {
    const std::int64_t killed_at = now_ns();
    std::size_t all = plan_.earlier;
    if (thread_.joinable()) {
      thread_.join();
      EXPECT_TRUE(wrote_ == SMIPC_OK || wrote_ == SMIPC_E_OPPOSITE_DIED) << name_of(wrote_);
      if (wrote_ == SMIPC_OK) all += plan_.meanwhile;
    }
    const smipc_status flushed = smipc_channel_flush(*writer_, kLong);
    EXPECT_TRUE(flushed == SMIPC_OK || flushed == SMIPC_E_OPPOSITE_DIED) << name_of(flushed);
    *told_ = now_ns() - killed_at;
    reader_.emplace(name_, SMIPC_READER, plan_.capacity, settings());
    // Where it goes on is known by how much there is.
    const std::size_t left = status_of(*reader_).used_bytes;
    ASSERT_LE(left, all - plan_.taken) << "twice";
    position_ = all - left;
    const std::size_t then = plan_.taken + plan_.size;
    EXPECT_TRUE(position_ == plan_.taken || position_ == then) << "taken in part: " << position_;
    if (finished) {
      EXPECT_EQ(then, position_);
    }
    while (position_ < all && read_some(all - position_, 0) == SMIPC_OK) {
    }
    EXPECT_EQ(all, position_) << "lost";
    expect_to_go_on();
  }

 private:
  smipc_status wrote_ = SMIPC_OK;
};

// Calls that write and read so much at once, in a stream of which so much went before.
Call writing(std::size_t earlier, std::size_t size, bool around_caches = false) {
  Bytes bytes = pattern(earlier + size, 1);
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(earlier));
  return [bytes, around_caches](smipc_channel* writer) {
    if (around_caches) writer->writer.copy_choice = going_around_caches();
    EXPECT_OK(smipc_channel_write(writer, bytes.data(), bytes.size(), SMIPC_FOREVER, nullptr));
  };
}

Call reading(std::size_t size) {
  return [size](smipc_channel* reader) {
    unsigned char bytes[kPage];
    EXPECT_OK(smipc_channel_read(reader, bytes, size, SMIPC_FOREVER));
  };
}

Call reading_some(std::size_t most) {
  return [most](smipc_channel* reader) {
    unsigned char bytes[kPage];
    std::size_t size = 0;
    EXPECT_OK(smipc_channel_read_some(reader, bytes, most, SMIPC_FOREVER, &size));
  };
}

constexpr std::uint32_t kBlock = SMIPC_WAIT_BLOCK;
constexpr std::uint32_t kHybrid = SMIPC_WAIT_HYBRID;

// Of the last ones no byte of the ring is unused.
const Plan kWriters[] = {
    {"write", 0, 0, 24, writing(0, 24)},
    {"write_behind_others", 50, 0, 24, writing(50, 24)},
    {"write_where_the_ring_wraps", kPage - 20, kPage - 20, 100, writing(kPage - 20, 100)},
    {"write_fills_the_ring", 0, 0, kSmallRing, writing(0, kSmallRing)},
    {"write_to_a_full_ring", kSmallRing, 0, 24, writing(kSmallRing, 24)},
    {"write_wakes", 0, 0, 24, writing(0, 24), 0, true},
    {"write_wakes_a_sleeper", 0, 0, 24, writing(0, 24), 0, true, kBlock},
    {"write_more_than_the_ring", 0, 0, 1000, writing(0, 1000), 0, true},
    {"write_more_than_the_ring_asleep", 0, 0, 1000, writing(0, 1000), 0, true, kBlock},
    {"write_more_than_the_ring_unread", 0, 0, 1000, writing(0, 1000)},
    {"write_up_to_what_is_unread", 4500, 1000, 24, writing(4500, 24), 0, false, kHybrid, kPage},
    {"write_around_the_caches", 4500, 3000, 2000, writing(4500, 2000, true), 0, false, kHybrid,
     kPage},
};

const Plan kReaders[] = {
    {"read", 24, 0, 24, reading(24)},
    {"read_part", 50, 10, 24, reading(24)},
    {"read_some", 50, 10, 24, reading_some(24)},
    {"read_where_the_ring_wraps", kPage + 100, kPage - 20, 100, reading(100)},
    {"read_gives_room", kSmallRing, 0, 200, reading(200), 100},
    {"read_gives_room_to_a_sleeper", kSmallRing, 0, 200, reading(200), 100, false, kBlock},
};

std::string plan_name(const testing::TestParamInfo<Plan>& info) { return info.param.name; }

class KillStreamWriter : public testing::TestWithParam<Plan> {};
INSTANTIATE_TEST_SUITE_P(AtEveryInstruction, KillStreamWriter, testing::ValuesIn(kWriters),
                         plan_name);
class KillStreamReader : public testing::TestWithParam<Plan> {};
INSTANTIATE_TEST_SUITE_P(AtEveryInstruction, KillStreamReader, testing::ValuesIn(kReaders),
                         plan_name);

template <class Killed>
void expect_to_survive(const Plan& plan) {
  expect_survived(plan.name,
                  [&](std::int64_t* told) { return std::make_unique<Killed>(plan, told); });
}

TEST_P(KillStreamWriter, of) { expect_to_survive<KilledWriter>(GetParam()); }
TEST_P(KillStreamReader, of) { expect_to_survive<KilledReader>(GetParam()); }

}  // namespace
}  // namespace smipc::test

#endif
