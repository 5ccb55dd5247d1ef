// Sends 64 random bytes through a channel of 20 bytes, and blocks while it is full.
//
// Start one of the receivers in another terminal, before or after, in any language:
//     receiver [CHANNEL]
#include <array>
#include <cstdio>
#include <exception>
#include <random>
#include <smipc.hpp>

int main(int argc, char **argv) try {
  smipc::Writer channel(argc > 1 ? argv[1] : "smipc-example", {.capacity_bytes = 20});

  std::random_device random;
  std::array<unsigned char, 64> data;
  for (auto &byte : data) byte = static_cast<unsigned char>(random() & 0xff);

  channel.write(data);  // returns when the last 20 bytes lie in the channel

  std::printf("sent ");
  for (auto byte : data) std::printf("%02x", byte);
  std::printf("\n");
} catch (const std::exception &error) {
  std::fprintf(stderr, "sender: %s\n", error.what());
  return 1;
}
