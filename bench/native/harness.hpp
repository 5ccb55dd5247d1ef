// What every native contestant goes through. A contestant is an adapter:
//
//   struct Adapter {
//     explicit Adapter(const Options&);        before the fork: what both processes inherit
//     void attach(Side);                       after the fork, in each of them
//     void unlink_names();                     initiator, once both are attached
//     void send(const void* data, size_t size);      to the other side
//     void recv(void* buffer, size_t size);          from the other side, whole
//     using Message = struct { void* data; size_t size; };   and these, if it can do batches
//     void send_many(Message* messages, size_t count);
//     size_t recv_many(Message* out, size_t limit);  at least one; valid until the next call
//     void detach();                           at the end, if something has to be given back
//     static constexpr bool kSendsEmpty = true;      and this, if it takes messages of 0 bytes
//   };
//
// and `int main(int argc, char** argv) { return bench::run<Adapter>(argc, argv); }`.
//
// Every message carries its number in its first 8 bytes (one of a page or more in its last 8 too),
// and the receiver checks each; messages of 0 bytes can only be counted. The counts are not fixed:
// short sections, which also warm up, grow until the duration of the timed one can be chosen. One
// line of JSON comes out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "options.hpp"
#include "pair.hpp"

namespace bench {

template <class Adapter>
concept Batches = requires { typename Adapter::Message; };

template <class Adapter>
concept Detaches = requires(Adapter adapter) { adapter.detach(); };

template <class Adapter>
concept SendsEmpty = requires { Adapter::kSendsEmpty; };

// Of a section that counts: a median of fewer would be one of them.
inline constexpr std::uint64_t kFewest = 5;

struct Section {
  std::uint64_t messages = 0;  // that fall into `elapsed_ns`
  std::uint64_t elapsed_ns = 0;
  double cpu_seconds = 0;           // of this process meanwhile; round trips only
  std::vector<double> exchange_ns;  // round trips only: the mean of each block
};

// The sender's memory. "fresh": one message, its number stored just before the send, as a program
// does that fills a structure and sends it. "prepared": kPrepared messages, numbered half a turn ahead.
// Slots are below `slots`: a division for each message would be half of what some contestants take.
inline constexpr std::uint64_t kPrepared = 256;

class Source {
 public:
  Source(const Options& options, std::size_t slots)
      : size_(options.size), stride_((options.size + 63) / 64 * 64), memory_(stride_ * slots + 64) {
    std::memset(memory_.data(), 0x5a, memory_.size());
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    base_ = memory_.data() + (64 - address % 64) % 64;
  }
  unsigned char* number(std::uint64_t slot, std::uint64_t sequence) {
    unsigned char* at = base_ + slot * stride_;
    std::memcpy(at, &sequence, 8);
    if (size_ >= 4096) {
      std::memcpy(at + size_ - 8, &sequence, 8);
    }
    return at;
  }
  unsigned char* at(std::uint64_t slot) { return base_ + slot * stride_; }

 private:
  std::size_t size_, stride_;
  std::vector<unsigned char> memory_;
  unsigned char* base_ = nullptr;
};

[[noreturn, gnu::noinline, gnu::cold]] inline void wrong_number(std::uint64_t expected,
                                                                std::uint64_t first,
                                                                std::uint64_t last) {
  fail("message " + std::to_string(expected) + " came as " + std::to_string(first) + ".." +
       std::to_string(last));
}

// In a few instructions: what is done for each message is part of what every contestant takes.
[[gnu::always_inline]] inline void check_number(const void* data, std::size_t size,
                                                std::uint64_t expected) {
  std::uint64_t first = 0;
  std::memcpy(&first, data, 8);
  std::uint64_t last = first;
  if (size >= 4096) std::memcpy(&last, static_cast<const unsigned char*>(data) + size - 8, 8);
  if ((first != expected || last != expected) && size != 0) [[unlikely]] {
    wrong_number(expected, first, last);
  }
}

template <class Adapter>
class Runner {
 public:
  explicit Runner(const Options& options)
      : options_(options), adapter_(options), buffer_(options.size + 64, 0) {}

