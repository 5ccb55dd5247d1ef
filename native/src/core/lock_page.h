// The page beside a lock: the layout of the lock file of a locked structure, which all processes share.
// docs/design/locked-structures.md has the story. All fields may be 0, and nothing here decides who has
// the lock. Values are read once and believed only as hints.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace smipc::detail {

inline constexpr std::uint64_t kLockMagic = 0x4b434f4c'43504d53;  // "SMPCLOCK" in a file
inline constexpr std::uint32_t kLockLayoutVersion = 1;
inline constexpr std::uint64_t kLockPageBytes = 64;

struct LockPageShm {
  std::atomic<std::uint64_t> magic;            // 0, or kLockMagic
  std::atomic<std::uint32_t> layout_version;   // stored before the magic
  std::atomic<std::uint32_t> editor_pid;       // the dirty mark; under the exclusive lock
  std::atomic<std::uint32_t> wake_word;        // bit 0: somebody sleeps; above it, a count of wakes
  std::atomic<std::uint32_t> generation;       // of the structure's file; under the exclusive lock
  std::atomic<std::uint64_t> writer_until_ns;  // readers stand back until then; any waiting editor
  std::atomic<std::uint64_t> edits;            // that ended well; under the exclusive lock
};
static_assert(sizeof(LockPageShm) == 40 && sizeof(LockPageShm) <= kLockPageBytes);
static_assert(offsetof(LockPageShm, magic) == 0);
static_assert(offsetof(LockPageShm, layout_version) == 8);
static_assert(offsetof(LockPageShm, editor_pid) == 12);
static_assert(offsetof(LockPageShm, wake_word) == 16);
static_assert(offsetof(LockPageShm, generation) == 20);
static_assert(offsetof(LockPageShm, writer_until_ns) == 24);
static_assert(offsetof(LockPageShm, edits) == 32);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::is_standard_layout_v<LockPageShm>);

}  // namespace smipc::detail
