// What opening the kernel's own named objects (semaphores, sections) has in common on Windows.
//
// An object goes with its last handle, and a name cannot be taken from one that is in use. So nothing
// is ever unlinked: unlinking says whether there is such an object, and creating in place of one that
// is in use is refused.
#pragma once

#include "platform/named_objects.h"
#include "platform/windows/windows_api.h"

namespace smipc::detail {

// The failure of creating or opening a named object.
PlatResult object_failure(const char* call, DWORD error);

// The system's name, in this session: "Local\" and what the object is called there.
std::wstring object_name(const char* prefix, const std::string& name);

// What is to be done about an object that was created or found: nothing, or the refusal.
PlatResult check_existence(std::uint32_t existence, bool created);

}  // namespace smipc::detail