  int run() {
    pid_t child = 0;
    const Side side = split(child, static_cast<int>(options_.responder_core));
    adapter_.attach(side);
    control_.wait_for_both();
    if (side == Side::kResponder) {
      respond();
      detach();
      _exit(0);
    }
    adapter_.unlink_names();
    report(measure());
    control_.order(0);
    detach();
    int status = 0;
    waitpid(child, &status, 0);  // the SIGCHLD handler may have been first; it passes a failure on
    return 0;
  }

 private:
  void detach() {
    if constexpr (Detaches<Adapter>) adapter_.detach();
  }

  bool is_roundtrip() const { return options_.kind == "roundtrip"; }

  // Sections of growing length, until one lasts long enough to count. The others warm up.
  Section measure() {
    const double target_ns = options_.seconds * 1e9;
    std::uint64_t count = std::max<std::uint64_t>(options_.first, 1), block = 1, bytes_before = 0;
    for (;;) {
      Section section = run_section(count, block);
      const double ns = static_cast<double>(std::max<std::uint64_t>(section.elapsed_ns, 1));
      const bool is_warm = bytes_before >= options_.warm_up;
      if (ns >= 0.6 * target_ns && section.messages >= kFewest && is_warm) {
        return section;
      }
      bytes_before += count * options_.size;
      const auto messages = static_cast<double>(std::max<std::uint64_t>(section.messages, 1));
      block = ns / messages < 2000 ? 64 : 1;
      const double growth = std::clamp(target_ns / ns, 1.2, 8.0);
      count = static_cast<std::uint64_t>(static_cast<double>(count) * growth) + 1;
      count = std::max(count, kFewest + 1);  // one way the first one is not timed
    }
  }

  Section run_section(std::uint64_t count, std::uint64_t block) {
    if (is_roundtrip()) {
      count = std::max<std::uint64_t>(count / block, 1) * block;
    } else if (options_.kind == "batch") {
      count = std::max<std::uint64_t>(count / options_.batch, 2) * options_.batch;
    }
    control_.order(count);
    if (is_roundtrip()) {
      return exchange(count, block);
    }
    return options_.kind == "batch" ? receive_batches(count) : receive(count);
  }

  Section exchange(std::uint64_t count, std::uint64_t block) {
    Section section;
    section.exchange_ns.reserve(count / block);
    Source source(options_, 1);
    const std::size_t size = options_.size;
    void* const buffer = buffer_.data();
    std::uint64_t sequence = sequence_;
    const double cpu_before = cpu_seconds();
    const std::uint64_t begin = now_ns();
    std::uint64_t block_begin = begin;
    for (std::uint64_t i = 0; i < count; i += block) {
      for (std::uint64_t k = 0; k < block; ++k, ++sequence) {
        adapter_.send(source.number(0, sequence), size);
        adapter_.recv(buffer, size);
        check_number(buffer, size, sequence);
      }
      const std::uint64_t block_end = now_ns();
      section.exchange_ns.push_back(static_cast<double>(block_end - block_begin) /
                                    static_cast<double>(block));
      block_begin = block_end;
    }
    sequence_ = sequence;
    section.messages = count;
    section.elapsed_ns = now_ns() - begin;
    section.cpu_seconds = cpu_seconds() - cpu_before;
    return section;
  }

  // The clock runs from the first message received to the last one.
  Section receive(std::uint64_t count) {
    const std::size_t size = options_.size;
    void* const buffer = buffer_.data();
    std::uint64_t sequence = sequence_;
    adapter_.recv(buffer, size);
    check_number(buffer, size, sequence++);
    const std::uint64_t begin = now_ns();
    for (std::uint64_t i = 1; i < count; ++i, ++sequence) {
      adapter_.recv(buffer, size);
      check_number(buffer, size, sequence);
    }
    sequence_ = sequence;
    return {count - 1, now_ns() - begin, 0, {}};
  }

  Section receive_batches(std::uint64_t count) {
    if constexpr (Batches<Adapter>) {
      std::vector<typename Adapter::Message> messages(options_.batch);
      std::uint64_t got = 0, first = 0, begin = 0;
      while (got < count) {
        const std::size_t n = adapter_.recv_many(messages.data(), options_.batch);
        for (std::size_t i = 0; i < n; ++i, ++sequence_) {
          if (messages[i].size != options_.size) {
            fail("a message of " + std::to_string(messages[i].size) + " bytes in a batch");
          }
          check_number(messages[i].data, options_.size, sequence_);
        }
        got += n;
        if (begin == 0) {
          begin = now_ns();
          first = n;
        }
      }
      return {got - first, now_ns() - begin, 0, {}};
    } else {
      not_offered("no batches");
    }
  }

