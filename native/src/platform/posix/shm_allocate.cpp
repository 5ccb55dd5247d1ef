// See shm_allocate.h.
#include "platform/posix/shm_allocate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "platform/posix/shm_file.h"
#include "platform/posix/system.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

constexpr std::uint64_t kAllocateChunk = std::uint64_t{64} << 20;

std::string bytes_text(std::uint64_t bytes) { return std::to_string(bytes) + " bytes"; }

PlatResult no_space(std::uint64_t needed, std::uint64_t available, std::uint64_t total) {
  return {SMIPC_E_NO_SPACE,
          "it needs " + bytes_text(needed) + " of shared memory, and " + shm_directory() + " has " +
              bytes_text(available) + " free of " + bytes_text(total) +
              "; ask for less, remove what is left over (smipc clean), or make it larger (mount -o "
              "remount,size=... " +
              shm_directory() + "; in a container --shm-size=...)"};
}

}  // namespace

PlatResult shm_allocate(int fd, std::uint64_t bytes) {
  struct statvfs space = {};
  if (::fstatvfs(fd, &space) != 0) return os_failure("fstatvfs", errno);
  const std::uint64_t available = std::uint64_t{space.f_bavail} * space.f_frsize;
  const std::uint64_t total = std::uint64_t{space.f_blocks} * space.f_frsize;
  if (total != 0 && bytes > available) return no_space(bytes, available, total);
  struct rlimit limit = {};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      bytes > limit.rlim_cur) {  // going on would end in SIGXFSZ
    return {SMIPC_E_NO_SPACE, "it needs " + bytes_text(bytes) +
                                  ", and the file size limit of this process (ulimit -f) is " +
                                  bytes_text(limit.rlim_cur)};
  }
  // In chunks, so that a signal does not start a long allocation all over again.
  for (std::uint64_t done = 0; done < bytes;) {
    const std::uint64_t chunk = std::min(kAllocateChunk, bytes - done);
    const int error =
        system_allocate(fd, static_cast<std::int64_t>(done), static_cast<std::int64_t>(chunk));
    if (error == ENOSPC || error == EFBIG || error == ENOMEM) {
      if (::ftruncate(fd, 0) != 0) return os_failure("ftruncate", errno);
      return no_space(bytes, available, total);
    }
    if (error != 0 && error != EINTR) return os_failure("allocating memory", error);
    if (error == 0) done += chunk;
  }
  return {};
}

}  // namespace smipc::detail
