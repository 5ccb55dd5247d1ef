// One end of a channel, as a process holds it: the handle behind smipc_channel.
//
// Everything a call needs is in here; what other processes see is in layout.h. Fields without a
// note are guarded by `lock`. The protocol is in message_send.cpp, message_recv.cpp and stream.cpp,
// waiting in waiting.h; this file must not contain any of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "core/backoff.h"
#include "core/error.h"
#include "core/large_copy.h"
#include "core/layout.h"
#include "core/owner_lock.h"
#include "core/slot_table.h"
#include "core/spin_history.h"
#include "platform/platform.h"
#include "smipc.h"

namespace smipc::detail {

class Listener;
class WatchEntry;

// What the calling function needs the end to be: its mode and framing. An end's `allowed` has the
// bits of the calls that it serves.
enum CallKind : std::uint32_t {
  kCallWrite = 1u << 0,  // stream, writer
  kCallRead = 1u << 1,   // stream, reader
  kCallSend = 1u << 2,   // message, writer
  kCallRecv = 1u << 3,   // message, reader
  kCallFlush = 1u << 4,  // any writer
  kCallWait = 1u << 5,   // any reader
};

enum class EndState : std::uint32_t { kUsable, kClosing, kShut, kForked };

// Bytes owned by the handle: kept from a broken-off read, or a large message being put together.
struct OwnBytes {
  std::unique_ptr<std::byte[]> data;
  std::size_t capacity = 0;

  // False: no memory, nothing changed. Content is not kept.
  bool ensure(std::size_t size);
  void drop();
};

// The private half of a writer.
struct WriterState {
  std::uint64_t head = 0;      // the truth; shared as EndShm::cursor
  std::uint64_t fast_end = 0;  // the fast path may move head up to here: see let_send_on
  std::uintptr_t lap = 0;      // head is at this address + head: see ring.h
  std::uint64_t room_end = 0;  // the tail as last seen + limit: head may go up to here
  std::uint64_t look_end = 0;  // a send that would move head beyond it looks first: see look_if_due
  std::uint64_t claimed_end = 0;  // lines before it are claimed: see claim.h
  bool in_stream = false;         // by what was unread when the tail was last seen: see claim_after
  std::uint32_t look_interval = 0;
  std::int64_t last_look_ns = 0;
  std::uint64_t reserved_bytes = 0;  // payload of the open reservation
  bool reserved = false;
  // A message larger than the ring that broke off and may be resumed.
  bool streaming = false;
  std::uint64_t stream_start = 0;  // where its kStart record is
  std::uint64_t stream_total = 0;
  std::uint64_t stream_done = 0;  // what the caller must give back to go on
  CopyChoice copy_choice;
};

// A message larger than the ring that the reader is putting together.
struct Assembly {
  OwnBytes bytes;
  std::uint64_t total = 0;
  std::uint64_t received = 0;
  // The ring's bytes of the last piece: given back when the message is taken, so that a reader that
  // goes away before that has not taken it.
  std::uint64_t last_cost = 0;
  bool active = false;
  bool bytes_used = false;  // or the message goes straight to the caller
  bool complete() const { return active && received == total; }
};

// The private half of a reader.
struct ReaderState {
  std::uint64_t tail = 0;          // the truth; shared as EndShm::exact
  std::uint64_t fast_end = 0;      // the fast path may move tail up to here: see let_receive_on
  std::uintptr_t lap = 0;          // tail is at this address + tail: see ring.h
  std::uint64_t head_seen = 0;     // the head as last read
  std::uint64_t published = 0;     // the tail as last stored in EndShm::cursor
  std::uint64_t publish_step = 0;  // publish when tail is this far ahead
  DrainBackoff backoff;
  bool special = false;              // borrowed, batch or assembly: no fast path
  bool borrowed = false;             // by peek
  std::uint64_t borrowed_bytes = 0;  // in the ring; an assembly knows its own size
  bool batch = false;                // a fetched list is being handed out
  Assembly assembly;
  OwnBytes kept;  // stream: bytes of a read that did not complete; [kept_begin, kept_end)
  std::size_t kept_begin = 0;
  // 0: nothing is held here. In a message channel 1 while an assembled message waits to be taken.
  // Atomic because smipc_wait and the watcher look at it without the lock.
  std::atomic<std::size_t> kept_end{0};
  OwnBytes fetch_area;
};

struct WaitState {
  SpinHistory spins;
  bool in_vain = false;                // the last wait timed out after a while
  std::int64_t spun_ns = 0;            // that this wait has spun already: spin_for_record
  std::int64_t soon_ns = kLongSpinNs;  // how long a call that must not sleep may spin
  std::uint32_t soon_misses = 0;       // such spins in a row that were too short to be of use
  std::atomic<std::int64_t> last_liveness_ns{0};  // also used without the lock: smipc_wait
  std::atomic<std::uint32_t> announcements{0};    // of sleeps, by whichever thread
};

struct Channel {
  // Touched by every call; kept together.
  OwnerLock lock;
  std::atomic<std::uint32_t> allowed{0};  // CallKind bits; 0 once closed. Relaxed: see entry.h
  std::uint32_t force_attention = 0;      // kFences when this process has no shared barrier
  std::byte* ring = nullptr;              // mapped twice in a row
  std::uint64_t ring_bytes = 0;
  std::uint64_t limit = 0;
  EndShm* self = nullptr;
  EndShm* peer = nullptr;
  bool watched = false;  // reader: its descriptor follows what is there
  WriterState writer;
  ReaderState reader;

