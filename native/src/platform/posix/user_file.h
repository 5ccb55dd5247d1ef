// Files at paths of the user's choosing: how they are opened and allocated, and what goes wrong there.
#pragma once

#include "platform/posix/shm_file.h"

namespace smipc::detail {

// Opens a regular file. SMIPC_E_NOT_FOUND, _PERMISSION, _NOT_SMIPC, _LIMIT, _OS.
PlatResult user_file_open(const std::string& path, int flags, FileDescriptor* out,
                          FileIdentity* identity);

// For reading and writing; a new one is empty, and for those whom `access` names.
PlatResult user_file_open_or_create(const std::string& path, std::uint32_t access,
                                    FileDescriptor* out, FileIdentity* identity);

// Gives the file at least `bytes`, allocated. SMIPC_E_NO_SPACE, _OS.
PlatResult user_file_allocate(int fd, const std::string& path, std::uint64_t bytes);

// The failure of a call on a path.
PlatResult user_file_failure(const char* call, const std::string& path, int error);

unsigned user_file_mode(std::uint32_t access);

}  // namespace smipc::detail
