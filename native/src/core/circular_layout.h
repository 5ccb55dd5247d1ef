// The bytes that processes share of a circular buffer. What layout.h says counts here, too.
//
// A segment:  [ CircularBufferShm ] ... ring_offset: [ slots, mapped twice in a row ]
//
// Who writes what: the header and the shape are the creator's, before `magic`, and never change. The
// rest is written by the process that holds role 0. Readers write nothing.
#pragma once

#include "core/layout.h"

namespace smipc::detail {

struct CircularBufferShm {
  SegmentHeaderShm header;
  alignas(kCacheLine) std::uint64_t item_size;  // bytes of an item
  std::uint64_t length;                         // slots, of which length - 1 can be read
  AtomicU32 writer_pid;                         // of role 0's holder, or its last one; 0: closed
  AtomicU32 unused;
  AtomicU64 writer_start_time;  // as EndShm::start_time

  // Items, monotonic, on one line: a reader needs both.
  //   reserved: slots before it, and less than `length` behind, may be in the middle of a change.
  //             Stored before the slots are written. A crash leaves it ahead of `committed`.
  //   committed: all items before it are written. Release by the writer, acquire by readers.
  alignas(kCacheLine) AtomicU64 reserved;
  AtomicU64 committed;
};

static_assert(offsetof(CircularBufferShm, item_size) == 384);
static_assert(offsetof(CircularBufferShm, length) == 392);
static_assert(offsetof(CircularBufferShm, writer_pid) == 400);
static_assert(offsetof(CircularBufferShm, writer_start_time) == 408);
static_assert(offsetof(CircularBufferShm, reserved) == 512);
static_assert(offsetof(CircularBufferShm, committed) == 520);
static_assert(sizeof(CircularBufferShm) == 640);
static_assert(std::is_standard_layout_v<CircularBufferShm>);
static_assert(std::is_trivially_destructible_v<CircularBufferShm>);

}  // namespace smipc::detail
