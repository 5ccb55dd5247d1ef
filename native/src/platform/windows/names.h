// Where the objects and files of a segment are, and what they are called.
//
// A scope is one namespace for objects and one folder for files. kSession is what channels of
// one user take: nobody outside the logon session sees the objects. kMachine is for channels that
// are shared with other users, who may be in other sessions.
// All kinds of object share a namespace, so each name ends in what it names.
#pragma once

#include <string>

#include "platform/platform.h"

namespace smipc::detail {

enum class Scope : std::uint8_t { kSession, kMachine };

// "smipc.ch.<encoded name>": the stem of everything about one name, and its file's name.
std::string name_stem(const PlatSegmentName& name);
// How file names of a kind begin, and those of files whose name was removed while they were in use.
std::string stem_prefix(std::uint32_t kind);
extern const char kRemovedPrefix[];

// "Local\<stem>.<what>" or "Global\<stem>.<what>".
std::wstring object_name(Scope scope, const std::string& stem, const char* what);
// The same for an object of one particular segment, whatever its name is by now.
std::wstring object_name(Scope scope, const std::string& stem, std::uint64_t id, const char* what);

// The folder that holds the scope's files, without a backslash at the end; "" when the environment
// of this process does not name its parent.
std::wstring files_folder(Scope scope);
std::wstring file_path(Scope scope, const std::string& file_name);
std::string removed_file_name(std::uint64_t nonce);

}  // namespace smipc::detail
