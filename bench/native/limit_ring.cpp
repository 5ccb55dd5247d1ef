// Limit: a bare ring of 64 B slots between one writer and one reader. Two positions, each on its
// own pair of cache lines, each side remembering what it last saw of the other's. Published for
// each message, or once for a batch.
#include <algorithm>
#include <atomic>

#include "harness.hpp"
#include "words.hpp"

namespace {

struct RingShm {
  alignas(128) std::atomic<std::uint64_t> written;  // by the writer, after the slots
  alignas(128) std::atomic<std::uint64_t> taken;    // by the reader, after its copy
  alignas(128) unsigned char slots[];
};

class Ring {
 public:
  struct Message {
    void* data;
    std::size_t size;
  };

  explicit Ring(const bench::Options& options) {
    if (options.size != bench::kSlotBytes) {
      bench::not_offered("slots of 64 B only");
    }
    slots_ = std::max<std::uint64_t>(options.capacity / bench::kSlotBytes, 2);
    for (auto& ring : rings_) {
      ring = static_cast<RingShm*>(bench::map_shared(sizeof(RingShm) + slots_ * bench::kSlotBytes));
    }
  }

  void attach(bench::Side side) {
    out_ = rings_[side == bench::Side::kInitiator ? 0 : 1];
    in_ = rings_[side == bench::Side::kInitiator ? 1 : 0];
  }
  void unlink_names() {}

  void send(const void* data, std::size_t) {
    put(data);
    out_->written.store(written_, std::memory_order_release);
  }

  void recv(void* buffer, std::size_t) {
    wait_for_one();
    std::memcpy(buffer, slot(in_, in_at_), bench::kSlotBytes);
    advance(in_at_);
    in_->taken.store(++taken_, std::memory_order_release);
  }

  void send_many(Message* messages, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      put(messages[i].data);
    }
    out_->written.store(written_, std::memory_order_release);
  }

  std::size_t recv_many(Message* out, std::size_t limit) {
    wait_for_one();
    const std::size_t count =
        std::min({limit, static_cast<std::size_t>(written_seen_ - taken_), kBatchMost});
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(batch_[i], slot(in_, in_at_), bench::kSlotBytes);
      out[i] = {batch_[i], bench::kSlotBytes};
      advance(in_at_);
    }
    taken_ += count;
    in_->taken.store(taken_, std::memory_order_release);
    return count;
  }

 private:
  static constexpr std::size_t kBatchMost = 256;

  unsigned char* slot(RingShm* ring, std::uint64_t at) const {
    return ring->slots + at * bench::kSlotBytes;
  }
  void advance(std::uint64_t& at) const { at = at + 1 == slots_ ? 0 : at + 1; }

  void put(const void* data) {
    while (written_ - taken_seen_ == slots_) {
      out_->written.store(written_, std::memory_order_release);  // a batch larger than the ring
      taken_seen_ = out_->taken.load(std::memory_order_acquire);
    }
    bench::copy_words(slot(out_, out_at_), data);
    advance(out_at_);
    ++written_;
  }

  void wait_for_one() {
    while (written_seen_ == taken_) {
      written_seen_ = in_->written.load(std::memory_order_acquire);
    }
  }

  RingShm* rings_[2];
  RingShm* out_ = nullptr;
  RingShm* in_ = nullptr;
  std::uint64_t slots_ = 0, written_ = 0, taken_ = 0, written_seen_ = 0, taken_seen_ = 0,
                out_at_ = 0, in_at_ = 0;
  unsigned char batch_[kBatchMost][bench::kSlotBytes];
};

}  // namespace

int main(int argc, char** argv) { return bench::run<Ring>(argc, argv); }
