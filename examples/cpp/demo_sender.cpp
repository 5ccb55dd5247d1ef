// The sending half of `smipc demo`: reads files and sends each as one message through a channel
// that may be smaller than they are. demo_protocol.hpp says how; `smipc demo` starts it.
//
//     demo_sender CHANNEL FOLDER LIST CAPACITY [FAULT:INDEX]
//
// FAULT makes a mistake with one file on purpose, so that a test can see it found: `flip` changes a
// byte after hashing, `skip` leaves the file out. Prints one line of figures at the end.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "demo_protocol.hpp"

namespace {

struct Fault {
  std::string kind;
  std::size_t index = 0;

  explicit Fault(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return;
    kind = text.substr(0, colon);
    index = std::strtoul(std::string(text.substr(colon + 1)).c_str(), nullptr, 10);
  }
  bool is(std::string_view wanted, std::size_t file) const {
    return kind == wanted && index == file;
  }
};

class Sender {
 public:
  Sender(const std::string &name, std::filesystem::path folder, std::uint64_t capacity, Fault fault)
      : files_(name, demo::options(capacity)),
        back_(name + "-back", demo::options(demo::kBackCapacity)),
        folder_(std::move(folder)),
        fault_(std::move(fault)) {}

  void send_all(const std::vector<std::string> &names) {
    std::size_t batch_bytes = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (fault_.is("skip", i)) continue;
      batch_bytes += add(names[i], i);
      if (batch_bytes >= demo::kBatchBytes) {
        send_batch();
        batch_bytes = 0;
      }
    }
    if (!entries_.empty()) send_batch();
    files_.send({});
  }

  void answer_pings() {
    for (;;) {
      const smipc::Borrow ping = back_.peek();
      if (ping.bytes().empty()) return;
      files_.send(ping.bytes());
    }
  }

  void print() const {
    std::printf("sender files=%zu bytes=%llu read_ns=%lld hash_ns=%lld\n", files_sent_, bytes_sent_,
                demo::nanoseconds(read_time_), demo::nanoseconds(hash_time_));
  }

 private:
  std::size_t add(const std::string &name, std::size_t index) {
    const auto start = demo::Clock::now();
    std::vector<std::byte> content = demo::read_file(folder_ / demo::path_of(name));
    const auto middle = demo::Clock::now();
    const demo::Digest digest = demo::sha256(content);
    hash_time_ += demo::Clock::now() - middle;
    read_time_ += middle - start;

    if (fault_.is("flip", index) && !content.empty()) content[content.size() / 2] ^= std::byte{1};
    const std::size_t size = content.size();
    entries_.push_back({size, digest, name});
    contents_.push_back(std::move(content));
    return size;
  }

  void send_batch() {
    files_.send(demo::pack_manifest(entries_));
    (void)back_.recv();  // go
    for (const auto &content : contents_) {
      files_.send(content);
      bytes_sent_ += content.size();
    }
    files_sent_ += contents_.size();
    entries_.clear();
    contents_.clear();
  }

  smipc::Writer files_;
  smipc::Reader back_;
  std::filesystem::path folder_;
  Fault fault_;
  std::vector<demo::Entry> entries_;
  std::vector<std::vector<std::byte>> contents_;
  std::size_t files_sent_ = 0;
  unsigned long long bytes_sent_ = 0;
  demo::Clock::duration read_time_{};
  demo::Clock::duration hash_time_{};
};

}  // namespace

int main(int argc, char **argv) try {
  if (argc < 5) {
    std::fprintf(stderr, "usage: demo_sender CHANNEL FOLDER LIST CAPACITY [FAULT:INDEX]\n");
    return 2;
  }
  Sender sender(argv[1], demo::path_of(argv[2]), std::strtoull(argv[4], nullptr, 10),
                Fault(argc > 5 ? argv[5] : ""));
  sender.send_all(demo::read_list(demo::path_of(argv[3])));
  sender.answer_pings();
  sender.print();
} catch (const std::exception &error) {
  std::fprintf(stderr, "demo_sender: %s\n", error.what());
  return 1;
}
