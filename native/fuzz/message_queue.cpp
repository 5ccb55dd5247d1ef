// A hostile member of a message queue that two honest handles use.
//
// Input: a byte each for the number and the size of messages; then steps.
#include "core/queue.h"
#include "hostile.hpp"
#include "platform/posix/shm_file.h"

namespace smipc::fuzz {
namespace {

using detail::MemberShm;
using detail::QueueShm;
using detail::SlotShm;

constexpr std::uint32_t kMembers = offsetof(QueueShm, members);
#define FIELD(member, bytes) {offsetof(QueueShm, member), bytes}
#define MEMBER(role)                                                              \
  {kMembers + role * sizeof(MemberShm) + offsetof(MemberShm, pid), 4},            \
      {kMembers + role * sizeof(MemberShm) + offsetof(MemberShm, generation), 4}, \
      {kMembers + role * sizeof(MemberShm) + offsetof(MemberShm, in_hand), 4}
constexpr Field kFields[] = {FIELD(lock, 4),
                             FIELD(ready, 4),
                             FIELD(free_count, 4),
                             FIELD(in_hand, 4),
                             FIELD(run_head, 4),
                             FIELD(run_count, 4),
                             FIELD(run_priority, 4),
                             FIELD(heap_count, 4),
                             FIELD(next_sequence, 8),
                             FIELD(receivers, 4),
                             FIELD(senders, 4),
                             FIELD(watchers, 4),
                             FIELD(arrivals, 4),
                             FIELD(repairs, 4),
                             FIELD(max_messages, 4),
                             FIELD(slot_bytes, 8),
                             FIELD(max_message_size, 8),
                             FIELD(goes_with_owner, 4),
                             {88, 8},
                             MEMBER(0),
                             MEMBER(1),
                             MEMBER(2),
                             MEMBER(1023)};
#undef FIELD
#undef MEMBER

class MessageQueue {
 public:
  explicit MessageQueue(Program& program)
      : program_(program), hostile_(detail::shm_path({object_name(), detail::kKindMessageQueue})) {
    static constexpr std::uint32_t kCounts[] = {1, 2, 3, 4, 7, 10, 32, 60};
    static constexpr std::uint64_t kSizes[] = {1, 8, 40, 64, 300, 1000, 2049, 4000};
    count_ = kCounts[program.byte() & 7];
    size_ = kSizes[program.byte() & 7];
    const detail::QueueShape shape = detail::queue_plan(count_, size_);
    fields_.assign(std::begin(kFields), std::end(kFields));
    for (std::uint32_t i = 0; i < 4; ++i) {
      add(shape.run_offset + 4 * i, 4);
      add(shape.free_offset + 4 * i, 4);
      add(shape.heap_offset + 16 * i, 8);
      add(shape.heap_offset + 16 * i + 8, 4);
      add(shape.heap_offset + 16 * i + 12, 4);
      const std::uint64_t slot = shape.slots_offset + i * shape.slot_bytes;
      add(slot + offsetof(SlotShm, word), 4);
      add(slot + offsetof(SlotShm, priority), 4);
      add(slot + offsetof(SlotShm, sequence), 8);
      add(slot + offsetof(SlotShm, size), 8);
    }
    open(0);
    open(1);
  }

  ~MessageQueue() {
    Hostile::calm();
    close(0);
    close(1);
  }

  void step() {
    switch (program_.below(24)) {
      case 0:
        return hostile_.flicker(program_, fields_.data(), fields_.size());
      case 1: {
        const int which = program_.byte() & 1;
        close(which);
        return open(which);
      }
      case 2:
        return look(program_.byte() & 1);
      case 3: {
        const int which = program_.byte() & 1;
        if (queues_[which] != nullptr) checked(smipc_message_queue_unlink_own(queues_[which]));
        return;
      }
      case 4:
        return wait(program_.byte());
      case 5:
        return descriptor(program_.byte() & 1);
      case 6:
      case 7:
      case 8:
      case 9:
        return send(program_.byte() & 1);
      case 10:
      case 11:
      case 12:
      case 13:
        return receive(program_.byte() & 1);
      default:
        return hostile_.write(program_, fields_.data(), fields_.size());
    }
  }

 private:
  void add(std::uint64_t offset, std::uint32_t bytes) {
    fields_.push_back({static_cast<std::uint32_t>(offset), bytes});
  }

  void open(int which) {
    smipc_object_options options;
    smipc_object_options_init(&options);
    options.existence = SMIPC_LINK_OR_CREATE;
    options.unlink = SMIPC_UNLINK_NEVER;
    checked(smipc_message_queue_open(object_name().data(), object_name().size(), count_, size_,
                                     SMIPC_QUEUE_RECEIVE | SMIPC_QUEUE_SEND, &options, nullptr,
                                     &queues_[which]));
    hostile_.map();
  }

  void close(int which) {
    checked(smipc_message_queue_close(queues_[which]));
    smipc_message_queue_free(queues_[which]);
    queues_[which] = nullptr;
  }

  void look(int which) {
    smipc_message_queue_status status = {};
    status.struct_size = sizeof status;
    checked(smipc_message_queue_get_status(queues_[which], &status));
  }

  void wait(std::uint8_t how) {
    smipc_message_queue* queue = queues_[how & 1];
    if ((how & 2) != 0) {
      checked(smipc_message_queue_wait_arrival(queue, program_.timeout_ns(), &arrivals_));
    } else {
      checked(smipc_message_queue_wait(queue, program_.timeout_ns()));
    }
  }

  void descriptor(int which) {
    std::int32_t descriptor = -1;
    if (!described_) checked(smipc_message_queue_fd(queues_[which], &descriptor));
    described_ = true;
  }

  void send(int which) {
    Exactly data(program_.size());
    fill(data.data(), data.size());
    checked(smipc_message_queue_send(queues_[which], data.data(), data.size(), program_.byte() & 7,
                                     program_.timeout_ns()));
  }

  void receive(int which) {
    Exactly data(program_.size());
    std::size_t size = 0;
    std::uint32_t priority = 0;
    if (checked(smipc_message_queue_receive(queues_[which], data.data(), data.size(),
                                            program_.timeout_ns(), &size, &priority)) == SMIPC_OK) {
      REQUIRE(size <= data.size());
    }
  }

  Program& program_;
  Hostile hostile_;
  std::vector<Field> fields_;
  std::uint32_t count_ = 0;
  std::uint64_t size_ = 0;
  std::uint32_t arrivals_ = 0;
  bool described_ = false;
  smipc_message_queue* queues_[2] = {};
};

}  // namespace
}  // namespace smipc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  smipc::fuzz::Program program(data, size);
  const smipc::fuzz::Patience patience;
  smipc::fuzz::MessageQueue queue(program);
  for (int steps = 0; steps < 64 && program.more() && patience.left(); ++steps) queue.step();
  return 0;
}
