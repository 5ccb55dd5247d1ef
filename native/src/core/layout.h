// The bytes that processes share: one truth for every field of a channel segment.
//
// Explained for people in docs/shm-layout.md; a change here changes kLayoutVersion.
// Fixed-width types and offsets only, never a pointer. 128 bytes is the cache line of the format
// on every machine (pairs of 64-byte lines are fetched together on x86).
// This file must never include an OS header or hold code that acts.
//
// A segment:  [ SegmentHeaderShm | EndShm writer | EndShm reader ] ... ring_offset: [ ring ]
//
// Who writes what: the header is written by the creator, under the setup lock, before `magic`, and
// never again. Each EndShm is written by the end that holds the role, but for `wait_word`: the
// opposite end clears kSleeping and sets kDead, and clears all flags when it attaches to a segment
// whose other role nobody holds.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

namespace smipc::detail {

inline constexpr std::size_t kCacheLine = 128;
inline constexpr std::uint64_t kSegmentMagic =
    0x31435049'4d53c5a7ULL;  // a7 c5 "SMIPC1", little-endian
inline constexpr std::uint32_t kLayoutVersion = 1;
inline constexpr std::uint32_t kKindChannel = 1;
inline constexpr std::uint32_t kKindCircularBuffer = 2;  // circular_layout.h
inline constexpr std::uint32_t kKindMessageQueue = 3;    // queue_layout.h
inline constexpr std::size_t kMaxName = 200;

using AtomicU16 = std::atomic<std::uint16_t>;
using AtomicU32 = std::atomic<std::uint32_t>;
using AtomicU64 = std::atomic<std::uint64_t>;

// Changes when the compiler of the other side disagrees about sizes or byte order.
constexpr std::uint64_t layout_fingerprint();

struct SegmentHeaderShm {
  // Written last, release, by the creator; acquire-read at attach. 0: a creator died half-way, and
  // the next opener starts again. Same place and width in every layout version, like the next two.
  AtomicU64 magic;
  std::uint32_t layout_version;
  std::uint32_t kind;
  std::uint64_t fingerprint;
  std::uint64_t total_bytes;     // of the segment, allocated
  std::uint64_t ring_offset;     // from the segment's start; a multiple of the mapping granularity
  std::uint64_t ring_bytes;      // a multiple of the mapping granularity
  std::uint64_t capacity_bytes;  // as asked for
  std::uint64_t limit_bytes;     // how far head may run ahead of tail: <= ring_bytes
  std::uint32_t framing;
  std::uint32_t lifetime;
  std::uint32_t access;
  std::uint32_t creator_pid;
  std::uint64_t created_unix_ns;
  std::uint64_t nonce;  // random, never 0: tells this segment from another of the same name
  std::uint32_t name_bytes;
  std::uint32_t reserved0;
  alignas(kCacheLine) std::uint8_t name[256];
};

// Bits of EndShm::wait_word. All but kOpen send the opposite end's fast path to its slow path.
inline constexpr std::uint32_t kSleeping = 1u << 0;  // set by the owner, cleared by either side
inline constexpr std::uint32_t kFences = 1u << 1;    // the owner has no asymmetric barrier
inline constexpr std::uint32_t kClosed = 1u << 2;    // set by the owner when it closes
inline constexpr std::uint32_t kDead = 1u << 3;      // set by whoever saw the role's lock free
inline constexpr std::uint32_t kOpen = 1u << 4;      // a process holds, or held, this role
inline constexpr std::uint32_t kAttention = kSleeping | kFences | kClosed | kDead;
inline constexpr std::uint32_t kEpochShift = 8;  // above: counts the holders of the role

// One role of a channel. The lines are ordered by who touches them how often.
struct EndShm {
  // Line 1: who holds the role. Written under the setup lock at attach, read by slow paths.
  alignas(kCacheLine) AtomicU32 pid;  // with start_time: which process; a role is held if the OS
                                      // says so (which on Windows goes by the two)
  AtomicU32 wait_policy;
  AtomicU64 start_time;   // see plat_process_start_time; 0: unknown
  AtomicU64 attached_at;  // the ring cursor at which this holder began
  AtomicU32 only_cpu;     // 1 + the processor that the holder is confined to; 0: it has several

