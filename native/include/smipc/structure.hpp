// Locked structures: smipc/structure.h with types, RAII and exceptions.
//
//   #include "robot.h"  // written by `smipc structs robot --header`
//
//   smipc::LockedStructure<Robot> robot("Robot.mmap", {.code = ROBOT_CODE});
//   {
//     const auto now = robot.edit();  // exclusive until the end of the block
//     now->position.x = 99;
//     now.touch();                    // the time of the last update
//   }
//   double x = robot.read()->position.x;
#ifndef SMIPC_STRUCTURE_HPP
#define SMIPC_STRUCTURE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base.hpp"
#include "rwlock.hpp"
#include "structure.h"

namespace smipc {

struct StructureOptions {
  std::uint32_t code = 0;  // what the header must hold; 0: anything
  bool read_only = false;
  std::string lock_path = {};  // empty: the path and ".lock"
  Access access = Access::kUser;
};

namespace detail {

template <class T>
concept Structure = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> &&
                    sizeof(T) >= SMIPC_MIN_STRUCTURE && requires(T &value) {
                      { value.header.code } -> std::convertible_to<std::uint16_t>;
                      { value.header.last_update } -> std::convertible_to<double>;
                    };

inline smipc_structure_options structure_options(const StructureOptions &options) {
  smipc_structure_options raw;
  smipc_structure_options_init(&raw);
  raw.access = static_cast<std::uint32_t>(options.access);
  raw.read_only = options.read_only ? 1 : 0;
  raw.code = options.code;
  if (!options.lock_path.empty()) {
    raw.lock_path = options.lock_path.data();
    raw.lock_path_size = options.lock_path.size();
  }
  return raw;
}

}  // namespace detail

// The structure while it is locked. Must not outlive its LockedStructure; nor must what it points to be
// used when it is gone.
template <class T>
class StructureLock {
 public:
  StructureLock(StructureLock &&other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), data_(other.data_), pid_(other.pid_) {}
  StructureLock &operator=(StructureLock &&) = delete;
  ~StructureLock() {
    if (handle_ != nullptr) smipc_structure_unlock(handle_);
  }

  T *operator->() const noexcept { return data_; }
  T &operator*() const noexcept { return *data_; }

  // The process that died in an edit, if no edit has ended well since: what is here may be half
  // changed. Otherwise 0.
  std::uint32_t cut_off_pid() const noexcept { return pid_; }

  // Sets the time of the last update.
  void touch() const
    requires(!std::is_const_v<T>)
  {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    data_->header.last_update = std::chrono::duration<double>(now).count();
  }

 private:
  template <class>
  friend class LockedStructure;
  StructureLock(smipc_structure *handle, void *data, std::uint32_t pid)
      : handle_(handle), data_(static_cast<T *>(data)), pid_(pid) {}

  smipc_structure *handle_;
  T *data_;
  std::uint32_t pid_;
};

template <class T>
class LockedStructure {
  static_assert(detail::Structure<T>,
                "a plain structure that begins with a header: uint16_t code, double last_update");
  static_assert(offsetof(T, header) == 0);

 public:
  // Opens what is there.
  explicit LockedStructure(std::string_view path, const StructureOptions &options = {}) {
    const smipc_structure_options raw = detail::structure_options(options);
    smipc_structure *handle = nullptr;
    detail::check(smipc_structure_open(path.data(), path.size(), sizeof(T), &raw, &handle));
    handle_.reset(handle);
  }

  // Makes the file, zero but for the code. `force`: also in place of one that is there, which its users
  // keep until they lock the next time. Otherwise that is SMIPC_E_EXISTS.
  static void create(std::string_view path, const StructureOptions &options = {},
                     bool force = false, Timeout timeout = forever) {
    const smipc_structure_options raw = detail::structure_options(options);
    detail::check(smipc_structure_create(path.data(), path.size(), sizeof(T), force ? 1 : 0,
                                         timeout.nanoseconds(), &raw));
  }

  // Locks it: for one editor, or for any number of readers. smipc::TimedOut.
  [[nodiscard]] StructureLock<T> edit(Timeout timeout = forever) {
    return lock<T>(SMIPC_EXCLUSIVE, timeout);
  }
  [[nodiscard]] StructureLock<const T> read(Timeout timeout = forever) {
    return lock<const T>(SMIPC_SHARED, timeout);
  }

  void close() { detail::check(smipc_structure_close(handle_.get())); }

 private:
  struct Free {
    void operator()(smipc_structure *handle) const noexcept { smipc_structure_free(handle); }
  };

  template <class As>
  StructureLock<As> lock(std::uint32_t mode, Timeout timeout) {
    std::uint32_t pid = 0;
    void *data = nullptr;
    detail::check(smipc_structure_lock(handle_.get(), mode, timeout.nanoseconds(), &pid, &data));
    return StructureLock<As>(handle_.get(), data, pid);
  }

  std::unique_ptr<smipc_structure, Free> handle_;
};

}  // namespace smipc

#endif
