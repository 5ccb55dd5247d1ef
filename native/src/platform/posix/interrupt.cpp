// Interrupts on POSIX: signals, which end the system calls that sleep. There is nothing to bind.
#include "platform/platform.h"
#include "smipc.h"

namespace smipc::detail {

PlatResult plat_interrupt_bind(std::uint64_t, std::uint32_t) {
  return {SMIPC_E_UNSUPPORTED, "a signal interrupts a call by itself here"};
}

}  // namespace smipc::detail
