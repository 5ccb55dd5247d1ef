// A counter in shared memory, and a semaphore so that nobody counts at the same time:
// shared_counter [turns] [name]. See shared_counter.py, which counts along.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <smipc.hpp>

int main(int argc, char **argv) {
  const long turns = argc > 1 ? std::atol(argv[1]) : 1000;
  const char *name = argc > 2 ? argv[2] : "example-counter";
  try {
    smipc::Semaphore semaphore(name, {.initial_value = 1,
                                      .existence = smipc::Existence::kLinkOrCreate,
                                      .unlink = smipc::Unlink::kNever});
    smipc::SharedMemory memory(name, {.size_bytes = sizeof(std::int64_t),
                                      .existence = smipc::Existence::kLinkOrCreate,
                                      .unlink = smipc::Unlink::kNever});
    volatile std::int64_t &counter = memory.as<std::int64_t>()[0];
    for (long turn = 0; turn < turns; ++turn) {
      const std::scoped_lock lock(semaphore);
      counter = counter + 1;
    }
    std::printf("counted %ld, the counter is at %lld or more\n", turns,
                static_cast<long long>(counter));
  } catch (const smipc::Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
