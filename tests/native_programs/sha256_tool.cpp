// Prints the SHA-256 of standard input, which is hashed in pieces of the given size (0: at once),
// so that tests/test_demo.py can compare the demo's own with the standard's examples.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <span>
#include <vector>

#include "../../examples/cpp/demo_sha256.hpp"

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

int main(int argc, char **argv) {
#ifdef _WIN32
  _setmode(_fileno(stdin), _O_BINARY);
#endif
  std::vector<std::byte> input;
  std::byte buffer[4096];
  while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, stdin))
    input.insert(input.end(), buffer, buffer + size);

  std::size_t piece = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 0;
  if (piece == 0) piece = input.size();
  demo::Sha256 hash;
  for (std::span<const std::byte> rest(input); !rest.empty();) {
    const std::size_t size = std::min(piece, rest.size());
    hash.update(rest.first(size));
    rest = rest.subspan(size);
  }
  for (auto byte : hash.finish()) std::printf("%02x", std::to_integer<unsigned>(byte));
  std::printf("\n");
}
