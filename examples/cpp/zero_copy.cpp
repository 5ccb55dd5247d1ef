// Zero copy: a frame is written where the receiver will read it, in the channel's own memory.
//
// In two terminals, in any order:
//     zero_copy receive [CHANNEL]
//     zero_copy send [CHANNEL]
#include <cstdio>
#include <exception>
#include <numeric>
#include <smipc.hpp>
#include <string_view>

namespace {

constexpr std::size_t kFrameCount = 10;
constexpr std::size_t kPixels = 640 * 480;
constexpr smipc::Options kOptions = {.capacity_bytes = 4 * kPixels * sizeof(float),
                                     .framing = smipc::Framing::kMessage};

void send(std::string_view name) {
  smipc::Writer channel(name, kOptions);
  for (std::size_t frame = 0; frame < kFrameCount; ++frame) {
    // Waits for room. Without commit(), by an exception say, the room is given back.
    smipc::Reservation room = channel.reserve(kPixels * sizeof(float));
    const auto pixels = room.as<float>();
    std::iota(pixels.begin(), pixels.end(), static_cast<float>(frame));
    std::printf("sent frame %zu, last pixel %.0f\n", frame, static_cast<double>(pixels.back()));
    room.commit();
  }
  channel.flush();  // what lies in a channel that nobody has opened goes with its last end
}

void receive(std::string_view name) {
  smipc::Reader channel(name, kOptions);
  for (std::size_t frame = 0; frame < kFrameCount; ++frame) {
    const smipc::Borrow message = channel.peek();  // taken off the channel at the end of its scope
    const auto pixels = message.as<float>();
    std::printf("received frame %zu, last pixel %.0f\n", frame, static_cast<double>(pixels.back()));
  }
}

}  // namespace

int main(int argc, char **argv) try {
  const std::string_view role = argc > 1 ? argv[1] : "receive";
  const std::string_view name = argc > 2 ? argv[2] : "smipc-zero-copy";
  if (role == "send") {
    send(name);
  } else {
    receive(name);
  }
} catch (const std::exception &error) {
  std::fprintf(stderr, "zero_copy: %s\n", error.what());
  return 1;
}
