// The receiving half of `smipc demo`: takes files off a channel and checks each by SHA-256.
// demo_protocol.hpp says how; `smipc demo` starts it.
//
//     demo_receiver CHANNEL LIST CAPACITY
//
// Prints what it has checked after each batch, a line for each file that is wrong or missing (by
// its index in LIST), and one line of figures. Exit code 0 only if all of LIST came as it was sent.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <unordered_map>
#include <vector>

#include "demo_protocol.hpp"

namespace {

class Receiver {
 public:
  Receiver(const std::string &name, std::vector<std::string> names, std::uint64_t capacity)
      : files_(name, demo::options(capacity)),
        back_(name + "-back", demo::options(demo::kBackCapacity)),
        names_(std::move(names)),
        seen_(names_.size()) {
    for (std::size_t i = 0; i < names_.size(); ++i) index_of_[names_[i]] = i;
  }

  void receive_all() {
    for (;;) {
      const std::vector<demo::Entry> entries = demo::unpack_manifest(files_.recv());
      if (entries.empty()) break;
      take(entries);
      check(entries);
      std::printf("progress files=%zu bytes=%llu\n", files_checked_, bytes_checked_);
      std::fflush(stdout);
    }
    for (std::size_t i = 0; i < seen_.size(); ++i)
      if (!seen_[i]) report(i, "missing");
  }

  void ping() {
    const std::vector<std::byte> ping(demo::kPingBytes, std::byte{0x5a});
    std::vector<std::byte> pong(demo::kPingBytes);
    for (std::size_t i = 0; i < demo::kWarmUpRounds + demo::kTimedRounds; ++i) {
      const auto start = demo::Clock::now();
      back_.send(ping);
      const std::size_t size = files_.recv_into(pong);
      const auto time = demo::Clock::now() - start;
      if (size != ping.size() || pong != ping) throw std::runtime_error("a ping came back changed");
      if (i >= demo::kWarmUpRounds) round_trips_.push_back(demo::nanoseconds(time));
    }
    back_.send({});
    std::sort(round_trips_.begin(), round_trips_.end());
  }

  bool print() const {
    std::printf("receiver files=%zu bytes=%llu transfer_ns=%lld check_ns=%lld rounds=%zu ",
                files_checked_, bytes_checked_, demo::nanoseconds(transfer_time_),
                demo::nanoseconds(check_time_), round_trips_.size());
    std::printf("rtt_p50_ns=%lld rtt_p99_ns=%lld bad=%zu\n", percentile(50), percentile(99), bad_);
    return bad_ == 0;
  }

 private:
  // Timed: from the go until the last byte of the batch is in this process's memory.
  void take(const std::vector<demo::Entry> &entries) {
    std::size_t total = 0;
    for (const auto &entry : entries) total += static_cast<std::size_t>(entry.size);
    if (arena_.size() < total) arena_.resize(total);
    received_.clear();

    const auto start = demo::Clock::now();
    back_.send({});
    std::size_t used = 0;
    for (const auto &entry : entries) {
      const auto place = std::span(arena_).subspan(used, static_cast<std::size_t>(entry.size));
      received_.push_back(place.first(files_.recv_into(place)));
      used += place.size();
    }
    transfer_time_ += demo::Clock::now() - start;
  }

  void check(const std::vector<demo::Entry> &entries) {
    const auto start = demo::Clock::now();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto found = index_of_.find(entries[i].name);
      if (found == index_of_.end()) throw std::runtime_error("a file came that is not in the list");
      seen_[found->second] = true;
      if (received_[i].size() != entries[i].size)
        report(found->second, "size");
      else if (demo::sha256(received_[i]) != entries[i].digest)
        report(found->second, "digest");
      ++files_checked_;
      bytes_checked_ += received_[i].size();
    }
    check_time_ += demo::Clock::now() - start;
  }

  void report(std::size_t index, const char *what) {
    ++bad_;
    std::printf("bad index=%zu what=%s\n", index, what);
  }

  long long percentile(std::size_t percent) const {
    return round_trips_[round_trips_.size() * percent / 100];
  }

  smipc::Reader files_;
  smipc::Writer back_;
  std::vector<std::string> names_;
  std::vector<bool> seen_;
  std::unordered_map<std::string, std::size_t> index_of_;
  std::vector<std::byte> arena_;
  std::vector<std::span<const std::byte>> received_;
  std::vector<long long> round_trips_;
  std::size_t files_checked_ = 0;
  std::size_t bad_ = 0;
  unsigned long long bytes_checked_ = 0;
  demo::Clock::duration transfer_time_{};
  demo::Clock::duration check_time_{};
};

}  // namespace

int main(int argc, char **argv) try {
  if (argc < 4) {
    std::fprintf(stderr, "usage: demo_receiver CHANNEL LIST CAPACITY\n");
    return 2;
  }
  Receiver receiver(argv[1], demo::read_list(demo::path_of(argv[2])),
                    std::strtoull(argv[3], nullptr, 10));
  receiver.receive_all();
  receiver.ping();
  return receiver.print() ? 0 : 1;
} catch (const std::exception &error) {
  std::fprintf(stderr, "demo_receiver: %s\n", error.what());
  return 1;
}
