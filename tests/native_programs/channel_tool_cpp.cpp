// One end of a channel, driven by the command line, through smipc.hpp: for tests that pair
// languages. Arguments and methods are those of channel_tool_c.c.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <smipc.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#if !defined(_WIN32)
#include <poll.h>
#endif

#include "tool_pattern.h"

namespace {

void expect(bool is_true, const char *what) {
  if (!is_true) throw std::runtime_error(std::string("not true: ") + what);
}

struct Task {
  std::string channel;
  std::uint64_t capacity;
  unsigned seed;
  std::vector<std::size_t> sizes;
  std::size_t largest;
  std::size_t total;

  smipc::Options options(smipc::Framing framing) const {
    return {.capacity_bytes = capacity, .framing = framing};
  }
};

std::vector<unsigned char> piece(const Task &task, std::size_t index) {
  std::vector<unsigned char> bytes(task.sizes[index]);
  tool_fill(bytes.data(), bytes.size(), index, task.seed);
  return bytes;
}

// ---- Sending -----------------------------------------------------------------------------------

using SendOne = void (*)(smipc::Writer &, smipc::Bytes, const Task &);

void write_one(smipc::Writer &out, smipc::Bytes data, const Task &) { out.write(data); }

void send_one(smipc::Writer &out, smipc::Bytes data, const Task &) { out.send(data); }

void send_parts_one(smipc::Writer &out, smipc::Bytes data, const Task &) {
  const std::span<const std::byte> all = data;
  const std::size_t half = all.size() / 2;
  const smipc::Bytes parts[] = {all.first(half), {}, all.subspan(half)};
  out.send_parts(parts);
}

void reserve_one(smipc::Writer &out, smipc::Bytes data, const Task &task) {
  if (data.size() > task.capacity) return out.send(data);
  {
    const auto unused = out.reserve(data.size());
  }  // aborted: nobody sees it
  auto room = out.reserve(data.size());
  std::copy(data.begin(), data.end(), room.bytes().begin());
  room.commit();
}

void try_send_one(smipc::Writer &out, smipc::Bytes data, const Task &task) {
  if (data.size() > task.capacity) return out.send(data);
  smipc::Status status;
  while ((status = out.try_send(data)) == SMIPC_E_TIMED_OUT) out.flush();
  expect(status == SMIPC_OK, "try_send sends when there is room");
}

tool_sum send_each(const Task &task, smipc::Framing framing, SendOne send) {
  tool_sum sum{};
  smipc::Writer out(task.channel, task.options(framing));
  for (std::size_t i = 0; i < task.sizes.size(); ++i) {
    const auto bytes = piece(task, i);
    send(out, bytes, task);
    tool_add_piece(&sum, bytes.data(), bytes.size());
  }
  out.flush();
  return sum;
}

tool_sum send_many(const Task &task) {
  tool_sum sum{};
  std::vector<std::vector<unsigned char>> pieces;
  for (std::size_t i = 0; i < task.sizes.size(); ++i) {
    pieces.push_back(piece(task, i));
    tool_add_piece(&sum, pieces.back().data(), pieces.back().size());
  }
  smipc::Writer out(task.channel, task.options(smipc::Framing::kMessage));
  out.send_many(std::vector<smipc::Bytes>(pieces.begin(), pieces.end()));
  out.flush();
  return sum;
}

// ---- Receiving ---------------------------------------------------------------------------------

using ReceiveOne = void (*)(smipc::Reader &, const Task &, std::size_t size, tool_sum &);

void read_one(smipc::Reader &in, const Task &, std::size_t size, tool_sum &sum) {
  std::vector<char> buffer(size);
  in.read(buffer);
  tool_add_piece(&sum, buffer.data(), size);
}

void recv_one(smipc::Reader &in, const Task &, std::size_t, tool_sum &sum) {
  const std::vector<std::byte> message = in.recv();
  tool_add_piece(&sum, message.data(), message.size());
}

void recv_parts_one(smipc::Reader &in, const Task &task, std::size_t size, tool_sum &sum) {
  std::vector<std::byte> buffer(task.largest);
  const auto all = std::span(buffer);
  const smipc::MutableBytes parts[] = {all.first(size / 3), {}, all.subspan(size / 3)};
  tool_add_piece(&sum, buffer.data(), in.recv_parts(parts));
}

void peek_one(smipc::Reader &in, const Task &, std::size_t, tool_sum &sum) {
  const smipc::Borrow message = in.peek();
  tool_add_piece(&sum, message.bytes().data(), message.bytes().size());
}

void next_one(smipc::Reader &in, const Task &, std::size_t size, tool_sum &sum) {
  expect(in.next_size() == size, "next_size says the size");
  std::string message;
  in.recv(message);
  tool_add_piece(&sum, message.data(), message.size());
}

void wait_one(smipc::Reader &in, const Task &task, std::size_t size, tool_sum &sum) {
  const std::vector<smipc::Reader *> ready = smipc::wait({&in});
  expect(ready.size() == 1 && ready[0] == &in, "wait names the reader");
  std::vector<std::byte> message(task.largest);
  // A message larger than the channel is still on its way.
  const smipc::Timeout timeout = size > task.capacity ? smipc::forever : smipc::no_wait;
  tool_add_piece(&sum, message.data(), in.recv_into(message, timeout));
}

#if !defined(_WIN32)
void fd_one(smipc::Reader &in, const Task &task, std::size_t size, tool_sum &sum) {
  pollfd ready{in.fd(), POLLIN, 0};
  expect(poll(&ready, 1, -1) == 1, "poll finds the descriptor readable");
  wait_one(in, task, size, sum);
}
#endif

void expect_closed(smipc::Reader &in, smipc::Framing framing) {
  std::byte buffer[1];
  try {
    framing == smipc::Framing::kStream ? in.read_some(buffer) : in.recv_into(buffer);
  } catch (const smipc::OppositeEndDied &) {
    throw;
  } catch (const smipc::OppositeEndClosed &) {
    return;
  }
  expect(false, "the sender is found closed at the end");
}

tool_sum receive_each(const Task &task, smipc::Framing framing, ReceiveOne receive) {
  tool_sum sum{};
  smipc::Reader in(task.channel, task.options(framing));
  for (std::size_t size : task.sizes) receive(in, task, size, sum);
  expect_closed(in, framing);
  return sum;
}

tool_sum read_some(const Task &task) {
  tool_sum sum{};
  smipc::Reader in(task.channel, task.options(smipc::Framing::kStream));
  std::vector<std::byte> buffer(task.largest);
  while (sum.bytes < task.total) {
    const std::size_t size = in.read_some(buffer);
    tool_add_bytes(&sum, buffer.data(), size);
  }
  expect_closed(in, smipc::Framing::kStream);
  return sum;
}

tool_sum recv_many(const Task &task) {
  tool_sum sum{};
  smipc::Reader in(task.channel, task.options(smipc::Framing::kMessage));
  smipc::Batch batch(16, 1);  // grows to what the messages need
  while (sum.count < task.sizes.size()) {
    in.recv_many(batch);
    for (const smipc::Bytes &message : batch) tool_add_piece(&sum, message.data(), message.size());
  }
  expect_closed(in, smipc::Framing::kMessage);
  return sum;
}

tool_sum listen(const Task &task, smipc::Framing framing) {
  tool_sum sum{};
  std::promise<smipc::Status> end;
  smipc::Reader in(task.channel, task.options(framing));
  in.listen([&](std::span<const std::byte> data, smipc::Status status) {
    if (status == SMIPC_OK) {
      tool_add_piece(&sum, data.data(), data.size());
    } else {
      end.set_value(status);
    }
  });
  expect(end.get_future().get() == SMIPC_E_OPPOSITE_CLOSED,
         "the listener ends because the sender has closed");
  in.stop_listening();
  expect_closed(in, framing);
  return sum;
}

// ---- Command line ------------------------------------------------------------------------------

using Method = std::function<tool_sum(const Task &)>;

Method sending(smipc::Framing framing, SendOne send) {
  return [=](const Task &task) { return send_each(task, framing, send); };
}

Method receiving(smipc::Framing framing, ReceiveOne receive) {
  return [=](const Task &task) { return receive_each(task, framing, receive); };
}

Method listening(smipc::Framing framing) {
  return [=](const Task &task) { return listen(task, framing); };
}

std::map<std::string, Method> methods() {
  using enum smipc::Framing;
  return {
      {"write", sending(kStream, write_one)},
      {"send", sending(kMessage, send_one)},
      {"send_parts", sending(kMessage, send_parts_one)},
      {"send_many", send_many},
      {"reserve", sending(kMessage, reserve_one)},
      {"try_send", sending(kMessage, try_send_one)},
      {"read", receiving(kStream, read_one)},
      {"read_some", read_some},
      {"read_listen", listening(kStream)},
      {"recv", receiving(kMessage, recv_one)},
      {"recv_parts", receiving(kMessage, recv_parts_one)},
      {"recv_many", recv_many},
      {"peek", receiving(kMessage, peek_one)},
      {"next", receiving(kMessage, next_one)},
      {"wait", receiving(kMessage, wait_one)},
#if !defined(_WIN32)
      {"fd", receiving(kMessage, fd_one)},
#endif
      {"listen", listening(kMessage)},
  };
}

}  // namespace

int main(int argc, char **argv) try {
  expect(argc == 6, "the arguments are METHOD CHANNEL CAPACITY SEED SIZES");
  const tool_sizes sizes = tool_parse_sizes(argv[5]);
  const Task task{argv[2],
                  std::strtoull(argv[3], nullptr, 10),
                  static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10)),
                  {sizes.items, sizes.items + sizes.count},
                  sizes.largest,
                  sizes.total};
  std::free(sizes.items);
  const tool_sum sum = methods().at(argv[1])(task);
  tool_print(&sum);
} catch (const std::exception &error) {
  std::fprintf(stderr, "channel_tool_cpp: %s\n", error.what());
  return 1;
}
