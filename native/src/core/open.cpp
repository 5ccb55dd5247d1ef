// Opening an end: create, attach, take over, or start again what a dead creator left.
//
// Everything happens inside the setup section of the name (platform.h), so only two parties count:
// this process, and processes that have the segment mapped.
//
// I1. The creator stores `magic` last (release). A segment without it is nobody's work: it is
//     started again. What a crash at each step leaves:
//       no size / size, no magic  -> the next opener renews it
//       magic, no role held       -> complete; for SMIPC_LIFETIME_PROCESS stale, and renewed
// I2. A segment whose roles are both free is not alive: with SMIPC_LIFETIME_PROCESS its content goes.
// I3. A role is taken by the OS (plat_segment_map) before its EndShm is written, and wait_word is
//     stored last. A crash in between leaves the old word and a free role: the next one repeats it.
// I4. The end goes on at the shared cursors: a writer at head, a reader at the effective tail.
#include <cstring>
#include <new>

#include "core/channel.h"
#include "core/messages.h"
#include "core/reading.h"
#include "core/ring.h"
#include "core/waiting.h"
#include "core/writing.h"

namespace smipc::detail {
namespace {

constexpr std::int64_t kSetupTimeoutNs = 10'000'000'000;
constexpr int kAttempts = 100;

struct Request {
  std::string_view name;
  std::uint32_t mode;
  std::uint64_t capacity;
  smipc_channel_options options;

