// Contestant: smipc::MessageQueue, one queue each way, with as many slots as the capacity holds.
#include <algorithm>
#include <optional>
#include <smipc.hpp>

#include "harness.hpp"
#include "names.hpp"

namespace {

class SmipcQueue {
 public:
  explicit SmipcQueue(const bench::Options& options) : spins_(options.wait == "spin") {
    settings_.max_messages =
        static_cast<std::uint32_t>(std::max<std::uint64_t>(options.capacity / options.size, 2));
    settings_.max_message_size = options.size;
    settings_.existence = smipc::Existence::kLinkOrCreate;
    settings_.unlink = smipc::Unlink::kNever;
    for (int i = 0; i < 2; ++i) names_[i] = bench::unique_name("queue" + std::to_string(i));
  }

  void attach(bench::Side side) {
    const bool initiator = side == bench::Side::kInitiator;
    out_.emplace(names_[initiator ? 0 : 1], settings_);
    in_.emplace(names_[initiator ? 1 : 0], settings_);
  }

  void unlink_names() {
    for (const std::string& name : names_) smipc::MessageQueue::unlink(name);
  }

  void send(const void* data, std::size_t size) {
    const std::span message(static_cast<const std::byte*>(data), size);
    if (!spins_) {
      out_->send(message);
      return;
    }
    while (!out_->send(message, smipc::no_wait)) bench::relax();
  }

  void recv(void* buffer, std::size_t size) {
    const std::span room(static_cast<std::byte*>(buffer), size);
    auto received = in_->receive(room, spins_ ? smipc::no_wait : smipc::forever);
    while (!received) {
      bench::relax();
      received = in_->receive(room, smipc::no_wait);
    }
    if (received->size != size) bench::fail("received " + std::to_string(received->size) + " B");
  }

 private:
  bool spins_;
  smipc::MessageQueueOptions settings_;
  std::string names_[2];
  std::optional<smipc::MessageQueue> out_, in_;
};

}  // namespace

int main(int argc, char** argv) { return bench::run<SmipcQueue>(argc, argv); }
