/* What the channel tools of every language agree on: which bytes are sent and how they are summed
 * up. tests/channel_tool.py is the same in Python. Included from C99 and from C++.
 *
 * Sizes are a list such as "0,20,7x50": one empty piece, one of 20 bytes, fifty of 7.
 * Byte j of piece i is (31 i + 7 j + seed) mod 256. The sum is the CRC-32 of all bytes in order.
 */
#ifndef SMIPC_TESTS_TOOL_PATTERN_H
#define SMIPC_TESTS_TOOL_PATTERN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct tool_sizes {
  size_t *items; /* freed by the caller */
  size_t count;
  size_t largest;
  size_t total;
} tool_sizes;

static inline tool_sizes tool_parse_sizes(const char *text) {
  tool_sizes sizes = {NULL, 0, 0, 0};
  while (*text != '\0') {
    char *end;
    size_t size = (size_t)strtoull(text, &end, 10);
    size_t repeats = 1;
    if (*end == 'x') repeats = (size_t)strtoull(end + 1, &end, 10);
    sizes.items = (size_t *)realloc(sizes.items, (sizes.count + repeats) * sizeof(size_t));
    if (sizes.items == NULL) abort();
    for (size_t i = 0; i < repeats; ++i) sizes.items[sizes.count++] = size;
    if (size > sizes.largest) sizes.largest = size;
    sizes.total += size * repeats;
    text = *end == ',' ? end + 1 : end;
    if (*end != ',' && *end != '\0') abort();
  }
  return sizes;
}

static inline void tool_fill(unsigned char *out, size_t size, size_t index, unsigned seed) {
  for (size_t j = 0; j < size; ++j) out[j] = (unsigned char)((31 * index + 7 * j + seed) & 0xff);
}

typedef struct tool_sum {
  size_t count; /* pieces */
  size_t bytes;
  uint32_t crc;
} tool_sum;

static inline void tool_add_bytes(tool_sum *sum, const void *data, size_t size) {
  const unsigned char *bytes = (const unsigned char *)data;
  uint32_t crc = ~sum->crc;
  for (size_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
  }
  sum->crc = ~crc;
  sum->bytes += size;
}

static inline void tool_add_piece(tool_sum *sum, const void *data, size_t size) {
  tool_add_bytes(sum, data, size);
  sum->count += 1;
}

static inline void tool_print(const tool_sum *sum) {
  printf("count=%zu bytes=%zu crc=%08lx\n", sum->count, sum->bytes, (unsigned long)sum->crc);
}

#endif /* SMIPC_TESTS_TOOL_PATTERN_H */
