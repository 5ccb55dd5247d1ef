// White box: the bytes of a segment as they stand in its file. Other builds, and other languages,
// count on these offsets: a failure here means a new layout version.
#include "core/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "support.hpp"

namespace smipc::test {
namespace {

class SegmentFile {
 public:
  explicit SegmentFile(const std::string& name) {
    const std::vector<std::string> files = files_of(name);
    EXPECT_EQ(1u, files.size());
    fd_ = ::open(("/dev/shm/" + files.at(0)).c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_GE(fd_, 0);
  }
  ~SegmentFile() { ::close(fd_); }

  struct stat info() const {
    struct stat result = {};
    EXPECT_EQ(0, ::fstat(fd_, &result));
    return result;
  }

  template <class T>
  T at(off_t offset) const {
    T value = {};
    EXPECT_EQ(static_cast<ssize_t>(sizeof value), ::pread(fd_, &value, sizeof value, offset));
    return value;
  }

 private:
  int fd_;
};

constexpr off_t kWriter = 384;
constexpr off_t kReader = 1024;
constexpr off_t kBatch = 1664;

TEST(Layout, of_the_header_is_what_other_builds_expect) {
  Pair pair("header", 1000);
  const SegmentFile file(pair.name);
  using Magic = std::array<char, 8>;
  EXPECT_EQ(0, std::memcmp("\xa7\xc5SMIPC1", file.at<Magic>(0).data(), 8));
  EXPECT_EQ(1u, file.at<std::uint32_t>(8)) << "layout version";
  EXPECT_EQ(1u, file.at<std::uint32_t>(12)) << "kind";
  EXPECT_EQ(detail::layout_fingerprint(), file.at<std::uint64_t>(16));
  EXPECT_EQ(static_cast<std::uint64_t>(file.info().st_size), file.at<std::uint64_t>(24));
  EXPECT_EQ(4096u, file.at<std::uint64_t>(32)) << "ring offset";
  EXPECT_EQ(4096u, file.at<std::uint64_t>(40)) << "ring bytes";
  EXPECT_EQ(1000u, file.at<std::uint64_t>(48)) << "capacity";
  EXPECT_EQ(1008u, file.at<std::uint64_t>(56)) << "limit";
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_MESSAGE), file.at<std::uint32_t>(64));
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_LIFETIME_PROCESS), file.at<std::uint32_t>(68));
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_ACCESS_USER), file.at<std::uint32_t>(72));
  EXPECT_EQ(process_id(), file.at<std::uint32_t>(76));
  EXPECT_NE(0u, file.at<std::uint64_t>(88)) << "nonce";
  EXPECT_EQ(pair.name.size(), file.at<std::uint32_t>(96));
  using Name = std::array<char, 200>;
  EXPECT_EQ(pair.name, file.at<Name>(128).data());
}

TEST(Layout, of_the_ends_is_what_other_builds_expect) {
  Pair pair("ends", 1000);
  send(pair.writer, pattern(20, 1));
  send(pair.writer, pattern(30, 2));
  recv(pair.reader);
  const SegmentFile file(pair.name);
  for (const off_t end : {kWriter, kReader}) {
    EXPECT_EQ(process_id(), file.at<std::uint32_t>(end));
    const auto word = file.at<std::uint32_t>(end + 128);
    EXPECT_EQ(detail::kOpen, word & detail::kOpen);
    EXPECT_EQ(0u, word & (detail::kClosed | detail::kDead));
    EXPECT_EQ(1u, word >> detail::kEpochShift);
  }
  EXPECT_EQ(72u, file.at<std::uint64_t>(kWriter + 256)) << "head";
  EXPECT_EQ(0u, file.at<std::uint64_t>(kWriter + 264)) << "partial";
  EXPECT_EQ(32u, file.at<std::uint64_t>(kReader + 384)) << "exact";
  EXPECT_LE(file.at<std::uint64_t>(kReader + 256), 32u) << "the tail as of late";
  EXPECT_EQ(2u, file.at<std::uint64_t>(kWriter + 400)) << "messages";
  EXPECT_EQ(50u, file.at<std::uint64_t>(kWriter + 408)) << "bytes";
  EXPECT_EQ(1u, file.at<std::uint64_t>(kReader + 400));
  EXPECT_EQ(20u, file.at<std::uint64_t>(kReader + 408));
}

