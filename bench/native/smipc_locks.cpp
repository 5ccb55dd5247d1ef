// What an uncontended pair of calls costs, in nanoseconds, the median over --seconds. One kind a run, one
// line of JSON:
//   semaphore  acquire + release of a smipc::Semaphore
//   sem_t      the same with nothing but the C library: sem_wait + sem_post
//   structure  lock + unlock of a smipc::LockedStructure, by an editor
//   fcntl      the same with nothing but the system calls
#include <fcntl.h>
#include <semaphore.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <smipc.hpp>
#include <vector>

#include "names.hpp"
#include "options.hpp"
#include "pair.hpp"

namespace {

using bench::Options;

constexpr int kInARow = 1000;

template <class Pair>
void measure(const Options& options, Pair pair) {
  std::vector<double> times;
  const std::uint64_t until = bench::now_ns() + static_cast<std::uint64_t>(options.seconds * 1e9);
  while (bench::now_ns() < until || times.size() < 5) {
    const std::uint64_t begin = bench::now_ns();
    for (int i = 0; i < kInARow; ++i) pair();
    times.push_back(static_cast<double>(bench::now_ns() - begin) / kInARow);
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  std::printf("{\"value\": %.4f, \"unit\": \"ns\"}\n", *middle);
}

void smipc_semaphore_pair(const Options& options) {
  smipc::Semaphore semaphore(bench::unique_name("semaphore"),
                             {.existence = smipc::Existence::kRaiseIfExists});
  measure(options, [&] {
    semaphore.acquire();
    semaphore.release();
  });
}

void plain_semaphore_pair(const Options& options) {
  const std::string name = "/" + bench::unique_name("plain");
  sem_t* semaphore = sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, 1);
  if (semaphore == SEM_FAILED) bench::fail("sem_open");
  sem_unlink(name.c_str());
  measure(options, [&] {
    sem_wait(semaphore);
    sem_post(semaphore);
  });
}

struct Numbers {
  struct {
    std::uint16_t code;
    double last_update;
  } header;
};

void structure_pair(const Options& options) {
  const std::string path = "/dev/shm/" + bench::unique_name("structure");
  smipc::LockedStructure<Numbers>::create(path);
  {
    smipc::LockedStructure<Numbers> numbers(path);
    measure(options, [&] { const auto now = numbers.edit(); });
  }
  unlink(path.c_str());
  unlink((path + ".lock").c_str());
}

void fcntl_pair(const Options& options) {
  const std::string path = "/dev/shm/" + bench::unique_name("fcntl");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd < 0) bench::fail("open " + path);
  unlink(path.c_str());
  measure(options, [&] {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_len = 1;
    fcntl(fd, F_OFD_SETLK, &lock);
    lock.l_type = F_UNLCK;
    fcntl(fd, F_OFD_SETLK, &lock);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = bench::parse_options(argc, argv);
  if (options.kind == "semaphore") {
    smipc_semaphore_pair(options);
  } else if (options.kind == "sem_t") {
    plain_semaphore_pair(options);
  } else if (options.kind == "structure") {
    structure_pair(options);
  } else if (options.kind == "fcntl") {
    fcntl_pair(options);
  } else {
    bench::fail("unknown kind: " + options.kind);
  }
}
