// Every call that takes descriptors or mappings, with so few of them left that it fails at the first
// one, the second one ... until there are enough: an error that says so each time, nothing left behind
// by it, and the object as good as before.
//
// On one thread, so that nobody else takes or gives back what is counted here.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <smipc.hpp>

#include "support.hpp"

namespace smipc::test {
namespace {

// More than any call takes.
constexpr int kMost = 40;

struct Numbers {
  struct {
    std::uint16_t code;
    double last_update;
  } header;
  std::int64_t a;
};

struct Scene {
  std::string name;
  std::string path;
};

// What is there before the call, and the call, whose result stays as long as the caller wants. Both
// own what they have opened.
using Thing = std::shared_ptr<void>;
struct Plan {
  const char* name;
  std::function<Thing(const Scene&)> before;
  std::function<Thing(const Scene&, Thing&)> call;
};

template <class T, class... Arguments>
Thing open(Arguments&&... arguments) {
  return std::make_shared<T>(std::forward<Arguments>(arguments)...);
}

template <class T>
T& as(Thing& thing) {
  return *static_cast<T*>(thing.get());
}

Thing nothing(const Scene&) { return {}; }

std::string object_name(const Scene& scene) {
  std::string name = scene.name;
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '.' || c == '/'; }, '-');
  return name;
}

const SemaphoreOptions kSemaphore = {.initial_value = 1, .existence = Existence::kLinkOrCreate};
const MemoryOptions kMemory = {.size_bytes = 5000, .existence = Existence::kLinkOrCreate};
const MessageQueueOptions kQueue = {.existence = Existence::kLinkOrCreate};

Thing writer(const Scene& scene) { return open<Writer>(scene.name); }
Thing reader(const Scene& scene) { return open<Reader>(scene.name); }
Thing buffer_writer(const Scene& scene) {
  return open<CircularBufferWriter>(scene.name, CircularBufferOptions{.length = 100});
}
Thing semaphore(const Scene& scene) { return open<Semaphore>(object_name(scene), kSemaphore); }
Thing memory(const Scene& scene) { return open<SharedMemory>(object_name(scene), kMemory); }
Thing queue(const Scene& scene) { return open<MessageQueue>(object_name(scene), kQueue); }
Thing lock_file(const Scene& scene) { return open<RwLock>(scene.path); }
Thing structure(const Scene& scene) {
  LockedStructure<Numbers>::create(scene.path, {}, true);
  return open<LockedStructure<Numbers>>(scene.path);
}

// `call` without what was there before.
auto once_more(Thing (*call)(const Scene&)) {
  return [call](const Scene& scene, Thing&) { return call(scene); };
}

const Plan kPlans[] = {
    {"channel_created", nothing, once_more(writer)},
    {"channel_attached", writer, once_more(reader)},
    {"channel_closed", writer,
     [](const Scene& scene, Thing& thing) {
       as<Writer>(thing).close();
       // Without a descriptor nobody can be asked whether somebody else is there: the name stays, for
       // smipc_clean_stale.
       return Thing(nullptr, [name = scene.name](void*) {
         if (!files_of(name).empty()) unlink(name);
       });
     }},
    {"channel_unlinked", writer,
     [](const Scene& scene, Thing&) {
       unlink(scene.name);
       return Thing{};
     }},
    {"channel_descriptor", reader,
     [](const Scene&, Thing& thing) {
       static_cast<void>(as<Reader>(thing).fd());
       return Thing{};
     }},
    {"channel_listener", reader,
     [](const Scene&, Thing& thing) {
       as<Reader>(thing).listen([](std::span<const std::byte>, int) {});
       as<Reader>(thing).stop_listening();
       return Thing{};
     }},
    {"channel_waited_for", reader,
     [](const Scene&, Thing& thing) {
       Reader* const readers[] = {&as<Reader>(thing)};
       EXPECT_TRUE(wait(readers, std::chrono::milliseconds(1)).empty());
       return Thing{};
     }},
    {"buffer_created", nothing, once_more(buffer_writer)},
    {"buffer_attached", buffer_writer,
     [](const Scene& scene, Thing&) { return open<CircularBufferReader>(scene.name); }},
    {"semaphore_created", nothing, once_more(semaphore)},
    {"semaphore_attached", semaphore, once_more(semaphore)},
    {"memory_created", nothing, once_more(memory)},
    {"memory_attached", memory, once_more(memory)},
    {"queue_created", nothing, once_more(queue)},
    {"queue_attached", queue, once_more(queue)},
    {"queue_descriptor", queue,
     [](const Scene&, Thing& thing) {
       static_cast<void>(as<MessageQueue>(thing).fd());
       return Thing{};
     }},
    {"lock_file_opened", nothing, once_more(lock_file)},
    {"lock_taken", lock_file,
     [](const Scene&, Thing& thing) {
       as<RwLock>(thing).lock();
       as<RwLock>(thing).unlock();
       return Thing{};
     }},
    {"structure_made", nothing, once_more(structure)},
    {"structure_made_anew", structure, once_more(structure)},
    {"structure_opened", structure,
     [](const Scene& scene, Thing&) { return open<LockedStructure<Numbers>>(scene.path); }},
    {"structure_locked", structure,
     [](const Scene&, Thing& thing) {
       as<LockedStructure<Numbers>>(thing).edit()->a = 1;
       return Thing{};
     }},
};