TEST(Layout, of_a_fetched_list_is_what_other_builds_expect) {
  Pair pair("batch", 1000);
  for (std::uint64_t i = 0; i < 3; ++i) send(pair.writer, pattern(10 * i, i));
  smipc_fetch_area area;
  EXPECT_OK(smipc_channel_fetch_open(pair.reader, &area));
  EXPECT_GE(smipc_channel_fetch(pair.reader, 0), 0);
  *area.taken = 2;
  const SegmentFile file(pair.name);
  EXPECT_EQ(0u, file.at<std::uint64_t>(kReader + 384)) << "exact: where the list begins";
  EXPECT_EQ(2u, file.at<std::uint64_t>(kReader + 392)) << "taken: cursor << 16 | count";
  EXPECT_EQ(1, file.at<std::uint16_t>(kBatch)) << "in units of 8 bytes";
  EXPECT_EQ(1 + 3, file.at<std::uint16_t>(kBatch + 2));
  EXPECT_EQ(1 + 3 + 4, file.at<std::uint16_t>(kBatch + 4));
}

TEST(Layout, of_records_is_what_other_builds_expect) {
  Pair pair("records", 1000);
  EXPECT_OK(smipc_channel_send(pair.writer, "abcde", 5, 0));
  EXPECT_OK(smipc_channel_send(pair.writer, "", 0, 0));
  const std::vector<unsigned char> large(2000, 'x');
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_send(pair.writer, large.data(), 2000, 0));
  const SegmentFile file(pair.name);
  EXPECT_EQ(5u, file.at<std::uint64_t>(4096)) << "a whole message: its length";
  EXPECT_EQ('a', file.at<char>(4096 + 8));
  EXPECT_EQ('e', file.at<char>(4096 + 12));
  EXPECT_EQ(0u, file.at<std::uint64_t>(4096 + 16));
  EXPECT_EQ((std::uint64_t{1} << 56) | 8, file.at<std::uint64_t>(4096 + 24)) << "kStart";
  EXPECT_EQ(2000u, file.at<std::uint64_t>(4096 + 32));
  EXPECT_EQ(2u, file.at<std::uint64_t>(4096 + 40) >> 56) << "kPiece";
  EXPECT_EQ('x', file.at<char>(4096 + 48));
}

TEST(Layout, all_memory_is_allocated_at_creation) {
  for (std::uint64_t capacity : {1u, 5000u, 1'000'000u}) {
    Pair pair("allocated", capacity, stream());
    const struct stat info = SegmentFile(pair.name).info();
    EXPECT_GE(info.st_blocks * 512, info.st_size);
    EXPECT_EQ(static_cast<std::uint64_t>(info.st_size), status_of(pair.reader).memory_bytes);
    EXPECT_LE(static_cast<std::uint64_t>(info.st_size), capacity + 16 * 1024);
    EXPECT_EQ(0600u, info.st_mode & 0777u);
  }
}

TEST(Layout, access_is_the_mode_of_the_file_whatever_the_umask) {
  const mode_t umask = ::umask(0077);
  for (const auto& [access, mode] : {std::pair<std::uint32_t, mode_t>{SMIPC_ACCESS_USER, 0600},
                                     {SMIPC_ACCESS_GROUP, 0660},
                                     {SMIPC_ACCESS_ALL, 0666}}) {
    Pair pair("access", 100, {.access = access});
    EXPECT_EQ(mode, SegmentFile(pair.name).info().st_mode & 0777);
  }
  ::umask(umask);
}

}  // namespace
}  // namespace smipc::test
