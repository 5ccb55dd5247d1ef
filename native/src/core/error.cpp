// See error.h.
#include "core/error.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "core/layout.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

struct ThreadError {
  Status status = SMIPC_OK;
  const char* noun = "channel";
  bool pending = false;  // the text is still to be made, from `name`
  std::size_t name_bytes = 0;
  char name[kMaxName] = {};
  char text[1024] = {};
};

thread_local ThreadError t_error;

struct StatusText {
  Status status;
  const char* name;
  const char* message;
};

constexpr StatusText kStatusTexts[] = {
    {SMIPC_OK, "SMIPC_OK", "success"},
    {SMIPC_E_INVALID, "SMIPC_E_INVALID", "an argument is out of its range"},
    {SMIPC_E_TIMED_OUT, "SMIPC_E_TIMED_OUT", "the timeout passed"},
    {SMIPC_E_INTERRUPTED, "SMIPC_E_INTERRUPTED", "interrupted by a signal"},
    {SMIPC_E_CLOSED, "SMIPC_E_CLOSED", "this end is closed"},
    {SMIPC_E_OPPOSITE_CLOSED, "SMIPC_E_OPPOSITE_CLOSED", "the opposite end has closed"},
    {SMIPC_E_OPPOSITE_DIED, "SMIPC_E_OPPOSITE_DIED",
     "the process of the opposite end has ended without closing it"},
    {SMIPC_E_END_TAKEN, "SMIPC_E_END_TAKEN", "this end is open elsewhere"},
    {SMIPC_E_WRONG_END, "SMIPC_E_WRONG_END", "this is the wrong end for that call"},
    {SMIPC_E_WRONG_FRAMING, "SMIPC_E_WRONG_FRAMING",
     "the channel has the other framing (stream or message)"},
    {SMIPC_E_BUFFER_TOO_SMALL, "SMIPC_E_BUFFER_TOO_SMALL", "the buffer is too small"},
    {SMIPC_E_NO_SPACE, "SMIPC_E_NO_SPACE", "there is not enough shared memory"},
    {SMIPC_E_NO_MEMORY, "SMIPC_E_NO_MEMORY", "the process is out of memory or address space"},
    {SMIPC_E_PERMISSION, "SMIPC_E_PERMISSION", "permission denied"},
    {SMIPC_E_NOT_FOUND, "SMIPC_E_NOT_FOUND", "there is no such object or item"},
    {SMIPC_E_EXISTS, "SMIPC_E_EXISTS", "there is such an object already"},
    {SMIPC_E_CORRUPT, "SMIPC_E_CORRUPT", "the shared memory holds impossible values"},
    {SMIPC_E_NOT_SMIPC, "SMIPC_E_NOT_SMIPC", "the file of that name is no smipc segment"},
    {SMIPC_E_VERSION, "SMIPC_E_VERSION", "the segment has another layout version"},
    {SMIPC_E_FORKED, "SMIPC_E_FORKED",
     "this end was opened by the parent process, before fork; open it in the child"},
    {SMIPC_E_LIMIT, "SMIPC_E_LIMIT", "a limit of the operating system is reached"},
    {SMIPC_E_UNSUPPORTED, "SMIPC_E_UNSUPPORTED", "not available on this platform"},
    {SMIPC_E_BUSY, "SMIPC_E_BUSY", "a listener, a reservation or a borrow is active"},
    {SMIPC_E_OS, "SMIPC_E_OS", "the operating system reported an error"},
    {SMIPC_E_INTERNAL, "SMIPC_E_INTERNAL", "a defect in smipc"},
};

const StatusText* find(Status status) {
  for (const StatusText& entry : kStatusTexts) {
    if (entry.status == status) return &entry;
  }
  return nullptr;
}

void compose(ThreadError& error, std::string_view name, std::string_view detail) {
  if (detail.empty()) detail = status_message(error.status);
  const int detail_bytes = static_cast<int>(std::min<std::size_t>(detail.size(), 700));
  if (name.empty()) {
    std::snprintf(error.text, sizeof error.text, "%.*s", detail_bytes, detail.data());
  } else {
    std::snprintf(error.text, sizeof error.text, "%s '%s': %.*s", error.noun,
                  printable(name.substr(0, 60)).c_str(), detail_bytes, detail.data());
  }
}

}  // namespace

Status fail(Status status, std::string_view name, std::string_view detail) noexcept {
  return fail_object(status, "channel", name, detail);
}

Status fail_object(Status status, const char* noun, std::string_view name,
                   std::string_view detail) noexcept {
  ThreadError& error = t_error;
  error.status = status;
  error.noun = noun;
  error.pending = false;
  try {
    compose(error, name, detail);
  } catch (...) {  // out of memory while saying so
    std::snprintf(error.text, sizeof error.text, "%s", status_message(status));
  }
  return status;
}

Status fail_quietly(Status status, std::string_view name) noexcept {
  return fail_object_quietly(status, "channel", name);
}

Status fail_object_quietly(Status status, const char* noun, std::string_view name) noexcept {
  ThreadError& error = t_error;
  error.status = status;
  error.noun = noun;
  error.pending = true;
  error.name_bytes = std::min(name.size(), sizeof error.name);
  if (error.name_bytes > 0) std::memcpy(error.name, name.data(), error.name_bytes);
  return status;
}

const char* last_error() noexcept {
  ThreadError& error = t_error;
  if (error.pending) {
    fail_object(error.status, error.noun, std::string_view(error.name, error.name_bytes));
  }
  return error.text;
}

const char* status_name(Status status) noexcept {
  const StatusText* entry = find(status);
  return entry != nullptr ? entry->name : "SMIPC_E_UNKNOWN";
}

const char* status_message(Status status) noexcept {
  const StatusText* entry = find(status);
  return entry != nullptr ? entry->message : "unknown status";
}

std::string printable(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c >= 0x20 && c < 0x7f && c != '\'') {
      out += c;
    } else {
      char hex[5];
      std::snprintf(hex, sizeof hex, "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += hex;
    }
  }
  return out;
}

}  // namespace smipc::detail
