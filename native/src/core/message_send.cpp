// Writing messages.
//
// I1. A record is written behind `head`, in room that the reader has given back; nobody looks at it
//     before the release store of head (W1). A writer killed before W1 leaves nothing, after W1 a
//     whole message. The successor goes on at head.
// I2. A record longer than kChunkBytes is published as it grows, so that both sides copy at once:
//     `partial` says where it begins. A writer killed in between leaves head inside the record; the
//     reader waits for the rest, and the successor marks the record kAborted and moves head to its
//     end (its room was there before the first byte). A crash within that repair repeats it.
// I3. A message larger than the ring goes as kStart and kPiece records. The reader gives their room
//     back as it copies, so its successor could not have the whole message: hence the sender stays
//     until all of it is taken, and fails if a reader attached in the middle of it. Whatever record
//     follows a broken-off message makes the reader forget it.
// I4. head + cost - tail <= limit at every publication, with tail as the reader stored it.
//
// Cursors are 64-bit and never wrap in practice (2^64 bytes at 100 GB/s: 5 years); differences are
// taken modulo 2^64 all the same.
#include "core/messages.h"
#include "core/ring.h"
#include "core/writing.h"

namespace smipc::detail {
namespace {

void copy_parts(Channel& channel, Parts& parts, std::byte* to, std::size_t size) {
  parts.copy_out(to, size, [&channel](std::byte* piece, const std::byte* from, std::size_t n) {
    copy_into_ring(channel, piece, from, n);
  });
}

// With the room there.
void write_whole(Channel& channel, Parts& parts) {
  WriterState& writer = channel.writer;
  const std::uint64_t size = parts.total();
  std::byte* record = record_at_head(channel);
  store_record_word(record, record_word(RecordKind::kWhole, size));
  std::byte* payload = record + kRecordHeader;
  if (size > kChunkBytes) {
    // I2. Relaxed: the release of the first chunk's head publishes it.
    channel.self->partial.store(writer.head + 1, std::memory_order_relaxed);
    for (std::uint64_t done = 0; size - done > kChunkBytes;) {
      copy_parts(channel, parts, payload + done, kChunkBytes);
      done += kChunkBytes;
      publish_head(channel, writer.head + kRecordHeader + done);
    }
  }
  const std::uint64_t rest = size - parts.position();
  copy_parts(channel, parts, payload + parts.position(), static_cast<std::size_t>(rest));
  move_head(channel, record_cost(size));
  count_transfer(*channel.self, 1, size);
  publish_head(channel, writer.head);
  if (size > kChunkBytes) channel.self->partial.store(0, std::memory_order_release);
}

std::uint64_t piece_bytes(const Channel& channel) {
  constexpr std::uint64_t kLargest = 128 * 1024;
  const std::uint64_t quarter = (channel.limit / 4) & ~std::uint64_t{7};
  return std::max<std::uint64_t>(16, std::min(quarter, kLargest)) - kRecordHeader;
}

Status write_record(Channel& channel, RecordKind kind, Parts& parts, std::uint64_t size,
                    const Deadline& deadline) {
  const Status status = wait_for_room(channel, record_cost(size), deadline);
  if (status != SMIPC_OK) return status;
  std::byte* record = record_at_head(channel);
  store_record_word(record, record_word(kind, size));
  copy_parts(channel, parts, record + kRecordHeader, static_cast<std::size_t>(size));
  move_head(channel, record_cost(size));
  publish_head(channel, channel.writer.head);
  return SMIPC_OK;
}

Status start_streaming(Channel& channel, std::uint64_t total, const Deadline& deadline) {
  WriterState& writer = channel.writer;
  std::uint64_t payload = total;
  const smipc_buffer part = {&payload, sizeof payload};
  Parts parts(&part, 1);
  const std::uint64_t start = writer.head;
  const Status status = write_record(channel, RecordKind::kStart, parts, sizeof payload, deadline);
  if (status != SMIPC_OK) return status;
  writer.streaming = true;
  writer.stream_start = start;
  writer.stream_total = total;
  return SMIPC_OK;
}

// I3: a reader that began behind the start of this message cannot deliver it.
Status reader_has_it_all(const Channel& channel) {
  const WriterState& writer = channel.writer;
  // A1 (pairs with A2 in open.cpp): before the reader's tail moves past it.
  const std::uint64_t attached = channel.peer->attached_at.load(std::memory_order_acquire);
  const std::uint64_t into = attached - writer.stream_start;  // modulo 2^64
  if (into == 0 || into > writer.head - writer.stream_start) return SMIPC_OK;
  return fail(SMIPC_E_OPPOSITE_DIED, channel.name,
              "the reader was replaced while a message of " + std::to_string(writer.stream_total) +
                  " bytes was passing; it was not delivered");
}

Status stream_pieces(Channel& channel, Parts& parts, const Deadline& deadline) {
  const std::uint64_t most = piece_bytes(channel);
  while (parts.position() < parts.total()) {
    const std::uint64_t before = parts.position();
    const std::uint64_t size = std::min(most, parts.total() - before);
    Status status = write_record(channel, RecordKind::kPiece, parts, size, deadline);
    if (status == SMIPC_OK) status = reader_has_it_all(channel);
    if (status != SMIPC_OK) return status;
  }
  return SMIPC_OK;
}

bool may_resume(Status status) {
  return status == SMIPC_E_TIMED_OUT || status == SMIPC_E_INTERRUPTED;
}

// *inout_done: 0, or 1 + the bytes that have gone.
Status send_streamed(Channel& channel, Parts& parts, const Deadline& deadline,
                     std::uint64_t* inout_done) {
  WriterState& writer = channel.writer;
  const std::uint64_t done = inout_done != nullptr ? *inout_done : 0;
  if (done == 0) {
    writer.streaming = false;
    const Status status = start_streaming(channel, parts.total(), deadline);
    if (status != SMIPC_OK) return status;
  } else if (!writer.streaming || writer.stream_total != parts.total() ||
             done != writer.stream_done) {
    return fail(SMIPC_E_INVALID, channel.name,
                "there is no message to go on with at " + std::to_string(done));
  } else {
    parts.seek(done - 1);
  }
  Status status = stream_pieces(channel, parts, deadline);
  const bool handed_over = status == SMIPC_OK;
  if (handed_over) status = wait_until_taken(channel, deadline);
  if (may_resume(status) && inout_done != nullptr) {
    *inout_done = writer.stream_done = 1 + parts.position();
    forget_room(channel);  // the fast path would not notice that it gives this one up
    return status;
  }
  if (may_resume(status) && handed_over) status = SMIPC_OK;
  if (status == SMIPC_OK) status = reader_has_it_all(channel);
  writer.streaming = false;
  if (status == SMIPC_OK) count_transfer(*channel.self, 1, parts.total());
  return status;
}

}  // namespace

Status send_message(Channel& channel, Parts parts, const Deadline& deadline,
                    std::uint64_t* inout_done) {
  if (channel.writer.reserved) {
    return fail(SMIPC_E_BUSY, channel.name, "a reservation is open: commit or abort it first");
  }
  Status status = look_around(channel);
  if (status != SMIPC_OK) return status;
  const std::uint64_t cost = record_cost(parts.total());
  if (cost > channel.limit) return send_streamed(channel, parts, deadline, inout_done);
  channel.writer.streaming = false;
  status = wait_for_room(channel, cost, deadline);
  if (status != SMIPC_OK) return status;
  allow_sends(channel, cost);
  count_large(channel, cost);
  write_whole(channel, parts);
  let_send_on_after(channel, parts.total());
  return SMIPC_OK;
}

Status reserve_message(Channel& channel, std::size_t size, const Deadline& deadline, void** out) {
  WriterState& writer = channel.writer;
  if (writer.reserved) {
    return fail(SMIPC_E_BUSY, channel.name, "a reservation is open: commit or abort it first");
  }
  if (size > channel.capacity) {
    return fail(SMIPC_E_INVALID, channel.name,
                "a reservation of " + std::to_string(size) + " bytes does not fit a capacity of " +
                    std::to_string(channel.capacity));
  }
  Status status = look_around(channel);
  if (status == SMIPC_OK) status = wait_for_room(channel, record_cost(size), deadline);
  if (status != SMIPC_OK) {
    if (writer.streaming) forget_room(channel);  // of a message that may go on: as in send_streamed
    return status;
  }
  writer.streaming = false;
  writer.reserved = true;
  writer.reserved_bytes = size;
  forget_room(channel);  // no fast path until it is committed or aborted
  *out = record_at_head(channel) + kRecordHeader;
  return SMIPC_OK;
}

Status commit_message(Channel& channel, std::size_t size) {
  WriterState& writer = channel.writer;
  if (!writer.reserved) return fail(SMIPC_E_INVALID, channel.name, "there is no reservation");
  if (size > writer.reserved_bytes) {
    return fail(SMIPC_E_INVALID, channel.name,
                "a commit of " + std::to_string(size) + " bytes exceeds the reservation of " +
                    std::to_string(writer.reserved_bytes));
  }
  if (const Status gone = peer_gone(channel); gone != SMIPC_OK) {
    writer.reserved = false;
    return fail(gone, channel.name);
  }
  writer.reserved = false;
  store_record_word(record_at_head(channel), record_word(RecordKind::kWhole, size));
  move_head(channel, record_cost(size));
  forget_room(channel);  // unknown: the next send looks
  count_transfer(*channel.self, 1, size);
  publish_head(channel, writer.head);
  return SMIPC_OK;
}

Status abort_message(Channel& channel) {
  if (!channel.writer.reserved) {
    return fail(SMIPC_E_INVALID, channel.name, "there is no reservation");
  }
  channel.writer.reserved = false;
  return SMIPC_OK;
}

Status repair_partial_record(Channel& channel) {
  EndShm& self = *channel.self;
  WriterState& writer = channel.writer;
  const std::uint64_t partial = self.partial.load(std::memory_order_acquire);
  if (partial == 0) return SMIPC_OK;
  const std::uint64_t start = partial - 1;
  const std::uint64_t written = writer.head - start;
  std::uint64_t tail = 0;
  if (written > channel.limit || start % kRecordHeader != 0 ||
      !effective_tail(channel, writer.head, &tail)) {
    return fail(SMIPC_E_CORRUPT, channel.name, "the last writer's record begins nowhere");
  }
  if (written > 0) {
    std::byte* record = channel.ring + start % channel.ring_bytes;
    const std::uint64_t length = record_length(load_record_word(record));
    if (length > channel.limit || start + record_cost(length) - tail > channel.limit) {
      return fail(SMIPC_E_CORRUPT, channel.name, "the last writer's record has no end");
    }
    if (written < record_cost(length)) {  // I2
      store_record_word(record, record_word(RecordKind::kAborted, length));
      move_head(channel, record_cost(length) - written);
      self.cursor.store(writer.head, std::memory_order_release);  // W1
    }
  }
  self.partial.store(0, std::memory_order_release);
  return SMIPC_OK;
}

}  // namespace smipc::detail
