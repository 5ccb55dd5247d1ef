// What the programs share that measure costs of a channel other than its messages: medians, the time
// of open + close, shared memory, the one line that they print, and finding what was asked for.
#pragma once

#include <ftw.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "pair.hpp"
#include "smipc_handle.hpp"

namespace bench {

inline void print(double value, const char* unit) {
  std::printf("{\"value\": %.4f, \"unit\": \"%s\"}\n", value, unit);
}

inline double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

inline void close_end(smipc_channel* channel) {
  check(smipc_channel_close(channel), "smipc_channel_close");
  smipc_channel_free(channel);
}

// Microseconds of open + close, the median over --seconds.
inline double time_open_close(const Options& options, const std::string& name, std::uint32_t mode) {
  std::vector<double> times;
  const std::uint64_t until = now_ns() + static_cast<std::uint64_t>(options.seconds * 1e9);
  while (now_ns() < until || times.size() < 5) {
    const std::uint64_t begin = now_ns();
    close_end(open_end(name, mode, options));
    times.push_back(static_cast<double>(now_ns() - begin) / 1e3);
  }
  return median(times);
}

// Bytes that the files and folders under /dev/shm with "smipc" in their path have on it.
inline std::map<std::string, std::uint64_t> shared_memory_files() {
  static std::map<std::string, std::uint64_t> found;
  found.clear();
  nftw(
      "/dev/shm",
      [](const char* path, const struct stat* status, int, struct FTW*) {
        if (std::string(path).find("smipc") != std::string::npos) {
          found[path] = static_cast<std::uint64_t>(status->st_blocks) * 512;
        }
        return 0;
      },
      16, FTW_PHYS);
  return found;
}

using Kinds = std::map<std::string, void (*)(const Options&)>;

inline void run_kind(const Options& options, const Kinds& kinds) {
  const auto kind = kinds.find(options.kind);
  if (kind == kinds.end()) {
    fail("unknown kind " + options.kind);
  }
  kind->second(options);
}

}  // namespace bench
