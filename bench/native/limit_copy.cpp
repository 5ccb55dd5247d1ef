// Limit: one memcpy into a ring in shared memory and one out of it. --piece 0 copies a message
// whole, into a ring of as many as the capacity holds (two at least); --piece N passes it in pieces
// of N bytes, through a ring that may be smaller than the message and so stays in cache.
#include <algorithm>
#include <atomic>

#include "harness.hpp"

namespace {

struct RingShm {
  alignas(128) std::atomic<std::uint64_t> written;  // pieces, by the writer
  alignas(128) std::atomic<std::uint64_t> taken;    // pieces, by the reader
  alignas(4096) unsigned char bytes[];
};

class Copy {
 public:
  explicit Copy(const bench::Options& options)
      : piece_(options.piece == 0 ? options.size : std::min(options.piece, options.size)),
        pieces_(std::max<std::uint64_t>(options.capacity / piece_, 2)) {
    for (auto& ring : rings_) {
      ring = static_cast<RingShm*>(bench::map_shared(sizeof(RingShm) + piece_ * pieces_));
    }
  }

  void attach(bench::Side side) {
    out_ = rings_[side == bench::Side::kInitiator ? 0 : 1];
    in_ = rings_[side == bench::Side::kInitiator ? 1 : 0];
  }
  void unlink_names() {}

  void send(const void* data, std::size_t size) {
    for (std::size_t done = 0; done < size; done += piece_) {
      while (written_ - out_->taken.load(std::memory_order_acquire) == pieces_) {
        bench::relax();
      }
      std::memcpy(out_->bytes + written_ % pieces_ * piece_,
                  static_cast<const unsigned char*>(data) + done, std::min(piece_, size - done));
      out_->written.store(++written_, std::memory_order_release);
    }
  }

  void recv(void* buffer, std::size_t size) {
    for (std::size_t done = 0; done < size; done += piece_) {
      while (in_->written.load(std::memory_order_acquire) == taken_) {
        bench::relax();
      }
      std::memcpy(static_cast<unsigned char*>(buffer) + done,
                  in_->bytes + taken_ % pieces_ * piece_, std::min(piece_, size - done));
      in_->taken.store(++taken_, std::memory_order_release);
    }
  }

 private:
  std::size_t piece_;
  std::uint64_t pieces_;
  RingShm* rings_[2];
  RingShm* out_ = nullptr;
  RingShm* in_ = nullptr;
  std::uint64_t written_ = 0, taken_ = 0;
};

}  // namespace

int main(int argc, char** argv) { return bench::run<Copy>(argc, argv); }
