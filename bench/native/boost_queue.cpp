// Contestant: Boost.Interprocess message_queue. It sleeps on a condition variable; with --wait spin
// its non-blocking calls are repeated instead.
#include <algorithm>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <optional>

#include "harness.hpp"
#include "names.hpp"

namespace {

namespace ipc = boost::interprocess;

class BoostQueue {
 public:
  explicit BoostQueue(const bench::Options& options) : spins_(options.wait == "spin") {
    const std::size_t slots = std::max<std::size_t>(options.capacity / options.size, 2);
    for (int i = 0; i < 2; ++i) {
      names_[i] = bench::unique_name("boost" + std::to_string(i));
      ipc::message_queue(ipc::create_only, names_[i].c_str(), slots, options.size);
    }
  }

  void attach(bench::Side side) {
    const bool initiator = side == bench::Side::kInitiator;
    out_.emplace(ipc::open_only, names_[initiator ? 0 : 1].c_str());
    in_.emplace(ipc::open_only, names_[initiator ? 1 : 0].c_str());
  }

  void unlink_names() {
    for (const std::string& name : names_) {
      ipc::message_queue::remove(name.c_str());
    }
  }

  void send(const void* data, std::size_t size) {
    if (!spins_) {
      out_->send(data, size, 0);
      return;
    }
    while (!out_->try_send(data, size, 0)) {
      bench::relax();
    }
  }

  void recv(void* buffer, std::size_t size) {
    ipc::message_queue::size_type received = 0;
    unsigned int priority = 0;
    if (!spins_) {
      in_->receive(buffer, size, received, priority);
    } else {
      while (!in_->try_receive(buffer, size, received, priority)) {
        bench::relax();
      }
    }
    if (received != size) {
      bench::fail("received " + std::to_string(received) + " B");
    }
  }

 private:
  bool spins_;
  std::string names_[2];
  std::optional<ipc::message_queue> out_, in_;
};

}  // namespace

int main(int argc, char** argv) { return bench::run<BoostQueue>(argc, argv); }