  // The rest.
  WaitState wait;
  ChannelShm* shm = nullptr;
  PlatSegment* segment = nullptr;
  std::atomic<EndState> state{EndState::kUsable};
  std::atomic<bool> listening{false};
  std::atomic<bool> stop_listening{false};
  std::atomic<std::uint32_t> bound_slot{kNoSlot};  // smipc_channel_bind
  std::string name;
  std::uint32_t mode = 0;
  std::uint32_t framing = 0;
  std::uint32_t wait_policy = 0;
  std::uint32_t lifetime = 0;
  std::uint32_t access = 0;
  std::uint64_t capacity = 0;
  std::uint64_t nonce = 0;
  std::uint64_t memory_bytes = 0;
  std::mutex listener_mutex;
  std::unique_ptr<Listener> listener;  // guarded by listener_mutex
  std::unique_ptr<WatchEntry> watch;
  Channel* previous = nullptr;  // of all handles of this process: registry.cpp
  Channel* next = nullptr;

  Channel();
  ~Channel();

  bool is_writer() const { return mode == SMIPC_WRITER; }
  std::uint32_t self_role() const { return is_writer() ? 0 : 1; }
  std::uint32_t peer_role() const { return is_writer() ? 1 : 0; }
  // Where calls of this end sleep.
  PlatWaitPoint wait_point(std::uint32_t expected) const {
    PlatWaitPoint point;
    point.segment = segment;
    point.role = self_role();
    point.word = &self->wait_word;
    point.expected = expected;
    point.opposite = living_peer();
    return point;
  }
  // Where those of the opposite end do.
  PlatWaitPoint peer_wait_point() const {
    PlatWaitPoint point;
    point.segment = segment;
    point.role = peer_role();
    point.word = &peer->wait_word;
    return point;
  }
  // The opposite end's process, unless it has closed or is known to have died.
  PlatHolder living_peer() const {
    const std::uint32_t word = peer->wait_word.load(std::memory_order_acquire);  // I3 of open.cpp
    if ((word & (kOpen | kClosed | kDead)) != kOpen) return {};
    return {peer->pid.load(std::memory_order_relaxed),
            peer->start_time.load(std::memory_order_relaxed)};
  }
};

// open.cpp
Status channel_open(std::string_view name, std::uint32_t mode, std::uint64_t capacity,
                    const smipc_channel_options& options, std::unique_ptr<Channel>* out);
Status channel_unlink(std::string_view name);
Status clean_stale(std::size_t* out_removed);

// close.cpp: idempotent, from any thread.
Status channel_close(Channel& channel);
// Makes every call that sleeps in this end look at its flags again.
void kick_sleepers(Channel& channel);

// registry.cpp
// Before anything is opened: a child forked meanwhile must not inherit a lock.
void registry_add(Channel* channel);
void registry_remove(Channel* channel);
Status registry_close_all();

// status.cpp
// Messages (or calls) and payload bytes of this role.
inline void count_transfer(EndShm& self, std::uint64_t messages, std::uint64_t bytes) {
  self.messages.store(self.messages.load(std::memory_order_relaxed) + messages,
                      std::memory_order_relaxed);
  self.bytes.store(self.bytes.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
}
Status channel_status(Channel& channel, smipc_channel_status* out);
std::string channel_status_text(Channel& channel);

}  // namespace smipc::detail

// The C handle.
struct smipc_channel : smipc::detail::Channel {};
