// Messages: what the API calls of core, with the handle entered.
#pragma once

#include "core/channel.h"
#include "core/deadline.h"
#include "core/parts.h"

namespace smipc::detail {

// message_send.cpp -------------------------------------------------------------------------------

// *inout_done as in smipc_channel_send_parts; NULL: given up on error.
Status send_message(Channel& channel, Parts parts, const Deadline& deadline,
                    std::uint64_t* inout_done);

Status reserve_message(Channel& channel, std::size_t size, const Deadline& deadline, void** out);
Status commit_message(Channel& channel, std::size_t size);
Status abort_message(Channel& channel);

// A successor closes the record that its predecessor died in. SMIPC_E_CORRUPT.
Status repair_partial_record(Channel& channel);

// message_recv.cpp -------------------------------------------------------------------------------

// A message that is there: in the ring, or assembled.
struct Message {
  const std::byte* data = nullptr;
  std::uint64_t size = 0;
  std::uint64_t cost = 0;    // what taking it gives back
  bool in_progress = false;  // its last bytes are still being written
  bool assembled = false;    // in the handle's memory
  bool delivered = false;    // in `into`, and taken
};

// For callers that have used up what they knew of and will go back to their fast path: looks at the head
// again, and stays away for a moment if it is right behind the writer (backoff.h).
void look_for_records(Channel& channel);

// Waits until at least the beginning of a record is there.
Status wait_for_record(Channel& channel, const Deadline& deadline);

// The spinning part of a wait, for the same callers, who then look whether there is one: without leaving
// the fast path, which is still in the processor's caches when the answer comes. Of `most_ns` at most (as
// any timeout; 0: the first microsecond). How long it took, if more than that.
std::int64_t spin_for_record(Channel& channel, std::int64_t most_ns);

// Waits for a message. `into` NULL: a whole one, put together in the handle's memory if it is larger
// than the ring. Else: it may be in progress; one larger than the ring is put together in `into` and
// is then delivered; SMIPC_E_BUFFER_TOO_SMALL, and message->size, if it does not fit there.
Status next_message(Channel& channel, const Deadline& deadline, Parts* into, Message* message);

// Takes the message that next_message gave off the channel.
void take_message(Channel& channel, const Message& message);

Status recv_message(Channel& channel, Parts into, const Deadline& deadline, std::size_t* out_size);

// A message that is `head` followed by body.size bytes; any other stays, SMIPC_E_NOT_FOUND.
inline constexpr std::size_t kHeadMost = 512;
Status recv_headed_message(Channel& channel, const void* head, std::size_t head_size,
                           const smipc_buffer& body, const Deadline& deadline);

// Gives back what a fetched list left; before every other reading call.
void finish_batch(Channel& channel);

// message_borrow.cpp -----------------------------------------------------------------------------
Status borrow_message(Channel& channel, const Deadline& deadline, const void** out,
                      std::size_t* out_size);
Status release_message(Channel& channel);
// The size of the next message and its first bytes, without taking it.
Status look_at_next(Channel& channel, void* prefix, std::size_t prefix_size,
                    const Deadline& deadline, std::size_t* out_size, std::size_t* out_prefix);

// fetch.cpp ----------------------------------------------------------------------------------------
Status open_fetch_area(Channel& channel, smipc_fetch_area* out);
std::int64_t fetch_messages(Channel& channel, const Deadline& deadline);
// The usual case, of a caller who is inside by enter_fast: one message is there, or comes while it
// spins, and no other behind it. Its size, or -1: fetch_messages; nothing has been taken.
// What it has spun is taken off *inout_timeout_ns.
std::int64_t fetch_only_one(Channel& channel, std::int64_t* inout_timeout_ns);

// stream.cpp ---------------------------------------------------------------------------------------
Status write_stream(Channel& channel, const void* data, std::size_t size, const Deadline& deadline,
                    std::size_t* out_written);
Status read_stream_exactly(Channel& channel, void* buffer, std::size_t size,
                           const Deadline& deadline);
Status read_stream_some(Channel& channel, void* buffer, std::size_t size, const Deadline& deadline,
                        std::size_t* out_read);

}  // namespace smipc::detail
