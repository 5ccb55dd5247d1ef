// Message queues through the C ABI and smipc.hpp: order, priorities, many members, bad input.
#include <smipc.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>

#include "status_of_call.hpp"
#include "support.hpp"

namespace smipc::test {
namespace {

using Numbers = std::vector<std::uint64_t>;

MessageQueueOptions options(std::uint32_t max_messages, std::uint64_t max_message_size) {
  return {.max_messages = max_messages,
          .max_message_size = max_message_size,
          .existence = Existence::kLinkOrCreate};
}

bool put(MessageQueue& queue, std::uint64_t value, std::uint32_t priority = 0,
         Timeout timeout = std::chrono::seconds(60)) {
  return queue.send(std::as_bytes(std::span(&value, 1)), timeout, priority);
}

std::optional<std::uint64_t> get(MessageQueue& queue, Timeout timeout = no_wait) {
  std::uint64_t value = 0;
  const auto received = queue.receive(std::as_writable_bytes(std::span(&value, 1)), timeout);
  if (!received) return std::nullopt;
  EXPECT_EQ(received->size, sizeof value);
  return value;
}

Numbers drain(MessageQueue& queue) {
  Numbers values;
  while (const auto value = get(queue)) values.push_back(*value);
  return values;
}

std::string text_of(const MessageQueue::Message& message) {
  return {reinterpret_cast<const char*>(message.data.data()), message.data.size()};
}

TEST(MessageQueue, takes_as_many_messages_as_there_can_be) {
  MessageQueue queue(unique_name("queue"), options(SMIPC_MAX_QUEUE_MESSAGES, 8));
  for (std::uint64_t i = 0; i < SMIPC_MAX_QUEUE_MESSAGES; ++i) {
    ASSERT_TRUE(put(queue, i, static_cast<std::uint32_t>(i % 3), no_wait)) << i;
  }
  EXPECT_FALSE(put(queue, 0, 0, no_wait));
  EXPECT_EQ(queue.status().current_messages, SMIPC_MAX_QUEUE_MESSAGES);
  for (std::uint64_t priority = 3; priority-- > 0;) {
    for (std::uint64_t i = priority; i < SMIPC_MAX_QUEUE_MESSAGES; i += 3) {
      ASSERT_EQ(get(queue), i);
    }
  }
  EXPECT_EQ(get(queue), std::nullopt);
}

TEST(MessageQueue, first_in_first_out) {
  MessageQueue queue(unique_name("queue"), options(5, 8));
  EXPECT_TRUE(queue.created());
  for (std::uint64_t round = 0; round < 100; ++round) {
    for (std::uint64_t i = 0; i < 5; ++i) EXPECT_TRUE(put(queue, round * 5 + i));
    EXPECT_FALSE(put(queue, 999, 0, no_wait));
    EXPECT_EQ(queue.status().current_messages, 5u);
    for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(get(queue), round * 5 + i);
    EXPECT_EQ(get(queue), std::nullopt);
  }
}

TEST(MessageQueue, the_highest_priority_first_and_in_order_within_one) {
  MessageQueue queue(unique_name("queue"), options(1000, 8));
  Random random(7);
  std::map<std::uint32_t, Numbers, std::greater<>> model;
  std::uint64_t next = 0;
  std::size_t held = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (held < 1000 && random.below(100) < (step / 2000 % 2 == 0 ? 65u : 35u)) {
      const std::uint32_t priorities[] = {
          0, 0, 0, 1, 7, 0xffffffffu, static_cast<std::uint32_t>(random.next())};
      const std::uint32_t priority = priorities[random.below(7)];
      ASSERT_TRUE(put(queue, next, priority, no_wait));
      model[priority].push_back(next++);
      ++held;
    } else if (held > 0) {
      std::uint64_t value = 0;
      const auto received = queue.receive(std::as_writable_bytes(std::span(&value, 1)), no_wait);
      ASSERT_TRUE(received);
      const auto first = model.begin();
      ASSERT_EQ(received->priority, first->first);
      ASSERT_EQ(value, first->second.front());
      first->second.erase(first->second.begin());
      if (first->second.empty()) model.erase(first);
      --held;
    }
    ASSERT_EQ(queue.status().current_messages, held);
  }
}

TEST(MessageQueue, messages_of_every_size_arrive_whole) {
  MessageQueue queue(unique_name("queue"), options(3, 100'000));
  for (const std::size_t size : {0u, 1u, 7u, 8u, 63u, 64u, 2047u, 2048u, 2049u, 65536u, 100'000u}) {
    const auto sent = pattern(size, size);
    ASSERT_TRUE(queue.send(std::as_bytes(std::span(sent)), no_wait, 3));
    const auto message = queue.receive(no_wait);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->priority, 3u);
    ASSERT_EQ(message->data.size(), size);
    expect_pattern(message->data.data(), size, size);
  }
  const std::vector<std::byte> too_large(100'001);
  EXPECT_STATUS(SMIPC_E_INVALID, status_of_call([&] { queue.send(too_large); }));
  EXPECT_NE(std::string(smipc_last_error()).find("100001"), std::string::npos);
  EXPECT_EQ(queue.status().current_messages, 0u);
  EXPECT_EQ(queue.status().in_hand, 0u);
}

TEST(MessageQueue, what_is_too_large_for_the_buffer_stays) {
  MessageQueue queue(unique_name("queue"), options(3, 5000));
  for (const std::size_t size : {100u, 4000u}) {
    const auto sent = pattern(size, 1);
    queue.send(std::as_bytes(std::span(sent)));
    std::array<std::byte, 99> small;
    std::size_t needed = 0;
    EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                  smipc_message_queue_receive(queue.handle(), small.data(), small.size(), 0,
                                              &needed, nullptr));
    EXPECT_EQ(needed, size);
    EXPECT_EQ(queue.receive(no_wait)->data.size(), size);
  }
}

class QueuePlaces : public testing::TestWithParam<Place> {};
INSTANTIATE_TEST_SUITE_P(, QueuePlaces, places(), place_name);

constexpr std::uint64_t kEach = kSanitized ? 3'000 : 30'000;
constexpr std::uint64_t kSenders = 4;

// Each sender's messages are numbered; the receivers' halves of each must be in order and add up.
TEST_P(QueuePlaces, many_senders_and_many_receivers) {
  const std::string name = unique_name("queue");
  MessageQueue control(name + "-control", options(100, 8));
  {
    MessageQueue queue(name, options(16, 4000));
    std::vector<std::unique_ptr<Companion>> companions;
    for (std::uint64_t sender = 0; sender < kSenders; ++sender) {
      companions.push_back(std::make_unique<Companion>(GetParam(), [&name, sender] {
        MessageQueue own(name);
        std::vector<std::uint64_t> words(sender % 2 == 0 ? 8 : 400);  // 400: copied outside
        for (std::uint64_t i = 0; i < kEach; ++i) {
          std::fill(words.begin(), words.end(), sender << 32 | i);
          ASSERT_TRUE(own.send(std::as_bytes(std::span(words)), std::chrono::seconds(60)));
        }
      }));
    }
    for (int receiver = 0; receiver < 4; ++receiver) {
      companions.push_back(std::make_unique<Companion>(GetParam(), [&name] {
        MessageQueue own(name);
        MessageQueue result(name + "-control");
        std::array<std::uint64_t, 500> words;
        std::array<std::uint64_t, kSenders> next{};
        std::uint64_t count = 0;
        for (;; ++count) {
          const auto received =
              own.receive(std::as_writable_bytes(std::span(words)), std::chrono::seconds(60));
          ASSERT_TRUE(received);
          if (received->priority == 0 && received->size == 0) break;
          const std::size_t size = received->size / 8;
          for (std::size_t i = 1; i < size; ++i) ASSERT_EQ(words[i], words[0]);
          const std::uint64_t sender = words[0] >> 32;
          ASSERT_LT(sender, kSenders);
          ASSERT_EQ(size, sender % 2 == 0 ? 8u : 400u);
          ASSERT_GE(words[0] & 0xffffffffu, next[sender]);
          next[sender] = (words[0] & 0xffffffffu) + 1;
        }
        put(result, count);
      }));
    }
    for (std::size_t i = 0; i < kSenders; ++i) companions[i]->join();
    for (int i = 0; i < 4; ++i) queue.send(std::span<const std::byte>(), std::chrono::seconds(60));
    for (const auto& companion : companions) companion->join();
    std::uint64_t total = 0;
    for (int i = 0; i < 4; ++i) total += get(control, std::chrono::seconds(60)).value_or(0);
    EXPECT_EQ(total, kEach * kSenders);
    EXPECT_EQ(queue.status().in_hand, 0u);
    EXPECT_EQ(queue.status().repairs, 0u);
  }
}

TEST_P(QueuePlaces, a_receiver_that_sleeps_is_woken) {
  const std::string name = unique_name("queue");
  MessageQueue there(name, options(1, 8));
  MessageQueue back(name + "-back", options(1, 8));
  Companion companion(GetParam(), [&name] {
    MessageQueue in(name);
    MessageQueue out(name + "-back");
    for (;;) {
      const auto value = get(in, std::chrono::seconds(60));
      ASSERT_TRUE(value);
      if (*value == 0) break;
      ASSERT_TRUE(put(out, *value + 1));
    }
  });
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    ASSERT_TRUE(put(there, i));
    ASSERT_EQ(get(back, std::chrono::seconds(60)), i + 1);
  }
  put(there, 0);
  companion.join();
}

TEST(MessageQueue, timeouts_pass) {
  MessageQueue queue(unique_name("queue"), options(1, 8));
  const std::int64_t begin = now_ns();
  EXPECT_EQ(get(queue, std::chrono::milliseconds(120)), std::nullopt);
  EXPECT_GE(now_ns() - begin, 120 * kMillisecond);
  put(queue, 1);
  EXPECT_FALSE(put(queue, 2, 0, std::chrono::milliseconds(20)));
  EXPECT_TRUE(queue.wait(no_wait));
  EXPECT_EQ(drain(queue), Numbers{1});
  EXPECT_FALSE(queue.wait(std::chrono::milliseconds(20)));
}

TEST(MessageQueue, closing_ends_the_waits_of_other_threads) {
  for (const bool sends : {false, true}) {
    MessageQueue queue(unique_name("queue"), options(1, 8));
    if (sends) put(queue, 1);
    std::atomic<int> refused{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        const Status status = status_of_call([&] {
          if (sends) {
            put(queue, 2, 0, forever);
          } else {
            (void)get(queue, forever);
          }
        });
        if (status == SMIPC_E_CLOSED) ++refused;
      });
    }
    queue.close();
    queue.close();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(refused.load(), 3);
    EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { (void)queue.status(); }));
  }
}

