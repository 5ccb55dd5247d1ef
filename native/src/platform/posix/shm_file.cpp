// See shm_file.h.
#include "platform/posix/shm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

#include "platform/posix/system.h"
#include "platform/segment_name.h"
#include "smipc.h"

namespace smipc::detail {

const char kRemovedPrefix[] = "smipc.removed.";

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

int FileDescriptor::release() {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

const std::string& shm_directory() { return system_directory(); }

std::string shm_prefix(std::uint32_t kind) { return std::string("smipc.") + kind_tag(kind) + "."; }

std::string shm_path(const PlatSegmentName& name) {
  return shm_directory() + "/" + shm_prefix(name.kind) + encoded_name(name);
}

std::string shm_removed_path(std::uint64_t nonce) {
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016" PRIx64, nonce);
  return shm_directory() + "/" + kRemovedPrefix + hex;
}

PlatResult os_failure(const char* call, int error) {
  if (error == EMFILE || error == ENFILE) {
    struct rlimit limit = {};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return {SMIPC_E_LIMIT, "out of file descriptors (the limit of this process is " +
                               std::to_string(limit.rlim_cur) + ")"};
  }
  return {SMIPC_E_OS,
          std::string(call) + ": " + ::strerror(error) + " (errno " + std::to_string(error) + ")"};
}

namespace {

PlatResult not_yours(const std::string& path, uid_t owner) {
  return {SMIPC_E_PERMISSION, path + " belongs to user " + std::to_string(owner) +
                                  ", this process runs as user " + std::to_string(::geteuid())};
}

PlatResult open_failure(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
      return {SMIPC_E_NOT_FOUND, path + " does not exist"};
    case ELOOP:
      return {SMIPC_E_NOT_SMIPC, path + " is a symbolic link"};
    case EISDIR:
    case ENXIO:
      return {SMIPC_E_NOT_SMIPC, path + " is no regular file"};
    case EACCES:
    case EPERM: {
      struct stat info = {};
      if (::lstat(path.c_str(), &info) == 0) return not_yours(path, info.st_uid);
      return {SMIPC_E_PERMISSION, "no permission for " + path};
    }
    default:
      return os_failure(("open " + path).c_str(), error);
  }
}

mode_t mode_of(std::uint32_t access) {
  if (access == SMIPC_ACCESS_ALL) return 0666;
  return access == SMIPC_ACCESS_GROUP ? 0660 : 0600;
}

}  // namespace

PlatResult shm_open_existing(const std::string& path, std::uint32_t access, FileDescriptor* out,
                             FileIdentity* identity) {
  // O_NONBLOCK: a pipe planted under the name must not stop us.
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return open_failure(path, errno);
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) return os_failure("fstat", errno);
  if (!S_ISREG(info.st_mode)) return {SMIPC_E_NOT_SMIPC, path + " is no regular file"};
  if (access == SMIPC_ACCESS_USER && info.st_uid != ::geteuid())
    return not_yours(path, info.st_uid);
  *identity = {info.st_dev, info.st_ino};
  *out = std::move(fd);
  return {};
}

PlatResult shm_create(const std::string& path, std::uint32_t access, FileDescriptor* out,
                      FileIdentity* identity) {
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    if (errno == EEXIST) return {SMIPC_E_EXISTS, path + " exists"};
    if (errno == ENOSPC) return {SMIPC_E_NO_SPACE, shm_directory() + " takes no more files"};
    if (errno == ENOENT) {
      return {SMIPC_E_OS, "there is no " + shm_directory() + ", where shared memory would be"};
    }
    return open_failure(path, errno);
  }
  struct stat info = {};
  // fchmod and not open's mode, which the umask would cut.
  if (::fchmod(fd.get(), mode_of(access)) != 0 || ::fstat(fd.get(), &info) != 0) {
    const int error = errno;
    ::unlink(path.c_str());
    return os_failure("fchmod", error);
  }
  *identity = {info.st_dev, info.st_ino};
  *out = std::move(fd);
  return {};
}

bool shm_identify(const std::string& path, FileIdentity* out) {
  struct stat info = {};
  if (::lstat(path.c_str(), &info) != 0) return false;
  *out = {info.st_dev, info.st_ino};
  return true;
}

}  // namespace smipc::detail
