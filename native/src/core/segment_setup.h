// What opening has in common for the objects that live in segments of their own: the setup section,
// and the header that the creator writes and everybody else checks.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/error.h"
#include "core/layout.h"
#include "platform/platform.h"

namespace smipc::detail {

inline constexpr std::int64_t kSetupTimeoutNs = 10'000'000'000;
inline constexpr int kSetupAttempts = 100;  // of racing with those who replace the segment

// How texts name an object.
struct ObjectTitle {
  const char* noun;
  std::string_view name;
};

// Leaves the section on destruction.
class Setup {
 public:
  Setup() = default;
  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;
  ~Setup() {
    if (setup != nullptr) plat_setup_leave(setup);
  }
  PlatSetup* setup = nullptr;
};

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Reads the segment's first `size` bytes, of which a SegmentHeaderShm is the beginning, and checks
// what is the same for every kind. SMIPC_OK with *fresh: nothing that counts is under the name, for
// the creator stores the magic last. Nothing else in the image is trusted.
// SMIPC_E_NOT_SMIPC, _CORRUPT, _VERSION.
Status inspect_segment(const ObjectTitle& title, std::uint32_t kind, const PlatSetup* setup,
                       std::byte* image, std::size_t size, bool* fresh);

// SMIPC_E_EXISTS when the segment belongs to another name with the same hash.
Status check_segment_name(const ObjectTitle& title, std::string_view name,
                          const SegmentHeaderShm& header);

// All fields but the magic, the sizes and what is of one kind only.
void fill_segment_header(SegmentHeaderShm* header, const PlatSegmentName& name,
                         std::uint32_t access, std::uint64_t nonce);

}  // namespace smipc::detail
