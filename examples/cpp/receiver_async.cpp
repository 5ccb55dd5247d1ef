// Receives 64 bytes with a callback, while the main thread is free for other work.
//
// Start one of the senders in another terminal, before or after, in any language:
//     sender_async [CHANNEL]
#include <cstdio>
#include <exception>
#include <future>
#include <smipc.hpp>
#include <stdexcept>
#include <vector>

int main(int argc, char **argv) try {
  smipc::Reader channel(argc > 1 ? argv[1] : "smipc-example", {.capacity_bytes = 20});

  std::vector<std::byte> received;
  std::promise<void> complete;
  bool is_set = false;

  // Runs on the listener's thread, with the bytes that were there.
  channel.listen([&](std::span<const std::byte> data, smipc::Status status) {
    received.insert(received.end(), data.begin(), data.end());
    if (!is_set && (received.size() >= 64 || status != SMIPC_OK)) {
      is_set = true;
      complete.set_value();
    }
  });
  complete.get_future().wait();  // instead of other work
  channel.stop_listening();
  if (received.size() < 64) throw std::runtime_error("the sender has gone too early");

  std::printf("received ");
  for (auto byte : received) std::printf("%02x", std::to_integer<unsigned>(byte));
  std::printf("\n");
} catch (const std::exception &error) {
  std::fprintf(stderr, "receiver_async: %s\n", error.what());
  return 1;
}
