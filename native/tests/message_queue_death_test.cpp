// Message queues whose members are killed.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "message_queue_support.hpp"

namespace smipc::test {
namespace {

TEST(MessageQueueDeath, the_lock_of_a_killed_holder_is_taken_over) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("queue");
  MessageQueue queue(name, Shape{4, 8});
  put(queue, 1);
  put(queue, 2, 5);
  put(queue, 3);
  victim(name, [](MessageQueue& own) {
    Queue& raw = own.inside();
    ASSERT_OK(lock(raw));
    // In the middle of a change: no part of the index is what it should be.
    raw.shm->run_count.store(77);
    raw.shm->heap_count.store(12345);
    raw.shm->free_count.store(9);
    raw.run[0].store(99);
  });
  EXPECT_EQ(take(queue), 2u);
  EXPECT_EQ(take(queue), 1u);
  EXPECT_EQ(queue.status().repairs, 1u);
  for (std::uint64_t i = 10; i < 13; ++i) put(queue, i);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, queue.send("x", 1, 0, 0));
  EXPECT_EQ(take(queue), 3u);
  EXPECT_EQ(take(queue), 10u);
}

TEST(MessageQueueDeath, a_message_in_the_hands_of_the_dead_comes_again_at_its_place) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("queue");
  MessageQueue queue(name, Shape{4, 8});
  put(queue, 1);
  put(queue, 2);
  victim(name, [](MessageQueue& own) {
    Queue& raw = own.inside();
    ASSERT_OK(lock(raw));
    const std::uint32_t slot = raw.run[raw.shm->run_head].load();
    raw.shm->run_head.fetch_add(1);
    raw.shm->run_count.fetch_sub(1);
    raw.shm->ready.fetch_sub(1);
    hold_slot(own, slot, SlotState::kTaken);
    detail::queue_unlock(raw);
  });
  put(queue, 3);
  EXPECT_EQ(take(queue), 1u);
  EXPECT_EQ(take(queue), 2u);
  EXPECT_EQ(take(queue), 3u);
  EXPECT_EQ(queue.status().in_hand, 0u);
}

TEST(MessageQueueDeath, whoever_waits_for_room_gets_the_slots_of_the_dead) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("queue");
  MessageQueue queue(name, Shape{1, 8});
  victim(name, [](MessageQueue& own) {
    Queue& raw = own.inside();
    ASSERT_OK(lock(raw));
    raw.shm->free_count.store(0);
    hold_slot(own, 0, SlotState::kWriting);
    detail::queue_unlock(raw);
  });
  put(queue, 8);
  EXPECT_EQ(take(queue), 8u);
}

TEST(MessageQueueDeath, a_successor_of_the_role_gives_back_what_was_in_hand) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("queue");
  MessageQueue queue(name, Shape{1, 8});
  victim(name, [](MessageQueue& own) {
    Queue& raw = own.inside();
    ASSERT_OK(lock(raw));
    raw.shm->free_count.store(0);
    hold_slot(own, 0, SlotState::kWriting);
    raw.self().pid.store(0);  // so that the next one takes this role
    detail::queue_unlock(raw);
  });
  MessageQueue successor(name);
  EXPECT_OK(successor.send("8", 1, 0, 0));
}

// Senders and receivers are killed under load. Each sender numbers its messages and notes in shared
// memory how far it has certainly come; each receiver does so with every message that it has received.
constexpr unsigned kAccepted = 0x80;

struct Ledger {
  static constexpr std::size_t kMost = 1 << 22;
  std::atomic<std::uint64_t> next;
  std::atomic<std::uint8_t> seen[kMost];
};

// In memory that forked children share.
Ledger* make_ledger() {
  void* memory = ::mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return new (memory) Ledger;
}

constexpr std::size_t kLargeWords = 600;  // more than is copied inside the lock

void send_for_ever(const std::string& name, Ledger* ledger, bool large) {
  MessageQueue queue(name);
  std::vector<std::uint64_t> words(large ? kLargeWords : 3);
  for (;;) {
    const std::uint64_t number = ledger->next.fetch_add(1);
    std::fill(words.begin(), words.end(), number);
    ASSERT_OK(queue.send(words.data(), words.size() * 8, static_cast<std::uint32_t>(number % 3)));
    // A kill before this store only means that the test does not insist on the message.
    ledger->seen[number].fetch_or(kAccepted);
  }
}

std::uint64_t check_whole(const Message& message) {
  EXPECT_TRUE(message.size == 24 || message.size == kLargeWords * 8) << message.size;
  for (std::size_t i = 1; i < message.size / 8; ++i) EXPECT_EQ(message.words[i], message.words[0]);
  return message.words[0];
}

void receive_for_ever(const std::string& name, Ledger* ledger, Signal& ready, std::size_t enough) {
  MessageQueue queue(name);
  Message message;
  for (std::size_t count = 1;; ++count) {
    ASSERT_OK(queue.receive(&message));
    ledger->seen[check_whole(message)].fetch_add(1);
    if (count == enough) ready.set();
  }
}

