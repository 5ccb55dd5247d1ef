// The hostile peer: maps an object's file by itself and writes anything anywhere in it; and what every
// harness requires of the honest side.
//
// Every mapping of this program, those of the library included, has inaccessible pages before and
// behind it (guards.cpp), so that an access outside ends the run as AddressSanitizer's findings do.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "program.hpp"
#include "smipc.h"

namespace smipc::fuzz {

// A place of the layout, as docs/shm-layout.md has it.
struct Field {
  std::uint32_t offset;
  std::uint32_t bytes;
};

class Hostile {
 public:
  explicit Hostile(std::string path) : path_(std::move(path)) {}
  Hostile(const Hostile&) = delete;
  Hostile& operator=(const Hostile&) = delete;
  ~Hostile();  // removes the file, under whatever name

  // Maps what is at the path now; nothing there: nothing is mapped, and writing does nothing.
  void map();
  bool mapped() const { return base_ != nullptr; }

  // One step of the program: a field, any bytes, or a block, gets a value.
  void write(Program& program, const Field* fields, std::size_t count);
  // Changes an aligned word again and again in another thread, until the next call, or calm().
  void flicker(Program& program, const Field* fields, std::size_t count);
  static void calm();

 private:
  void unmap();
  void store(std::size_t at, std::size_t bytes, std::uint64_t value);
  std::uint64_t load(std::size_t at, std::size_t bytes) const;
  Field choose(Program& program, const Field* fields, std::size_t count, std::uint8_t selector);

  std::string path_;
  unsigned char* base_ = nullptr;
  std::size_t bytes_ = 0;
  std::vector<int> files_;  // all that have been at the path
};

// The names of this run's objects: unique, and as long in every run.
const std::string& object_name();

// ---- What is required ----------------------------------------------------------------------------

[[noreturn]] inline void broken(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken promise: %s; the last error was: %s\n", file, line, what,
               smipc_last_error());
  std::abort();
}
#define REQUIRE(condition)                                    \
  do {                                                        \
    if (!(condition)) broken(#condition, __FILE__, __LINE__); \
  } while (false)

// Any documented status but those that nobody but the library itself could have caused. With
// SMIPC_FUZZ_TRACE in the environment, what each call returned is shown.
inline std::int64_t checked(std::int64_t status) {
  static const bool traces = std::getenv("SMIPC_FUZZ_TRACE") != nullptr;
  if (traces) {
    std::fprintf(stderr, "%lld %s\n", static_cast<long long>(status),
                 status < 0 ? smipc_last_error() : "");
  }
  REQUIRE(status >= SMIPC_E_OS);
  REQUIRE(status != SMIPC_E_FORKED);
  if (status < 0) REQUIRE(smipc_last_error()[0] != '\0');
  return status;
}

// Memory of exactly so many bytes: AddressSanitizer sees the first one too many.
class Exactly {
 public:
  explicit Exactly(std::size_t size)
      : size_(size), bytes_(static_cast<unsigned char*>(std::malloc(size > 0 ? size : 1))) {}
  Exactly(const Exactly&) = delete;
  Exactly& operator=(const Exactly&) = delete;
  ~Exactly() { std::free(bytes_); }
  std::size_t size() const { return size_; }
  unsigned char* data() { return size_ > 0 ? bytes_ : nullptr; }

 private:
  std::size_t size_;
  unsigned char* bytes_;
};

// Reads memory that was lent, or delivered: its ends, and some of what lies between.
void touch(const void* data, std::size_t size);
void fill(void* data, std::size_t size);

// Calls that wait are allowed to; a program that has waited for long has shown what it can.
class Patience {
 public:
  bool left() const { return std::chrono::steady_clock::now() - start_ < kMost; }

 private:
  static constexpr std::chrono::milliseconds kMost{15};
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace smipc::fuzz
