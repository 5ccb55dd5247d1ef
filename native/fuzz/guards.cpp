// Inaccessible pages around every mapping that this program makes: the linker puts these functions in
// front of mmap and munmap (cmake/fuzzers.cmake).
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

extern "C" void* __real_mmap(void* where, std::size_t bytes, int protection, int flags, int file,
                             off_t offset);
extern "C" int __real_munmap(void* where, std::size_t bytes);

namespace {

constexpr std::size_t kGuard = std::size_t{64} << 20;  // of address space, not of memory

struct Guarded {
  std::mutex mutex;
  std::map<void*, std::size_t> bytes;  // of what lies between the guards
};

Guarded& guarded() {
  static Guarded& all = *new Guarded;
  return all;
}

std::size_t whole_pages(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

extern "C" void* __wrap_mmap(void* where, std::size_t bytes, int protection, int flags, int file,
                             off_t offset) {
  if (where != nullptr || bytes == 0 || bytes > SIZE_MAX / 4) {
    return __real_mmap(where, bytes, protection, flags, file, offset);
  }
  const std::size_t whole = whole_pages(bytes);
  void* reserved = __real_mmap(nullptr, whole + 2 * kGuard, PROT_NONE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return MAP_FAILED;
  void* inner = static_cast<char*>(reserved) + kGuard;
  if (__real_mmap(inner, bytes, protection, flags | MAP_FIXED, file, offset) == MAP_FAILED) {
    __real_munmap(reserved, whole + 2 * kGuard);
    return MAP_FAILED;
  }
  const std::lock_guard<std::mutex> guard(guarded().mutex);
  guarded().bytes[inner] = whole;
  return inner;
}

extern "C" int __wrap_munmap(void* where, std::size_t bytes) {
  {
    const std::lock_guard<std::mutex> guard(guarded().mutex);
    const auto found = guarded().bytes.find(where);
    if (found != guarded().bytes.end() && found->second == whole_pages(bytes)) {
      guarded().bytes.erase(found);
      return __real_munmap(static_cast<char*>(where) - kGuard, whole_pages(bytes) + 2 * kGuard);
    }
  }
  return __real_munmap(where, bytes);
}
