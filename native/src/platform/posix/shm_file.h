// The files behind segments: where they are, how they are opened, and what goes wrong there.
// A file is only ever opened if it is a regular file, not through a symbolic link, and, unless the
// caller shares on purpose, owned by the user of this process.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "platform/platform.h"

namespace smipc::detail {

// Closes on destruction.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();

 private:
  int fd_;
};

struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

// The directory that holds the files, "/dev/shm" on Linux.
const std::string& shm_directory();

std::string shm_path(const PlatSegmentName& name);
// Where a removed segment's file waits for its last end.
std::string shm_removed_path(std::uint64_t nonce);
// The file names that plat_segments_sweep looks at.
std::string shm_prefix(std::uint32_t kind);
extern const char kRemovedPrefix[];

// Opens an existing file. SMIPC_E_NOT_FOUND, _PERMISSION, _NOT_SMIPC, _LIMIT, _OS.
PlatResult shm_open_existing(const std::string& path, std::uint32_t access, FileDescriptor* out,
                             FileIdentity* identity);

// Makes a new, empty file. SMIPC_E_EXISTS when somebody was faster.
PlatResult shm_create(const std::string& path, std::uint32_t access, FileDescriptor* out,
                      FileIdentity* identity);

// Which file is at the path now; false: none.
bool shm_identify(const std::string& path, FileIdentity* out);

// A result with the name of the failing call and errno in it.
PlatResult os_failure(const char* call, int error);

}  // namespace smipc::detail
