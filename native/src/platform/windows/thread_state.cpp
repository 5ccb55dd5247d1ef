// See thread_state.h.
#include "platform/windows/thread_state.h"

#include <new>

namespace smipc::detail {
namespace {

void WINAPI free_state(void* state) { delete static_cast<ThreadState*>(state); }

// Its end, when the library is unloaded, frees the states of all threads.
class Slot {
 public:
  Slot() : index_(::FlsAlloc(free_state)) {}
  ~Slot() {
    if (index_ != FLS_OUT_OF_INDEXES) ::FlsFree(index_);
  }
  ThreadState* get() const {
    if (index_ == FLS_OUT_OF_INDEXES) return nullptr;
    if (void* state = ::FlsGetValue(index_)) return static_cast<ThreadState*>(state);
    auto* state = new (std::nothrow) ThreadState;
    if (state != nullptr && !::FlsSetValue(index_, state)) {
      delete state;
      return nullptr;
    }
    return state;
  }

 private:
  DWORD index_;
};

}  // namespace

ThreadState* this_thread_state() {
  static const Slot slot;
  return slot.get();
}

}  // namespace smipc::detail
