// Roles of a segment: who holds one keeps a named object open, an event that nobody signals.
//
// The object exists exactly as long as a handle of it, so a role ends with plat_segment_release or with
// its process, however that ends. Whoever asks opens the object for a moment, which makes it exist a
// moment longer; a holder whose process is known to have ended is therefore not asked about.
#pragma once

#include "platform/windows/names.h"
#include "platform/windows/process_watch.h"

namespace smipc::detail {

std::wstring role_name(Scope scope, const std::string& stem, std::uint64_t id, std::uint32_t role);

// SMIPC_E_END_TAKEN when somebody has it. Inside the setup section.
PlatResult role_take(Scope scope, const std::wstring& name, Handle* out);

// When the OS cannot say: true.
bool role_exists(const std::wstring& name);

}  // namespace smipc::detail
