// SHA-256 after FIPS 180-4, for the demo programs, which then need no library that a machine may
// not have. Section numbers in comments are those of the standard. Not for secrets: nothing is
// wiped, and it is about as fast as a portable one can be, not as the processor can be.
#ifndef SMIPC_EXAMPLES_DEMO_SHA256_HPP
#define SMIPC_EXAMPLES_DEMO_SHA256_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace demo {

using Digest = std::array<std::byte, 32>;

class Sha256 {
 public:
  void update(std::span<const std::byte> data) {
    total_bytes_ += data.size();
    if (filled_ > 0) {
      const std::size_t size = std::min(data.size(), block_.size() - filled_);
      std::copy_n(data.begin(), size, block_.begin() + filled_);
      filled_ += size;
      data = data.subspan(size);
      if (filled_ < block_.size()) return;
      compress(block_.data());
      filled_ = 0;
    }
    for (; data.size() >= block_.size(); data = data.subspan(block_.size())) compress(data.data());
    std::copy(data.begin(), data.end(), block_.begin());
    filled_ = data.size();
  }

  // The digest of all that was given. The object is used up.
  Digest finish() {
    // Padding (5.1.1): a one bit, zeros, and the length in bits in the last 8 bytes of a block.
    const std::uint64_t total_bits = total_bytes_ * 8;
    std::array<std::byte, 72> padding{std::byte{0x80}};
    const std::size_t zeros_end = (filled_ < 56 ? 56 : 120) - filled_;
    for (std::size_t i = 0; i < 8; ++i)
      padding[zeros_end + i] = static_cast<std::byte>(total_bits >> (56 - 8 * i));
    update(std::span(padding).first(zeros_end + 8));

    Digest digest;
    for (std::size_t i = 0; i < digest.size(); ++i)
      digest[i] = static_cast<std::byte>(state_[i / 4] >> (24 - 8 * (i % 4)));
    return digest;
  }

 private:
  using Word = std::uint32_t;

  // One block (6.2.2).
  void compress(const std::byte *block) {
    std::array<Word, 64> w;
    for (std::size_t t = 0; t < 16; ++t) w[t] = big_endian(block + 4 * t);
    for (std::size_t t = 16; t < 64; ++t) {
      const Word s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
      const Word s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
      w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }

    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t t = 0; t < 64; ++t) {
      const Word s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const Word t1 = h + s1 + ((e & f) ^ (~e & g)) + kRound[t] + w[t];
      const Word s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const Word t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    const std::array<Word, 8> sum{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < sum.size(); ++i) state_[i] += sum[i];
  }

  static Word big_endian(const std::byte *p) {
    Word word = 0;
    for (std::size_t i = 0; i < 4; ++i) word = word << 8 | std::to_integer<Word>(p[i]);
    return word;
  }

  // 4.2.2: the fractions of the cube roots of the first 64 primes.
  static constexpr std::array<Word, 64> kRound{
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
      0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
      0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
      0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
      0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
      0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
      0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
      0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
      0xc67178f2};

  // 5.3.3: the fractions of the square roots of the first 8 primes.
  std::array<Word, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> block_{};
  std::size_t filled_ = 0;  // bytes of block_, always fewer than it holds between calls
  std::uint64_t total_bytes_ = 0;
};

inline Digest sha256(std::span<const std::byte> data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

}  // namespace demo

#endif  // SMIPC_EXAMPLES_DEMO_SHA256_HPP
