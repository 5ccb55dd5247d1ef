// Processes that are killed at any instruction of a message queue's calls: what was accepted is there,
// whole and in order, nothing twice but what a receiver had in hand, and nobody waits for the dead.
#include "kill_queue_support.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include "large_copy_support.hpp"

namespace smipc::test {
namespace {

using Handle = std::optional<MessageQueue>;
using Name = const std::string&;

void send_one(const QueuePlan& plan, Name, Handle& victim) {
  const std::vector<std::uint64_t> words(plan.words, kVictims);
  EXPECT_OK(victim->send(words.data(), words.size() * 8, plan.priority));
}

void send_around_caches(const QueuePlan& plan, Name name, Handle& victim) {
  victim->inside().copy_choice.set(going_around_caches());
  send_one(plan, name, victim);
}

void receive_one(const QueuePlan&, Name, Handle& victim) {
  Message message;
  EXPECT_OK(victim->receive(&message));
}

void try_in_vain(const QueuePlan&, Name, Handle& victim) {
  Message message;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, victim->receive(&message, 0));
}

void receive_into_too_little(const QueuePlan&, Name, Handle& victim) {
  std::size_t size = 0;
  EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                smipc_message_queue_receive(victim->handle(), &size, 1, kLong, &size, nullptr));
}

void open(const QueuePlan& plan, Name name, Handle& victim) { victim.emplace(name, plan.shape()); }

void replace(const QueuePlan& plan, Name name, Handle&) {
  smipc_message_queue* queue = nullptr;
  EXPECT_OK(
      try_open_queue(name, plan.shape(), SMIPC_UNLINK_AND_CREATE, SMIPC_UNLINK_IF_CREATED, &queue));
}

void close(const QueuePlan&, Name, Handle& victim) {
  EXPECT_OK(smipc_message_queue_close(victim->handle()));
}

void close_while_another_thread_waits(const QueuePlan&, Name, Handle& victim) {
  std::thread waiting([&] {
    Message message;
    EXPECT_STATUS(SMIPC_E_CLOSED, victim->receive(&message));
  });
  while (victim->inside().gate.empty()) std::this_thread::yield();
  EXPECT_OK(smipc_message_queue_close(victim->handle()));
  waiting.join();
}

void free_it(const QueuePlan&, Name, Handle& victim) { victim.reset(); }

void unlink_name(const QueuePlan&, Name name, Handle&) {
  EXPECT_OK(smipc_message_queue_unlink(name.data(), name.size()));
}

void unlink_own(const QueuePlan&, Name, Handle& victim) {
  EXPECT_OK(smipc_message_queue_unlink_own(victim->handle()));
}

void follow(const QueuePlan&, Name, Handle& victim) {
  std::int32_t fd = -1;
  EXPECT_OK(smipc_message_queue_fd(victim->handle(), &fd));
}

void arm(const QueuePlan&, Name, Handle& victim) {
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_message_queue_fd_arm(victim->handle(), 3));
}

void wait(const QueuePlan&, Name, Handle& victim) {
  EXPECT_OK(smipc_message_queue_wait(victim->handle(), kLong));
}

void wait_arrival(const QueuePlan&, Name, Handle& victim) {
  std::uint32_t arrivals = victim->inside().shm->arrivals.load();
  EXPECT_OK(smipc_message_queue_wait_arrival(victim->handle(), kLong, &arrivals));
}

// Killed right before the call: in the middle of a change, ...
void dies_with_the_lock(MessageQueue& queue) {
  Queue& raw = queue.inside();
  EXPECT_OK(lock(raw));
  raw.shm->run_count.store(77);
  raw.shm->heap_count.store(12345);
  raw.shm->free_count.store(9);
  raw.shm->ready.store(0);
  raw.run[0].store(99);
}

// ... with the first message in its hands, ...
void dies_with_a_message(MessageQueue& queue) {
  Queue& raw = queue.inside();
  EXPECT_OK(lock(raw));
  const std::uint32_t slot = raw.run[raw.shm->run_head.load()].load();
  raw.shm->run_head.fetch_add(1);
  raw.shm->run_count.fetch_sub(1);
  raw.shm->ready.fetch_sub(1);
  hold_slot(queue, slot, SlotState::kTaken);
  detail::queue_unlock(raw);
}

// ... or while it copied one in.
void dies_copying(MessageQueue& queue) {
  Queue& raw = queue.inside();
  EXPECT_OK(lock(raw));
  const std::uint32_t count = raw.shm->free_count.fetch_sub(1);
  hold_slot(queue, raw.free_slots[count - 1].load(), SlotState::kWriting);
  detail::queue_unlock(raw);
}

// The next one that opens the queue takes its role.
void dies_copying_in_a_wanted_role(MessageQueue& queue) {
  dies_copying(queue);
  queue.inside().self().pid.store(0);
}

using Priorities = std::vector<std::uint32_t>;
const Priorities kOne = {0};
const Priorities kTwo = {0, 0};
const Priorities kThree = {0, 0, 0};
const Priorities kFull = {0, 0, 0, 0};
const Priorities kMixed = {1, 5, 3, 5};

