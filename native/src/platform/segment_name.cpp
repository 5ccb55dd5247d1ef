// See segment_name.h.
#include "platform/segment_name.h"

#include "core/layout.h"

namespace smipc::detail {
namespace {

constexpr std::size_t kReadableBytes = 40;

// FNV-1a, then the finalizer of MurmurHash3 (both public domain), once per half.
std::uint64_t hash64(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ seed;
  for (char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33);
}

void append_hex(std::string& out, std::uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15];
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

}  // namespace

const char* kind_tag(std::uint32_t kind) {
  switch (kind) {
    case kKindChannel:
      return "ch";
    case kKindCircularBuffer:
      return "cb";
    case kKindMessageQueue:
      return "mq";
    default:
      return "other";
  }
}

std::string encoded_name(const PlatSegmentName& name) {
  std::string out;
  for (char c : name.name.substr(0, kReadableBytes)) out += is_plain(c) ? c : '_';
  out += '.';
  append_hex(out, hash64(name.name, 0));
  append_hex(out, hash64(name.name, 0x9e3779b97f4a7c15ULL));
  return out;
}

}  // namespace smipc::detail
