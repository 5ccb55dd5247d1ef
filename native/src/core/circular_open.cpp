// Opening and closing circular buffers, inside the setup section of the name (platform.h).
//
// I1. The creator stores `magic` last: a segment without it is nobody's, and is started over.
// I2. Whoever holds role 0 is the writer; without one the segment waits for a successor, who goes on
//     at `committed` and never makes `reserved` smaller.
// I3. A writer that closes removes the name with its role still its own, so that nobody can take
//     over what is going.
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "core/channel.h"
#include "core/circular_buffer.h"
#include "core/fork_count.h"
#include "core/segment_setup.h"

namespace smipc::detail {
namespace {

constexpr std::uint32_t kWriterRole = 0;

using Buffer = smipc_circular_buffer;

struct Request {
  std::string_view name;
  bool writes;
  smipc_circular_buffer_options options;
};

Status fail_request(const Request& request, Status status, const std::string& text) {
  return fail_object(status, kCircularBufferNoun, request.name, text);
}

// The first bytes, as read before anything is mapped. Nothing in it is trusted.
struct Image {
  alignas(CircularBufferShm) std::byte bytes[sizeof(CircularBufferShm)] = {};
  const CircularBufferShm& shm() const {
    return *reinterpret_cast<const CircularBufferShm*>(bytes);
  }
};

bool writer_alive(const Setup& setup, const Image& image) {
  return plat_setup_role_held(setup.setup, kWriterRole,
                              image.shm().writer_pid.load(std::memory_order_relaxed),
                              image.shm().writer_start_time.load(std::memory_order_relaxed));
}

bool shape_is_sane(const CircularBufferShm& shm) {
  const SegmentHeaderShm& header = shm.header;
  const std::uint64_t step = plat_ring_granularity();
  return shm.item_size >= 1 && shm.item_size <= SMIPC_MAX_ITEM && shm.length >= 2 &&
         shm.length <= SMIPC_MAX_CAPACITY / shm.item_size &&
         header.ring_offset >= sizeof(CircularBufferShm) && header.ring_offset % step == 0 &&
         header.ring_bytes % step == 0 && header.ring_bytes >= shm.item_size * shm.length &&
         header.ring_offset <= header.total_bytes &&
         header.ring_bytes <= header.total_bytes - header.ring_offset;
}

Status check_attach(const Request& request, const Setup& setup, const Image& image) {
  const CircularBufferShm& shm = image.shm();
  if (!shape_is_sane(shm)) {
    return fail_request(request, SMIPC_E_CORRUPT, "its segment's header has impossible sizes");
  }
  const Status named =
      check_segment_name({kCircularBufferNoun, request.name}, request.name, shm.header);
  if (named != SMIPC_OK) return named;
  if (request.writes && writer_alive(setup, image)) {
    return fail_request(request, SMIPC_E_END_TAKEN,
                        "its writer is open in process " +
                            std::to_string(shm.writer_pid.load(std::memory_order_relaxed)));
  }
  const char* remedy =
      request.writes ? "; a writer that was killed has left it, and smipc clean removes it" : "";
  if (request.options.item_size != 0 && request.options.item_size != shm.item_size) {
    return fail_request(request, SMIPC_E_INVALID,
                        "its item_size is " + std::to_string(shm.item_size) + ", not " +
                            std::to_string(request.options.item_size) + remedy);
  }
  if (request.options.length != 0 && request.options.length != shm.length) {
    return fail_request(request, SMIPC_E_INVALID,
                        "its length is " + std::to_string(shm.length) + ", not " +
                            std::to_string(request.options.length) + remedy);
  }
  return SMIPC_OK;
}

void fill(CircularBufferShm& shm, const Request& request, std::uint64_t nonce) {
  const std::uint64_t step = plat_ring_granularity();
  SegmentHeaderShm& header = shm.header;
  shm.item_size = request.options.item_size == 0 ? 1 : request.options.item_size;
  shm.length = request.options.length == 0 ? 2 : request.options.length;
  fill_segment_header(&header, {request.name, kKindCircularBuffer}, request.options.access, nonce);
  header.capacity_bytes = shm.item_size * shm.length;
  header.limit_bytes = header.capacity_bytes;
  header.ring_offset = round_up(sizeof(CircularBufferShm), step);
  header.ring_bytes = round_up(header.capacity_bytes, step);
  header.total_bytes = header.ring_offset + header.ring_bytes;
}

Status map(const Request& request, const Setup& setup, const SegmentHeaderShm& header,
           Buffer* buffer) {
  PlatMapping mapping;
  const PlatResult result =
      plat_segment_map(setup.setup, request.writes ? kWriterRole : kNoRole, header.ring_offset,
                       header.ring_bytes, header.nonce, &buffer->segment, &mapping);
  if (!result) return fail_request(request, result.status, result.detail);
  buffer->shm = reinterpret_cast<CircularBufferShm*>(mapping.header);
  buffer->ring = mapping.ring;
  return SMIPC_OK;
}

Status create(const Request& request, Setup& setup, Image* image, Buffer* buffer) {
  auto* plan = new (image->bytes) CircularBufferShm{};
  fill(*plan, request, plat_random_u64());
  PlatResult result;
  if (plat_setup_size(setup.setup) != 0) {
    result = plat_setup_renew(setup.setup, request.options.access);
  }
  if (result) {
    result = plat_setup_allocate(setup.setup, plan->header.total_bytes, SMIPC_LIFETIME_PROCESS);
  }
  if (!result) return fail_request(request, result.status, result.detail);
  const Status status = map(request, setup, plan->header, buffer);
  if (status != SMIPC_OK) {
    plat_setup_remove(setup.setup, false, plan->header.nonce);
    return status;
  }
  auto* shm = new (buffer->shm) CircularBufferShm{};
  fill(*shm, request, plan->header.nonce);
  // I1. Release: the header before the magic, as for channels.
  shm->header.magic.store(kSegmentMagic, std::memory_order_release);
  return SMIPC_OK;
}

// Where this handle goes on. SMIPC_E_CORRUPT.
Status begin(Buffer& buffer) {
  const std::uint64_t committed = buffer.shm->committed.load(std::memory_order_acquire);  // C4
  const std::uint64_t most = (std::uint64_t{1} << 62) / buffer.item_size;
  // Loaded after `committed`: an honest one is not smaller. Relaxed: the acquire above suffices.
  const std::uint64_t reserved = buffer.shm->reserved.load(std::memory_order_relaxed);
  const bool too_far = buffer.writes && reserved - committed > buffer.length;
  if (committed > most || reserved < committed || too_far) {
    return fail_object(
        SMIPC_E_CORRUPT, kCircularBufferNoun, buffer.name,
        "its cursors are " + std::to_string(reserved) + " and " + std::to_string(committed));
  }
  buffer.reserved = reserved;
  const std::uint64_t readable = buffer.length - 1;
  circular_buffer_seek(buffer,
                       buffer.writes ? committed : committed - std::min(committed, readable));
  if (buffer.writes) {
    buffer.shm->writer_pid.store(plat_process_id(), std::memory_order_relaxed);
    buffer.shm->writer_start_time.store(plat_process_start_time(), std::memory_order_relaxed);
  }
  return SMIPC_OK;
}

Status open_once(const Request& request, Buffer* buffer) {
  Setup setup;
  const PlatResult entered =
      plat_setup_enter({request.name, kKindCircularBuffer}, request.writes, request.options.access,
                       kSetupTimeoutNs, &setup.setup);
  if (entered.status == SMIPC_E_NOT_FOUND) {
    return fail_request(request, SMIPC_E_NOT_FOUND, "there is none; its writer creates it");
  }
  if (!entered) return fail_request(request, entered.status, entered.detail);
  Image image;
  bool fresh = false;
  Status status = inspect_segment({kCircularBufferNoun, request.name}, kKindCircularBuffer,
                                  setup.setup, image.bytes, sizeof image.bytes, &fresh);
  if (status != SMIPC_OK) return status;
  if (fresh && !request.writes) {
    return fail_request(request, SMIPC_E_NOT_FOUND, "there is none; its writer creates it");
  }
  if (!fresh) status = check_attach(request, setup, image);
  if (status != SMIPC_OK) return status;
  status = fresh ? create(request, setup, &image, buffer)
                 : map(request, setup, image.shm().header, buffer);
  if (status != SMIPC_OK) return status;
  buffer->item_size = image.shm().item_size;
  buffer->length = image.shm().length;
  buffer->ring_bytes = image.shm().header.ring_bytes;
  buffer->nonce = image.shm().header.nonce;
  status = begin(*buffer);
  if (status != SMIPC_OK) {
    plat_segment_release(buffer->segment);
    plat_segment_free(buffer->segment);
  }
  return status;
}

bool is_ours(const Buffer& buffer, const PlatSetup* setup) {
  Image image;
  return plat_setup_read(setup, image.bytes, sizeof image.bytes) &&
         image.shm().header.nonce == buffer.nonce;
}

// As a writer that closes: there will be no successor in what the readers have mapped.
void say_that_it_is_closed(CircularBufferShm& shm) {
  shm.writer_pid.store(0, std::memory_order_relaxed);
}

bool retire(std::byte* head, std::size_t size) {
  if (size == sizeof(CircularBufferShm)) {
    std::memset(head + offsetof(CircularBufferShm, writer_pid), 0, sizeof(AtomicU32));
  }
  return true;
}

// The segment of a writer that was killed. Left alone if its header is not to be believed.
void retire_mapped(const Request& request, const Setup& setup, const Image& image) {
  if (!shape_is_sane(image.shm()) || writer_alive(setup, image)) return;
  Buffer buffer;
  if (map(request, setup, image.shm().header, &buffer) != SMIPC_OK) return;
  say_that_it_is_closed(*buffer.shm);
  plat_segment_release(buffer.segment);
  plat_segment_free(buffer.segment);
}

}  // namespace

Status circular_buffer_open(std::string_view name, bool writes,
                            const smipc_circular_buffer_options& options, Buffer** out) {
  auto buffer = std::make_unique<Buffer>();
  buffer->name = std::string(name);
  buffer->writes = writes;
  buffer->forks = fork_count();
  // SMIPC_E_EXISTS: somebody else put a segment there in between.
  Status status = SMIPC_E_EXISTS;
  for (int attempt = 0; status == SMIPC_E_EXISTS && attempt < kSetupAttempts; ++attempt) {
    status = open_once({name, writes, options}, buffer.get());
  }
  if (status != SMIPC_OK) return status;
  buffer->open = true;
  *out = buffer.release();
  return SMIPC_OK;
}

// The caller holds the lock.
Status circular_buffer_close(Buffer& buffer) {
  if (!buffer.open) return SMIPC_OK;
  buffer.open = false;
  if (!buffer.writes) {
    plat_segment_release(buffer.segment);
    return SMIPC_OK;
  }
  Setup setup;
  const PlatResult entered = plat_setup_enter({buffer.name, kKindCircularBuffer}, false,
                                              SMIPC_ACCESS_ALL, kSetupTimeoutNs, &setup.setup);
  const bool ours = entered && is_ours(buffer, setup.setup);
  say_that_it_is_closed(*buffer.shm);
  if (ours) plat_setup_remove(setup.setup, false, buffer.nonce);  // I3
  plat_segment_release(buffer.segment);
  return SMIPC_OK;
}

Status circular_buffer_unlink(std::string_view name) {
  const Request request = {name, false, {}};
  Setup setup;
  PlatResult result = plat_setup_enter({name, kKindCircularBuffer}, false, SMIPC_ACCESS_USER,
                                       kSetupTimeoutNs, &setup.setup);
  Image image;
  if (result) {
    bool fresh = false;
    const Status known = inspect_segment({kCircularBufferNoun, name}, kKindCircularBuffer,
                                         setup.setup, image.bytes, sizeof image.bytes, &fresh);
    if (known == SMIPC_OK && !fresh) retire_mapped(request, setup, image);
    result = plat_setup_remove(setup.setup, false, image.shm().header.nonce);
  }
  return result ? SMIPC_OK : fail_request(request, result.status, result.detail);
}

Status circular_buffers_clean_stale(std::size_t* out_removed) {
  const PlatResult result =
      plat_segments_sweep(kKindCircularBuffer, sizeof(CircularBufferShm), retire, out_removed);
  return result ? SMIPC_OK : fail(result.status, {}, result.detail);
}

}  // namespace smipc::detail
