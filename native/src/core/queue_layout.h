// The bytes that processes share of a message queue. What layout.h says counts here, too.
//
// A segment, from offsets that only depend on max_messages and max_message_size (queue_plan):
//   [ QueueShm ] [ run: u32 each ] [ free: u32 each ] [ heap: HeapEntryShm each ] [ slots ]
//
// The slots are the truth: which messages there are, and whose hands they are in, is in their words.
// Run, free and heap are an index of the slots, which whoever finds that the lock's holder has died
// builds anew (queue_repair.cpp). docs/design/message-queue.md has the story.
//
// Who writes what: the header and the shape are the creator's, before `magic`. A member's pid,
// generation and start time are written by the handle that holds the role, in the setup section.
// Everything else is written by the holder of `lock`, but for the payload of a slot, which belongs
// to the member that the slot's word names.
#pragma once

#include "core/layout.h"

namespace smipc::detail {

inline constexpr std::uint32_t kQueueMembers = 1024;  // handles at a time
inline constexpr std::uint32_t kQueueMostMessages = 1u << 20;
inline constexpr std::uint64_t kQueueMostBytes = std::uint64_t{1} << 31;

// A member of the queue, as `lock` and slots name it: role + 1, and how often the role has been taken.
inline constexpr std::uint32_t kMemberRoleBits = 11;
inline constexpr std::uint32_t kMemberGenerations = 1u << 17;
constexpr std::uint32_t member_id(std::uint32_t role, std::uint32_t generation) {
  return (role + 1) | (generation % kMemberGenerations) << kMemberRoleBits;
}
constexpr std::uint32_t member_role(std::uint32_t id) {  // may be out of range
  return (id & ((1u << kMemberRoleBits) - 1)) - 1;
}
constexpr std::uint32_t member_generation(std::uint32_t id) {
  return (id >> kMemberRoleBits) % kMemberGenerations;
}

// `lock`: 0, or the holder's member_id, and whether somebody sleeps for it.
inline constexpr std::uint32_t kLockContended = 1u << 31;

// Words that are slept on: bit 0: somebody may be asleep; above it, a count of wakes.
inline constexpr std::uint32_t kWaiting = 1;
inline constexpr std::uint32_t kWakeStep = 2;

// A slot's word: its state, and in two of them, whose hands it is in.
enum class SlotState : std::uint32_t {
  kFree = 0,
  kReady = 1,    // holds a message
  kWriting = 2,  // a sender copies into it; nothing to anybody else
  kTaken = 3,    // a receiver copies out of it; ready again if that one dies
};
inline constexpr std::uint32_t kSlotStateShift = 28;
constexpr std::uint32_t slot_word(SlotState state, std::uint32_t member = 0) {
  return static_cast<std::uint32_t>(state) << kSlotStateShift | member;
}
constexpr SlotState slot_state(std::uint32_t word) {
  return static_cast<SlotState>(word >> kSlotStateShift & 3);
}
constexpr std::uint32_t slot_member(std::uint32_t word) {
  return word & ((1u << kSlotStateShift) - 1);
}

struct MemberShm {
  AtomicU64 start_time;  // as EndShm::start_time
  AtomicU32 pid;         // 0: closed. For people, and for Windows, where it tells who lives
  AtomicU32 generation;  // how often the role has been taken
  AtomicU32 in_hand;     // slots whose words name this member; under `lock`
  AtomicU32 reserved;
};

struct SlotShm {
  AtomicU32 word;  // stored last, release: what it says is complete
  AtomicU32 priority;
  AtomicU64 sequence;  // of the message: first in, first out within a priority
  AtomicU64 size;      // of the message, which follows
};

struct HeapEntryShm {
  AtomicU64 sequence;
  AtomicU32 priority;
  AtomicU32 slot;
};

struct QueueShm {
  SegmentHeaderShm header;
  // The shape. header.lifetime is SMIPC_LIFETIME_KERNEL when the creator was not to unlink it.
  alignas(kCacheLine) std::uint64_t max_message_size;
  std::uint64_t slot_bytes;
  std::uint32_t max_messages;
  std::uint32_t reserved0;
  std::uint64_t run_offset;
  std::uint64_t free_offset;
  std::uint64_t heap_offset;
  std::uint64_t slots_offset;