  void respond() {
    const bool prepared = options_.payload == "prepared";
    const std::size_t slots = options_.kind == "batch" ? options_.batch : prepared ? kPrepared : 1;
    Source source(options_, slots);
    while (const std::uint64_t count = control_.next_order()) {
      if (is_roundtrip()) {
        answer(count);
      } else if (options_.kind == "batch") {
        send_batches(source, count);
      } else if (prepared) {
        send_prepared(source, count);
      } else {
        const std::size_t size = options_.size;
        const std::uint64_t end = sequence_ + count;
        for (std::uint64_t sequence = sequence_; sequence < end; ++sequence) {
          adapter_.send(source.number(0, sequence), size);
        }
        sequence_ = end;
      }
    }
  }

  void answer(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      adapter_.recv(buffer_.data(), options_.size);
      if (options_.delay_ns != 0) {
        const std::uint64_t until = now_ns() + options_.delay_ns;
        while (now_ns() < until) {
          relax();
        }
      }
      adapter_.send(buffer_.data(), options_.size);
    }
  }

  void send_prepared(Source& source, std::uint64_t count) {
    constexpr std::uint64_t kAhead = kPrepared / 2;
    for (std::uint64_t ahead = 0; ahead < kAhead; ++ahead) {
      source.number((sequence_ + ahead) % kPrepared, sequence_ + ahead);
    }
    for (std::uint64_t i = 0; i < count; ++i, ++sequence_) {
      source.number((sequence_ + kAhead) % kPrepared, sequence_ + kAhead);
      adapter_.send(source.at(sequence_ % kPrepared), options_.size);
    }
  }

  void send_batches(Source& source, std::uint64_t count) {
    if constexpr (Batches<Adapter>) {
      std::vector<typename Adapter::Message> messages(options_.batch);
      for (std::uint64_t i = 0; i < count; i += options_.batch) {
        for (std::uint64_t k = 0; k < options_.batch; ++k, ++sequence_) {
          messages[k].data = source.number(k, sequence_);
          messages[k].size = options_.size;
        }
        adapter_.send_many(messages.data(), options_.batch);
      }
    } else {
      not_offered("no batches");
    }
  }

  void report(Section section) {
    const double seconds = static_cast<double>(section.elapsed_ns) / 1e9;
    std::printf("{\"messages\": %llu, \"seconds\": %.6f, ",
                static_cast<unsigned long long>(section.messages), seconds);
    if (is_roundtrip()) {
      std::vector<double>& all = section.exchange_ns;
      std::sort(all.begin(), all.end());
      const auto at = [&](double q) {
        const auto index = static_cast<std::size_t>(q * static_cast<double>(all.size() - 1));
        return all[index] - static_cast<double>(options_.delay_ns);
      };
      std::printf(
          "\"value\": %.2f, \"unit\": \"ns\", \"p10\": %.2f, \"p90\": %.2f, \"p99\": %.2f, "
          "\"also\": {\"cpu\": {\"value\": %.4f, \"unit\": \"%% of a core\"}}}\n",
          at(0.5), at(0.1), at(0.9), at(0.99), section.cpu_seconds / seconds * 100);
    } else {
      std::printf(
          "\"value\": %.1f, \"unit\": \"messages/s\", \"bytes_per_second\": %.1f}\n",
          static_cast<double>(section.messages) / seconds,
          static_cast<double>(section.messages) * static_cast<double>(options_.size) / seconds);
    }
  }

  Options options_;
  Adapter adapter_;
  Control control_;
  std::vector<unsigned char> buffer_;
  std::uint64_t sequence_ = 0;
};

template <class Adapter>
int run(int argc, char** argv) {
  const Empty empty = SendsEmpty<Adapter> ? Empty::kAllowed : Empty::kRefused;
  const Options options = parse_options(argc, argv, empty);
  if (options.kind != "roundtrip" && options.kind != "oneway" && options.kind != "batch") {
    fail("unknown kind " + options.kind);
  }
  return Runner<Adapter>(options).run();
}

}  // namespace bench
