// What went wrong, in one line per thread: the text behind smipc_last_error().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace smipc::detail {

using Status = std::int32_t;

// Records "channel 'name': detail" (name empty: the detail alone; detail empty: the status's own
// sentence) and gives `status` back.
Status fail(Status status, std::string_view name, std::string_view detail = {}) noexcept;

// The same for what happens on every poll of an empty channel: the text is made only when asked
// for.
Status fail_quietly(Status status, std::string_view name) noexcept;

// The same for what is no channel: "noun 'name': detail". `noun` is a literal.
Status fail_object(Status status, const char* noun, std::string_view name,
                   std::string_view detail = {}) noexcept;
Status fail_object_quietly(Status status, const char* noun, std::string_view name) noexcept;

const char* last_error() noexcept;
const char* status_name(Status status) noexcept;
const char* status_message(Status status) noexcept;

// A channel's name for people: printable ASCII as it is, backslashes twice, the rest as \xNN.
std::string printable(std::string_view name);

}  // namespace smipc::detail
