// Contestant: POSIX message queues, with as many messages as the system gives an ordinary user.
#include <fcntl.h>
#include <mqueue.h>

#include <fstream>
#include <string>

#include "harness.hpp"
#include "names.hpp"

namespace {

long system_limit(const char* name, long otherwise) {
  std::ifstream file(std::string("/proc/sys/fs/mqueue/") + name);
  long value = 0;
  return file >> value ? value : otherwise;
}

class PosixQueue {
 public:
  explicit PosixQueue(const bench::Options& options) {
    const long largest = system_limit("msgsize_max", 8192);
    if (static_cast<long>(options.size) > largest) {
      bench::not_offered("messages of at most " + std::to_string(largest) + " B");
    }
    mq_attr attributes{};
    attributes.mq_maxmsg = system_limit("msg_max", 10);
    attributes.mq_msgsize = static_cast<long>(options.size);
    for (int i = 0; i < 2; ++i) {
      const std::string name = "/" + bench::unique_name(std::to_string(i));
      queues_[i] = mq_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
      if (queues_[i] == static_cast<mqd_t>(-1) && errno == ENOSYS) {
        bench::not_offered("this kernel has no POSIX message queues");
      }
      bench::check_os(queues_[i] != static_cast<mqd_t>(-1), "mq_open");
      mq_unlink(name.c_str());  // both processes inherit the descriptor
    }
  }

  void attach(bench::Side side) {
    const bool initiator = side == bench::Side::kInitiator;
    out_ = queues_[initiator ? 0 : 1];
    in_ = queues_[initiator ? 1 : 0];
  }
  void unlink_names() {}

  void send(const void* data, std::size_t size) {
    bench::check_os(mq_send(out_, static_cast<const char*>(data), size, 0) == 0, "mq_send");
  }

  void recv(void* buffer, std::size_t size) {
    const ssize_t n = mq_receive(in_, static_cast<char*>(buffer), size, nullptr);
    bench::check_os(n == static_cast<ssize_t>(size), "mq_receive");
  }

 private:
  mqd_t queues_[2];
  mqd_t out_ = -1, in_ = -1;
};

}  // namespace

int main(int argc, char** argv) { return bench::run<PosixQueue>(argc, argv); }
