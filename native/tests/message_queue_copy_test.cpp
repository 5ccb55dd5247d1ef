// Large messages of a queue: copied by many threads of one handle at once, whichever way each of them takes.
#include <memory>

#include "large_copy_support.hpp"
#include "message_queue_support.hpp"

namespace smipc::test {
namespace {

constexpr std::size_t kWords = 600;  // copied without the lock

TEST(MessageQueueCopies, of_many_threads_of_a_handle_arrive_whole_whichever_way_they_went) {
  constexpr std::uint64_t kEach = kSanitized ? 500 : 5000;
  constexpr std::uint64_t kThreads = 3;
  MessageQueue queue(unique_name("copies"), {.max_messages = 8, .max_message_size = kWords * 8});
  std::vector<std::unique_ptr<Companion>> senders;
  for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
    senders.push_back(std::make_unique<Companion>(Place::kThread, [&queue, thread] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        // Also in the middle of what the others are copying: plain ones and all of them timed, or none.
        if (i % 7 == 0) {
          queue.inside().copy_choice.set(i % 2 == 0 ? detail::CopyChoice() : going_around_caches());
        }
        const std::vector<std::uint64_t> words(kWords - thread, thread << 32 | i);
        ASSERT_OK(queue.send(words.data(), words.size() * 8));
      }
    }));
  }
  std::uint64_t next[kThreads] = {};
  for (std::uint64_t i = 0; i < kThreads * kEach; ++i) {
    Message message;
    ASSERT_OK(queue.receive(&message));
    const std::uint64_t thread = message.words[0] >> 32;
    ASSERT_LT(thread, kThreads);
    EXPECT_EQ((kWords - thread) * 8, message.size);
    message.words.resize(kWords - thread);
    EXPECT_EQ(next[thread]++, message.words[0] & 0xffffffff);
    EXPECT_EQ(std::vector<std::uint64_t>(kWords - thread, message.words[0]), message.words);
  }
}

#if SMIPC_SSE2

TEST(MessageQueueCopies, that_are_large_count) {
  MessageQueue queue(unique_name("copies"), {.max_messages = 8, .max_message_size = kWords * 8});
  detail::SharedCopyChoice& shared = queue.inside().copy_choice;
  const std::vector<std::uint64_t> words(kWords, 5);
  // What was copied is taken off what is left to be copied so.
  const auto left_by = [&](std::size_t size) {
    const std::int64_t before = shared.get().left();
    EXPECT_OK(queue.send(words.data(), size));
    return before - shared.get().left();
  };
  shared.set(going_around_caches());
  EXPECT_EQ(4800, left_by(4800));
  EXPECT_EQ(0, left_by(2048));  // with the lock, and not large
}

TEST(MessageQueueCopies, are_timed_and_learned_from) {
  MessageQueue queue(unique_name("copies"), {.max_messages = 8, .max_message_size = kWords * 8});
  detail::SharedCopyChoice& shared = queue.inside().copy_choice;
  EXPECT_GT(shared.get().left(), 8 * 4800);  // the first ones do not count: some pay for pages
  shared.set(detail::CopyChoice());
  const std::vector<std::uint64_t> words(kWords, 5);
  for (int i = 0; i < 6; ++i) EXPECT_OK(queue.send(words.data(), 4800));
  // Five were enough: they were fast, or else the other way is being tried now.
  const detail::CopyChoice choice = shared.get();
  EXPECT_TRUE(choice.left() > 0 || choice.around_caches());
}

#endif

}  // namespace
}  // namespace smipc::test