  // What every call needs, on one line of 64 bytes: a call that finds it in its cache has everything.
  // All but `lock` is written under the lock; `ready` and `free_count` are also polled without it.
  alignas(kCacheLine) AtomicU32 lock;
  AtomicU32 ready;         // messages in run and heap
  AtomicU32 free_count;    // slots in free[0, free_count)
  AtomicU32 in_hand;       // sum of the members'
  AtomicU32 run_head;      // run[run_head ...], modulo max_messages: messages of `run_priority`,
  AtomicU32 run_count;     // in order of arrival
  AtomicU32 run_priority;  // any, while the run is empty
  AtomicU32 heap_count;    // heap[0, heap_count): the others, a binary heap, the next one first
  AtomicU64 next_sequence;
  AtomicU32 receivers;  // waiting words
  AtomicU32 senders;
  AtomicU32 watchers;
  AtomicU32 arrivals;  // how often a message came while there was none

  alignas(kCacheLine) AtomicU32 repairs;  // how often the index was built anew; for people
  AtomicU32 goes_with_owner;  // a handle that has it open, or was killed, was to unlink it

  alignas(kCacheLine) MemberShm members[kQueueMembers];
};

static_assert(sizeof(MemberShm) == 24);
static_assert(offsetof(MemberShm, start_time) == 0);
static_assert(offsetof(MemberShm, pid) == 8);
static_assert(offsetof(MemberShm, generation) == 12);
static_assert(offsetof(MemberShm, in_hand) == 16);
static_assert(sizeof(SlotShm) == 24);
static_assert(offsetof(SlotShm, word) == 0);
static_assert(offsetof(SlotShm, priority) == 4);
static_assert(offsetof(SlotShm, sequence) == 8);
static_assert(offsetof(SlotShm, size) == 16);
static_assert(sizeof(HeapEntryShm) == 16);
static_assert(offsetof(HeapEntryShm, priority) == 8);
static_assert(offsetof(HeapEntryShm, slot) == 12);
static_assert(offsetof(QueueShm, max_message_size) == 384);
static_assert(offsetof(QueueShm, slot_bytes) == 392);
static_assert(offsetof(QueueShm, max_messages) == 400);
static_assert(offsetof(QueueShm, run_offset) == 408);
static_assert(offsetof(QueueShm, free_offset) == 416);
static_assert(offsetof(QueueShm, heap_offset) == 424);
static_assert(offsetof(QueueShm, slots_offset) == 432);
static_assert(offsetof(QueueShm, lock) == 512);
static_assert(offsetof(QueueShm, ready) == 516);
static_assert(offsetof(QueueShm, free_count) == 520);
static_assert(offsetof(QueueShm, in_hand) == 524);
static_assert(offsetof(QueueShm, run_head) == 528);
static_assert(offsetof(QueueShm, run_count) == 532);
static_assert(offsetof(QueueShm, run_priority) == 536);
static_assert(offsetof(QueueShm, heap_count) == 540);
static_assert(offsetof(QueueShm, next_sequence) == 544);
static_assert(offsetof(QueueShm, receivers) == 552);
static_assert(offsetof(QueueShm, senders) == 556);
static_assert(offsetof(QueueShm, watchers) == 560);
static_assert(offsetof(QueueShm, arrivals) == 564);
static_assert(offsetof(QueueShm, repairs) == 640);
static_assert(offsetof(QueueShm, goes_with_owner) == 644);
static_assert(offsetof(QueueShm, members) == 768);
static_assert(sizeof(QueueShm) == 768 + 24 * kQueueMembers);
static_assert(kQueueMembers < (1u << kMemberRoleBits));
static_assert(std::is_standard_layout_v<QueueShm>);
static_assert(std::is_trivially_destructible_v<QueueShm>);

}  // namespace smipc::detail
