// A section's memory mapped with its last part, the ring, twice in a row.
#pragma once

#include "platform/windows/windows_api.h"

namespace smipc::detail {

// Offset and sizes of a mapping must be multiples of this on every Windows.
inline constexpr std::uint64_t kMappingGranularity = 65536;

struct Mirror {
  std::byte* base = nullptr;    // header and ring
  std::byte* second = nullptr;  // the ring once more
};

// SMIPC_E_NO_MEMORY, _OS.
PlatResult mirror_map(HANDLE section, std::uint64_t ring_offset, std::uint64_t ring_bytes,
                      Mirror* out);
void mirror_unmap(const Mirror& mirror);

}  // namespace smipc::detail
