// A user's C++ program: sends itself one message through the channel named by its argument and
// prints the library's version and what came out.
#include <iostream>
#include <smipc.hpp>
#include <string>
#include <string_view>

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: loopback CHANNEL\n";
    return 2;
  }
  try {
    const smipc::Options options{.capacity_bytes = 64, .framing = smipc::Framing::kMessage};
    smipc::Writer writer(argv[1], options);
    smipc::Reader reader(argv[1], options);
    writer.send(std::string_view("hello"));
    std::string received(16, ' ');
    received.resize(reader.recv_into(received, smipc::no_wait));
    std::cout << smipc_version() << ' ' << received << '\n';
  } catch (const smipc::Error &error) {
    std::cerr << error.name() << ": " << error.what() << '\n';
    return 1;
  }
  return 0;
}
