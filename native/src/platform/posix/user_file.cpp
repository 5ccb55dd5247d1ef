// See user_file.h.
#include "platform/posix/user_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "platform/posix/system.h"
#include "smipc.h"

namespace smipc::detail {

unsigned user_file_mode(std::uint32_t access) {
  if (access == SMIPC_ACCESS_ALL) return 0666;
  return access == SMIPC_ACCESS_GROUP ? 0660 : 0600;
}

PlatResult user_file_failure(const char* call, const std::string& path, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return {SMIPC_E_NOT_FOUND, path + ": no such file or folder"};
    case EEXIST:
      return {SMIPC_E_EXISTS, path + " exists already"};
    case EACCES:
    case EPERM:
    case EROFS:
      return {SMIPC_E_PERMISSION, "no permission for " + path};
    case EISDIR:
    case ENXIO:
      return {SMIPC_E_NOT_SMIPC, path + " is no regular file"};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {SMIPC_E_NO_SPACE, "no room on the file system of " + path};
    default:
      return os_failure((std::string(call) + " " + path).c_str(), error);
  }
}

PlatResult user_file_open(const std::string& path, int flags, FileDescriptor* out,
                          FileIdentity* identity) {
  // O_NONBLOCK: a pipe under the name must not stop us.
  FileDescriptor fd(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!fd) return user_file_failure("open", path, errno);
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) return os_failure("fstat", errno);
  if (!S_ISREG(info.st_mode)) return {SMIPC_E_NOT_SMIPC, path + " is no regular file"};
  *identity = {info.st_dev, info.st_ino};
  *out = std::move(fd);
  return {};
}

PlatResult user_file_open_or_create(const std::string& path, std::uint32_t access,
                                    FileDescriptor* out, FileIdentity* identity) {
  for (int attempts = 0; attempts < 100; ++attempts) {
    PlatResult result = user_file_open(path, O_RDWR, out, identity);
    if (result.status != SMIPC_E_NOT_FOUND) return result;
    result = user_file_open(path, O_RDWR | O_CREAT | O_EXCL, out, identity);
    if (result) {
      // fchmod and not open's mode, which the umask would cut.
      ::fchmod(out->get(), static_cast<mode_t>(user_file_mode(access)));
      return {};
    }
    if (result.status != SMIPC_E_EXISTS) return result;
  }
  return {SMIPC_E_OS, path + " comes and goes"};
}

PlatResult user_file_allocate(int fd, const std::string& path, std::uint64_t bytes) {
  int error;
  do {
    error = system_allocate(fd, 0, static_cast<std::int64_t>(bytes));
  } while (error == EINTR);
  if (error == 0) return {};
  if (error != ENOSPC && error != EDQUOT && error != EFBIG) {
    return user_file_failure("allocate", path, error);
  }
  struct statvfs space = {};
  if (::fstatvfs(fd, &space) != 0) return user_file_failure("fstatvfs", path, error);
  return {SMIPC_E_NO_SPACE,
          path + " needs " + std::to_string(bytes) + " bytes, and its file system has " +
              std::to_string(std::uint64_t{space.f_bavail} * space.f_frsize) + " bytes free"};
}

}  // namespace smipc::detail
