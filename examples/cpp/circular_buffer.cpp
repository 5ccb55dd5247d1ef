// Reads the samples of examples/python/circular_buffer.py: circular_buffer [count] [name].
#include <cstdint>
#include <iostream>
#include <smipc.hpp>
#include <string>

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::stoull(argv[1]) : 1000;
  smipc::CircularBufferReader buffer(argc > 2 ? argv[2] : "example-samples");
  std::cout << "attached" << std::endl;
  std::uint64_t got = 0;
  std::uint64_t last = 0;
  while (last < count) {
    const auto sample = buffer.pop_int();
    if (!sample) continue;  // not yet
    ++got;
    last = *sample;
  }
  std::cout << "got " << got << ", missed " << buffer.status().lost << ", the last was " << last
            << '\n';
}
