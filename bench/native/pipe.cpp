// Contestant: an anonymous pipe in each direction. It is a stream, so both sides know the size of a
// message.
#include <fcntl.h>

#include <algorithm>

#include "harness.hpp"

namespace {

class Pipe {
 public:
  explicit Pipe(const bench::Options& options) {
    for (auto& fds : pipes_) {
      bench::check_os(pipe2(fds, O_CLOEXEC) == 0, "pipe2");
      // The most that an ordinary user may ask for; the default of 64 KiB stays where even that is
      // refused.
      fcntl(fds[1], F_SETPIPE_SZ,
            static_cast<int>(std::clamp<std::uint64_t>(options.capacity, 65536, 1 << 20)));
    }
  }

  void attach(bench::Side side) {
    const bool initiator = side == bench::Side::kInitiator;
    out_ = pipes_[initiator ? 0 : 1][1];
    in_ = pipes_[initiator ? 1 : 0][0];
  }
  void unlink_names() {}

  void send(const void* data, std::size_t size) {
    const auto* at = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t n = write(out_, at, size);
      bench::check_os(n > 0 || errno == EINTR, "write");
      at += std::max<ssize_t>(n, 0);
      size -= static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    }
  }

  void recv(void* buffer, std::size_t size) {
    auto* at = static_cast<char*>(buffer);
    while (size > 0) {
      const ssize_t n = read(in_, at, size);
      bench::check_os(n > 0 || errno == EINTR, "read");
      at += std::max<ssize_t>(n, 0);
      size -= static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    }
  }

 private:
  int pipes_[2][2];
  int out_ = -1, in_ = -1;
};

}  // namespace

int main(int argc, char** argv) { return bench::run<Pipe>(argc, argv); }
