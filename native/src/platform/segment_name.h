// How a user's name becomes the name of an OS object: a readable part, and a hash that makes it
// unique. The full name stands in the segment, so a collision of hashes is noticed, never used.
#pragma once

#include <string>

#include "platform/platform.h"

namespace smipc::detail {

// "ch": names of different kinds of object never meet.
const char* kind_tag(std::uint32_t kind);

// Letters, digits, '-' and '_' of the name, others as '_', at most 40; then '.', then 128 bits of
// hash in hexadecimal. The same on every platform.
std::string encoded_name(const PlatSegmentName& name);

}  // namespace smipc::detail
