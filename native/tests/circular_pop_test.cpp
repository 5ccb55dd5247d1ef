// What a reader does that is overtaken in the middle of a copy: the writer is moved by the copy itself.
#include <smipc.hpp>

#include <cstring>
#include <functional>

#include "core/circular_pop.h"
#include "support.hpp"

namespace smipc::test {
namespace {

constexpr std::uint64_t kLength = 1024;

class CircularPop : public testing::Test {
 protected:
  void SetUp() override {
    smipc_circular_buffer_options options;
    smipc_circular_buffer_options_init(&options);
    options.item_size = 8;
    options.length = kLength;
    ASSERT_OK(open(SMIPC_WRITER, &options, &writer_));
    push(2 * kLength);
    ASSERT_OK(open(SMIPC_READER, nullptr, &reader_));
  }
  void TearDown() override {
    smipc_circular_buffer_free(reader_);
    smipc_circular_buffer_free(writer_);
  }

  smipc_status open(std::int32_t mode, const smipc_circular_buffer_options* options,
                    smipc_circular_buffer** out) {
    return smipc_circular_buffer_open(name_.data(), name_.size(), mode, options, out);
  }
  // Items count up from 0, so that each says which one it is.
  void push(std::uint64_t count) {
    for (; count > 0; --count) {
      ASSERT_OK(smipc_circular_buffer_push(writer_, &next_, sizeof next_));
      ++next_;
    }
  }
  // Pops up to `limit` items; `during(attempt)` runs behind each copy.
  smipc_status pop(std::uint64_t limit, const std::function<void(int)>& during) {
    attempts_ = 0;
    items_.assign(limit, 0);
    std::uint64_t count = 0;
    const auto load = [&](const std::byte* slots, std::uint64_t copied) {
      EXPECT_LE(copied, kLength - 1);
      std::memcpy(items_.data(), slots, copied * sizeof(std::uint64_t));
      during(attempts_++);
    };
    const auto keep = [&](std::uint64_t copied, std::uint64_t kept) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(copied - kept));
    };
    const smipc_status status = detail::circular::pop_items(*reader_, limit, load, keep, &count);
    items_.resize(count);
    return status;
  }

  const std::string name_ = unique_name("circular-pop");
  smipc_circular_buffer* writer_ = nullptr;
  smipc_circular_buffer* reader_ = nullptr;
  std::uint64_t next_ = 0;
  int attempts_ = 0;
  std::vector<std::uint64_t> items_;
};

TEST_F(CircularPop, an_undisturbed_copy_counts) {
  ASSERT_OK(pop(3, [](int) {}));
  EXPECT_EQ(items_, (std::vector<std::uint64_t>{1025, 1026, 1027}));
  EXPECT_EQ(reader_->lost, 0u) << "it began at the oldest item";
}

TEST_F(CircularPop, the_end_of_a_copy_counts_when_its_begin_was_overwritten) {
  const std::uint64_t begin = reader_->position;
  ASSERT_OK(pop(500, [&](int) { push(100); }));
  EXPECT_EQ(attempts_, 1);
  ASSERT_EQ(items_.size(), 401u) << "one slot is free";
  EXPECT_EQ(items_.front(), begin + 99);
  EXPECT_EQ(items_.back(), begin + 499);
  EXPECT_EQ(reader_->lost, 99u);
}

TEST_F(CircularPop, after_a_lap_it_keeps_away_from_the_writer) {
  // Each copy takes as long as the writer needs for 40 items: twice is too close, then it is not.
  ASSERT_OK(pop(1, [&](int) { push(40); }));
  ASSERT_EQ(items_.size(), 1u);
  EXPECT_GT(attempts_, 2);
  EXPECT_LT(attempts_, 8);
  EXPECT_GT(items_[0], next_ - kLength);
  EXPECT_LT(items_[0], next_ - kLength + 130) << "and it misses little of what is left";
  EXPECT_EQ(reader_->position, items_[0] + 1);
}

TEST_F(CircularPop, ends_when_it_is_lapped_every_time) {
  const std::uint64_t begin = reader_->position;
  EXPECT_STATUS(SMIPC_E_BUSY, pop(1, [&](int) { push(kLength + 1); }));
  EXPECT_EQ(attempts_, 64);
  EXPECT_EQ(items_.size(), 0u);
  EXPECT_EQ(reader_->lost, reader_->position - begin);
  ASSERT_OK(pop(1, [](int) {}));
  EXPECT_EQ(items_[0], next_ - kLength + 1) << "the next call goes on at the oldest one";
}

TEST_F(CircularPop, cursors_that_lie_are_told) {
  const auto set = [&](std::uint64_t reserved, std::uint64_t committed) {
    return [=, this](int) {
      writer_->shm->committed.store(committed, std::memory_order_release);
      writer_->shm->reserved.store(reserved, std::memory_order_release);
    };
  };
  EXPECT_STATUS(SMIPC_E_CORRUPT, pop(1, set(next_ + kLength + 1, next_))) << "too far ahead";
  EXPECT_STATUS(SMIPC_E_CORRUPT, pop(1, set(next_ - 1, next_))) << "behind";
  EXPECT_STATUS(SMIPC_E_CORRUPT, pop(1, set(next_ + kLength, next_ - 1))) << "shrunk";
  // Whatever they are, nothing outside the ring is touched: `pop` checks what is copied.
  for (const std::uint64_t far :
       {~std::uint64_t{0}, ~std::uint64_t{0} - 1, std::uint64_t{1} << 63}) {
    set(far, far)(0);
    const smipc_status status = pop(5000, [&](int) {
      writer_->shm->reserved.store(far, std::memory_order_release);
      writer_->shm->committed.store(far, std::memory_order_release);
    });
    EXPECT_TRUE(status == SMIPC_OK || status == SMIPC_E_CORRUPT) << far;
  }
}

TEST_F(CircularPop, cursors_that_jump_in_every_lap_are_survived) {
  std::uint64_t at = next_;
  const smipc_status status = pop(5000, [&](int attempt) {
    at = attempt % 2 == 0 ? ~std::uint64_t{0} - 5 : at + 2 * kLength;
    writer_->shm->committed.store(at, std::memory_order_release);
    writer_->shm->reserved.store(at, std::memory_order_release);
  });
  EXPECT_TRUE(status == SMIPC_E_BUSY || status == SMIPC_E_CORRUPT) << status;
}

}  // namespace
}  // namespace smipc::test
