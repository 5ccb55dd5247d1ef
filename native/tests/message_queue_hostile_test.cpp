// Message queues whose memory lies.
#include "message_queue_support.hpp"

namespace smipc::test {
namespace {

// What honest members would never write is an error, or nothing; never a fault, never a hang.
TEST(MessageQueueHostile, an_index_that_lies_is_corrupt) {
  struct Lie {
    const char* what;
    std::function<void(Queue&)> tell;
  };
  const Lie lies[] = {
      {"run head", [](Queue& q) { q.shm->run_head = 4; }},
      {"run head far", [](Queue& q) { q.shm->run_head = 0xffffffff; }},
      {"run count", [](Queue& q) { q.shm->run_count = 0; }},
      {"run entry", [](Queue& q) { q.run[q.shm->run_head] = 4; }},
      {"heap entry",
       [](Queue& q) {
         q.shm->run_count = 0;
         q.shm->heap_count = 1;
         q.heap[0].slot = 0x7fffffff;
       }},
      {"heap count",
       [](Queue& q) {
         q.shm->run_count = 0;
         q.shm->heap_count = 0xffffffff;
         q.heap[0].slot = 0;
       }},
      {"size", [](Queue& q) { q.slot(q.run[q.shm->run_head]).size = 9; }},
      {"size far", [](Queue& q) { q.slot(q.run[q.shm->run_head]).size = ~std::uint64_t{0}; }},
  };
  for (const Lie& lie : lies) {
    SCOPED_TRACE(lie.what);
    MessageQueue queue(unique_name("queue"), Shape{4, 8});
    put(queue, 1);
    lie.tell(queue.inside());
    Message message;
    EXPECT_STATUS(SMIPC_E_CORRUPT, queue.receive(&message, 0));
    EXPECT_EQ(queue.inside().shm->lock.load(), 0u);
  }
}

TEST(MessageQueueHostile, a_free_list_that_lies_is_corrupt) {
  for (const std::uint32_t count : {5u, 0xffffffffu}) {
    MessageQueue queue(unique_name("queue"), Shape{4, 8});
    queue.inside().shm->free_count = count;
    EXPECT_STATUS(SMIPC_E_CORRUPT, queue.send("x", 1, 0, 0));
  }
  MessageQueue queue(unique_name("queue"), Shape{4, 8});
  queue.inside().free_slots[3] = 4;
  EXPECT_STATUS(SMIPC_E_CORRUPT, queue.send("x", 1, 0, 0));
}

TEST(MessageQueueHostile, a_lock_word_of_nobody_is_taken_over) {
  for (const std::uint32_t word : {2047u, 0x7fffffffu, 0xffffffffu, 5u, detail::kLockContended}) {
    MessageQueue queue(unique_name("queue"), Shape{4, 8});
    put(queue, 1);
    queue.inside().shm->lock = word;
    EXPECT_EQ(take(queue), 1u);
  }
}

TEST(MessageQueueHostile, random_bytes_never_fault_and_never_hang) {
  const int rounds = kSanitized ? 300 : 3000;
  Random random(3);
  for (int round = 0; round < rounds; ++round) {
    MessageQueue queue(unique_name("queue"), Shape{4, 64});
    put(queue, 1);
    put(queue, 2, 1);
    Queue& raw = queue.inside();
    auto* words = reinterpret_cast<std::uint32_t*>(&raw.shm->ready);
    const std::size_t control = 13;  // all of the line but the lock
    for (int i = 0; i < 3; ++i)
      words[random.below(control)] = static_cast<std::uint32_t>(random.next());
    auto* rest = reinterpret_cast<std::uint32_t*>(reinterpret_cast<std::byte*>(raw.shm) +
                                                  raw.shape.run_offset);
    const std::size_t rest_words =
        static_cast<std::size_t>(raw.shape.total_bytes - raw.shape.run_offset) / 4;
    for (int i = 0; i < 5; ++i)
      rest[random.below(rest_words)] = static_cast<std::uint32_t>(random.next());
    for (int i = 0; i < 12; ++i) {
      Message message;
      (void)queue.send("abc", 3, 5, 0);
      (void)queue.receive(&message, 0);
    }
  }
}

TEST(MessageQueueHostile, headers_that_lie_are_refused) {
  const std::string name = unique_name("queue");
  MessageQueue queue(name, Shape{4, 64});
  detail::QueueShm& shm = *queue.inside().shm;
  const auto refused = [&](auto& field, auto value, smipc_status status) {
    const auto before = field;
    field = value;
    smipc_message_queue* other = nullptr;
    EXPECT_STATUS(status, try_open_queue(name, {}, SMIPC_RAISE_IF_NOT_EXISTS, 0, &other));
    EXPECT_EQ(other, nullptr);
    field = before;
  };
  refused(shm.max_messages, 5000u, SMIPC_E_CORRUPT);
  refused(shm.max_messages, 0u, SMIPC_E_CORRUPT);
  refused(shm.max_messages, ~0u, SMIPC_E_CORRUPT);
  refused(shm.max_message_size, std::uint64_t{650}, SMIPC_E_CORRUPT);
  refused(shm.max_message_size, ~std::uint64_t{0}, SMIPC_E_CORRUPT);
  refused(shm.slots_offset, std::uint64_t{64}, SMIPC_E_CORRUPT);
  refused(shm.run_offset, ~std::uint64_t{63}, SMIPC_E_CORRUPT);
  refused(shm.header.total_bytes, std::uint64_t{1} << 50, SMIPC_E_CORRUPT);
  refused(shm.header.layout_version, 2u, SMIPC_E_VERSION);
  refused(shm.header.kind, detail::kKindChannel, SMIPC_E_VERSION);
  MessageQueue other(name);
  EXPECT_EQ(other.status().max_messages, 4u);
}

}  // namespace
}  // namespace smipc::test
