// Both ends of a channel that carries a great many messages, for test_soak.py.
//
//     soak_tool writer|reader CHANNEL MESSAGES SEED
//
// Sizes and contents are random numbers that both ends can make. They go by every kind of call in
// turn, some hundred messages by each. The reader prints a sum of what it has got, the writer one of
// what it has sent.
#include <smipc.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

using U64 = std::uint64_t;

constexpr std::size_t kCapacity = 60'000;
constexpr std::size_t kLargest = 200;        // of most messages
constexpr std::size_t kVeryLarge = 150'000;  // of one in 2^16
constexpr std::size_t kBatch = 100;

// The words of the messages, and their sum, which also depends on their order.
class Source {
 public:
  explicit Source(U64 seed) : random_(seed) {}

  std::size_t next_size() {
    const U64 number = random_();
    const std::size_t limit = number % 65536 == 0 ? kVeryLarge : kLargest;
    return static_cast<std::size_t>((number >> 16) % (limit + 1));
  }

  // All that is random in a message is its first word; the others count up from there, so that making
  // and checking them costs less than passing them on.
  U64 next_word() { return random_(); }

  void add(U64 word) { sum_ = (sum_ << 1 | sum_ >> 63) + word; }
  U64 sum() const { return sum_; }

 private:
  std::mt19937_64 random_;
  U64 sum_ = 0;
};

void make(std::span<std::byte> out, U64 word) {
  for (std::size_t at = 0; at < out.size(); at += sizeof word, ++word) {
    std::memcpy(out.data() + at, &word, std::min(sizeof word, out.size() - at));
  }
}

bool is_made_of(std::span<const std::byte> message, U64 word) {
  for (std::size_t at = 0; at < message.size(); at += sizeof word, ++word) {
    if (std::memcmp(message.data() + at, &word, std::min(sizeof word, message.size() - at)) != 0) {
      return false;
    }
  }
  return true;
}

[[noreturn]] void wrong(U64 number, const char *what, std::size_t expected, std::size_t found) {
  std::fprintf(stderr, "message %llu: %s: expected %zu, found %zu\n",
               static_cast<unsigned long long>(number), what, expected, found);
  std::exit(3);
}

void write_all(smipc::Writer &writer, Source &source, U64 messages) {
  std::vector<std::byte> buffer(kVeryLarge);
  std::vector<std::vector<std::byte>> kept(kBatch);
  std::vector<smipc::Bytes> batch;
  for (U64 number = 0; number < messages; ++number) {
    const std::size_t size = source.next_size();
    const U64 word = source.next_word();
    source.add(word + size);
    const U64 turn = size > kCapacity ? 0 : number / kBatch % 3;
    if (!batch.empty() && (turn != 2 || batch.size() == kBatch)) {
      writer.send_many(batch);
      batch.clear();
    }
    if (turn == 0) {
      make(std::span(buffer).first(size), word);
      writer.send(std::span<const std::byte>(buffer).first(size));
    } else if (turn == 1) {
      smipc::Reservation room = writer.reserve(size);
      make(room.bytes(), word);
      room.commit();
    } else {
      std::vector<std::byte> &message = kept[batch.size()];
      message.resize(size);
      make(message, word);
      batch.push_back(message);
    }
  }
  writer.send_many(batch);
  writer.flush();
}

class Checker {
 public:
  explicit Checker(Source &source) : source_(source) {}

  void take(std::span<const std::byte> message) {
    const std::size_t size = source_.next_size();
    const U64 word = source_.next_word();
    if (message.size() != size) wrong(count_, "size", size, message.size());
    if (!is_made_of(message, word)) wrong(count_, "content; size", size, message.size());
    source_.add(word + size);
    ++count_;
  }
  U64 count() const { return count_; }

 private:
  Source &source_;
  U64 count_ = 0;
};

void read_all(smipc::Reader &reader, Source &source, U64 messages) {
  Checker checker(source);
  std::vector<std::byte> message;
  smipc::Batch batch(kBatch, 2 * kVeryLarge);
  while (checker.count() < messages) {
    const U64 turn = checker.count() / kBatch % 3;
    if (turn == 0 || reader.next_size() > kCapacity) {
      reader.recv(message);
      checker.take(message);
    } else if (turn == 1) {
      smipc::Borrow borrow = reader.peek();
      checker.take(borrow.bytes());
      borrow.release();
    } else {
      reader.recv_many(batch);
      for (const smipc::Bytes &each : batch) checker.take(each);
    }
  }
}

}  // namespace

int main(int count, char **words) {
  if (count != 5) return 2;
  const std::string role = words[1];
  const U64 messages = std::strtoull(words[3], nullptr, 10);
  Source source(std::strtoull(words[4], nullptr, 10));
  const smipc::Options options = {.capacity_bytes = kCapacity, .framing = smipc::Framing::kMessage};
  try {
    if (role == "writer") {
      smipc::Writer writer(words[2], options);
      write_all(writer, source, messages);
    } else {
      smipc::Reader reader(words[2], options);
      read_all(reader, source, messages);
    }
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s: %s\n", words[1], error.what());
    return 3;
  }
  std::printf("%016llx\n", static_cast<unsigned long long>(source.sum()));
  return 0;
}
