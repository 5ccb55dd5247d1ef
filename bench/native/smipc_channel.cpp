// Contestant: smipc through its C ABI, from a program that knows nothing but smipc.h: a channel in
// each direction.
#include "harness.hpp"
#include "names.hpp"
#include "smipc_handle.hpp"

namespace {

class Channel {
 public:
  using Message = smipc_buffer;
  static constexpr bool kSendsEmpty = true;

  explicit Channel(const bench::Options& options)
      : options_(options),
        names_{bench::unique_name("there"), bench::unique_name("back")},
        batch_(options.kind == "batch" ? options.batch * options.size : 0) {}

  void attach(bench::Side side) {
    const bool initiator = side == bench::Side::kInitiator;
    out_ = bench::open_end(names_[initiator ? 0 : 1], SMIPC_WRITER, options_);
    in_ = bench::open_end(names_[initiator ? 1 : 0], SMIPC_READER, options_);
  }

  // The ends stay with each other; of a program that is killed `smipc clean` finds the memory.
  void unlink_names() {
    for (const std::string& name : names_) {
      bench::check(smipc_channel_unlink(name.data(), name.size()), "smipc_channel_unlink");
    }
  }

  void detach() {
    smipc_channel_free(out_);
    smipc_channel_free(in_);
  }

  void send(const void* data, std::size_t size) {
    bench::check(smipc_channel_send(out_, data, size, SMIPC_FOREVER), "smipc_channel_send");
  }

  void recv(void* buffer, std::size_t size) {
    std::size_t received = 0;
    bench::check(smipc_channel_recv(in_, buffer, size, SMIPC_FOREVER, &received),
                 "smipc_channel_recv");
    if (received != size) [[unlikely]] {
      bench::fail("received " + std::to_string(received) + " B");
    }
  }

  void send_many(Message* messages, std::size_t count) {
    std::size_t sent = 0;
    bench::check(smipc_channel_send_many(out_, messages, count, SMIPC_FOREVER, &sent),
                 "smipc_channel_send_many");
  }

  std::size_t recv_many(Message* out, std::size_t limit) {
    std::size_t count = 0;
    bench::check(smipc_channel_recv_many(in_, batch_.data(), batch_.size(), limit, SMIPC_FOREVER,
                                         out, &count, nullptr),
                 "smipc_channel_recv_many");
    return count;
  }

 protected:
  bench::Options options_;
  std::string names_[2];
  std::vector<unsigned char> batch_;
  smipc_channel* out_ = nullptr;
  smipc_channel* in_ = nullptr;
};

// Stream framing: the same calls in bytes; both sides know the size.
class Stream : public Channel {
 public:
  using Channel::Channel;

  void send(const void* data, std::size_t size) {
    bench::check(smipc_channel_write(out_, data, size, SMIPC_FOREVER, nullptr),
                 "smipc_channel_write");
  }

  void recv(void* buffer, std::size_t size) {
    bench::check(smipc_channel_read(in_, buffer, size, SMIPC_FOREVER), "smipc_channel_read");
  }
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options = bench::parse_options(argc, argv, bench::Empty::kAllowed);
  const bool stream = options.framing == "stream";
  return stream ? bench::run<Stream>(argc, argv) : bench::run<Channel>(argc, argv);
}
