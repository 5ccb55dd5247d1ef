// Mapped files on POSIX, and files that take another's place when they are complete.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>

#include "platform/locked_files.h"
#include "platform/posix/user_file.h"
#include "smipc.h"

namespace smipc::detail {

struct PlatMappedFile {
  FileIdentity identity;
  void* data = nullptr;
  std::size_t bytes = 0;
};

PlatResult plat_mapped_file_open(const std::string& path, std::uint64_t bytes, bool read_only,
                                 PlatMappedFile** out, void** data) {
  FileDescriptor file;
  FileIdentity identity;
  PlatResult result = user_file_open(path, read_only ? O_RDONLY : O_RDWR, &file, &identity);
  if (!result) return result;
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) return os_failure("fstat", errno);
  if (static_cast<std::uint64_t>(info.st_size) != bytes) {
    return {SMIPC_E_INVALID, path + " has " + std::to_string(info.st_size) +
                                 " bytes, and the structure " + std::to_string(bytes)};
  }
  const int protection = read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  void* mapped =
      ::mmap(nullptr, static_cast<std::size_t>(bytes), protection, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) {
    if (errno == ENOMEM) return {SMIPC_E_NO_MEMORY, "no address space for " + path};
    return user_file_failure("mmap", path, errno);
  }
  *out = new (std::nothrow) PlatMappedFile{identity, mapped, static_cast<std::size_t>(bytes)};
  if (*out == nullptr) {
    ::munmap(mapped, static_cast<std::size_t>(bytes));
    return {SMIPC_E_NO_MEMORY, ""};
  }
  *data = mapped;
  return {};
}

bool plat_mapped_file_is_current(const PlatMappedFile* file, const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 &&
         FileIdentity{info.st_dev, info.st_ino} == file->identity;
}

void plat_mapped_file_free(PlatMappedFile* file) {
  if (file == nullptr) return;
  ::munmap(file->data, file->bytes);
  delete file;
}

namespace {

PlatResult fill(const FileDescriptor& fd, const PlatNewFile& file) {
  PlatResult result = user_file_allocate(fd.get(), file.path, file.bytes);
  if (!result) return result;
  ::fchmod(fd.get(), static_cast<mode_t>(user_file_mode(file.access)));
  const ssize_t written = ::pwrite(fd.get(), file.head, file.head_bytes, 0);
  if (written != static_cast<ssize_t>(file.head_bytes)) {
    return user_file_failure("write", file.path, written < 0 ? errno : ENOSPC);
  }
  return {};
}

}  // namespace

PlatResult plat_file_create(const PlatNewFile& file) {
  const std::string fresh = file.path + ".new";
  // Who creates has the exclusive lock: what lies here is of somebody who died.
  ::unlink(fresh.c_str());
  FileDescriptor fd;
  FileIdentity identity;
  PlatResult result = user_file_open(fresh, O_RDWR | O_CREAT | O_EXCL, &fd, &identity);
  if (!result) return result;
  result = fill(fd, file);
  if (result) {
    if (file.replace) {
      if (::rename(fresh.c_str(), file.path.c_str()) == 0) return {};
    } else if (::link(fresh.c_str(), file.path.c_str()) == 0) {
      ::unlink(fresh.c_str());
      return {};
    }
    result = user_file_failure("rename", file.path, errno);
  }
  ::unlink(fresh.c_str());
  return result;
}

}  // namespace smipc::detail
