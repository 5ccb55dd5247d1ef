// Traffic that goes on until its process is killed, for test_random_kills.py.
//
//     traffic_tool ROLE OBJECT TALLY NUMBER
//
// ROLE is one of kRoles. OBJECT is a name, or the path of a structure. TALLY is shared memory of the
// test's, in which the processes write down what they have done, so that a successor, and the test,
// can tell what must be there. NUMBER says as the how-manieth it was started.
//
// Everything about a message follows from who sent it and as its how-manieth: nobody else needs to be
// asked what it must look like. What is wrong is said on standard error, and the exit code is 3.
#include <smipc.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using U64 = std::uint64_t;

constexpr U64 kSenders = 8192;
constexpr U64 kPerSender = 2048;  // messages of one sender of a queue
constexpr std::size_t kCapacity = 4000;

struct Tally {
  std::atomic<U64> done;       // by anybody: shows that there is traffic
  std::atomic<U64> seen;       // by a channel's readers: sender << 32 | how many of it
  std::atomic<U64> in_hand;    // at most so many messages had been taken, and not been written down
  std::atomic<U64> next_item;  // of a circular buffer
  std::atomic<U64> senders;    // numbers taken by those who send
  std::atomic<U64> sent[kSenders];
  std::atomic<std::uint8_t> counts[kSenders][kPerSender];  // how often a queue's message has come
};
static_assert(std::atomic<U64>::is_always_lock_free &&
              std::atomic<std::uint8_t>::is_always_lock_free);

[[noreturn]] void wrong(const char *what, U64 expected, U64 found) {
  std::fprintf(stderr, "%s: expected %llu, found %llu\n", what,
               static_cast<unsigned long long>(expected), static_cast<unsigned long long>(found));
  std::exit(3);
}

