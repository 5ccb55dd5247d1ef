// White box: copying, and runs of buffers seen as one.
#include "core/copy.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/parts.h"
#include "core/racing_copy.h"
#include "support.hpp"

namespace smipc::test {
namespace {

// What takes the place of memcpy on some processors, and in its bad case on all.
struct ThroughCaches {};
// What races with another process.
struct StoreRacing {};
struct LoadRacing {};

template <class Way>
void copy_by(void* to, const void* from, std::size_t size) {
  if constexpr (std::is_same_v<Way, ThroughCaches>) {
    if (size == 0) return;  // is never asked of it: there may be no address
    detail::copy_through_caches(static_cast<std::byte*>(to), static_cast<const std::byte*>(from),
                                size);
  } else if constexpr (std::is_same_v<Way, StoreRacing>) {
    detail::store_racing(static_cast<std::byte*>(to), static_cast<const std::byte*>(from), size);
  } else if constexpr (std::is_same_v<Way, LoadRacing>) {
    detail::load_racing(static_cast<std::byte*>(to), static_cast<const std::byte*>(from), size);
  } else {
    detail::copy_bytes<Way>(to, from, size);
  }
}

template <class Way>
class CopyBytes : public testing::Test {};
using Ways =
    testing::Types<detail::IntoRing, detail::OutOfRing, ThroughCaches, StoreRacing, LoadRacing>;
TYPED_TEST_SUITE(CopyBytes, Ways);

TYPED_TEST(CopyBytes, copies_exactly_so_many_bytes_from_and_to_any_address) {
  constexpr std::size_t kMargin = 16;
  for (std::size_t size = 0; size <= 300; ++size) {
    for (std::size_t from = 0; from < 8; from += 3) {
      for (std::size_t to = 0; to < 8; to += 3) {
        const std::vector<unsigned char> source = pattern(size + from, size);
        std::vector<unsigned char> target(to + size + kMargin, 0xee);
        copy_by<TypeParam>(target.data() + to, source.data() + from, size);
        ASSERT_TRUE(std::equal(source.begin() + from, source.end(), target.begin() + to)) << size;
        for (std::size_t i = 0; i < to; ++i) ASSERT_EQ(0xee, target[i]) << "before, size " << size;
        for (std::size_t i = to + size; i < target.size(); ++i) {
          ASSERT_EQ(0xee, target[i]) << "behind, size " << size;
        }
      }
    }
  }
}

// Where memcpy is slow it is another loop that copies them.
TYPED_TEST(CopyBytes, copies_large_ones_from_and_to_any_place_in_a_page) {
  constexpr std::size_t kPage = 4096;
  const std::vector<unsigned char> source = pattern(4 * kPage, 1);
  std::vector<unsigned char> target(4 * kPage);
  // Both in the same place of a page, before the distance is added.
  const auto in_page = [](const auto& bytes) {
    return reinterpret_cast<std::uintptr_t>(bytes.data()) % kPage;
  };
  const std::size_t same = (in_page(source) - in_page(target)) % kPage;
  for (const std::size_t size : {2047, 2048, 2049, 4096, 5003}) {
    for (std::size_t distance = 0; distance < 40; ++distance) {
      for (const std::size_t from : {0, 5}) {
        std::fill(target.begin(), target.end(), 0xee);
        const auto at = static_cast<std::ptrdiff_t>(same + from + distance);
        copy_by<TypeParam>(target.data() + at, source.data() + from, size);
        const auto begin = source.begin() + static_cast<std::ptrdiff_t>(from);
        const auto end = begin + static_cast<std::ptrdiff_t>(size);
        const auto written = [](unsigned char byte) { return byte != 0xee; };
        ASSERT_TRUE(std::equal(begin, end, target.begin() + at)) << size << ", " << distance;
        ASSERT_TRUE(std::none_of(target.begin(), target.begin() + at, written)) << size;
        ASSERT_TRUE(std::none_of(target.begin() + at + (end - begin), target.end(), written));
      }
    }
  }
}

TYPED_TEST(CopyBytes, reads_nothing_behind_its_source) {
  for (std::size_t size = 0; size <= 200; ++size) {
    // On the heap, exactly as large: a sanitizer sees one byte too many.
    const std::vector<unsigned char> source = pattern(size, size);
    std::vector<unsigned char> target(size);
    copy_by<TypeParam>(target.data(), source.data(), size);
    ASSERT_EQ(source, target);
  }
}

constexpr auto copy = [](std::byte* to, const std::byte* from, std::size_t size) {
  std::memcpy(to, from, size);
};

// Buffers of the given sizes over one run of memory, so that both views can be compared.
struct Cut {
  explicit Cut(const std::vector<std::size_t>& sizes) {
    for (std::size_t size : sizes) total += size;
    bytes.resize(total);
    std::size_t at = 0;
    for (std::size_t size : sizes) {
      parts.push_back({size == 0 ? nullptr : bytes.data() + at, size});
      at += size;
    }
  }
  std::size_t total = 0;
  std::vector<unsigned char> bytes;
  std::vector<smipc_buffer> parts;
};

const std::vector<std::vector<std::size_t>> kCuts = {
    {},        {0},          {1},          {10},          {0, 0, 0},
    {5, 5},    {0, 5, 0, 5}, {1, 1, 1, 7}, {0, 0, 10, 0}, {100, 0, 0, 1, 200, 3, 0},
    {7, 64, 9}};

TEST(PartsOfMemory, are_read_and_written_as_one_run) {
  for (const std::vector<std::size_t>& sizes : kCuts) {
    for (std::size_t step = 1; step <= 50; step += 7) {
      Cut cut(sizes);
      const std::vector<unsigned char> data = pattern(cut.total, 1);
      detail::Parts in(cut.parts.data(), cut.parts.size());
      EXPECT_EQ(cut.total, in.total());
      for (std::size_t at = 0; at < cut.total; at += step) {
        EXPECT_EQ(at, in.position());
        in.copy_in(data.data() + at, std::min(step, cut.total - at));
      }
      EXPECT_EQ(cut.total, in.position());
      EXPECT_EQ(data, cut.bytes);
      detail::Parts out(cut.parts.data(), cut.parts.size());
      std::vector<unsigned char> got(cut.total);
      for (std::size_t at = 0; at < cut.total; at += step) {
        out.copy_out(got.data() + at, std::min(step, cut.total - at), copy);
      }
      EXPECT_EQ(data, got);
    }
  }
}

TEST(PartsOfMemory, can_be_entered_at_any_position) {
  for (const std::vector<std::size_t>& sizes : kCuts) {
    Cut cut(sizes);
    cut.bytes = pattern(cut.total, 2);
    std::size_t at = 0;
    for (smipc_buffer& part : cut.parts) {
      part.data = part.size == 0 ? nullptr : cut.bytes.data() + at;
      at += part.size;
    }
    detail::Parts parts(cut.parts.data(), cut.parts.size());
    for (std::size_t position = 0; position <= cut.total; ++position) {
      parts.seek(position);
      EXPECT_EQ(position, parts.position());
      std::vector<unsigned char> rest(cut.total - position);
      parts.copy_out(rest.data(), rest.size(), copy);
      EXPECT_TRUE(std::equal(rest.begin(), rest.end(),
                             cut.bytes.begin() + static_cast<std::ptrdiff_t>(position)));
    }
    parts.seek(0);
    EXPECT_EQ(0u, parts.position());
  }
}

}  // namespace
}  // namespace smipc::test