  PlatSegmentName segment_name() const { return {name, kKindChannel}; }
  std::uint32_t role() const { return mode == SMIPC_WRITER ? 0 : 1; }
};

// The header as read from the file, before anything is mapped. Plain bytes: nothing in it is trusted.
struct HeaderImage {
  alignas(ChannelShm) std::byte bytes[sizeof(ChannelShm)];
  const SegmentHeaderShm& header() const {
    return reinterpret_cast<const ChannelShm*>(bytes)->header;
  }
  const EndShm& end(std::uint32_t role) const {
    const auto* shm = reinterpret_cast<const ChannelShm*>(bytes);
    return role == 0 ? shm->writer : shm->reader;
  }
};

class Setup {
 public:
  ~Setup() { leave(); }
  void leave() {
    if (setup != nullptr) plat_setup_leave(setup);
    setup = nullptr;
  }
  PlatSetup* setup = nullptr;
};

Status fail_plat(const Request& request, const PlatResult& result) {
  return fail(result.status, request.name, result.detail);
}

std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

bool role_held(const Setup& setup, const HeaderImage& image, std::uint32_t role) {
  return plat_setup_role_held(setup.setup, role,
                              image.end(role).pid.load(std::memory_order_relaxed),
                              image.end(role).start_time.load(std::memory_order_relaxed));
}

bool anybody_there(const Setup& setup, const HeaderImage& image) {
  return role_held(setup, image, 0) || role_held(setup, image, 1);
}

// What is under the name. SMIPC_OK with *fresh: to be created.
Status inspect(const Request& request, const Setup& setup, HeaderImage* image, bool* fresh) {
  const std::uint64_t size = plat_setup_size(setup.setup);
  *fresh = size == 0;
  if (*fresh) return SMIPC_OK;
  std::memset(image->bytes, 0, sizeof image->bytes);
  const bool complete = plat_setup_read(setup.setup, image->bytes, sizeof image->bytes);
  if (!complete) {
    std::uint64_t magic = 0;
    plat_setup_read(setup.setup, &magic, sizeof magic);
    return magic == kSegmentMagic
               ? fail(SMIPC_E_CORRUPT, request.name,
                      "its segment is truncated to " + std::to_string(size) + " bytes")
               : fail(SMIPC_E_NOT_SMIPC, request.name);
  }
  const SegmentHeaderShm& header = image->header();
  const std::uint64_t magic = header.magic.load(std::memory_order_acquire);
  if (magic == 0) {  // I1
    *fresh = true;
    return SMIPC_OK;
  }
  if (magic != kSegmentMagic) return fail(SMIPC_E_NOT_SMIPC, request.name);
  if (header.layout_version != kLayoutVersion) {
    return fail(SMIPC_E_VERSION, request.name,
                "its segment has layout version " + std::to_string(header.layout_version) +
                    ", this library has " + std::to_string(kLayoutVersion) +
                    "; use the same smipc in all processes");
  }
  if (header.fingerprint != layout_fingerprint() || header.kind != kKindChannel) {
    return fail(SMIPC_E_VERSION, request.name, "its segment was made by an incompatible build");
  }
  if (header.total_bytes > size) {
    return fail(SMIPC_E_CORRUPT, request.name,
                "its segment is truncated to " + std::to_string(size) + " of " +
                    std::to_string(header.total_bytes) + " bytes");
  }
  *fresh = header.lifetime == SMIPC_LIFETIME_PROCESS && !anybody_there(setup, *image);  // I2
  return SMIPC_OK;
}

// How far head may run ahead of tail. One message of the capacity's size always fits, with its header
// and padding.
std::uint64_t limit_of(std::uint32_t framing, std::uint64_t capacity) {
  return framing == SMIPC_MESSAGE ? record_cost(capacity) : capacity;
}

bool sizes_are_sane(const SegmentHeaderShm& header) {
  const std::uint64_t step = plat_ring_granularity();
  const std::uint64_t least = header.framing == SMIPC_MESSAGE ? 2 * kRecordHeader : 1;
  return header.ring_offset >= sizeof(ChannelShm) && header.ring_offset % step == 0 &&
         header.ring_bytes > 0 && header.ring_bytes % step == 0 &&
         header.ring_offset <= header.total_bytes &&
         header.ring_bytes <= header.total_bytes - header.ring_offset &&
         header.limit_bytes >= least && header.limit_bytes <= header.ring_bytes &&
         header.capacity_bytes <= header.limit_bytes &&
         header.limit_bytes == limit_of(header.framing, header.capacity_bytes) &&
         header.framing <= SMIPC_MESSAGE && header.lifetime <= SMIPC_LIFETIME_KERNEL &&
         header.access <= SMIPC_ACCESS_ALL;
}

const char* framing_text(std::uint32_t framing) {
  return framing == SMIPC_MESSAGE ? "message" : "stream";
}

Status check_attach(const Request& request, const Setup& setup, const HeaderImage& image) {
  const SegmentHeaderShm& header = image.header();
  if (!sizes_are_sane(header)) {
    return fail(SMIPC_E_CORRUPT, request.name, "its segment's header has impossible sizes");
  }
  if (header.name_bytes != request.name.size() ||
      std::memcmp(header.name, request.name.data(), request.name.size()) != 0) {
    return fail(SMIPC_E_EXISTS, request.name, "another name has the same hash; choose another");
  }
  if (role_held(setup, image, request.role())) {
    const std::uint32_t pid = image.end(request.role()).pid.load(std::memory_order_relaxed);
    return fail(SMIPC_E_END_TAKEN, request.name,
                std::string(request.mode == SMIPC_WRITER ? "its writer" : "its reader") +
                    " is open in process " + std::to_string(pid));
  }
  if (header.framing != request.options.framing) {
    return fail(SMIPC_E_WRONG_FRAMING, request.name,
                std::string("it has ") + framing_text(header.framing) + " framing, not " +
                    framing_text(request.options.framing));
  }
  return SMIPC_OK;
}

void fill_header(SegmentHeaderShm& header, const Request& request, std::uint64_t nonce) {
  const std::uint64_t step = plat_ring_granularity();
  header.layout_version = kLayoutVersion;
  header.kind = kKindChannel;
  header.fingerprint = layout_fingerprint();
  header.capacity_bytes = request.capacity;
  header.limit_bytes = limit_of(request.options.framing, request.capacity);
  header.ring_offset = round_up(sizeof(ChannelShm), step);
  header.ring_bytes = round_up(header.limit_bytes, step);
  header.total_bytes = header.ring_offset + header.ring_bytes;
  header.framing = request.options.framing;
  header.lifetime = request.options.lifetime;
  header.access = request.options.access;
  header.creator_pid = plat_process_id();
  header.created_unix_ns = static_cast<std::uint64_t>(plat_unix_time_ns());
  header.nonce = nonce;
  header.name_bytes = static_cast<std::uint32_t>(request.name.size());
  std::memcpy(header.name, request.name.data(), request.name.size());
}

// Sizes, memory, header, magic; and the role of this end.
Status create(const Request& request, Setup& setup, Channel* channel) {
  HeaderImage image = {};
  auto* planned = new (image.bytes) ChannelShm{};
  fill_header(planned->header, request, plat_random_u64());
  const SegmentHeaderShm& plan = planned->header;
  PlatResult result;
  if (plat_setup_size(setup.setup) != 0) {
    result = plat_setup_renew(setup.setup, request.options.access);
  }
  if (result) result = plat_setup_allocate(setup.setup, plan.total_bytes, plan.lifetime);
  PlatMapping mapping;
  if (result) {
    result = plat_segment_map(setup.setup, request.role(), plan.ring_offset, plan.ring_bytes,
                              plan.nonce, &channel->segment, &mapping);
    if (!result) plat_setup_remove(setup.setup, false, plan.nonce);
  }
  if (!result) return fail_plat(request, result);
  channel->shm = new (mapping.header) ChannelShm{};
  channel->ring = mapping.ring;
  fill_header(channel->shm->header, request, plan.nonce);
  // I1. Release: the header before the magic, for readers that do not come through the section.
  channel->shm->header.magic.store(kSegmentMagic, std::memory_order_release);
  return SMIPC_OK;
}

Status attach(const Request& request, Setup& setup, const HeaderImage& image, Channel* channel) {
  const Status status = check_attach(request, setup, image);
  if (status != SMIPC_OK) return status;
  const SegmentHeaderShm& header = image.header();
  PlatMapping mapping;
  const PlatResult result =
      plat_segment_map(setup.setup, request.role(), header.ring_offset, header.ring_bytes,
                       header.nonce, &channel->segment, &mapping);
  if (!result) return fail_plat(request, result);
  channel->shm = reinterpret_cast<ChannelShm*>(mapping.header);
  channel->ring = mapping.ring;
  return SMIPC_OK;
}

// What the handle needs of the header, from the checked image: the mapped one may change.
void adopt(Channel* channel, const Request& request, const SegmentHeaderShm& header) {
  channel->name = std::string(request.name);
  channel->mode = request.mode;
  channel->wait_policy = request.options.wait;
  channel->framing = header.framing;
  channel->lifetime = header.lifetime;
  channel->access = header.access;
  channel->capacity = header.capacity_bytes;
  channel->limit = header.limit_bytes;
  channel->ring_bytes = header.ring_bytes;
  channel->memory_bytes = header.total_bytes;
  channel->nonce = header.nonce;
  channel->self = channel->is_writer() ? &channel->shm->writer : &channel->shm->reader;
  channel->peer = channel->is_writer() ? &channel->shm->reader : &channel->shm->writer;
  channel->force_attention = plat_barrier_register() ? 0 : kFences;
}

Status contradiction(const Channel& channel) {
  return fail(SMIPC_E_CORRUPT, channel.name,
              "its cursors are " +
                  std::to_string(channel.shm->writer.cursor.load(std::memory_order_relaxed)) +
                  " and " +
                  std::to_string(channel.shm->reader.exact.load(std::memory_order_relaxed)));
}

// Records begin at multiples of 8.
bool is_record_place(const Channel& channel, std::uint64_t cursor) {
  return channel.framing == SMIPC_STREAM || cursor % kRecordHeader == 0;
}

Status resume_writer(Channel& channel) {
  WriterState& writer = channel.writer;
  writer.head = channel.self->cursor.load(std::memory_order_acquire);
  writer.claimed_end = writer.head;
  writer.copy_choice = CopyChoice(channel.ring_bytes);
  writer.lap = lap_of(channel, writer.head);
  std::uint64_t tail = 0;
  if (!effective_tail(channel, writer.head, &tail) || !is_record_place(channel, writer.head)) {
    return contradiction(channel);
  }
  channel.self->attached_at.store(writer.head, std::memory_order_release);
  const Status status =
      channel.framing == SMIPC_MESSAGE ? repair_partial_record(channel) : SMIPC_OK;
  forget_room(channel);
  return status;
}

Status resume_reader(Channel& channel) {
  ReaderState& reader = channel.reader;
  const std::uint64_t head = channel.peer->cursor.load(std::memory_order_acquire);  // R1
  std::uint64_t tail = 0;
  if (!effective_tail(channel, head, &tail) || !is_record_place(channel, tail)) {
    return contradiction(channel);
  }
  reader.tail = tail;
  reader.lap = lap_of(channel, tail);
  reader.head_seen = tail;
  reader.published = tail;
  reader.publish_step = std::max<std::uint64_t>(1, channel.limit / 8);
  receive_slowly(channel);  // the first time
  // A2 (pairs with A1): a sender in the middle of a large message learns that its reader was replaced.
  channel.self->attached_at.store(tail, std::memory_order_release);
  channel.self->exact.store(tail, std::memory_order_release);   // E2; makes `taken` void
  channel.self->cursor.store(tail, std::memory_order_release);  // T1
  return SMIPC_OK;
}

Status take_over(Channel& channel, bool peer_alive) {
  EndShm& self = *channel.self;
  if (!peer_alive) {
    // Only with SMIPC_LIFETIME_KERNEL, or new: whoever was there before is forgotten.
    const std::uint32_t word = channel.peer->wait_word.load(std::memory_order_relaxed);
    channel.peer->wait_word.store(word & ~((1u << kEpochShift) - 1), std::memory_order_release);
  }
  const Status status = channel.is_writer() ? resume_writer(channel) : resume_reader(channel);
  if (status != SMIPC_OK) return status;
  self.pid.store(plat_process_id(), std::memory_order_relaxed);
  self.start_time.store(plat_process_start_time(), std::memory_order_relaxed);
  self.wait_policy.store(channel.wait_policy, std::memory_order_relaxed);
  self.only_cpu.store(plat_only_cpu(), std::memory_order_relaxed);
  self.stalled.store(0, std::memory_order_relaxed);
  self.wanted_bytes.store(0, std::memory_order_relaxed);
  const std::uint32_t epoch = (self.wait_word.load(std::memory_order_relaxed) >> kEpochShift) + 1;
  // I3. Release: all of the above before the role counts as open.
  self.wait_word.store((epoch << kEpochShift) | kOpen | channel.force_attention,
                       std::memory_order_release);
  return SMIPC_OK;
}

std::uint32_t calls_served(const Channel& channel) {
  if (channel.framing == SMIPC_STREAM) {
    return channel.is_writer() ? kCallWrite | kCallFlush : kCallRead | kCallWait;
  }
  return channel.is_writer() ? kCallSend | kCallFlush : kCallRecv | kCallWait;
}

// One attempt. SMIPC_E_EXISTS with an unlinked segment in between: again.
Status open_once(const Request& request, Channel* channel, bool* again) {
  *again = false;
  Setup setup;
  PlatResult result = plat_setup_enter(request.segment_name(), true, request.options.access,
                                       kSetupTimeoutNs, &setup.setup);
  if (!result) return fail_plat(request, result);
  HeaderImage image = {};
  bool fresh = false;
  Status status = inspect(request, setup, &image, &fresh);
  if (status != SMIPC_OK) return status;
  if (fresh) {
    status = create(request, setup, channel);
    *again = status == SMIPC_E_EXISTS;
  } else {
    status = attach(request, setup, image, channel);
  }
  if (status != SMIPC_OK) return status;
  const bool peer_alive = !fresh && role_held(setup, image, 1 - request.role());
  adopt(channel, request, fresh ? channel->shm->header : image.header());
  status = take_over(*channel, peer_alive);
  if (status != SMIPC_OK) {
    plat_segment_release(channel->segment);
    plat_segment_free(channel->segment);
    return status;
  }
  // An opposite end that sleeps looks again: where the OS can wait for a process, its next sleep is also
  // for the end of this one. (The fence in there pairs with S2: it sees our sleeper, or that our pid.)
  if (peer_alive) wake_peer_slowly(*channel);
  return SMIPC_OK;
}

bool stale_segment(std::byte* head, std::size_t size) {
  alignas(SegmentHeaderShm) std::byte bytes[sizeof(SegmentHeaderShm)];
  if (size < sizeof bytes) return size == 0;
  std::memcpy(bytes, head, sizeof bytes);
  const auto& header = *reinterpret_cast<const SegmentHeaderShm*>(bytes);
  const std::uint64_t magic = header.magic.load(std::memory_order_relaxed);
  return magic == 0 || (magic == kSegmentMagic && header.layout_version == kLayoutVersion &&
                        header.lifetime == SMIPC_LIFETIME_PROCESS);
}

}  // namespace

Status channel_open(std::string_view name, std::uint32_t mode, std::uint64_t capacity,
                    const smipc_channel_options& options, std::unique_ptr<Channel>* out) {
  const Request request = {name, mode, capacity, options};
  auto channel = std::make_unique<smipc_channel>();
  Status status = SMIPC_OK;
  bool again = true;
  for (int attempt = 0; again && attempt < kAttempts; ++attempt) {
    status = open_once(request, channel.get(), &again);
  }
  if (status != SMIPC_OK) return status;
  channel->allowed.store(calls_served(*channel), std::memory_order_relaxed);
  registry_add(channel.get());
  *out = std::move(channel);
  return SMIPC_OK;
}

Status channel_unlink(std::string_view name) {
  Setup setup;
  const Request request = {name, 0, 0, {}};
  PlatResult result = plat_setup_enter(request.segment_name(), false, SMIPC_ACCESS_USER,
                                       kSetupTimeoutNs, &setup.setup);
  if (!result) return fail_plat(request, result);
  HeaderImage image = {};
  const bool readable = plat_setup_read(setup.setup, image.bytes, sizeof image.bytes);
  const bool used = readable && anybody_there(setup, image);
  result = plat_setup_remove(setup.setup, used, image.header().nonce);
  return result ? SMIPC_OK : fail_plat(request, result);
}

Status clean_stale(std::size_t* out_removed) {
  const PlatResult result =
      plat_segments_sweep(kKindChannel, sizeof(SegmentHeaderShm), stale_segment, out_removed);
  return result ? SMIPC_OK : fail(result.status, {}, result.detail);
}

}  // namespace smipc::detail