// Nobody can have more than `left` descriptors until it is destroyed.
class FewDescriptors {
 public:
  explicit FewDescriptors(int left) {
    EXPECT_EQ(0, ::getrlimit(RLIMIT_NOFILE, &before_));
    const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(lowest);
    struct rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(lowest + left);
    EXPECT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &few));
  }
  FewDescriptors(const FewDescriptors&) = delete;
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  struct rlimit before_ = {};
};

// Takes all mappings that the system lets a process have, but `left`.
class FewMappings {
 public:
  explicit FewMappings(int left) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    bytes_ = page * 2 * limit();
    base_ = static_cast<char*>(
        ::mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    EXPECT_NE(MAP_FAILED, base_);
    // Every second page differs from its neighbours: a mapping each, and one for what is between.
    std::size_t at = page;
    while (at < bytes_ && ::mprotect(base_ + at, page, PROT_READ) == 0) at += 2 * page;
    EXPECT_LT(at, bytes_) << "the limit was not reached";
    // Two mappings less each.
    for (int i = 0; i < left; i += 2, at -= 2 * page) {
      EXPECT_EQ(0, ::mprotect(base_ + at - 2 * page, page, PROT_NONE));
    }
  }
  FewMappings(const FewMappings&) = delete;
  ~FewMappings() { ::munmap(base_, bytes_); }

  static std::size_t limit() {
    std::size_t out = 0;
    std::ifstream("/proc/sys/vm/max_map_count") >> out;
    return out;
  }

 private:
  char* base_ = nullptr;
  std::size_t bytes_ = 0;
};

std::size_t descriptors_in_use() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/dev/fd")) ++count;
  return count;
}

class Exhaustion : public testing::TestWithParam<Plan> {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer takes descriptors and mappings of its own";
  }

  template <class Shortage>
  void run(int step) {
    const Plan& plan = GetParam();
    for (int left = 0; left < kMost; left += step) {
      SCOPED_TRACE(std::to_string(left) + " left");
      Scene scene;
      scene.name = unique_name("exhaust");
      scene.path = (std::filesystem::temp_directory_path() / object_name(scene)).string();
      const std::size_t in_use = descriptors_in_use();
      const bool done = attempt<Shortage>(plan, scene, left);
      EXPECT_EQ(in_use, descriptors_in_use());
      EXPECT_FILES(0u, scene.name);
      for (const auto& each :
           std::filesystem::directory_iterator(std::filesystem::temp_directory_path())) {
        if (each.path().string().starts_with(scene.path)) std::filesystem::remove(each.path());
      }
      if (HasFailure()) return;
      if (done) {
        std::printf("    %-24s needs %d\n", plan.name, left);
        // Of mappings the kernel may need none: it makes one of neighbours.
        const bool creates = std::string_view(plan.name).ends_with("created");
        EXPECT_TRUE(left > 0 || !creates || (std::is_same_v<Shortage, FewMappings>));
        return;
      }
    }
    FAIL() << "it takes more than " << kMost;
  }

 private:
  // Whether the call went well. Its error is checked, and that it goes well when there is enough.
  template <class Shortage>
  bool attempt(const Plan& plan, const Scene& scene, int left) {
    Thing before = plan.before(scene);
    Thing result;
    Status status = SMIPC_OK;
    std::string text;
    {
      const Shortage shortage(left);
      try {
        result = plan.call(scene, before);
      } catch (const Error& error) {
        status = error.status();
        text = error.what();
      } catch (const std::bad_alloc&) {
        status = SMIPC_E_NO_MEMORY;
        text = "of the test";
      }
    }
    if (status == SMIPC_OK) return true;
    EXPECT_TRUE(status == SMIPC_E_LIMIT || status == SMIPC_E_NO_MEMORY) << text;
    EXPECT_NE("", text);
    try {
      result = plan.call(scene, before);
    } catch (const Error& error) {
      ADD_FAILURE() << "afterwards: " << error.what();
    }
    return false;
  }
};

INSTANTIATE_TEST_SUITE_P(Of, Exhaustion, testing::ValuesIn(kPlans),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(Exhaustion, descriptors) { run<FewDescriptors>(1); }

TEST_P(Exhaustion, mappings) {
  if (FewMappings::limit() == 0 || FewMappings::limit() > 300'000) {
    GTEST_SKIP() << "this system lets a process have " << FewMappings::limit() << " mappings";
  }
  run<FewMappings>(2);
}

}  // namespace
}  // namespace smipc::test
