// The contract with the operating system: everything that smipc needs of it, each function
// documented here once and implemented in platform/<os>/.
//
// Core code includes this file and no OS header. Nothing here knows what a channel is; a "role" is
// a number that at most one living handle may hold in a segment. A segment with a ring has kRoleCount
// roles; one without is for a crowd, with kCrowdRoles.
// Every function is thread-safe unless it says otherwise, and none throws.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace smipc::detail {

// What failed, as smipc.h's status, with a sentence about why ("" when the status says it all).
struct PlatResult {
  std::int32_t status = 0;
  std::string detail;
  explicit operator bool() const { return status == 0; }
};

inline constexpr std::uint32_t kRoleCount = 2;
inline constexpr std::uint32_t kCrowdRoles = 1024;
inline constexpr std::uint32_t kCrowdWakes = 4;  // wait points of a crowd's segment
inline constexpr std::uint32_t kNoRole = ~0u;    // plat_segment_map: only maps

// ---- Segments: named shared memory with roles ---------------------------------------------------

struct PlatSegmentName {
  std::string_view name;  // the user's, any bytes but NUL
  std::uint32_t kind;     // layout.h's kind: each has a namespace of its own
};

// The exclusive section around looking up, creating, attaching and removing a segment of one name.
// Held for microseconds; freed by the OS when its process dies. Whoever enters next finds whatever
// the dead one left, and the segment's magic tells whether its creation was complete.
struct PlatSetup;

// Enters the section, waiting up to timeout_ns for a process that is inside. With `create`, a
// segment that does not exist is made, empty; without, its absence is SMIPC_E_NOT_FOUND.
// `access` (smipc.h) counts for a segment made here. SMIPC_E_PERMISSION when an existing one
// belongs to somebody else and access is SMIPC_ACCESS_USER, or the OS refuses.
PlatResult plat_setup_enter(const PlatSegmentName& name, bool create, std::uint32_t access,
                            std::int64_t timeout_ns, PlatSetup** out);

// The size of the segment in bytes; 0: new, or its creator died before it had a size.
std::uint64_t plat_setup_size(const PlatSetup* setup);

// Copies the segment's first bytes; false when it is shorter.
bool plat_setup_read(const PlatSetup* setup, void* out, std::size_t size);

// Whether a living process (this one included) holds the role. `pid` and `start_time` are what the
// segment records of the holder: platforms that can ask the OS directly ignore them.
bool plat_setup_role_held(const PlatSetup* setup, std::uint32_t role, std::uint32_t pid,
                          std::uint64_t start_time);

// Whether a living process holds any role of the segment.
bool plat_setup_any_role_held(const PlatSetup* setup);

// Replaces whatever is under the name by a new, empty segment, this section going on around it.
// Processes that have the old one mapped keep it.
PlatResult plat_setup_renew(PlatSetup* setup, std::uint32_t access);

// Gives an empty segment its size, zeroed, with all of its memory allocated now. `lifetime` (smipc.h)
// decides where on platforms whose shared memory cannot outlive its processes.
// SMIPC_E_NO_SPACE says how much there is, how much is needed, and how to get it.
PlatResult plat_setup_allocate(PlatSetup* setup, std::uint64_t bytes, std::uint32_t lifetime);

// Removes the name, or at least the memory; nothing of it may be in use unless `keep_reachable`: then
// ends that have it mapped can still tell whether their
// opposite lives (`nonce` is the segment's).
PlatResult plat_setup_remove(PlatSetup* setup, bool keep_reachable, std::uint64_t nonce);

// Leaves the section. A segment made by plat_setup_enter that still has no size is removed.
void plat_setup_leave(PlatSetup* setup);

// A segment mapped by this process, with one role held.
struct PlatSegment;

struct PlatMapping {
  std::byte* header = nullptr;  // ring_offset bytes
  std::byte* ring = nullptr;    // 2 * ring_bytes: the ring mapped twice in a row; 0: no ring
};

// What offset and size of a ring must be multiples of, the same for every process of the platform.
std::uint64_t plat_ring_granularity();

// Maps the segment and takes the role, if any, which must be free (plat_setup_role_held). The role is held
// until plat_segment_release or the death of this process, is not inherited by a forked child, and
// costs no descriptor. `nonce` as for plat_setup_remove.
// SMIPC_E_END_TAKEN, _NO_MEMORY, _LIMIT, _OS.
PlatResult plat_segment_map(PlatSetup* setup, std::uint32_t role, std::uint64_t ring_offset,
                            std::uint64_t ring_bytes, std::uint64_t nonce, PlatSegment** out,
                            PlatMapping* mapping);

// Whether the role is held by a living process, stopped ones included; asks the OS, ~3 us.
// When the OS cannot be asked (out of descriptors, say) the answer is true.
bool plat_segment_role_held(PlatSegment* segment, std::uint32_t role, std::uint32_t pid,
                            std::uint64_t start_time);

// Gives up the role. The addresses stay readable and writable, with undefined content, so that a
// borrowed view can never fault.
void plat_segment_release(PlatSegment* segment);

// Frees the addresses and the object, after plat_segment_release.
void plat_segment_free(PlatSegment* segment);

// Removes every segment of `kind` that nobody holds and that `removable`, given a copy of the segment's
// first bytes, allows to go; counts them. What it changes in the copy is stored in the segment, for those
// who have it mapped without holding it. (Not on Windows, where circular buffers, whose readers this is
// for, have no file.) Also removes what a creator that died left without content.
PlatResult plat_segments_sweep(std::uint32_t kind, std::size_t head_bytes,
                               bool (*removable)(std::byte* head, std::size_t size),
                               std::size_t* out_removed);