// Steele, Lea and Flood's splitmix64: every argument has its own well-mixed value.
U64 mixed(U64 x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

struct Id {
  U64 sender;
  U64 number;
};

// 16 bytes of who, and up to 400 more; one in sixteen is up to five times the channel.
std::size_t size_of(Id id, bool large_too) {
  const U64 random = mixed(id.sender << 32 | id.number);
  const bool large = large_too && random % 16 == 0;
  return sizeof(Id) + (random >> 8) % (large ? 5 * kCapacity : 400);
}

void make(std::vector<std::byte> &out, Id id, bool large_too) {
  out.resize(size_of(id, large_too));
  std::memcpy(out.data(), &id, sizeof id);
  U64 state = mixed(id.sender ^ id.number << 20);
  for (std::size_t at = sizeof id; at < out.size(); at += sizeof state) {
    state = mixed(state);
    std::memcpy(out.data() + at, &state, std::min(sizeof state, out.size() - at));
  }
}

Id check(std::span<const std::byte> message, bool large_too) {
  static std::vector<std::byte> expected;
  Id id;
  if (message.size() < sizeof id) wrong("size of a message", sizeof id, message.size());
  std::memcpy(&id, message.data(), sizeof id);
  if (id.sender >= kSenders) wrong("sender", kSenders - 1, id.sender);
  make(expected, id, large_too);
  if (message.size() != expected.size()) wrong("size", expected.size(), message.size());
  const auto differs = std::mismatch(message.begin(), message.end(), expected.begin()).first;
  if (differs != message.end()) {
    wrong("first byte that differs", message.size(), static_cast<U64>(differs - message.begin()));
  }
  return id;
}

U64 next_sender(Tally &tally) {
  const U64 self = tally.senders++;
  if (self >= kSenders) wrong("senders, at most", kSenders, self + 1);
  return self;
}

smipc::Options channel_options() {
  // The content outlives a moment in which both ends are dead.
  return {.capacity_bytes = kCapacity,
          .framing = smipc::Framing::kMessage,
          .lifetime = smipc::Lifetime::kKernel};
}

void channel_writer(const std::string &name, Tally &tally, U64) {
  smipc::Writer writer(name, channel_options());
  const U64 self = next_sender(tally);
  std::vector<std::byte> message;
  for (U64 number = 0;; ++number) {
    make(message, {self, number}, true);
    for (;;) {
      const smipc::Status status = writer.try_send(message, smipc::forever);
      if (status == SMIPC_OK) break;
      if (status != SMIPC_E_OPPOSITE_DIED) smipc::detail::check(status);
    }
    tally.sent[self] = number + 1;
  }
}

// That `id` is the next message after those that were written down, give or take what readers had in
// hand when they were killed.
void check_order(const Tally &tally, Id id) {
  const U64 seen = tally.seen;
  const U64 in_hand = tally.in_hand;
  const U64 sender = seen >> 32;
  const U64 count = seen & 0xffffffff;
  if (id.sender < sender) wrong("sender", sender, id.sender);
  if (id.sender == sender) {
    // A reader died with it; or its death made the sender send it once more, because a large one may
    // not have gone.
    const bool may_repeat = in_hand > 0 || size_of(id, true) > kCapacity;
    if (id.number + 1 == count && may_repeat) return;
    if (id.number < count || id.number > count + in_hand) wrong("number", count, id.number);
    return;
  }
  U64 missed = id.number;
  for (U64 before = sender; before < id.sender; ++before) {
    const U64 sent = tally.sent[before];
    const U64 received = before == sender ? count : 0;
    if (sent > received) missed += sent - received;
  }
  if (missed > in_hand) wrong("messages that a killed sender had sent, and nobody got", 0, missed);
}

void write_down(Tally &tally, std::span<const std::byte> message) {
  const Id id = check(message, true);
  check_order(tally, id);
  tally.seen = id.sender << 32 | (id.number + 1);
  tally.in_hand = 0;
  ++tally.done;
}

// Every other one receives copies, the others look at the messages in place.
void channel_reader(const std::string &name, Tally &tally, U64 self) {
  smipc::Reader reader(name, channel_options());
  std::vector<std::byte> message;
  ++tally.in_hand;  // what the one before may have had
  for (;;) {
    try {
      if (self % 2 == 0) {
        reader.recv(message);
        write_down(tally, message);
      } else {
        smipc::Borrow borrow = reader.peek();
        write_down(tally, borrow.bytes());
        borrow.release();
      }
    } catch (const smipc::OppositeEndDied &) {
    }
  }
}

smipc::MessageQueue open_queue(const std::string &name) {
  return smipc::MessageQueue(name, {.max_messages = 8,
                                    .max_message_size = 500,
                                    .existence = smipc::Existence::kLinkOrCreate,
                                    .unlink = smipc::Unlink::kNever});
}

void queue_sender(const std::string &name, Tally &tally, U64) {
  smipc::MessageQueue queue = open_queue(name);
  std::vector<std::byte> message;
  for (;;) {
    const U64 self = next_sender(tally);
    for (U64 number = 0; number < kPerSender; ++number) {
      make(message, {self, number}, false);
      queue.send(message, smipc::forever, static_cast<std::uint32_t>(mixed(number) % 4));
      tally.sent[self] = number + 1;
    }
  }
}

void queue_receiver(const std::string &name, Tally &tally, U64) {
  smipc::MessageQueue queue = open_queue(name);
  std::array<std::byte, 500> buffer;
  for (;;) {
    const auto received = queue.receive(buffer);
    const Id id = check(std::span(buffer).first(received->size), false);
    if (id.number >= kPerSender) wrong("number", kPerSender - 1, id.number);
    ++tally.counts[id.sender][id.number];
    ++tally.done;
  }
}

struct Item {
  U64 number;
  U64 words[3];
};

Item make_item(U64 number) {
  return {number, {mixed(number), mixed(number + 1), mixed(number + 2)}};
}

void buffer_writer(const std::string &name, Tally &tally, U64) {
  smipc::CircularBufferWriter writer(name, {.item_size = sizeof(Item), .length = 50});
  std::array<Item, 8> items;
  for (;;) {
    const U64 count = 1 + mixed(tally.next_item) % items.size();
    const U64 first =
        tally.next_item.fetch_add(count);  // also of those that are not pushed any more
    for (U64 i = 0; i < count; ++i) items[i] = make_item(first + i);
    writer.push(std::as_bytes(std::span(items).first(count)));
  }
}

// What `open` opens, as soon as somebody has made it.
template <class Open>
auto when_it_is_there(Open open) {
  for (;;) {
    try {
      return open();
    } catch (const smipc::Error &error) {
      if (error.status() != SMIPC_E_NOT_FOUND) throw;
    }
    std::this_thread::yield();
  }
}

void buffer_reader(const std::string &name, Tally &tally, U64) {
  auto reader = when_it_is_there([&] { return smipc::CircularBufferReader(name); });
  std::array<Item, 20> items;
  U64 next = 0;
  for (;;) {
    std::size_t count = 0;
    try {
      count = reader.pop(std::as_writable_bytes(std::span(items)));
    } catch (const smipc::Error &error) {
      if (error.status() != SMIPC_E_BUSY) throw;  // lapped again and again
    }
    for (std::size_t i = 0; i < count; ++i) {
      const Item expected = make_item(items[i].number);
      if (items[i].number < next) wrong("item, at least", next, items[i].number);
      for (int word = 0; word < 3; ++word) {
        if (items[i].words[word] != expected.words[word]) {
          wrong("a word of an item", expected.words[word], items[i].words[word]);
        }
      }
      next = items[i].number + 1;
    }
    tally.done += count;
  }
}

struct Numbers {
  struct {
    std::uint16_t code;
    double last_update;
  } header;
  U64 words[8];  // all the same, unless an editor has died
};

void check_numbers(const Numbers &numbers) {
  for (const U64 word : numbers.words) {
    if (word != numbers.words[0]) wrong("a word of the structure", numbers.words[0], word);
  }
}

void structure_editor(const std::string &path, Tally &tally, U64 self) {
  try {
    smipc::LockedStructure<Numbers>::create(path);
  } catch (const smipc::Error &error) {
    if (error.status() != SMIPC_E_EXISTS) throw;
  }
  smipc::LockedStructure<Numbers> structure(path);
  for (U64 number = 0;; ++number) {
    const auto locked = structure.edit();
    if (locked.cut_off_pid() == 0) check_numbers(*locked);
    for (U64 &word : locked->words) {
      *static_cast<volatile U64 *>(&word) = mixed(self << 32 | number);
    }
    ++tally.done;
  }
}

void structure_reader(const std::string &path, Tally &tally, U64) {
  auto structure = when_it_is_there([&] { return smipc::LockedStructure<Numbers>(path); });
  for (;;) {
    const auto locked = structure.read();
    if (locked.cut_off_pid() == 0) check_numbers(*locked);
    ++tally.done;
  }
}

struct Role {
  const char *name;
  void (*play)(const std::string &object, Tally &tally, U64 self);
};

constexpr Role kRoles[] = {
    {"channel_writer", channel_writer},     {"channel_reader", channel_reader},
    {"queue_sender", queue_sender},         {"queue_receiver", queue_receiver},
    {"buffer_writer", buffer_writer},       {"buffer_reader", buffer_reader},
    {"structure_editor", structure_editor}, {"structure_reader", structure_reader},
};

}  // namespace

int main(int count, char **words) {
  if (count == 2 && std::strcmp(words[1], "tally_bytes") == 0) {
    std::printf("%zu\n", sizeof(Tally));
    return 0;
  }
  if (count != 5) return 2;
  try {
    smipc::SharedMemory memory(words[3], {.unlink = smipc::Unlink::kNever});
    auto &tally = *reinterpret_cast<Tally *>(memory.writable_bytes().data());
    for (const Role &role : kRoles) {
      if (std::strcmp(role.name, words[1]) == 0) {
        role.play(words[2], tally, std::strtoull(words[4], nullptr, 10));
      }
    }
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s: %s\n", words[1], error.what());
  }
  return 3;
}
