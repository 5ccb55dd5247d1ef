// Limit: the bare exchange of 64 B and the word that says they are there. No lengths, no checks, no
// waiting but spinning. Round trip: one slot in each direction, answered before it is used again.
// One way: a ring of slots, each with its own sequence number, and the reader's position, published
// every eighth of the ring.
#include <algorithm>
#include <atomic>

#include "harness.hpp"
#include "words.hpp"

namespace {

struct alignas(128) SlotShm {
  std::atomic<std::uint64_t> sequence;  // written last by the sender: its message number + 1
  unsigned char payload[bench::kSlotBytes];
};

struct alignas(128) PositionShm {
  std::atomic<std::uint64_t> taken;  // written by the receiver, far behind
};

class Exchange {
 public:
  explicit Exchange(const bench::Options& options) {
    if (options.size != bench::kSlotBytes) {
      bench::not_offered("slots of 64 B only");
    }
    slots_ = options.kind == "roundtrip"
                 ? 1
                 : std::max<std::uint64_t>(options.capacity / sizeof(SlotShm), 16);
    for (auto& direction : directions_) {
      direction.slots = static_cast<SlotShm*>(bench::map_shared(slots_ * sizeof(SlotShm)));
      direction.position = static_cast<PositionShm*>(bench::map_shared(sizeof(PositionShm)));
    }
  }

  void attach(bench::Side side) {
    out_ = directions_[side == bench::Side::kInitiator ? 0 : 1];
    in_ = directions_[side == bench::Side::kInitiator ? 1 : 0];
  }
  void unlink_names() {}

  void send(const void* data, std::size_t) {
    while (slots_ > 1 && sent_ - room_seen_ >= slots_) {
      room_seen_ = out_.position->taken.load(std::memory_order_acquire);
    }
    SlotShm& slot = out_.slots[out_at_];
    bench::copy_words(slot.payload, data);
    slot.sequence.store(++sent_, std::memory_order_release);
    out_at_ = out_at_ + 1 == slots_ ? 0 : out_at_ + 1;
  }

  void recv(void* buffer, std::size_t) {
    const SlotShm& slot = in_.slots[in_at_];
    while (slot.sequence.load(std::memory_order_acquire) != received_ + 1) {
      bench::relax();
    }
    std::memcpy(buffer, slot.payload, bench::kSlotBytes);
    in_at_ = in_at_ + 1 == slots_ ? 0 : in_at_ + 1;
    if (++received_ % std::max<std::uint64_t>(slots_ / 8, 1) == 0 && slots_ > 1) {
      in_.position->taken.store(received_, std::memory_order_release);
    }
  }

 private:
  struct Direction {
    SlotShm* slots = nullptr;
    PositionShm* position = nullptr;
  };
  Direction directions_[2], out_, in_;
  std::uint64_t slots_ = 1, sent_ = 0, received_ = 0, room_seen_ = 0, out_at_ = 0, in_at_ = 0;
};

}  // namespace

int main(int argc, char** argv) { return bench::run<Exchange>(argc, argv); }
