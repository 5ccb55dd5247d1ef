// The functions of the platform contract that must be inlined: one instruction each.
#pragma once

#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace smipc::detail {

inline std::uintptr_t plat_thread_token() {
#if defined(__GNUC__) && !defined(_WIN32) && !defined(__APPLE__)
  return reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
#elif defined(_MSC_VER) && defined(_M_X64)
  return static_cast<std::uintptr_t>(__readgsqword(0x30));  // the thread's environment block
#elif defined(__GNUC__) && defined(_WIN32) && defined(__x86_64__)
  std::uintptr_t block;
  asm("movq %%gs:0x30, %0" : "=r"(block));
  return block;
#else
  static thread_local char token;
  return reinterpret_cast<std::uintptr_t>(&token);
#endif
}

inline void plat_spin_pause() {
#if defined(_MSC_VER)
#if defined(_M_ARM64)
  __yield();
#else
  _mm_pause();
#endif
#elif defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield" ::: "memory");
#endif
}

inline void plat_prefetch_to_write(const void* address) {
#if defined(__GNUC__) && defined(__x86_64__)
  asm volatile("prefetchw (%0)" : : "r"(address));  // the compiler's own may be for reading
#elif defined(__GNUC__)
  __builtin_prefetch(address, 1);
#elif defined(_MSC_VER) && defined(_M_X64)
  _m_prefetchw(address);
#else
  (void)address;
#endif
}

}  // namespace smipc::detail
