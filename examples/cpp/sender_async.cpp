// Sends 64 random bytes in pieces of 1 to 20 bytes, for a receiver that takes them as they come.
//
// Start one of the receivers in another terminal, before or after, in any language:
//     receiver_async [CHANNEL]
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <random>
#include <smipc.hpp>
#include <span>

int main(int argc, char **argv) try {
  smipc::Writer channel(argc > 1 ? argv[1] : "smipc-example", {.capacity_bytes = 20});

  std::random_device random;
  std::array<unsigned char, 64> data;
  for (auto &byte : data) byte = static_cast<unsigned char>(random() & 0xff);

  for (std::span<unsigned char> rest(data); !rest.empty();) {
    const std::size_t size = std::min<std::size_t>(1 + random() % 20, rest.size());
    channel.write(rest.first(size));
    rest = rest.subspan(size);
  }

  std::printf("sent ");
  for (auto byte : data) std::printf("%02x", byte);
  std::printf("\n");
} catch (const std::exception &error) {
  std::fprintf(stderr, "sender_async: %s\n", error.what());
  return 1;
}
