// Contestant: libzmq, a PAIR of sockets over ipc://, its I/O threads on the core of their process.
// The high-water marks are set so that as much may be under way as in the other contestants.
#include <zmq.h>

#include <algorithm>

#include "harness.hpp"
#include "names.hpp"

namespace {

class ZmqIpc {
 public:
  explicit ZmqIpc(const bench::Options& options)
      : address_("ipc://@" + bench::unique_name("zmq")),  // abstract: no file to leave behind
        mark_(static_cast<int>(
            std::clamp<std::uint64_t>(options.capacity / options.size, 2, 1 << 20))) {}

  void attach(bench::Side side) {
    context_ = zmq_ctx_new();
    socket_ = zmq_socket(context_, ZMQ_PAIR);
    check(socket_ != nullptr, "zmq_socket");
    const int linger = 0;
    check(zmq_setsockopt(socket_, ZMQ_SNDHWM, &mark_, sizeof mark_) == 0, "ZMQ_SNDHWM");
    check(zmq_setsockopt(socket_, ZMQ_RCVHWM, &mark_, sizeof mark_) == 0, "ZMQ_RCVHWM");
    check(zmq_setsockopt(socket_, ZMQ_LINGER, &linger, sizeof linger) == 0, "ZMQ_LINGER");
    if (side == bench::Side::kInitiator) {
      check(zmq_bind(socket_, address_.c_str()) == 0, "zmq_bind");
    } else {
      check(zmq_connect(socket_, address_.c_str()) == 0, "zmq_connect");
    }
  }
  void unlink_names() {}

  void send(const void* data, std::size_t size) {
    int n = 0;
    do {
      n = zmq_send(socket_, data, size, 0);
    } while (n < 0 && zmq_errno() == EINTR);
    check(n == static_cast<int>(size), "zmq_send");
  }

  void recv(void* buffer, std::size_t size) {
    int n = 0;
    do {
      n = zmq_recv(socket_, buffer, size, 0);
    } while (n < 0 && zmq_errno() == EINTR);
    check(n == static_cast<int>(size), "zmq_recv");
  }

 private:
  static void check(bool ok, const char* what) {
    if (!ok) {
      bench::fail(std::string(what) + ": " + zmq_strerror(zmq_errno()));
    }
  }

  std::string address_;
  int mark_;
  void* context_ = nullptr;
  void* socket_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) { return bench::run<ZmqIpc>(argc, argv); }
