// Mapped segments on POSIX, and how a role is held without a descriptor.
//
// A role is an open-file-description lock on a byte of the segment's file. On Linux the lock is
// taken on a descriptor that is then closed: the mappings made from it keep the open file
// description, and so the lock, alive. So it ends exactly when the last mapping does: by
// plat_segment_release, or when the process ends in any way (zombies included). MADV_DONTFORK keeps
// it from forked children. Elsewhere the descriptor has to stay: LockKeeper.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

#include "platform/posix/file_lock.h"
#include "platform/posix/setup.h"
#include "platform/posix/system.h"
#include "smipc.h"

#if defined(__APPLE__)
#include <mach/vm_inherit.h>
#endif

namespace smipc::detail {

struct PlatSegment {
  std::string path;
  std::string removed_path;
  FileIdentity identity;
  std::byte* base = nullptr;
  std::size_t bytes = 0;
  LockKeeper role;
};

namespace {

PlatResult mapping_failure(int error) {
  if (error == ENOMEM) {
    return {SMIPC_E_NO_MEMORY,
            "no address space, or too many mappings in this process (vm.max_map_count)"};
  }
  return os_failure("mmap", error);
}

bool map_fixed(std::byte* where, std::size_t bytes, int fd, off_t offset) {
  return ::mmap(where, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, offset) !=
         MAP_FAILED;
}

// header and ring, then the ring once more: two mappings.
PlatResult map_mirrored(int fd, std::uint64_t ring_offset, std::uint64_t ring_bytes,
                        PlatSegment* segment) {
  segment->bytes = static_cast<std::size_t>(ring_offset + 2 * ring_bytes);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* base = ::mmap(nullptr, segment->bytes, PROT_NONE, flags, -1, 0);
  if (base == MAP_FAILED) return mapping_failure(errno);
  segment->base = static_cast<std::byte*>(base);
  const auto once = static_cast<std::size_t>(ring_offset + ring_bytes);
  bool mapped =
      map_fixed(segment->base, once, fd, 0) &&
      (ring_bytes == 0 || map_fixed(segment->base + once, static_cast<std::size_t>(ring_bytes), fd,
                                    static_cast<off_t>(ring_offset)));
#if defined(MADV_DONTFORK)
  mapped = mapped && ::madvise(base, segment->bytes, MADV_DONTFORK) == 0;
#else
  mapped = mapped && ::minherit(base, segment->bytes, VM_INHERIT_NONE) == 0;
#endif
  if (!mapped) {
    const int error = errno;
    ::munmap(base, segment->bytes);
    segment->base = nullptr;
    return mapping_failure(error);
  }
  return {};
}

PlatResult take_role(int fd, std::uint32_t role) {
  switch (file_lock_try(fd, kFirstRoleLockByte + role)) {
    case LockOutcome::kTaken:
      return {};
    case LockOutcome::kHeldByOther:
      return {SMIPC_E_END_TAKEN, ""};
    case LockOutcome::kFailed:
      break;
  }
  return os_failure("fcntl(F_OFD_SETLK)", errno);
}

// Opens the segment's file to ask about its locks: where it was, or where removal put it.
FileDescriptor open_for_asking(const PlatSegment* segment, bool* out_of_descriptors) {
  for (const std::string* path : {&segment->path, &segment->removed_path}) {
    FileDescriptor fd(::open(path->c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat info = {};
    if (fd && ::fstat(fd.get(), &info) == 0 &&
        FileIdentity{info.st_dev, info.st_ino} == segment->identity) {
      return fd;
    }
    if (!fd && errno != ENOENT) *out_of_descriptors = true;
  }
  return FileDescriptor();
}

}  // namespace

std::uint64_t plat_ring_granularity() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

PlatResult plat_segment_map(PlatSetup* setup, std::uint32_t role, std::uint64_t ring_offset,
                            std::uint64_t ring_bytes, std::uint64_t nonce, PlatSegment** out,
                            PlatMapping* mapping) {
  // An open file of its own: locks of the setup's file would not exclude it.
  FileDescriptor file;
  FileIdentity identity;
  PlatResult result = shm_open_existing(setup->path, SMIPC_ACCESS_ALL, &file, &identity);
  if (!result) return result;
  if (identity != setup->identity) return {SMIPC_E_OS, setup->path + " was replaced by hand"};
  if (role != kNoRole) result = take_role(file.get(), role);
  if (!result) return result;
  PlatSegment* segment = new (std::nothrow) PlatSegment;
  if (segment == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  segment->path = setup->path;
  segment->removed_path = shm_removed_path(nonce);
  segment->identity = identity;
  result = map_mirrored(file.get(), ring_offset, ring_bytes, segment);
  if (!result) {
    delete segment;
    return result;
  }
  if (role != kNoRole) segment->role.keep(std::move(file));
  mapping->header = segment->base;
  mapping->ring = segment->base + ring_offset;
  *out = segment;
  return {};
}

bool plat_segment_role_held(PlatSegment* segment, std::uint32_t role, std::uint32_t pid,
                            std::uint64_t) {
  const ForkGuard guard;
  bool unknown = false;
  FileDescriptor file = open_for_asking(segment, &unknown);
  if (file) return file_lock_is_held(file.get(), kFirstRoleLockByte + role);
  if (unknown || pid == 0) return true;
  // Somebody removed the file behind our back: the pid is the best evidence left.
  return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH;
}

void plat_segment_release(PlatSegment* segment) {
  // Anonymous memory in the same place, in one step: nothing can fault, and nothing else can be
  // mapped there meanwhile. The old mappings go, and the role with them.
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  if (::mmap(segment->base, segment->bytes, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED) {
    ::munmap(segment->base, segment->bytes);  // out of mappings: better a fault than a held role
  }
  segment->role.drop();
  // A removed segment's file waits for its last end.
  const ForkGuard guard;
  FileIdentity now;
  if (shm_identify(segment->removed_path, &now) && now == segment->identity) {
    bool unknown = false;
    FileDescriptor file = open_for_asking(segment, &unknown);
    const bool held =
        unknown || (file && file_lock_is_held(file.get(), kFirstRoleLockByte, kCrowdRoles));
    if (!held) ::unlink(segment->removed_path.c_str());
  }
}

void plat_segment_free(PlatSegment* segment) {
  if (segment == nullptr) return;
  ::munmap(segment->base, segment->bytes);
  delete segment;
}

}  // namespace smipc::detail
