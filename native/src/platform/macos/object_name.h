// What named semaphores and shared memory have in common on macOS.
#pragma once

#include <string>

#include "platform/platform.h"

namespace smipc::detail {

// "/name"; one of more than 30 bytes is hashed.
std::string system_object_name(const std::string& name);

unsigned object_mode(std::uint32_t access);

// The failure of opening or unlinking one.
PlatResult object_failure(const char* call, int error);

}  // namespace smipc::detail
