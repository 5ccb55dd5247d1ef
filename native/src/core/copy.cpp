// See copy.h.
#include "core/copy.h"

#if SMIPC_SSE2
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace smipc::detail {
namespace {

#if SMIPC_SSE2

struct CpuId {
  unsigned eax, ebx, ecx, edx;
};

// Leaf 0 or 1, which all have. It takes microseconds in a virtual machine.
CpuId cpu_id(unsigned leaf) {
  CpuId id = {};
#if defined(_MSC_VER)
  int words[4];
  __cpuid(words, static_cast<int>(leaf));
  std::memcpy(&id, words, sizeof id);
#else
  __cpuid(leaf, id.eax, id.ebx, id.ecx, id.edx);
#endif
  return id;
}

// AMD's family 25: Zen 3 and 4.
bool is_zen_3_or_4() {
  constexpr unsigned kAuth = 0x68747541;  // of "AuthenticAMD"
  if (cpu_id(0).ebx != kAuth) return false;
  const unsigned version = cpu_id(1).eax;
  return (version >> 8 & 0xf) + (version >> 20 & 0xff) == 25;
}

// It looks as if bytes that the copying instruction has stored did not drive the ring's lines out of the reader's cache
// there, so that the writer's next stores have to: with one ring in three, for seconds, messages of 1 MiB come at 12
// instead of 28 GB/s (glibc 2.36; docs/design/channel-ring.md). It was not so on a Zen 5, where memcpy reaches 60, and
// has not been measured elsewhere.
const bool kByLines = is_zen_3_or_4();

#else

constexpr bool kByLines = false;

#endif

}  // namespace

void copy_large_out(std::byte* to, const std::byte* from, std::size_t size) {
  kByLines ? copy_through_caches(to, from, size) : copy_many(to, from, size);
}

}  // namespace smipc::detail