// With the pid it tells this process from every other one that is or was; never 0, and another one in
// a forked child. The time of its creation where plat_segment_role_held needs that, else any number.
std::uint64_t plat_process_start_time();
std::uint32_t plat_process_id();

// ---- Sleeping and waking --------------------------------------------------------------------------

// kInterrupted: a signal handler ran. kPeerEnded: an `opposite` process has ended; only from
// platforms that can wait for processes.
enum class PlatWake : std::uint8_t { kWoken, kTimedOut, kInterrupted, kPeerEnded };

// A process that holds a role, as the segment records it. pid 0: none.
struct PlatHolder {
  std::uint32_t pid = 0;
  std::uint64_t start_time = 0;
  bool operator==(const PlatHolder&) const = default;
};

struct PlatBell;

// What a thread sleeps on: `word` in shared memory, of the role `role` of `segment` (of a crowd's: of
// the wait point `role`, below kCrowdWakes); or a bell.
struct PlatWaitPoint {
  PlatSegment* segment = nullptr;
  std::uint32_t role = 0;
  std::atomic<std::uint32_t>* word = nullptr;
  std::uint32_t expected = 0;
  PlatHolder opposite = {};  // the other role's, while it is not known to have closed or died
  PlatBell* bell = nullptr;  // instead of segment and role
};

// Sleeps while the word holds `expected`, for at most timeout_ns (>= 0). May wake without cause.
PlatWake plat_wait(const PlatWaitPoint& point, std::int64_t timeout_ns);

// Wakes every thread of every process that sleeps on the word. (On Windows, where one process holds
// the role that sleeps, of one process: as plat_wake_one.)
void plat_wake(const PlatWaitPoint& point);

// Wakes at least one thread that sleeps on the word, if there is one.
void plat_wake_one(const PlatWaitPoint& point);

// Sleeps while all words hold what is expected of them; count <= kWaitManyMax.
#if defined(_WIN32)
inline constexpr std::size_t kWaitManyMax = 62;  // the OS takes 64 handles; two are the platform's
#else
inline constexpr std::size_t kWaitManyMax = 128;
#endif
PlatWake plat_wait_many(const PlatWaitPoint* points, std::size_t count, std::int64_t timeout_ns);

// A bell inside this process that plat_wait_many can wait for beside shared words.
PlatResult plat_bell_create(PlatBell** out);
void plat_bell_free(PlatBell* bell);
PlatWaitPoint plat_bell_point(PlatBell* bell);  // as of now: rings after this call end the wait
void plat_bell_ring(PlatBell* bell);

// What other event loops can wait for: a descriptor, or on Windows the handle of an event.
#if defined(_WIN32)
inline constexpr bool kEventIsDescriptor = false;
#else
inline constexpr bool kEventIsDescriptor = true;
#endif
PlatResult plat_event_fd_create(std::int32_t* out);
void plat_event_fd_set(std::int32_t fd);    // readable from now on
void plat_event_fd_clear(std::int32_t fd);  // and no more
void plat_event_fd_close(std::int32_t fd);

// ---- Asymmetric barriers ----------------------------------------------------------------------------
// plat_barrier_shared() orders memory on every core that runs a process which has succeeded in
// plat_barrier_register(), as if each had executed a full fence: the other side pays nothing.

// Registers this process, once; false: the OS does not offer it, use fences on both sides.
bool plat_barrier_register();
void plat_barrier_shared();
// The same among the threads of this process. Always works (with a slower fallback when need be).
void plat_barrier_process();
// Whether plat_barrier_process is the real thing; otherwise callers fence on both sides.
bool plat_barrier_process_available();

// ---- Time, threads, fork ------------------------------------------------------------------------------

std::int64_t plat_now_ns();         // monotonic, about 20 ns
std::int64_t plat_now_coarse_ns();  // monotonic, behind by up to a tick (1 to 16 ms), about 5 ns
std::int64_t plat_unix_time_ns();
std::uint64_t plat_random_u64();  // never 0

// How many processors the machine has running, at least 1.
unsigned plat_cpu_count();
// 1 + the processor that the calling thread is confined to; 0: it may run on several.
std::uint32_t plat_only_cpu();

// A value that tells the calling thread from every other living one of the process; never 0 to 15.
inline std::uintptr_t plat_thread_token();

// Tells the processor that this is a spin loop.
inline void plat_spin_pause();

// Asks for the cache line at the address, which may be any, for writing.
inline void plat_prefetch_to_write(const void* address);

// Between block and restore the calling thread runs no signal handlers, and threads that it starts
// never will: a library's own threads must not take the application's signals.
// Where threads do not inherit that from the one that starts them, they call plat_signals_block.
struct PlatSignalMask {
  alignas(16) unsigned char bytes[128];
};
void plat_signals_block(PlatSignalMask* before);
void plat_signals_restore(const PlatSignalMask* before);

// Sleeps of the thread give kInterrupted when the event, which the application sets when it is
// interrupted, is set; they reset it. event 0: no more. SMIPC_E_UNSUPPORTED but on Windows, where
// without it Ctrl-C interrupts every sleep of the application's threads.
PlatResult plat_interrupt_bind(std::uint64_t event, std::uint32_t thread_id);

// Calls `child` in every child forked from now on, with `lock` held around the fork (both are
// called in the parent and in the child). Once per process.
void plat_on_fork(void (*lock)(), void (*unlock)(), void (*child)());

}  // namespace smipc::detail

#include "platform/platform_inline.h"