  // Line 2: how to reach the holder. The opposite end's fast path reads it (relaxed), nobody
  // writes it while traffic flows, so it stays shared in both caches.
  alignas(kCacheLine) AtomicU32 wait_word;  // bits above; also the word that the OS sleeps on
  AtomicU32 stalled;                        // 1 while the holder waits for the opposite end
  AtomicU64 wanted_bytes;                   // a stalled writer: the room it needs; for people

  // Line 3: the cursor that the opposite end polls.
  //   writer: head. Everything before it is written. Release by the writer, acquire by the reader.
  //   reader: the tail as of late: at most limit/8 behind `exact`. Release by the reader, acquire
  //           by the writer, who may reuse everything before it.
  alignas(kCacheLine) AtomicU64 cursor;
  AtomicU64
      partial;  // writer: 1 + where the message begins that `cursor` is in the middle of; or 0

  // Line 4: what the holder writes at every message and hardly anybody reads.
  // `exact` and `taken` are the reader's (0 in a writer), for a successor, for flush and for a writer
  // that is out of room.
  //   exact: everything before it has been taken.
  //   taken: (low 48 bits of exact) << 16 | messages of a fetched list handed out since exact; void
  //          if the high part does not match. So `exact` moves first, `taken` follows.
  alignas(kCacheLine) AtomicU64 exact;
  AtomicU64 taken;
  // Statistics of the role, over all its holders, for people who look on: relaxed, and only the
  // holder writes. These two at every message, so they are on the line that it keeps to itself.
  AtomicU64 messages;
  AtomicU64 bytes;