TEST(MessageQueueDeath, kills_under_load_lose_and_double_nothing) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("queue");
  const std::size_t rounds = kSanitized ? 30 : 150;
  Ledger* ledger = make_ledger();
  {
    MessageQueue queue(name, {8, kLargeWords * 8});
    Random random(11);
    for (std::size_t round = 0; round < rounds; ++round) {
      Signal ready;
      const std::size_t enough = 50 + random.below(100);
      Companion small(Place::kProcess, [&] { send_for_ever(name, ledger, false); });
      Companion large(Place::kProcess, [&] { send_for_ever(name, ledger, true); });
      Companion receiver(Place::kProcess, [&] { receive_for_ever(name, ledger, ready, enough); });
      ready.wait();
      const std::size_t first = random.below(3);
      Companion* const all[] = {&small, &large, &receiver};
      for (std::size_t i = 0; i < 3; ++i) all[(first + i) % 3]->kill();
    }
    // Whatever the dead had in hand comes within two slices.
    Message message;
    while (queue.receive(&message, 300 * kMillisecond) == SMIPC_OK) {
      ledger->seen[check_whole(message)].fetch_add(1);
    }
    EXPECT_EQ(queue.status().in_hand, 0u);
    EXPECT_EQ(queue.status().current_messages, 0u);
    for (int i = 0; i < 8; ++i) EXPECT_OK(queue.send("x", 1, 0, 0));  // every slot is free again
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, queue.send("x", 1, 0, 0));
  }
  const std::uint64_t total = ledger->next.load();
  ASSERT_LT(total, Ledger::kMost);
  std::size_t doubled = 0;
  std::size_t unseen = 0;
  for (std::uint64_t number = 0; number < total; ++number) {
    const unsigned seen = ledger->seen[number].load();
    const unsigned times = seen & (kAccepted - 1u);
    EXPECT_LE(times, 2u) << number;
    doubled += times == 2 ? 1 : 0;
    unseen += (seen & kAccepted) != 0 && times == 0 ? 1 : 0;
  }
  // Of each killed receiver, at most the one that it had in hand: killed between its note and the
  // next call none is doubled, and killed between the end of the call and its note it has had one.
  EXPECT_LE(doubled + unseen, rounds);
  ::munmap(ledger, sizeof(Ledger));
}

TEST(MessageQueueDeath, clean_stale_removes_what_a_killed_creator_was_to_unlink) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("queue");
  Signal ready;
  Companion creator(Place::kProcess, [&] {
    MessageQueue queue(name, Shape{3, 8});
    ready.set();
    wait_to_be_killed();
  });
  ready.wait();
  std::size_t removed = 0;
  ASSERT_OK(smipc_clean_stale(&removed));
  EXPECT_FILES(1u, name);
  creator.kill();
  ASSERT_OK(smipc_clean_stale(&removed));
  EXPECT_GE(removed, 1u);
  EXPECT_FILES(0u, name);
}

TEST(MessageQueueDeath, is_dead_in_a_forked_child) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("queue");
  MessageQueue queue(name, Shape{3, 8});
  Companion child(Place::kProcess, [&] {
    EXPECT_STATUS(SMIPC_E_FORKED, queue.send("x", 1));
    MessageQueue own(name);
    put(own, 1);
  });
  child.join();
  EXPECT_EQ(take(queue), 1u);
}

#if defined(__linux__)
// The kernel ends a process in this mode at any system call but read, write and exit; and where it reads a
// clock, as calls do that have a timeout.
TEST(MessageQueueDeath, there_is_no_system_call_while_nobody_waits) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer makes system calls of its own";
  const std::string name = unique_name("queue");
  MessageQueue queue(name, Shape{4, 8});
  std::int32_t status = 0;
  const pid_t child = ::fork();
  if (child == 0) {
    MessageQueue own(name);
    put(own, 1);  // so that what is done once has been done
    Message message;
    if (own.receive(&message) != SMIPC_OK) ::_exit(1);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) ::_exit(2);
    bool good = true;
    for (std::uint64_t i = 0; i < 1000 && good; ++i) {
      for (std::uint32_t priority = 0; priority < 4; ++priority) {
        good = good && own.send(&i, sizeof i, priority, SMIPC_FOREVER) == SMIPC_OK;
      }
      for (int each = 0; each < 4; ++each) {
        good = good && own.receive(&message, SMIPC_FOREVER) == SMIPC_OK && message.words[0] == i;
      }
    }
    ::syscall(SYS_exit, good ? 0 : 3);
  }
  ASSERT_EQ(child, ::waitpid(child, &status, 0));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) GTEST_SKIP() << "no seccomp here";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}
#endif

TEST(MessageQueueDeath, the_descriptor_follows_the_queue) {
  MessageQueue queue(unique_name("queue"), Shape{3, 8});
  std::int32_t fd = -1;
  ASSERT_OK(smipc_message_queue_fd(queue.handle(), &fd));
  const auto readable = [fd](int timeout_ms) {
    pollfd entry = {fd, POLLIN, 0};
    return ::poll(&entry, 1, timeout_ms) == 1;
  };
  EXPECT_FALSE(readable(0));
  for (int i = 0; i < 100; ++i) {
    put(queue, 1);
    put(queue, 2);
    ASSERT_TRUE(readable(60'000));
    take(queue);
    ASSERT_TRUE(readable(60'000));
    take(queue);
    ASSERT_FALSE(readable(0));
  }
}

}  // namespace
}  // namespace smipc::test