const QueuePlan kPlans[] = {
    // Sending.
    {.name = "queue_send", .call = send_one, .does = Does::kSends},
    {.name = "queue_send_behind_others", .call = send_one, .does = Does::kSends, .earlier = kTwo},
    {.name = "queue_send_before_others",
     .call = send_one,
     .does = Does::kSends,
     .earlier = {1, 3},
     .priority = 9},
    {.name = "queue_send_between_others",
     .call = send_one,
     .does = Does::kSends,
     .earlier = {1, 5, 3},
     .priority = 2},
    {.name = "queue_send_the_last_it_takes",
     .call = send_one,
     .does = Does::kSends,
     .earlier = kThree},
    {.name = "queue_send_large",
     .call = send_one,
     .does = Does::kSends,
     .earlier = kOne,
     .words = kLargeWords,
     .must_look_alive = true},
    {.name = "queue_send_around_the_caches",
     .call = send_around_caches,
     .does = Does::kSends,
     .earlier = kOne,
     .words = kLargeWords,
     .must_look_alive = true},
    {.name = "queue_send_to_a_full_one", .call = send_one, .does = Does::kSends, .earlier = kFull},
    {.name = "queue_send_woken",
     .call = send_one,
     .does = Does::kSends,
     .earlier = kFull,
     .help = Does::kReceives},
    {.name = "queue_send_to_a_receiver",
     .call = send_one,
     .does = Does::kSends,
     .peer = Does::kReceives},
    {.name = "queue_send_large_to_a_receiver",
     .call = send_one,
     .does = Does::kSends,
     .words = kLargeWords,
     .peer = Does::kReceives},
    {.name = "queue_send_to_a_watcher",
     .call = send_one,
     .does = Does::kSends,
     .peer = Does::kWatches},
    {.name = "queue_send_contended",
     .call = send_one,
     .does = Does::kSends,
     .peer = Does::kContends},
    // Receiving.
    {.name = "queue_receive", .call = receive_one, .does = Does::kReceives, .earlier = kOne},
    {.name = "queue_receive_of_several",
     .call = receive_one,
     .does = Does::kReceives,
     .earlier = kThree},
    {.name = "queue_receive_by_priority",
     .call = receive_one,
     .does = Does::kReceives,
     .earlier = kMixed},
    {.name = "queue_receive_large",
     .call = receive_one,
     .does = Does::kReceives,
     .earlier = kTwo,
     .words = kLargeWords,
     .must_look_alive = true},
    {.name = "queue_receive_from_an_empty_one", .call = receive_one, .does = Does::kReceives},
    {.name = "queue_receive_woken",
     .call = receive_one,
     .does = Does::kReceives,
     .help = Does::kSends},
    {.name = "queue_receive_woken_with_another",
     .call = receive_one,
     .does = Does::kReceives,
     .peer = Does::kReceives,
     .help = Does::kSends,
     .helps = 2},
    {.name = "queue_receive_wakes_a_sender",
     .call = receive_one,
     .does = Does::kReceives,
     .earlier = kFull,
     .peer = Does::kSends},
    {.name = "queue_receive_large_wakes_sender",
     .call = receive_one,
     .does = Does::kReceives,
     .earlier = kFull,
     .words = kLargeWords,
     .peer = Does::kSends},
    {.name = "queue_receive_contended",
     .call = receive_one,
     .does = Does::kReceives,
     .earlier = kTwo,
     .peer = Does::kContends},
    {.name = "queue_receive_in_vain", .call = try_in_vain},
    {.name = "queue_receive_into_too_little", .call = receive_into_too_little, .earlier = kTwo},
    // After others that were killed.
    {.name = "queue_repair_and_send",
     .call = send_one,
     .does = Does::kSends,
     .earlier = kTwo,
     .first = dies_with_the_lock},
    {.name = "queue_repair_and_receive",
     .call = receive_one,
     .does = Does::kReceives,
     .earlier = kMixed,
     .first = dies_with_the_lock},
    {.name = "queue_reclaim_a_message",
     .call = receive_one,
     .does = Does::kReceives,
     .earlier = kTwo,
     .first = dies_with_a_message},
    {.name = "queue_reclaim_room",
     .call = send_one,
     .does = Does::kSends,
     .earlier = kThree,
     .help = Does::kReceives,
     .helps = 0,
     .first = dies_copying},
    {.name = "queue_open_reclaims",
     .call = open,
     .earlier = kTwo,
     .first = dies_copying_in_a_wanted_role,
     .victim_before = false,
     .must_look_alive = true},
    // Opening, closing, unlinking.
    {.name = "queue_open_creates", .call = open, .victim_before = false, .survivor_before = false},
    {.name = "queue_open_attaches",
     .call = open,
     .earlier = kTwo,
     .victim_before = false,
     .must_look_alive = true},
    {.name = "queue_open_replaces",
     .call = replace,
     .earlier = kTwo,
     .victim_before = false,
     .name_may_go = true},
    {.name = "queue_close", .call = close, .earlier = kTwo},
    {.name = "queue_close_the_last", .call = close, .survivor_before = false},
    {.name = "queue_close_ends_a_wait",
     .call = close_while_another_thread_waits,
     .peer = Does::kReceives},
    {.name = "queue_free_the_last", .call = free_it, .survivor_before = false},
    {.name = "queue_unlink", .call = unlink_name, .earlier = kTwo, .name_may_go = true},
    {.name = "queue_unlink_own", .call = unlink_own, .earlier = kTwo, .name_may_go = true},
    // Being told.
    {.name = "queue_fd", .call = follow, .earlier = kTwo},
    {.name = "queue_fd_arm", .call = arm},
    {.name = "queue_wait", .call = wait},
    {.name = "queue_wait_woken", .call = wait, .help = Does::kSends},
    {.name = "queue_wait_arrival_woken", .call = wait_arrival, .help = Does::kSends},
};

class KillMember : public testing::TestWithParam<QueuePlan> {};
INSTANTIATE_TEST_SUITE_P(AtEveryInstruction, KillMember, testing::ValuesIn(kPlans),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(KillMember, of) {
  const QueuePlan& plan = GetParam();
  expect_survived(plan.name,
                  [&](std::int64_t* told) { return std::make_unique<KilledMember>(plan, told); });
}

}  // namespace
}  // namespace smipc::test

#endif
