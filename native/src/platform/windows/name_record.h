// The record of a name: which segment is behind it now.
//
// A section cannot give up its name while somebody has it open, but a channel can: unlink and renew
// leave its ends connected and the name free. So the name belongs to a small section of its own, which
// holds the id of the present segment, and the segment's objects are named after that id. Every
// handle of a segment keeps the record open, so the record goes with the last of them.
// Read and written inside the setup section only. A crash leaves the old id, or one whose segment
// has gone with its creator, which counts as none.
#pragma once

#include <atomic>

#include "platform/windows/section.h"

namespace smipc::detail {

struct NameRecordShm {
  std::atomic<std::uint64_t> segment_id;  // 0: none. Relaxed: the setup section orders it.
};
static_assert(sizeof(NameRecordShm) == 8);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

class NameRecord {
 public:
  // SMIPC_E_NOT_FOUND, _PERMISSION, _NOT_SMIPC, _OS.
  PlatResult open(Scope scope, const std::string& stem);
  PlatResult open_or_create(Scope scope, const std::string& stem, std::uint32_t access);
  void close() { section_.close(); }

  bool is_open() const { return section_.data() != nullptr; }
  HANDLE handle() const { return section_.handle(); }
  Handle duplicate() const { return section_.duplicate(); }

  std::uint64_t segment_id() const { return shm()->segment_id.load(std::memory_order_relaxed); }
  void set_segment_id(std::uint64_t id) { shm()->segment_id.store(id, std::memory_order_relaxed); }

 private:
  NameRecordShm* shm() const { return reinterpret_cast<NameRecordShm*>(section_.data()); }

  Section section_;
};

}  // namespace smipc::detail
