// What the tests of kills at every instruction of a channel's calls share.
#pragma once

#include "stepping.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <functional>
#include <string>
#include <vector>

#include "support.hpp"

namespace smipc::test {

inline constexpr int kFewKills = 6;  // of a call, in a short run
inline constexpr std::uint64_t kSmallRing = 256;

// Messages of which the 19th lies across the end of the ring, which is a page.
inline constexpr std::size_t kLapCount = 18;
inline constexpr std::size_t kLapSize = 208;

using Sizes = std::vector<std::size_t>;
using Call = std::function<void(smipc_channel*)>;

// Sends messages of these sizes, numbered from `first`: each can be told by its content.
void send_numbered(smipc_channel* writer, std::uint64_t first, const Sizes& sizes);
// Receives one, which has to be that number.
void recv_numbered(smipc_channel* reader, std::uint64_t number, std::size_t size);

// The name can be used by two new ends, and is gone when they have closed.
void expect_usable(const std::string& name, const Settings& settings = {});

// Steps through the call and prints how many kills there were. `told`: how long survivors did not
// know, in nanoseconds; half of them must have known within 100 ms.
// Skips the test in builds with a sanitizer.
void expect_survived(const std::string& call,
                     const std::function<std::unique_ptr<Scenario>(std::int64_t* told)>& make);

}  // namespace smipc::test

#endif
