// No child may be forked while a descriptor with locks is open: it would inherit the open file, and
// with it keep the lock for as long as it lives. Whoever opens one holds this guard until it is
// closed, and so does fork (plat_on_fork). Descriptors are also CLOEXEC, for children that exec.
#pragma once

#include <mutex>

namespace smipc::detail {

// A plain mutex, which the forking thread may unlock in the child; it counts its own nesting.
std::mutex& fork_mutex();

class ForkGuard {
 public:
  ForkGuard() {
    if (depth()++ == 0) fork_mutex().lock();
  }
  ~ForkGuard() {
    if (--depth() == 0) fork_mutex().unlock();
  }
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

 private:
  static int& depth();  // of this thread
};

}  // namespace smipc::detail
