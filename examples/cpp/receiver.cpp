// Receives 64 bytes through a channel of 20 bytes, and blocks until all are there.
//
// Start one of the senders in another terminal, before or after, in any language:
//     sender [CHANNEL]
#include <array>
#include <cstdio>
#include <exception>
#include <smipc.hpp>

int main(int argc, char **argv) try {
  // The 20 counts if this process comes first and creates the channel.
  smipc::Reader channel(argc > 1 ? argv[1] : "smipc-example", {.capacity_bytes = 20});

  std::array<unsigned char, 64> data;
  channel.read(data);

  std::printf("received ");
  for (auto byte : data) std::printf("%02x", byte);
  std::printf("\n");
} catch (const std::exception &error) {
  std::fprintf(stderr, "receiver: %s\n", error.what());
  return 1;
}