TEST(MessageQueue, existence) {
  const std::string name = unique_name("queue");
  const auto open = [&](Existence existence) {
    return std::make_unique<MessageQueue>(
        name,
        MessageQueueOptions{.max_messages = 3, .max_message_size = 8, .existence = existence});
  };
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, status_of_call([&] { open(Existence::kRaiseIfNotExists); }));
  auto first = open(Existence::kRaiseIfExists);
  EXPECT_STATUS(SMIPC_E_EXISTS, status_of_call([&] { open(Existence::kRaiseIfExists); }));
  put(*first, 5);
  auto linked = open(Existence::kLinkOrCreate);
  EXPECT_FALSE(linked->created());
  auto other = open(Existence::kUnlinkAndCreate);
  EXPECT_TRUE(other->created());
  EXPECT_EQ(other->status().current_messages, 0u);
  EXPECT_EQ(get(*linked), 5u);
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, status_of_call([&] { first->unlink(); }));
  first.reset();
  EXPECT_EQ(open(Existence::kRaiseIfNotExists)->created(), false);
  put(*linked, 6);
  linked.reset();
  other.reset();
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, status_of_call([&] { open(Existence::kRaiseIfNotExists); }));
  EXPECT_FILES(0u, name);
}

TEST(MessageQueue, stays_until_it_is_unlinked) {
  const std::string name = unique_name("queue");
  {
    MessageQueue queue(name, {.max_messages = 3,
                              .max_message_size = 8,
                              .existence = Existence::kRaiseIfExists,
                              .unlink = Unlink::kNever});
    put(queue, 1);
  }
#if !defined(_WIN32)
  EXPECT_EQ(drain(*std::make_unique<MessageQueue>(name)), Numbers{1});
  std::size_t removed = 0;
  ASSERT_OK(smipc_clean_stale(&removed));
  EXPECT_FILES(1u, name);
  MessageQueue::unlink("/" + name);
#endif
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, status_of_call([&] { MessageQueue::unlink(name); }));
}

