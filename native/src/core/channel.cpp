// See channel.h.
#include "core/channel.h"

#include <new>

#include "core/listener.h"
#include "core/watcher.h"

namespace smipc::detail {

Channel::Channel() = default;
Channel::~Channel() = default;

bool OwnBytes::ensure(std::size_t size) {
  if (size <= capacity && data != nullptr) return true;
  std::byte* fresh = new (std::nothrow) std::byte[size > 0 ? size : 1];  // uninitialised: untouched
  if (fresh == nullptr) return false;
  data.reset(fresh);
  capacity = size;
  return true;
}

void OwnBytes::drop() {
  data.reset();
  capacity = 0;
}

}  // namespace smipc::detail
