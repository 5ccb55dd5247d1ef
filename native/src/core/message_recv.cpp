// Reading messages.
//
// I1. Everything before `head` (R1) is complete, but for the record that `head` is inside of.
//     Lengths are bounded by head and by the ring before they are used: a peer that lies gets this
//     side an SMIPC_E_CORRUPT.
// I2. A message has been taken when `exact` (E2) is behind it. A reader killed before that leaves it
//     to its successor, which begins at `exact`, moved behind the messages of a fetched list that
//     were handed on (ring.cpp, effective_tail).
// I3. The writer may reuse what is before the reader's `cursor` (T1), which is published when it is
//     limit/8 behind, and whenever the ring is found empty; `exact` is what a writer without room
//     looks at.
// I4. kPiece without the kStart before it belongs to a message that a dead reader had begun: skipped.
//     Any other record ends a message that is being put together: its writer gave it up.
#include <cstring>
#include <iterator>
#include <utility>

#include "core/backoff.h"
#include "core/inlining.h"
#include "core/messages.h"
#include "core/reading.h"
#include "core/ring.h"

namespace smipc::detail {

namespace {

// Records that deliver nothing, between two looks at the deadline.
constexpr std::uint32_t kSkipsPerLook = 64;
// Who finds no more than this when it looks again is right behind the writer.
constexpr std::uint64_t kCloseBytes = 16 * 1024;

Status corrupt_record(const Channel& channel, std::uint64_t word) {
  return fail(SMIPC_E_CORRUPT, channel.name,
              "a record of kind " + std::to_string(record_kind(word)) + " and length " +
                  std::to_string(record_length(word)) + " at cursor " +
                  std::to_string(channel.reader.tail));
}

std::uint64_t messages_read(const Channel& channel) {
  return channel.self->messages.load(std::memory_order_relaxed);
}

// Of an empty ring the writer gets all of its room back, ...
void give_back_all(Channel& channel) {
  if (channel.reader.tail != channel.reader.published) publish_tail(channel);
}

// ... and a little time if it is in a stream. Whether it got that.
bool give_time(Channel& channel) {
  DrainBackoff& backoff = channel.reader.backoff;
  const std::uint64_t messages = messages_read(channel);
  if (!wants_distance(backoff, messages)) return false;
  give_back_all(channel);
  stay_away(backoff, messages);
  return true;
}

// After a look at the head. In a stream finding a few is as bad as finding none: the writer never gets
// ahead.
void keep_distance(Channel& channel) {
  ReaderState& reader = channel.reader;
  const std::uint64_t known = reader.head_seen - reader.tail;
  if (known != 0 && known < std::min<std::uint64_t>(kCloseBytes, channel.limit / 4) &&
      spins_first(channel)) {
    back_off_when_close(reader.backoff, messages_read(channel));
  }
}

void forget_assembly(Channel& channel) {
  Assembly& assembly = channel.reader.assembly;
  assembly.active = false;
  if (assembly.bytes_used) assembly.bytes.drop();  // untouched memory costs nothing to keep
  assembly.bytes_used = false;
  channel.reader.kept_end.store(0, std::memory_order_release);
  channel.reader.special = channel.reader.borrowed || channel.reader.batch;
}

Status too_small(Channel& channel, std::uint64_t size, std::uint64_t capacity, Message* message) {
  message->size = size;
  return fail(
      SMIPC_E_BUFFER_TOO_SMALL, channel.name,
      "the message has " + std::to_string(size) + " bytes, the buffer " + std::to_string(capacity));
}

Status begin_assembly(Channel& channel, std::uint64_t word, Parts* into, Message* message) {
  std::uint64_t total = 0;
  if (record_length(word) != sizeof total) return corrupt_record(channel, word);
  std::memcpy(&total, record_at_tail(channel) + kRecordHeader, sizeof total);
  if (total > SMIPC_MAX_MESSAGE || total > SIZE_MAX) return corrupt_record(channel, word);
  if (into != nullptr && into->total() < total) {
    return too_small(channel, total, into->total(), message);
  }
  Assembly& assembly = channel.reader.assembly;
  // Asked for now, while nothing has been consumed; pages cost nothing until they are written.
  if (!assembly.bytes.ensure(static_cast<std::size_t>(total))) {
    return fail(SMIPC_E_NO_MEMORY, channel.name,
                "no memory for a message of " + std::to_string(total) + " bytes");
  }
  assembly.total = total;
  assembly.received = 0;
  assembly.last_cost = 0;
  assembly.active = true;
  begin_special(channel);
  advance_tail(channel, record_cost(sizeof total));
  return SMIPC_OK;
}

// `direct`: the caller's buffers, when the message is put together there.
Status take_piece(Channel& channel, std::uint64_t word, Parts* direct) {
  Assembly& assembly = channel.reader.assembly;
  const std::uint64_t length = record_length(word);
  if (assembly.active) {
    if (length > assembly.total - assembly.received) return corrupt_record(channel, word);
    const std::byte* payload = record_at_tail(channel) + kRecordHeader;
    if (direct != nullptr) {
      direct->copy_in(payload, static_cast<std::size_t>(length));
    } else {
      assembly.bytes_used = true;
      copy_bytes<OutOfRing>(assembly.bytes.data.get() + assembly.received, payload,
                            static_cast<std::size_t>(length));
    }
    assembly.received += length;
    assembly.last_cost = record_cost(length);
    if (assembly.complete() && direct == nullptr) return SMIPC_OK;  // taken by take_message
  }
  advance_tail(channel, record_cost(length));
  return SMIPC_OK;
}

// Bounds-checks the record at the tail. *whole_there: all of it has been written.
Status examine(Channel& channel, std::uint64_t* word, bool* whole_there) {
  *word = load_record_word(record_at_tail(channel));
  const std::uint64_t length = record_length(*word);
  const std::uint64_t there = channel.reader.head_seen - channel.reader.tail;
  if (there < kRecordHeader || length > channel.limit || record_cost(length) > channel.limit ||
      record_kind(*word) > static_cast<std::uint64_t>(RecordKind::kAborted)) {
    return corrupt_record(channel, *word);
  }
  *whole_there = record_cost(length) <= there;
  // A record is published in parts when it is long, and when its writer died inside it.
  const bool may_grow = record_kind(*word) == static_cast<std::uint64_t>(RecordKind::kWhole) ||
                        record_kind(*word) == static_cast<std::uint64_t>(RecordKind::kAborted);
  if (!*whole_there && !may_grow) return corrupt_record(channel, *word);
  return SMIPC_OK;
}

// Runs until there is a message; `direct` is `into` once a large message goes there.
Status find_message(Channel& channel, const Deadline& deadline, Parts* into, Parts** direct,
                    Message* message) {
  ReaderState& reader = channel.reader;
  Assembly& assembly = reader.assembly;
  const auto fits = [into](std::uint64_t size) { return into == nullptr || size <= into->total(); };
  for (std::uint32_t skips = 1; !assembly.complete(); ++skips) {
    if (skips % kSkipsPerLook == 0 && deadline.passed(plat_now_ns())) {
      return fail_quietly(SMIPC_E_TIMED_OUT, channel.name);
    }
    Status status = wait_for_record(channel, deadline);
    std::uint64_t word = 0;
    bool whole_there = false;
    if (status == SMIPC_OK) status = examine(channel, &word, &whole_there);
    if (status != SMIPC_OK) return status;
    const std::uint64_t length = record_length(word);
    switch (static_cast<RecordKind>(record_kind(word))) {
      case RecordKind::kWhole:
        if (assembly.active) forget_assembly(channel);
        if (!whole_there && into == nullptr) {
          status = wait_for_more(channel, record_cost(length) - 1, deadline);
          break;  // and look again: a successor may have aborted it
        }
        message->data = record_at_tail(channel) + kRecordHeader;
        message->size = length;
        message->cost = record_cost(length);
        message->in_progress = !whole_there;
        return SMIPC_OK;
      case RecordKind::kStart:
        if (assembly.active) forget_assembly(channel);
        status = begin_assembly(channel, word, into, message);
        if (status != SMIPC_OK) return status;
        if ((*direct = into) != nullptr) into->seek(0);
        break;
      case RecordKind::kPiece:
        if (assembly.active && !fits(assembly.total)) {
          return too_small(channel, assembly.total, into->total(), message);
        }
        status = take_piece(channel, word, *direct);
        break;
      case RecordKind::kAborted:
        if (whole_there) {
          advance_tail(channel, record_cost(length));
        } else {
          status = wait_for_more(channel, record_cost(length) - 1, deadline);
        }
        break;
    }
    if (status != SMIPC_OK) return status;
  }
  message->size = assembly.total;
  if (*direct != nullptr) {
    message->delivered = true;
    return SMIPC_OK;
  }
  if (!fits(assembly.total)) return too_small(channel, assembly.total, into->total(), message);
  reader.kept_end.store(1, std::memory_order_release);
  message->data = assembly.bytes.data.get();
  message->cost = assembly.last_cost;
  message->assembled = true;
  return SMIPC_OK;
}

// Copies a message into the caller's buffers, as it is being written if need be.
// *aborted: its writer died, and a successor has closed the record.
Status copy_message(Channel& channel, const Message& message, Parts& into, const Deadline& deadline,
                    bool* aborted) {
  ReaderState& reader = channel.reader;
  *aborted = false;
  into.seek(0);
  if (!message.in_progress) {
    into.copy_in(message.data, static_cast<std::size_t>(message.size));
    return SMIPC_OK;
  }
  while (into.position() < message.size) {
    const std::uint64_t copied = into.position();
    const Status status = wait_for_more(channel, kRecordHeader + copied, deadline);
    if (status != SMIPC_OK) return status;  // nothing is consumed: it stays in the ring
    const std::uint64_t there =
        std::min(reader.head_seen - reader.tail - kRecordHeader, message.size);
    into.copy_in(message.data + copied, static_cast<std::size_t>(there - copied));
  }
  // The padding, too, before the tail moves behind it: a head may lie.
  const Status status = wait_for_more(channel, message.cost - 1, deadline);
  if (status != SMIPC_OK) return status;
  const std::uint64_t word = load_record_word(record_at_tail(channel));
  *aborted = record_kind(word) == static_cast<std::uint64_t>(RecordKind::kAborted);
  if (*aborted) advance_tail(channel, message.cost);
  return SMIPC_OK;
}

Status receive_into(Channel& channel, Parts& into, const Deadline& deadline,
                    std::size_t* out_size) {
  for (bool aborted = true; aborted;) {
    Message message;
    Status status = next_message(channel, deadline, &into, &message);
    *out_size = static_cast<std::size_t>(message.size);
    if (status == SMIPC_OK && !message.delivered && message.size > into.total()) {
      status = too_small(channel, message.size, into.total(), &message);
    }
    if (status != SMIPC_OK) return status;
    aborted = false;
    if (message.delivered) break;
    status = copy_message(channel, message, into, deadline, &aborted);
    if (status != SMIPC_OK) return status;
    if (!aborted) take_message(channel, message);
  }
  return SMIPC_OK;
}

}  // namespace

void look_for_records(Channel& channel) {
  const ReaderState& reader = channel.reader;
  if (reader.special || reader.head_seen != reader.tail || !refresh_head(channel)) return;
  keep_distance(channel);
}

Status wait_for_record(Channel& channel, const Deadline& deadline) {
  const ReaderState& reader = channel.reader;
  if (reader.head_seen == reader.tail) {
    if (!refresh_head(channel)) return corrupt_head(channel);
    keep_distance(channel);
  }
  if (reader.head_seen != reader.tail) {
    channel.wait.spun_ns = 0;  // no wait comes behind that spin
    return SMIPC_OK;
  }
  if (!give_time(channel)) give_back_all(channel);
  return wait_for_more(channel, 0, deadline);
}

namespace {

// A stretch of looks; true: there is one, or something is wrong.
template <int kPolls, bool kPauses>
SMIPC_INLINE bool poll_for_record(Channel& channel) {
  const ReaderState& reader = channel.reader;
  for (int poll = 0; poll < kPolls; ++poll) {
    if (!refresh_head(channel)) return true;
    if (reader.head_seen != reader.tail) return true;
    if constexpr (kPauses) plat_spin_pause();
  }
  return false;
}

}  // namespace

std::int64_t spin_for_record(Channel& channel, std::int64_t most_ns) {
  constexpr int kPolls = 64;
  constexpr int kPollsPerClock = 32;
  WaitState& wait = channel.wait;
  wait.spun_ns = 0;
  if (channel.reader.special || wait.in_vain || !spins_first(channel)) return 0;
  const bool gave_time = give_time(channel);
  if (poll_for_record<kPolls, false>(channel)) return 0;
  if (!gave_time) give_back_all(channel);
  if (poll_for_record<kPolls, true>(channel) || most_ns == 0) return 0;
  const std::int64_t start_ns = plat_now_ns();
  std::int64_t budget_ns = wait.spins.budget_ns();
  if (most_ns > 0) budget_ns = std::min(budget_ns, most_ns);
  do {
    if (poll_for_record<kPollsPerClock, true>(channel)) {
      wait.spins.learn(wait.spun_ns);
      return std::exchange(wait.spun_ns, 0);
    }
    wait.spun_ns = plat_now_ns() - start_ns;
  } while (wait.spun_ns < budget_ns &&
           channel.state.load(std::memory_order_relaxed) == EndState::kUsable);
  return wait.spun_ns;
}

Status next_message(Channel& channel, const Deadline& deadline, Parts* into, Message* message) {
  Assembly& assembly = channel.reader.assembly;
  Parts* direct = nullptr;
  const Status status = find_message(channel, deadline, into, &direct, message);
  if (direct == nullptr) return status;
  if (message->delivered) {
    count_transfer(*channel.self, 1, assembly.total);
    forget_assembly(channel);
  } else if (assembly.active) {  // broken off: what the caller's buffers hold is kept here
    assembly.bytes_used = true;
    direct->seek(0);
    direct->copy_out(assembly.bytes.data.get(), static_cast<std::size_t>(assembly.received),
                     copy_bytes<IntoRing>);
  }
  return status;
}

void take_message(Channel& channel, const Message& message) {
  count_transfer(*channel.self, 1, message.size);
  advance_tail(channel, message.cost);
  if (message.assembled) forget_assembly(channel);
}

Status recv_message(Channel& channel, Parts into, const Deadline& deadline, std::size_t* out_size) {
  finish_batch(channel);
  if (channel.reader.borrowed) {
    return fail(SMIPC_E_BUSY, channel.name, "a message is borrowed: release it first");
  }
  const Status status = receive_into(channel, into, deadline, out_size);
  follow_with_descriptor(channel);  // also after an error: parts of a message may have been taken
  return status;
}

Status recv_headed_message(Channel& channel, const void* head, std::size_t head_size,
                           const smipc_buffer& body, const Deadline& deadline) {
  const auto another = [&channel] {
    follow_with_descriptor(channel);
    return fail_quietly(SMIPC_E_NOT_FOUND, channel.name);
  };
  finish_batch(channel);
  if (channel.reader.borrowed) {
    return fail(SMIPC_E_BUSY, channel.name, "a message is borrowed: release it first");
  }
  Parts nowhere(nullptr, 0);  // a message larger than the ring is announced, not put together
  Message message;
  Status status = next_message(channel, deadline, &nowhere, &message);
  if (status == SMIPC_E_BUFFER_TOO_SMALL) return another();
  if (status == SMIPC_OK) {
    if (head_size > kHeadMost || message.size != head_size + body.size) return another();
    if (message.in_progress && head_size > 0) {
      status = wait_for_more(channel, kRecordHeader + head_size - 1, deadline);
    }
  }
  if (status == SMIPC_OK) {
    if (head_size > 0 && std::memcmp(message.data, head, head_size) != 0) return another();
    // The head may change under our eyes, as the body may: it is copied, and compared no more.
    std::byte seen[kHeadMost];
    const smipc_buffer parts[] = {{seen, head_size}, body};
    Parts into(parts, std::size(parts));
    bool aborted = false;
    status = copy_message(channel, message, into, deadline, &aborted);
    if (aborted) return another();
    if (status == SMIPC_OK) take_message(channel, message);
  }
  follow_with_descriptor(channel);
  return status;
}

void finish_batch(Channel& channel) {
  ReaderState& reader = channel.reader;
  if (!reader.batch) return;
  reader.batch = false;
  reader.special = reader.borrowed || reader.assembly.active;
  store_tail(channel);  // and `taken`, which belongs to the old value, is void from here on
}

}  // namespace smipc::detail
