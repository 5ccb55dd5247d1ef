// The command line of a native benchmark program: KIND, then --name value pairs. Every contestant
// takes the same ones and ignores what it has no use for; an unknown one is an error.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace bench {

// Exit codes that the runner knows.
inline constexpr int kExitFailed = 1;       // a check failed, or a call did
inline constexpr int kExitNotOffered = 77;  // this contestant cannot do that; stderr says why

struct Options {
  std::string kind;                  // roundtrip, oneway, batch, or one of the program's own
  std::uint64_t size = 64;           // bytes of a message: at least 8, or 0 where that is allowed
  std::uint64_t capacity = 1 << 20;  // bytes in flight, as far as the contestant lets one choose
  std::uint64_t batch = 32;          // messages in one call, for kind batch
  std::uint64_t piece = 0;           // limit_copy: bytes copied at a time, 0 = a whole message
  std::uint64_t channels = 1;        // smipc_costs: channels open besides the measured one
  std::uint64_t readers = 0;         // smipc_circular: processes that pop meanwhile
  std::uint64_t processes = 8;       // queue_crowd: half of them send, half of them receive
  std::uint64_t delay_ns = 0;        // roundtrip: the answer comes this long after the question
  std::uint64_t first = 16;          // messages of the first section, which warms up
  std::uint64_t responder_core = 1;  // 0: both processes share one
  std::uint64_t warm_up = 0;         // bytes of messages that pass before what is timed, at least
  double seconds = 0.2;              // length of the timed section
  std::string wait = "hybrid";       // spin, hybrid or block, where the contestant has a choice
  std::string framing = "message";   // message or stream, likewise
  std::string payload = "fresh";     // fresh: written just before the send; prepared: long before
};

[[noreturn]] inline void fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::_Exit(kExitFailed);
}

[[noreturn]] inline void not_offered(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::_Exit(kExitNotOffered);
}

enum class Empty { kAllowed, kRefused };  // messages of 0 bytes, which can only be counted

inline Options parse_options(int argc, char** argv, Empty empty = Empty::kRefused) {
  if (argc < 2 || argc % 2 != 0) {
    fail("usage: " + std::string(argv[0]) + " KIND [--name value]...");
  }
  Options options;
  options.kind = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const char* value = argv[i + 1];
    const auto number = [&] { return std::strtoull(value, nullptr, 10); };
    if (name == "--size") {
      options.size = number();
    } else if (name == "--capacity") {
      options.capacity = number();
    } else if (name == "--batch") {
      options.batch = number();
    } else if (name == "--piece") {
      options.piece = number();
    } else if (name == "--channels") {
      options.channels = number();
    } else if (name == "--readers") {
      options.readers = number();
    } else if (name == "--processes") {
      options.processes = number();
    } else if (name == "--delay-ns") {
      options.delay_ns = number();
    } else if (name == "--first") {
      options.first = number();
    } else if (name == "--responder-core") {
      options.responder_core = number();
    } else if (name == "--warm-up") {
      options.warm_up = number();
    } else if (name == "--seconds") {
      options.seconds = std::strtod(value, nullptr);
    } else if (name == "--wait") {
      options.wait = value;
    } else if (name == "--framing") {
      options.framing = value;
    } else if (name == "--payload") {
      options.payload = value;
    } else {
      fail("unknown option " + name);
    }
  }
  const bool counted_only = options.size == 0 && empty == Empty::kAllowed;
  if (options.size < 8 && !counted_only) {
    fail("--size is at least 8: the sequence number is part of the message");
  }
  return options;
}

}  // namespace bench