TEST(MessageQueue, a_handle_for_one_direction) {
  const std::string name = unique_name("queue");
  MessageQueue queue(name, options(3, 8));
  MessageQueue sender(name, {.read = false});
  MessageQueue receiver(name, {.write = false});
  EXPECT_STATUS(SMIPC_E_PERMISSION, status_of_call([&] { (void)get(sender); }));
  EXPECT_STATUS(SMIPC_E_PERMISSION, status_of_call([&] { put(receiver, 1); }));
  put(sender, 4);
  EXPECT_EQ(get(receiver), 4u);
  EXPECT_STATUS(SMIPC_E_INVALID,
                status_of_call([&] { MessageQueue none(name, {.read = false, .write = false}); }));
}

TEST(MessageQueue, bad_calls_have_no_effect) {
  const std::string name = unique_name("queue");
  smipc_message_queue* handle = nullptr;
  const auto open = [&](const char* text, std::uint32_t messages, std::uint64_t size) {
    return smipc_message_queue_open(text, std::strlen(text), messages, size, 3, nullptr, nullptr,
                                    &handle);
  };
  EXPECT_STATUS(SMIPC_E_INVALID, open("a/b", 1, 1));
  EXPECT_STATUS(SMIPC_E_INVALID, open(name.c_str(), 0, 1));
  EXPECT_STATUS(SMIPC_E_INVALID, open(name.c_str(), (1u << 20) + 1, 1));
  EXPECT_STATUS(SMIPC_E_INVALID, open(name.c_str(), 1, 0));
  EXPECT_STATUS(SMIPC_E_INVALID, open(name.c_str(), 1, (std::uint64_t{1} << 31) + 1));
  EXPECT_NE(std::string(smipc_last_error()).find("2147483649"), std::string::npos);
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, open(name.c_str(), 1, 1));
  EXPECT_EQ(handle, nullptr);
  EXPECT_FILES(0u, name);
  EXPECT_STATUS(SMIPC_E_NO_SPACE, status_of_call([&] {
                  MessageQueue huge(name, options(1u << 20, std::uint64_t{1} << 31));
                }));
  EXPECT_FILES(0u, name);
  MessageQueue queue(name, options(3, 8));
  std::size_t size = 0;
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_message_queue_send(queue.handle(), nullptr, 1, 0, 0));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_message_queue_send(queue.handle(), "", 0, 0, -2));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_message_queue_send(nullptr, "", 0, 0, 0));
  EXPECT_STATUS(SMIPC_E_INVALID,
                smipc_message_queue_receive(queue.handle(), nullptr, 5, 0, &size, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID,
                smipc_message_queue_receive(queue.handle(), nullptr, 0, 0, nullptr, nullptr));
  EXPECT_EQ(queue.status().current_messages, 0u);
}

