// Looking inside an end: counts, cursors, states, and the line of print_status.
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "core/channel.h"
#include "core/ring.h"
#include "core/waiting.h"

namespace smipc::detail {
namespace {

std::uint32_t end_state(const EndShm& end) {
  const std::uint32_t word = end.wait_word.load(std::memory_order_acquire);
  if ((word & kOpen) == 0) return SMIPC_END_ABSENT;
  if ((word & kClosed) != 0) return SMIPC_END_CLOSED;
  return (word & kDead) != 0 ? SMIPC_END_DIED : SMIPC_END_OPEN;
}

std::uint64_t shared_tail(const Channel& channel, std::uint64_t head) {
  std::uint64_t tail = 0;
  return effective_tail(channel, head, &tail) ? tail : head;  // read while both were moving
}

std::uint64_t address_of(const void* pointer) {
  return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(pointer));
}

void fill_from_segment(const Channel& channel, smipc_channel_status* out) {
  const EndShm& writer = channel.shm->writer;
  const EndShm& reader = channel.shm->reader;
  out->writer_state = end_state(writer);
  out->reader_state = end_state(reader);
  out->writer_pid = writer.pid.load(std::memory_order_relaxed);
  out->reader_pid = reader.pid.load(std::memory_order_relaxed);
  out->is_open = 1;
  out->write_cursor = writer.cursor.load(std::memory_order_acquire);
  out->read_cursor = shared_tail(channel, out->write_cursor);
  out->used_bytes = out->write_cursor - out->read_cursor;
  out->messages_written = writer.messages.load(std::memory_order_relaxed);
  out->messages_read = reader.messages.load(std::memory_order_relaxed);
  out->bytes_written = writer.bytes.load(std::memory_order_relaxed);
  out->bytes_read = reader.bytes.load(std::memory_order_relaxed);
  out->writer_waits = writer.waits.load(std::memory_order_relaxed);
  out->reader_waits = reader.waits.load(std::memory_order_relaxed);
  out->high_water_bytes =
      std::max(writer.high_water.load(std::memory_order_relaxed), out->used_bytes);
  out->segment_handle = address_of(channel.shm);
  out->read_event = address_of(&reader.wait_word);
  out->write_event = address_of(&writer.wait_word);
}

}  // namespace

Status channel_status(Channel& channel, smipc_channel_status* out) {
  smipc_channel_status status = {};
  status.struct_size = out->struct_size;
  status.mode = channel.mode;
  status.framing = channel.framing;
  status.wait = channel.wait_policy;
  status.lifetime = channel.lifetime;
  status.access = channel.access;
  status.listener = channel.listening.load(std::memory_order_acquire) ? 1 : 0;
  status.capacity_bytes = channel.capacity;
  status.limit_bytes = channel.limit;
  status.memory_bytes = channel.memory_bytes;
  if (channel.state.load(std::memory_order_acquire) == EndState::kUsable) {
    look_for_peer(channel, true);  // no other call may have asked since it died
    fill_from_segment(channel, &status);
  }
  std::memcpy(out, &status, std::min<std::size_t>(out->struct_size, sizeof status));
  return SMIPC_OK;
}

std::string channel_status_text(Channel& channel) {
  smipc_channel_status status = {};
  status.struct_size = sizeof status;
  channel_status(channel, &status);
  const auto opened = [](std::uint32_t state) { return state == SMIPC_END_OPEN ? 1 : 0; };
  const auto gone = [](std::uint32_t state) { return state >= SMIPC_END_CLOSED ? 1 : 0; };
  const char* fill = "normal";
  if (status.used_bytes == 0) fill = "empty";
  if (status.used_bytes >= status.limit_bytes) fill = "full";
  char text[512];
  std::snprintf(text, sizeof text,
                ": mode=%s hSharedMem=0x%" PRIx64 " listener=%" PRIu32
                " syncBuf={RO=%d WO=%d RC=%d WC=%d hREvt=0x%" PRIx64 " hWEvt=0x%" PRIx64
                " bufSz=%" PRIu64 " rc=%" PRIu64 " wc=%" PRIu64 " state=%s}",
                channel.is_writer() ? "W" : "R", status.segment_handle, status.listener,
                opened(status.reader_state), opened(status.writer_state), gone(status.reader_state),
                gone(status.writer_state), status.read_event, status.write_event,
                status.capacity_bytes, status.read_cursor, status.write_cursor, fill);
  return "Channel(" + printable(channel.name) + ")" + text;
}

}  // namespace smipc::detail
