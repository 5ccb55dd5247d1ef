// See hostile.hpp.
#include "hostile.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

// A hostile reader announces messages of any size: the library must take no for an answer, and a
// gigabyte of real memory would be the fuzzer's end, not the library's.
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1:max_allocation_size_mb=64:detect_stack_use_after_return=1:"
         "handle_abort=1";
}
extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1"; }

namespace smipc::fuzz {
namespace {

// One thread for the whole run, which sleeps while there is nothing to change.
class Flicker {
 public:
  void begin(std::uint64_t* word, std::uint64_t one, std::uint64_t other) {
    end();
    if (!started_) {
      std::thread([this] { run(); }).detach();
      started_ = true;
    }
    word_ = word;
    values_[0] = one;
    values_[1] = other;
    state_.store(kAsked, std::memory_order_release);
    state_.notify_all();
    while (state_.load(std::memory_order_acquire) == kAsked) std::this_thread::yield();
  }

  void end() {
    if (state_.load(std::memory_order_relaxed) == kIdle) return;
    state_.store(kAskedToStop, std::memory_order_release);
    while (state_.load(std::memory_order_acquire) != kIdle) std::this_thread::yield();
  }

 private:
  enum State : int { kIdle, kAsked, kRunning, kAskedToStop };

  void run() {
    for (;;) {
      state_.wait(kIdle);
      int asked = kAsked;
      if (state_.compare_exchange_strong(asked, kRunning)) {
        while (state_.load(std::memory_order_acquire) == kRunning) {
          for (const std::uint64_t value : values_) {
            __atomic_store_n(word_, value, __ATOMIC_RELAXED);
          }
        }
      }
      state_.store(kIdle, std::memory_order_release);
    }
  }

  std::atomic<int> state_{kIdle};
  bool started_ = false;
  std::uint64_t* word_ = nullptr;
  std::uint64_t values_[2] = {};
};

Flicker& flickering() {
  static Flicker& one = *new Flicker;  // its thread outlives static objects
  return one;
}

// What an unlinked object that was open has become: a file of another name (docs/shm-layout.md).
void unlink_removed(const std::string& folder, ino_t inode) {
  DIR* directory = ::opendir(folder.c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (entry->d_ino == inode && name.rfind("smipc.removed.", 0) == 0) {
      ::unlink((folder + "/" + name).c_str());
    }
  }
  ::closedir(directory);
}

}  // namespace

Hostile::~Hostile() {
  unmap();
  ::unlink(path_.c_str());
  for (const int file : files_) {
    struct stat info = {};
    if (::fstat(file, &info) == 0 && info.st_nlink > 0) {
      unlink_removed(path_.substr(0, path_.rfind('/')), info.st_ino);
    }
    ::close(file);
  }
}

void Hostile::unmap() {
  calm();
  if (base_ != nullptr) ::munmap(base_, bytes_);
  base_ = nullptr;
}

void Hostile::map() {
  unmap();
  const int file = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  files_.push_back(file);
  struct stat info = {};
  if (::fstat(file, &info) != 0 || info.st_size < 8) return;
  bytes_ = static_cast<std::size_t>(info.st_size);
  void* mapped = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) base_ = static_cast<unsigned char*>(mapped);
}

std::uint64_t Hostile::load(std::size_t at, std::size_t bytes) const {
  std::uint64_t value = 0;
  std::memcpy(&value, base_ + at, bytes);
  return value;
}

void Hostile::store(std::size_t at, std::size_t bytes, std::uint64_t value) {
  std::memcpy(base_ + at, &value, bytes);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

Field Hostile::choose(Program& program, const Field* fields, std::size_t count,
                      std::uint8_t selector) {
  Field field = {};
  if (selector < 0xd0) {
    field = fields[selector % count];
  } else {
    field.bytes = 1u << (selector & 3);
    field.offset = static_cast<std::uint32_t>(program.number(2)) & ~(field.bytes - 1);
  }
  field.offset = static_cast<std::uint32_t>(field.offset % (bytes_ - 7));
  return field;
}

void Hostile::write(Program& program, const Field* fields, std::size_t count) {
  const std::uint8_t selector = program.byte();
  if (base_ == nullptr) return;
  if (selector >= 0xf8) {
    const std::size_t at = static_cast<std::size_t>(program.number(2)) % bytes_;
    const std::size_t length = program.byte();
    for (std::size_t i = at; i < at + length && i < bytes_ && program.more(); ++i) {
      base_[i] = program.byte();
    }
    return;
  }
  const Field field = choose(program, fields, count, selector);
  store(field.offset, field.bytes, program.value(load(field.offset, field.bytes)));
}

void Hostile::flicker(Program& program, const Field* fields, std::size_t count) {
  const std::uint8_t selector = program.byte();
  if (base_ == nullptr) return;
  calm();
  const std::size_t at = choose(program, fields, count, selector).offset & ~std::uint32_t{7};
  const std::uint64_t current = load(at, 8);
  const std::uint64_t other = program.value(current);
  flickering().begin(reinterpret_cast<std::uint64_t*>(base_ + at), current, other);
}

void Hostile::calm() { flickering().end(); }

const std::string& object_name() {
  static const std::string& name = *new std::string([] {
    char text[32];
    std::snprintf(text, sizeof text, "fuzz-%010d", static_cast<int>(::getpid()));
    return std::string(text);
  }());
  return name;
}

void touch(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  unsigned sum = 0;
  const std::size_t step = size < 8192 ? 1 : size / 4096;
  for (std::size_t i = 0; i < size; i += step) sum += bytes[i];
  if (size > 0) sum += bytes[size - 1];
  std::atomic_signal_fence(std::memory_order_seq_cst);
  asm volatile("" : : "r"(sum));
}

void fill(void* data, std::size_t size) {
  if (size > 0) std::memset(data, 0x5a, size);
}

}  // namespace smipc::fuzz
