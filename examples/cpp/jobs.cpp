// Jobs with priorities, given out and done by any number of programs:
// jobs give|do [count] [name]. See jobs.py, which gives and does them, too.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <smipc.hpp>
#include <string>

int main(int argc, char **argv) {
  const bool gives = argc > 1 && std::strcmp(argv[1], "give") == 0;
  const int count = argc > 2 ? std::atoi(argv[2]) : 10;
  const char *name = argc > 3 ? argv[3] : "example-jobs";
  try {
    smipc::MessageQueue jobs(name, {.max_messages = 1000,
                                    .max_message_size = 256,
                                    .existence = smipc::Existence::kLinkOrCreate,
                                    .unlink = smipc::Unlink::kNever});
    int urgent = 0;
    for (int number = 0; number < count; ++number) {
      if (gives) {
        jobs.send("job " + std::to_string(number), smipc::forever, number % 10 == 0 ? 5 : 0);
      } else if (const auto job = jobs.receive(); job && job->priority > 0) {
        ++urgent;
      }
    }
    if (gives) {
      std::printf("gave %d\n", count);
    } else {
      std::printf("did %d, %d of them urgent\n", count, urgent);
    }
  } catch (const smipc::Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
