// No child may be forked while a descriptor with locks is open: it would inherit the open file, and
// with it keep the lock for as long as it lives. Whoever opens one holds this guard until it is
// closed, and so does fork (plat_on_fork). Descriptors are also CLOEXEC, for children that exec.
#pragma once

#include <mutex>

namespace smipc::detail {

std::recursive_mutex& fork_mutex();

class ForkGuard {
 public:
  ForkGuard() : guard_(fork_mutex()) {}

 private:
  std::lock_guard<std::recursive_mutex> guard_;
};

}  // namespace smipc::detail
