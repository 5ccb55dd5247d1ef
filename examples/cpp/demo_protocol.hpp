// What the sender and the receiver of `smipc demo` say to each other. smipc/demo_protocol.py says
// the same in Python; either language understands the other.
//
// Two message channels: NAME from sender to receiver, with the capacity under test, and NAME-back
// from receiver to sender. All integers are little-endian.
//
//   1. The sender reads and hashes some files, 8 MiB of them or one larger one, and sends a
//   manifest:
//      per file its size (8 bytes), SHA-256 (32 bytes), length of its name (4 bytes), and name.
//   2. The receiver makes room for their content and answers with an empty message: go. Its clock
//      runs from here until it has taken the last byte, so that what is timed is the channel, with
//      the copies in and out of it, and neither disk nor hash.
//   3. The sender sends each file's content as one message, in the order of the manifest.
//   4. The receiver checks sizes and digests, and the next manifest follows.
//   5. An empty manifest ends the files. The receiver sends pings of 64 bytes on NAME-back and
//   times
//      how long it takes until they have come back on NAME; an empty one ends the demo.
//
// Names come from a list file that both are given: relative paths, each followed by a NUL byte.
#ifndef SMIPC_EXAMPLES_DEMO_PROTOCOL_HPP
#define SMIPC_EXAMPLES_DEMO_PROTOCOL_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <smipc.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "demo_sha256.hpp"

namespace demo {

inline constexpr std::size_t kBatchBytes = 8 << 20;
inline constexpr std::size_t kPingBytes = 64;
inline constexpr std::size_t kWarmUpRounds = 1'000;
inline constexpr std::size_t kTimedRounds = 10'000;
inline constexpr std::size_t kBackCapacity = 65536;

using Clock = std::chrono::steady_clock;

inline long long nanoseconds(Clock::duration time) {
  return static_cast<long long>(std::chrono::nanoseconds(time).count());
}

inline smipc::Options options(std::uint64_t capacity_bytes) {
  return {.capacity_bytes = capacity_bytes, .framing = smipc::Framing::kMessage};
}

struct Entry {
  std::uint64_t size;
  Digest digest;
  std::string name;
};

namespace detail {

template <class T>
void append(std::vector<std::byte> &out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

inline std::span<const std::byte> take(std::span<const std::byte> &rest, std::size_t size) {
  if (size > rest.size()) throw std::runtime_error("a manifest ends in the middle of an entry");
  const auto taken = rest.first(size);
  rest = rest.subspan(size);
  return taken;
}

template <class T>
T take_integer(std::span<const std::byte> &rest) {
  T value = 0;
  const auto bytes = take(rest, sizeof value);
  for (std::size_t i = sizeof value; i-- > 0;)
    value = static_cast<T>(value << 8 | std::to_integer<T>(bytes[i]));
  return value;
}

}  // namespace detail

inline std::vector<std::byte> pack_manifest(const std::vector<Entry> &entries) {
  std::vector<std::byte> out;
  for (const Entry &entry : entries) {
    detail::append(out, entry.size);
    out.insert(out.end(), entry.digest.begin(), entry.digest.end());
    detail::append(out, static_cast<std::uint32_t>(entry.name.size()));
    const auto name = std::as_bytes(std::span(entry.name));
    out.insert(out.end(), name.begin(), name.end());
  }
  return out;
}

inline std::vector<Entry> unpack_manifest(std::span<const std::byte> rest) {
  std::vector<Entry> entries;
  while (!rest.empty()) {
    Entry entry;
    entry.size = detail::take_integer<std::uint64_t>(rest);
    const auto digest = detail::take(rest, entry.digest.size());
    std::copy(digest.begin(), digest.end(), entry.digest.begin());
    const auto name = detail::take(rest, detail::take_integer<std::uint32_t>(rest));
    entry.name.assign(reinterpret_cast<const char *>(name.data()), name.size());
    entries.push_back(std::move(entry));
  }
  return entries;
}

// A path from its bytes: UTF-8 on Windows, as they are elsewhere.
inline std::filesystem::path path_of(std::string_view bytes) {
#ifdef _WIN32
  return std::filesystem::path(
      std::u8string_view(reinterpret_cast<const char8_t *>(bytes.data()), bytes.size()));
#else
  return std::filesystem::path(bytes);
#endif
}

inline std::vector<std::byte> read_file(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::vector<std::byte> content(static_cast<std::size_t>(file.tellg()));
  file.seekg(0);
  file.read(reinterpret_cast<char *>(content.data()), static_cast<std::streamsize>(content.size()));
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return content;
}

inline std::vector<std::string> read_list(const std::filesystem::path &path) {
  const std::vector<std::byte> content = read_file(path);
  const std::string_view text(reinterpret_cast<const char *>(content.data()), content.size());
  std::vector<std::string> names;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\0', start), text.size());
    names.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return names;
}

}  // namespace demo

#endif  // SMIPC_EXAMPLES_DEMO_PROTOCOL_HPP
