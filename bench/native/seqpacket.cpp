// Contestant: a pair of Unix sockets of type SOCK_SEQPACKET, which keep messages apart.
#include <sys/socket.h>

#include <algorithm>

#include "harness.hpp"

namespace {

class Seqpacket {
 public:
  explicit Seqpacket(const bench::Options& options) {
    bench::check_os(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets_) == 0,
                    "socketpair");
    // Beyond net.core.wmem_max only root may go; without it large messages are refused (EMSGSIZE).
    const int wanted = static_cast<int>(
        std::clamp<std::uint64_t>(std::max(options.capacity, 2 * options.size), 1 << 18, 1 << 30));
    for (const int socket : sockets_) {
      if (setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) != 0) {
        setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
      }
    }
  }

  void attach(bench::Side side) { socket_ = sockets_[side == bench::Side::kInitiator ? 0 : 1]; }
  void unlink_names() {}

  void send(const void* data, std::size_t size) {
    const ssize_t n = ::send(socket_, data, size, MSG_NOSIGNAL);
    if (n < 0 && (errno == EMSGSIZE || errno == ENOBUFS)) {
      bench::not_offered("messages of " + std::to_string(size) +
                         " B do not fit the socket's send buffer");
    }
    bench::check_os(n == static_cast<ssize_t>(size), "send");
  }

  void recv(void* buffer, std::size_t size) {
    const ssize_t n = ::recv(socket_, buffer, size, 0);
    bench::check_os(n == static_cast<ssize_t>(size), "recv");
  }

 private:
  int sockets_[2];
  int socket_ = -1;
};

}  // namespace

int main(int argc, char** argv) { return bench::run<Seqpacket>(argc, argv); }