  // Line 5: the same, seldom.
  alignas(kCacheLine) AtomicU64 waits;
  AtomicU64 high_water;
};

// Where the messages of a fetched list end, in units of 8 bytes from `exact`: what `taken` counts is
// looked up here, not in the ring, because the writer may have reused the ring behind it. Written by
// the reader while `taken` is void; read by whoever reads `taken` (fetch.cpp, ring.cpp).
inline constexpr std::size_t kBatchMost = 255;
struct BatchShm {
  alignas(kCacheLine) AtomicU16 ends[kBatchMost + 1];
};

struct ChannelShm {
  SegmentHeaderShm header;
  EndShm writer;
  EndShm reader;
  BatchShm batch;
};

// ---- Records of a message ring ----------------------------------------------------------------
// Every record is 8-byte aligned: one 64-bit word, then the payload padded to 8 bytes.
// word = length of the payload (48 bits) | kind << 56.
inline constexpr std::uint64_t kRecordHeader = 8;
inline constexpr std::uint64_t kLengthMask = (std::uint64_t{1} << 48) - 1;
inline constexpr unsigned kRecordKindShift = 56;
enum class RecordKind : std::uint8_t {
  kWhole = 0,    // one message
  kStart = 1,    // a message larger than the ring begins: the payload is its length, 8 bytes
  kPiece = 2,    // the next bytes of it
  kAborted = 3,  // nothing: a writer died inside a record, and its successor closed it
};

constexpr std::uint64_t record_word(RecordKind kind, std::uint64_t length) {
  return length | (static_cast<std::uint64_t>(kind) << kRecordKindShift);
}
// No record at all: what a writer stores to lines that it claims (claim.h).
inline constexpr std::uint64_t kNoRecord = ~std::uint64_t{0};
constexpr std::uint64_t record_length(std::uint64_t word) { return word & kLengthMask; }
constexpr std::uint64_t record_kind(std::uint64_t word) { return word >> kRecordKindShift; }
constexpr std::uint64_t padded(std::uint64_t length) { return (length + 7) & ~std::uint64_t{7}; }
constexpr std::uint64_t record_cost(std::uint64_t length) { return padded(kRecordHeader + length); }

// ---- What the compiler must agree to ------------------------------------------------------------
static_assert(sizeof(SegmentHeaderShm) == 384);
static_assert(offsetof(SegmentHeaderShm, magic) == 0);
static_assert(offsetof(SegmentHeaderShm, layout_version) == 8);
static_assert(offsetof(SegmentHeaderShm, kind) == 12);
static_assert(offsetof(SegmentHeaderShm, fingerprint) == 16);
static_assert(offsetof(SegmentHeaderShm, total_bytes) == 24);
static_assert(offsetof(SegmentHeaderShm, ring_offset) == 32);
static_assert(offsetof(SegmentHeaderShm, ring_bytes) == 40);
static_assert(offsetof(SegmentHeaderShm, capacity_bytes) == 48);
static_assert(offsetof(SegmentHeaderShm, limit_bytes) == 56);
static_assert(offsetof(SegmentHeaderShm, framing) == 64);
static_assert(offsetof(SegmentHeaderShm, lifetime) == 68);
static_assert(offsetof(SegmentHeaderShm, access) == 72);
static_assert(offsetof(SegmentHeaderShm, creator_pid) == 76);
static_assert(offsetof(SegmentHeaderShm, created_unix_ns) == 80);
static_assert(offsetof(SegmentHeaderShm, nonce) == 88);
static_assert(offsetof(SegmentHeaderShm, name_bytes) == 96);
static_assert(offsetof(SegmentHeaderShm, name) == 128);

static_assert(sizeof(EndShm) == 640);
static_assert(offsetof(EndShm, pid) == 0);
static_assert(offsetof(EndShm, wait_policy) == 4);
static_assert(offsetof(EndShm, start_time) == 8);
static_assert(offsetof(EndShm, attached_at) == 16);
static_assert(offsetof(EndShm, only_cpu) == 24);
static_assert(offsetof(EndShm, wait_word) == 128);
static_assert(offsetof(EndShm, stalled) == 132);
static_assert(offsetof(EndShm, wanted_bytes) == 136);
static_assert(offsetof(EndShm, cursor) == 256);
static_assert(offsetof(EndShm, partial) == 264);
static_assert(offsetof(EndShm, exact) == 384);
static_assert(offsetof(EndShm, taken) == 392);
static_assert(offsetof(EndShm, messages) == 400);
static_assert(offsetof(EndShm, bytes) == 408);
static_assert(offsetof(EndShm, waits) == 512);
static_assert(offsetof(EndShm, high_water) == 520);

static_assert(offsetof(ChannelShm, writer) == 384);
static_assert(offsetof(ChannelShm, reader) == 1024);
static_assert(offsetof(ChannelShm, batch) == 1664);
static_assert(sizeof(BatchShm) == 512);
static_assert(sizeof(ChannelShm) == 2176);
static_assert(sizeof(ChannelShm) <= 4096, "the header fits the smallest page");
static_assert(std::is_standard_layout_v<ChannelShm>);
static_assert(std::is_trivially_destructible_v<ChannelShm>);
static_assert(AtomicU32::is_always_lock_free && AtomicU64::is_always_lock_free);
static_assert(sizeof(AtomicU64) == 8 && sizeof(AtomicU32) == 4);

constexpr std::uint64_t layout_fingerprint() {
  // FNV-1a over sizes; the byte order shows in how the magic reads.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (std::uint64_t value : {std::uint64_t{kLayoutVersion}, std::uint64_t{kCacheLine},
                              std::uint64_t{sizeof(SegmentHeaderShm)},
                              std::uint64_t{sizeof(ChannelShm)}, std::uint64_t{kRecordHeader}}) {
    hash = (hash ^ value) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace smipc::detail
