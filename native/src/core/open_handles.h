// The handles of this process that smipc_clean closes, but channels, which have a list of their own.
//
// A handle is listed from its opening until it is freed. Closing is idempotent and may come from any
// thread, for every object; it must not free, and not open.
#pragma once

#include <cstdint>

namespace smipc::detail {

class OpenHandle {
 public:
  OpenHandle() = default;
  OpenHandle(const OpenHandle&) = delete;
  OpenHandle& operator=(const OpenHandle&) = delete;

  // `Close` is what smipc_clean calls.
  template <auto Close, class Handle>
  void enlist(Handle* handle) {
    handle_ = handle;
    close_ = [](void* object) { Close(static_cast<Handle*>(object)); };
    add();
  }

  // Before anything of the handle is freed: waits for a smipc_clean that is closing it.
  void remove();

 private:
  friend struct OpenHandles;
  void add();

  void* handle_ = nullptr;
  void (*close_)(void*) = nullptr;
  // The rest is guarded by the list's mutex.
  OpenHandle* next_ = nullptr;
  OpenHandle* previous_ = nullptr;
  std::uint64_t round_ = 0;  // the last cleaning that closed it
  int closing_ = 0;          // threads that are in close_
};

void open_handles_close();

}  // namespace smipc::detail
