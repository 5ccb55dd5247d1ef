// White box: the lock that is free for its first thread and fair to all.
#include "core/owner_lock.h"

#include <atomic>
#include <memory>

#include "support.hpp"

namespace smipc::test {
namespace {

using detail::Deadline;
using detail::OwnerLock;

// Enters and leaves by whatever way is open.
void locked(OwnerLock& lock, const std::function<void()>& body) {
  bool as_owner = lock.enter_as_owner();
  if (!as_owner) {
    ASSERT_TRUE(lock.enter(Deadline(detail::kForever), &as_owner));
  }
  body();
  as_owner ? lock.leave_as_owner() : lock.leave();
}

TEST(OwnerLock, the_first_thread_becomes_the_owner) {
  OwnerLock lock;
  EXPECT_FALSE(lock.enter_as_owner()) << "nobody yet";
  bool as_owner = false;
  ASSERT_TRUE(lock.enter(Deadline(0), &as_owner));
  EXPECT_TRUE(as_owner);
  lock.leave_as_owner();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(lock.enter_as_owner());
    lock.leave_as_owner();
  }
}

TEST(OwnerLock, another_thread_ends_the_bias_for_good) {
  OwnerLock lock;
  locked(lock, [] {});
  Companion(Place::kThread, [&] {
    EXPECT_FALSE(lock.enter_as_owner());
    bool as_owner = true;
    ASSERT_TRUE(lock.enter(Deadline(0), &as_owner));
    EXPECT_FALSE(as_owner);
    lock.leave();
  }).join();
  EXPECT_FALSE(lock.enter_as_owner());
  bool as_owner = true;
  ASSERT_TRUE(lock.enter(Deadline(0), &as_owner));
  EXPECT_FALSE(as_owner);
  lock.leave();
}

TEST(OwnerLock, another_thread_waits_for_the_owner_within_its_timeout) {
  OwnerLock lock;
  locked(lock, [] {});
  ASSERT_TRUE(lock.enter_as_owner());
  std::atomic<bool> waiting{false};
  std::atomic<bool> entered{false};
  Companion other(Place::kThread, [&] {
    bool as_owner = false;
    EXPECT_FALSE(lock.enter(Deadline(0), &as_owner));
    EXPECT_FALSE(lock.enter(Deadline(kShort), &as_owner));
    waiting = true;
    ASSERT_TRUE(lock.enter(Deadline(detail::kForever), &as_owner));
    entered = true;
    lock.leave();
  });
  while (!waiting) std::this_thread::yield();
  EXPECT_FALSE(entered);
  lock.leave_as_owner();
  other.join();
  EXPECT_TRUE(entered);
}

TEST(OwnerLock, sharers_wait_for_each_other_within_their_timeouts) {
  OwnerLock lock;
  locked(lock, [] {});
  Companion(Place::kThread, [&] { locked(lock, [] {}); }).join();
  bool as_owner = true;
  ASSERT_TRUE(lock.enter(Deadline(0), &as_owner));
  Companion(Place::kThread, [&] {
    bool ignored = true;
    EXPECT_FALSE(lock.enter(Deadline(0), &ignored));
    EXPECT_FALSE(lock.enter(Deadline(kShort), &ignored));
  }).join();
  lock.leave();
}

TEST(OwnerLock, disabled_lets_nobody_in_the_fast_way) {
  OwnerLock lock;
  locked(lock, [] {});
  lock.disable();
  EXPECT_FALSE(lock.enter_as_owner());
}

// The moment of the revocation is the dangerous one, so it is repeated with fresh locks.
TEST(OwnerLock, never_lets_two_in) {
  constexpr int kRounds = kSanitized ? 100 : 1000;
  constexpr int kThreads = 3;
  constexpr int kCount = 200;
  for (int round = 0; round < kRounds; ++round) {
    OwnerLock lock;
    std::uint64_t plain = 0;  // not atomic: the lock is what is tested
    std::atomic<int> inside{0};
    std::atomic<bool> go{false};
    const auto hammer = [&] {
      while (!go) std::this_thread::yield();
      for (int i = 0; i < kCount; ++i) {
        locked(lock, [&] {
          EXPECT_EQ(1, inside.fetch_add(1, std::memory_order_relaxed) + 1);
          ++plain;
          inside.fetch_sub(1, std::memory_order_relaxed);
        });
      }
    };
    {
      std::vector<std::unique_ptr<Companion>> threads;
      for (int i = 0; i < kThreads; ++i) {
        threads.push_back(std::make_unique<Companion>(Place::kThread, hammer));
      }
      go = true;
    }
    ASSERT_EQ(std::uint64_t{kThreads} * kCount, plain);
  }
}

}  // namespace
}  // namespace smipc::test
