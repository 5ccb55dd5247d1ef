// A member that takes the lock of a message queue and does not give it back, while others copy large
// messages: they give up, and nothing is lost.
//
// Deterministic: the caller's own memory is inaccessible, and whoever touches it, in the middle of a copy,
// has the lock stolen first.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "message_queue_support.hpp"

namespace smipc::test {
namespace {

constexpr std::size_t kLarge = 4096;

std::atomic<Queue*> g_thief{nullptr};
void* g_trap = nullptr;

void steal(int) {
  Queue& thief = *g_thief.load();
  thief.shm->lock.store(thief.id);
  ::mprotect(g_trap, kLarge, PROT_READ | PROT_WRITE);
}

class StolenLock : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GE(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), kLarge);
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    g_trap = ::mmap(nullptr, kLarge, PROT_READ | PROT_WRITE, flags, -1, 0);
    ASSERT_NE(g_trap, MAP_FAILED);
    std::memset(g_trap, 7, kLarge);
    g_thief = &thief_.inside();
    struct sigaction action = {};
    action.sa_handler = steal;
    ::sigaction(SIGSEGV, &action, &before_);
    ::sigaction(SIGBUS, &action, &bus_before_);
  }
  void TearDown() override {
    ::sigaction(SIGSEGV, &before_, nullptr);
    ::sigaction(SIGBUS, &bus_before_, nullptr);
    ::munmap(g_trap, kLarge);
  }

  static void* trap() {
    ::mprotect(g_trap, kLarge, PROT_NONE);
    return g_trap;
  }
  smipc_status receive(void* buffer, std::int64_t timeout_ns) {
    std::size_t size = 0;
    return smipc_message_queue_receive(queue_.handle(), buffer, kLarge, timeout_ns, &size, nullptr);
  }
  void give_back() { thief_.inside().shm->lock.store(0); }

  std::string name_ = unique_name("stolen");
  MessageQueue queue_{name_, Shape{3, kLarge}};
  MessageQueue thief_{name_};
  unsigned char large_[kLarge] = {1, 2, 3};

 private:
  struct sigaction before_ = {};
  struct sigaction bus_before_ = {};
};

TEST_F(StolenLock, a_send_gives_up_and_its_slot_is_free_again) {
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, queue_.send(trap(), kLarge, 0, 1'000'000));
  EXPECT_EQ(queue_.status().in_hand, 1u);
  give_back();
  for (int i = 0; i < 3; ++i) EXPECT_OK(queue_.send(large_, kLarge, 0, 0));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, queue_.send(large_, kLarge, 0, 0));
  EXPECT_EQ(queue_.status().in_hand, 0u);
  EXPECT_EQ(queue_.status().current_messages, 3u);
}

TEST_F(StolenLock, a_receive_gives_up_and_the_message_comes_again_at_its_place) {
  ASSERT_OK(queue_.send(large_, kLarge));
  ASSERT_OK(queue_.send("second", 6));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, receive(trap(), 1'000'000));
  EXPECT_EQ(queue_.status().current_messages, 1u);
  give_back();
  unsigned char again[kLarge] = {};
  EXPECT_OK(receive(again, 0));
  EXPECT_EQ(std::memcmp(again, large_, kLarge), 0);
  EXPECT_OK(receive(again, 0));
  EXPECT_EQ(std::memcmp(again, "second", 6), 0);
  EXPECT_EQ(queue_.status().in_hand, 0u);
}

TEST_F(StolenLock, what_a_closed_handle_left_in_hand_is_given_back_by_others) {
  ASSERT_OK(queue_.send(large_, kLarge));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, receive(trap(), 1'000'000));
  give_back();
  MessageQueue other(name_);
  ASSERT_OK(smipc_message_queue_close(queue_.handle()));
  Message message;
  message.words.resize(kLarge / 8);
  EXPECT_OK(other.receive(&message));
  EXPECT_EQ(message.size, kLarge);
}

TEST_F(StolenLock, close_ends_a_call_that_would_wait_for_the_lock_for_ever) {
  smipc_status status = SMIPC_OK;
  const void* data = trap();
  std::thread sender([&] { status = queue_.send(data, kLarge, 0, SMIPC_FOREVER); });
  while (thief_.status().in_hand == 0 || thief_.inside().shm->lock == 0) std::this_thread::yield();
  EXPECT_OK(smipc_message_queue_close(queue_.handle()));
  sender.join();
  EXPECT_STATUS(SMIPC_E_CLOSED, status);
  give_back();
}

}  // namespace
}  // namespace smipc::test
