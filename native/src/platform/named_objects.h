// The contract with the operating system for objects that are its own: named semaphores and named
// shared memory. It belongs to platform.h, and what holds there holds here.
//
// A name comes checked: 1 to 200 letters, digits, '-' and '_', without a slash. `existence` is one of
// smipc.h's four; `access` counts for an object that is created here. *created says whether it was.
// An open object knows which one it is, so that nothing is ever unlinked that merely has its name.
#pragma once

#include <cstdint>
#include <string>

#include "platform/platform.h"

namespace smipc::detail {

struct PlatObjectName {
  std::string name;
  std::uint32_t existence = 0;
  std::uint32_t access = 0;
};

// Sleeps for at most `ns`; a signal may cut it short.
void plat_pause(std::int64_t ns);

// Removes the names of objects that were to go with processes which were killed (plat_semaphore_own,
// plat_memory_own); counts them.
PlatResult plat_objects_sweep(std::size_t* out_removed);

// ---- Semaphores -------------------------------------------------------------------------------------

struct PlatSemaphore;

// SMIPC_E_NOT_FOUND, _EXISTS, _PERMISSION, _NO_SPACE, _LIMIT, _NO_MEMORY, _CORRUPT, _OS.
PlatResult plat_semaphore_open(const PlatObjectName& name, std::uint32_t initial_value,
                               PlatSemaphore** out, bool* created);

// Takes one if the value is not 0.
bool plat_semaphore_try(PlatSemaphore* semaphore);

// Takes one, waiting for at most timeout_ns (> 0): kWoken when it has.
PlatWake plat_semaphore_wait(PlatSemaphore* semaphore, std::int64_t timeout_ns);

// Adds `count`. SMIPC_E_INVALID when that is more than the OS can hold, with *added (0 where the OS
// adds all at once) saying how many went before it was noticed.
PlatResult plat_semaphore_post(PlatSemaphore* semaphore, std::uint32_t count, std::uint32_t* added);

PlatResult plat_semaphore_value(PlatSemaphore* semaphore, std::uint32_t* out);

// Ends the use of the semaphore; the object goes on knowing which one it was.
void plat_semaphore_close(PlatSemaphore* semaphore);
void plat_semaphore_free(PlatSemaphore* semaphore);  // after close

// Notes for plat_objects_sweep that the name is to go with this process, as far as the OS lets it. The
// note goes with the name: plat_semaphore_unlink_own removes it when the name is gone.
void plat_semaphore_own(PlatSemaphore* semaphore);

// SMIPC_E_NOT_FOUND also when the name is another semaphore's now.
PlatResult plat_semaphore_unlink_own(PlatSemaphore* semaphore);
PlatResult plat_semaphore_unlink(const std::string& name);

// ---- Shared memory ----------------------------------------------------------------------------------

struct PlatMemory;

struct PlatMemoryRequest {
  PlatObjectName name;
  std::uint64_t size_bytes = 0;
  bool read_only = false;
};

// As smipc_memory_open, which has checked the request: maps all of it. A new one appears under its
// name only when it has its size, with all of its memory allocated.
PlatResult plat_memory_open(const PlatMemoryRequest& request, PlatMemory** out, bool* created);

void* plat_memory_data(PlatMemory* memory);
std::uint64_t plat_memory_size(PlatMemory* memory);
// -1: this OS has none, or it is closed.
std::int32_t plat_memory_fd(PlatMemory* memory);
bool plat_memory_closed(PlatMemory* memory);

// Closes the descriptor; the mapping stays until plat_memory_free.
void plat_memory_close(PlatMemory* memory);
void plat_memory_free(PlatMemory* memory);  // after close

void plat_memory_own(PlatMemory* memory);
PlatResult plat_memory_unlink_own(PlatMemory* memory);
PlatResult plat_memory_unlink(const std::string& name);

}  // namespace smipc::detail