TEST(MessageQueue, no_more_handles_than_there_are_roles) {
  const std::string name = unique_name("queue");
  MessageQueue queue(name, options(1, 8));
  std::vector<std::unique_ptr<MessageQueue>> handles;
  for (int i = 1; i < SMIPC_MAX_QUEUE_HANDLES; ++i) {
    handles.push_back(std::make_unique<MessageQueue>(name));
  }
  EXPECT_STATUS(SMIPC_E_LIMIT, status_of_call([&] { MessageQueue one_more(name); }));
  EXPECT_EQ(queue.status().handles, static_cast<std::uint32_t>(SMIPC_MAX_QUEUE_HANDLES));
  handles.pop_back();
  handles.push_back(std::make_unique<MessageQueue>(name));
  put(*handles.back(), 3);
  EXPECT_EQ(get(queue), 3u);
}

TEST(MessageQueue, arrivals_are_counted_when_it_was_empty) {
  MessageQueue queue(unique_name("queue"), options(3, 8));
  std::uint32_t arrivals = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_message_queue_wait_arrival(queue.handle(), 0, &arrivals));
  put(queue, 1);
  EXPECT_OK(smipc_message_queue_wait_arrival(queue.handle(), 0, &arrivals));
  put(queue, 2);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT,
                smipc_message_queue_wait_arrival(queue.handle(), kShort, &arrivals));
  drain(queue);
  std::thread thread([&] { put(queue, 3); });
  EXPECT_OK(smipc_message_queue_wait_arrival(queue.handle(), kLong, &arrivals));
  thread.join();
}

TEST(MessageQueue, texts) {
  MessageQueue queue(unique_name("queue"), options(3, 80'000));
  queue.send("hello", no_wait, 9);
  queue.send(std::string(70'000, 'x'));
  EXPECT_EQ(text_of(*queue.receive()), "hello");
  EXPECT_EQ(text_of(*queue.receive()).size(), 70'000u);
}

}  // namespace
}  // namespace smipc::test
