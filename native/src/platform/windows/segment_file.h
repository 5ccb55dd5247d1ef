// The files behind segments that outlive the processes that use them (SMIPC_LIFETIME_KERNEL).
// Windows deletes no file that is mapped. A name that is removed while its file is in use gives the
// file another name, under which the last one to unmap it, or a later sweep, deletes it.
#pragma once

#include "platform/windows/names.h"
#include "platform/windows/windows_api.h"

namespace smipc::detail {

// Opens an existing file. SMIPC_E_NOT_FOUND, _PERMISSION, _NOT_SMIPC, _OS.
PlatResult segment_file_open(const std::wstring& path, Handle* out);

// Makes a new, empty file, and the folder for it. SMIPC_E_EXISTS, _PERMISSION, _NO_SPACE, _OS.
PlatResult segment_file_create(Scope scope, const std::string& file_name, std::uint32_t access,
                               std::uint64_t bytes, Handle* out);

// Gives the file the name of a removed one. SMIPC_E_PERMISSION, _OS; none there is fine.
PlatResult segment_file_move_away(Scope scope, const std::string& file_name, std::uint64_t nonce,
                                  std::wstring* out_path);

// Deletes it if nobody uses it any more.
bool segment_file_delete(const std::wstring& path);

// Tells the file from every other that exists, by whatever name; never 0.
std::uint64_t segment_file_id(HANDLE file);

}  // namespace smipc::detail
