// The inside of PlatSegment: what a process holds of a segment that it has mapped.
#pragma once

#include "platform/windows/mirror.h"
#include "platform/windows/names.h"
#include "platform/windows/process_watch.h"
#include "platform/windows/wake_event.h"

namespace smipc::detail {

struct PlatSegment {
  Mirror mirror;
  std::uint64_t ring_offset = 0;
  std::uint64_t ring_bytes = 0;
  Scope scope = Scope::kSession;
  std::string stem;
  std::uint64_t id = 0;
  std::wstring removed_path;  // of a segment with a file: where it waits if its name is removed
  // Until release.
  Handle role;
  Handle section;
  Handle record;
  // Until free: a thread may still be on its way out of a sleep.
  WakeEvent wake_events[kCrowdWakes];  // a pair's: the first kRoleCount of them
  ProcessWatch opposite;
};

}  // namespace smipc::detail
