// Stream framing: the ring holds bare bytes.
//
// I1. head (W1) and exact (E2) are positions in the stream; what lies between them is in the ring.
// I2. A write of at most the capacity waits for all of its room first, so it is all or nothing for a
//     caller that gives up; a longer one passes as room comes.
// I3. A read of n bytes takes nothing until all n are there, so a reader that is killed while it
//     waits leaves them to its successor. Two cases force its hand: n is more than the ring holds,
//     or the writer is stalled for room. What it then took and could not deliver is kept by the
//     handle and comes first in the next read.
#include <cstring>

#include "core/messages.h"
#include "core/reading.h"
#include "core/writing.h"

namespace smipc::detail {
namespace {

// With the room there.
void put_bytes(Channel& channel, const std::byte* data, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const std::size_t chunk = std::min(size - done, kChunkBytes);
    copy_into_ring(channel, record_at_head(channel), data + done, chunk);
    move_head(channel, chunk);
    done += chunk;
    publish_head(channel, channel.writer.head);
  }
}

void get_bytes(Channel& channel, std::byte* buffer, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const std::size_t chunk = std::min(size - done, kChunkBytes);
    copy_bytes<OutOfRing>(buffer + done, record_at_tail(channel), chunk);
    advance_tail(channel, chunk);
    done += chunk;
  }
}

std::uint64_t there(const Channel& channel) {
  return channel.reader.head_seen - channel.reader.tail;
}

std::size_t get_kept(Channel& channel, std::byte* buffer, std::size_t size) {
  ReaderState& reader = channel.reader;
  const std::size_t end = reader.kept_end.load(std::memory_order_relaxed);
  const std::size_t count = std::min(size, end - reader.kept_begin);
  if (count == 0) return 0;
  std::memcpy(buffer, reader.kept.data.get() + reader.kept_begin, count);
  reader.kept_begin += count;
  if (reader.kept_begin == end) {
    reader.kept_begin = 0;
    reader.kept_end.store(0, std::memory_order_release);
  }
  return count;
}

// Only called when nothing else is kept, and after make_room_to_keep.
void keep(Channel& channel, const std::byte* buffer, std::size_t size) {
  ReaderState& reader = channel.reader;
  std::memmove(reader.kept.data.get(), buffer, size);
  reader.kept_begin = 0;
  reader.kept_end.store(size, std::memory_order_release);
}

// I3: may a read that still needs `need` bytes take what there is?
bool must_take(const Channel& channel, std::uint64_t need) {
  return there(channel) >= need ||
         (there(channel) > 0 &&
          // L1 (pairs with L2 in waiting.cpp): acquire, so that head is looked at after it.
          (need > channel.limit || channel.peer->stalled.load(std::memory_order_acquire) != 0));
}

Status wait_to_take(Channel& channel, std::uint64_t need, const Deadline& deadline) {
  bool corrupt = !refresh_head(channel);
  if (!corrupt && must_take(channel, need)) return SMIPC_OK;
  if (channel.reader.tail != channel.reader.published) publish_tail(channel);
  const Status status = wait_until(channel, deadline, 0, [&channel, &corrupt, need](bool) {
    corrupt = corrupt || !refresh_head(channel);
    return corrupt || must_take(channel, need);
  });
  return corrupt ? corrupt_head(channel) : status;
}

}  // namespace

Status write_stream(Channel& channel, const void* data, std::size_t size, const Deadline& deadline,
                    std::size_t* out_written) {
  *out_written = 0;
  Status status = look_around(channel);
  if (status != SMIPC_OK) return status;
  const auto* from = static_cast<const std::byte*>(data);
  const bool at_once = size <= channel.limit;  // I2
  while (*out_written < size) {
    const std::size_t left = size - *out_written;
    status = wait_for_room(channel, at_once ? size : 1, deadline);
    if (status != SMIPC_OK) break;
    const auto chunk = static_cast<std::size_t>(std::min<std::uint64_t>(left, room(channel)));
    put_bytes(channel, from + *out_written, chunk);
    forget_stall(channel);
    *out_written += chunk;
  }
  if (*out_written > 0) {
    count_transfer(*channel.self, 1, *out_written);
    let_send_on_after(channel, *out_written);
  }
  return status;
}

Status read_stream_exactly(Channel& channel, void* buffer, std::size_t size,
                           const Deadline& deadline) {
  auto* to = static_cast<std::byte*>(buffer);
  Status status = SMIPC_OK;
  const std::size_t kept_before =
      channel.reader.kept_end.load(std::memory_order_relaxed) - channel.reader.kept_begin;
  std::size_t got = get_kept(channel, to, size);
  bool can_keep = kept_before > 0 && kept_before < size && channel.reader.kept.capacity >= size;
  while (got < size && status == SMIPC_OK) {
    const std::size_t need = size - got;
    status = wait_to_take(channel, need, deadline);
    if (status != SMIPC_OK) break;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(need, there(channel)));
    if (count < need && !can_keep) {
      // Before anything is taken that may have to be kept. Content first: it is in the caller's
      // buffer, and stays there.
      OwnBytes larger;
      if (!larger.ensure(size)) {
        status = fail(SMIPC_E_NO_MEMORY, channel.name,
                      "no memory to keep a broken-off read of " + std::to_string(size) + " bytes");
        break;
      }
      channel.reader.kept = std::move(larger);
      can_keep = true;
    }
    get_bytes(channel, to + got, count);
    got += count;
  }
  if (status != SMIPC_OK) {
    if (got > 0) keep(channel, to, got);
  } else if (size > 0) {
    count_transfer(*channel.self, 1, size);
  }
  follow_with_descriptor(channel);
  return status;
}

Status read_stream_some(Channel& channel, void* buffer, std::size_t size, const Deadline& deadline,
                        std::size_t* out_read) {
  *out_read = 0;
  if (size == 0) return SMIPC_OK;
  auto* to = static_cast<std::byte*>(buffer);
  std::size_t got = get_kept(channel, to, size);
  if (got == 0 || there(channel) > 0) {
    const Status status = got > 0 ? SMIPC_OK : wait_to_take(channel, 1, deadline);
    if (status != SMIPC_OK) {
      follow_with_descriptor(channel);
      return status;
    }
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(size - got, there(channel)));
    get_bytes(channel, to + got, count);
    got += count;
  }
  count_transfer(*channel.self, 1, got);
  *out_read = got;
  follow_with_descriptor(channel);
  return SMIPC_OK;
}

}  // namespace smipc::detail
