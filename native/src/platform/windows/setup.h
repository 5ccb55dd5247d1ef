// The inside of PlatSetup, for the files of this folder that act within the section.
#pragma once

#include <string>

#include "platform/windows/name_record.h"
#include "platform/windows/section.h"
#include "platform/windows/segment_file.h"
#include "platform/windows/setup_lock.h"

namespace smipc::detail {

struct PlatSetup {
  std::string stem;
  std::uint32_t access = 0;  // for what is made here
  std::int64_t deadline_ns = 0;
  // Entered in this order, left the other way round, and after everything below.
  SetupLock session_lock;
  SetupLock machine_lock;

  Scope scope = Scope::kSession;  // of the segment that is there, or would be made
  NameRecord record;              // of a segment without a file
  Handle file;                    // of one with a file
  Section section;                // none: the segment has no size
  std::uint64_t id = 0;           // of the segment: part of the names of its objects
  std::wstring removed_path;      // a file to delete when we have let go of it
};

}  // namespace smipc::detail
