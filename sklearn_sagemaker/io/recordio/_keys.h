/* Keys of sparse records: packed varints.

   Rows come mostly sorted, so keys of one length come in runs: each of the usual lengths
   has its own loop over blocks, and what is left goes one by one. The place of the next
   key waits for no length as long as that stays the same. */
#ifndef SS_KEYS_H
#define SS_KEYS_H

#include "_varints.h"

/* The high bit of each byte. */
#define MORE 0x8080808080808080

/* Bytes of some keys; -1 if one is not within 0 and most. */
static inline ptrdiff_t keys_size_32(const int32_t *keys, ptrdiff_t n, int32_t most) {
  int32_t wrong = 0;
  uint32_t more = 0;
  /* The sign of what is left up to most says it: SSE2 compares no unsigned numbers. */
  if (most < 1 << 21)
    for (ptrdiff_t j = 0; j < n; j++) {
      wrong |= keys[j] | (int32_t)((uint32_t)most - (uint32_t)keys[j]);
      more += (keys[j] >= 1 << 7) + (keys[j] >= 1 << 14);
    }
  else
    for (ptrdiff_t j = 0; j < n; j++) {
      wrong |= keys[j] | (int32_t)((uint32_t)most - (uint32_t)keys[j]);
      more += (keys[j] >= 1 << 7) + (keys[j] >= 1 << 14) + (keys[j] >= 1 << 21) +
              (keys[j] >= 1 << 28);
    }
  return wrong < 0 ? -1 : n + (ptrdiff_t)more;
}

/* The largest key as unsigned, so that negative ones stand out. */
static inline uint32_t keys_largest_32(const int32_t *keys, ptrdiff_t n) {
  /* Signed for SSE2, which has no unsigned maximum. */
  int32_t largest = 0, smallest = 0;
  for (ptrdiff_t j = 0; j < n; j++) {
    largest = keys[j] > largest ? keys[j] : largest;
    smallest = keys[j] < smallest ? keys[j] : smallest;
  }
  return smallest < 0 ? UINT32_MAX : (uint32_t)largest;
}

static inline int keys_ascend_32(const int32_t *keys, ptrdiff_t n) {
  int bad = 0;
  for (ptrdiff_t j = 1; j < n; j++) bad |= keys[j] <= keys[j - 1];
  return !bad;
}

/* Writes keys that are not negative. There is room up to stop, and some of what is
   behind the keys may be written to as well. */
static inline unsigned char *keys_write_32(unsigned char *p, const unsigned char *stop,
                                           const int32_t *keys, ptrdiff_t n) {
  const uint32_t two = 1u << 7, three = 1u << 14, four = 1u << 21, five = 1u << 28;
  ptrdiff_t j = 0;
  while (j < n) {
    const uint32_t *k = (const uint32_t *)keys + j;
    for (; n - j >= 8; p += 8, j += 8, k += 8) {
      if ((k[0] | k[1] | k[2] | k[3] | k[4] | k[5] | k[6] | k[7]) >= two) break;
      for (int i = 0; i < 8; i++) p[i] = (unsigned char)k[i];
    }
    for (; n - j >= 4; p += 8, j += 4, k += 4) {
      if (k[0] - two >= three - two || k[1] - two >= three - two ||
          k[2] - two >= three - two || k[3] - two >= three - two)
        break;
      uint64_t word = k[0] | k[1] << 16 | (uint64_t)k[2] << 32 | (uint64_t)k[3] << 48;
      store_u64(p, (word & 0x007f007f007f007f) | (word & 0x3f803f803f803f80) << 1 |
                       0x0080008000800080);
    }
    for (; n - j >= 2 && stop - p >= 8; p += 6, j += 2, k += 2) {
      if (k[0] - three >= four - three || k[1] - three >= four - three) break;
      uint64_t word = k[0] | (uint64_t)k[1] << 24;
      store_u64(p, (word & 0x00007f00007f) | (word & 0x003f80003f80) << 1 |
                       (word & 0x1fc0001fc000) << 2 | 0x008080008080);
    }
    for (; j < n && k[0] - three < four - three && stop - p >= 4; p += 3, j++, k++)
      store_u32(p, (k[0] & 0x7f) | (k[0] & 0x3f80) << 1 | (k[0] & 0x1fc000) << 2 |
                       0x8080);
    for (; j < n && k[0] - four < five - four; p += 4, j++, k++)
      store_u32(p, (k[0] & 0x7f) | (k[0] & 0x3f80) << 1 | (k[0] & 0x1fc000) << 2 |
                       (k[0] & 0xfe00000) << 3 | 0x808080);
    if (j < n) {
      p = varint_write(p, k[0]);
      j++;
    }
  }
  return p;
}

/* Reads n keys: whether they fill the bytes from p to end and are below 2^31, or 2^63
   if they are wide, int64. Bytes up to stop may be looked at. */
static inline int keys_read(const unsigned char *p, const unsigned char *end,
                            const unsigned char *stop, void *out, ptrdiff_t n,
                            int wide) {
  const uint64_t ones = 0x0101010101010101;
  int32_t *narrow = (int32_t *)out;
  int64_t *large = (int64_t *)out;
  uint64_t all = 0;
  ptrdiff_t j = 0;
  while (j < n) {
    for (; !wide && n - j >= 8 && stop - p >= 8; p += 8, j += 8) {
      uint64_t word = load_u64(p);
      if (word & MORE) break;
      for (int i = 0; i < 8; i++) narrow[j + i] = (int32_t)(word >> 8 * i & 0x7f);
    }
    for (; !wide && n - j >= 4 && stop - p >= 8; p += 8, j += 4) {
      uint64_t word = load_u64(p);
      if ((word & MORE) != 0x0080008000800080) break;
      word = (word & 0x007f007f007f007f) | (word & 0x7f007f007f007f00) >> 1;
      for (int i = 0; i < 4; i++) narrow[j + i] = (int32_t)(word >> 16 * i & 0x3fff);
    }
    for (; !wide && n - j >= 2 && stop - p >= 8; p += 6, j += 2) {
      uint64_t word = load_u64(p);
      if ((word & 0x808080808080) != 0x008080008080) break;
      word = (word & 0x00007f00007f) | (word & 0x007f00007f00) >> 1 |
             (word & 0x7f00007f0000) >> 2;
      narrow[j] = (int32_t)(word & 0x1fffff);
      narrow[j + 1] = (int32_t)(word >> 24);
    }
    /* The last byte of a key has no high bit. Up to the first of those all is its own. */
    uint64_t word = stop - p < 8 ? MORE : load_u64(p), key;
    const uint64_t last = ~word & MORE, own = last ^ (last - 1);
    const uint64_t marks = word & own & MORE;
    const int size = (int)((own & ones) * ones >> 56);
    while (j < n) {
      if (last) {
        key = word & own;
        key = (key & 0x007f007f007f007f) | (key & 0x7f007f007f007f00) >> 1;
        key = (key & 0x00003fff00003fff) | (key & 0x3fff00003fff0000) >> 2;
        key = (key & 0x0fffffff) | (key & 0x0fffffff00000000) >> 4;
        p += size;
      } else {
        /* A long one, or near the end. */
        p = varint_read(p, end, &key);
        if (p == NULL) return 0;
      }
      all |= key;
      if (wide)
        large[j++] = (int64_t)key;
      else
        narrow[j++] = (int32_t)key;
      if (!last || stop - p < 8) break;
      word = load_u64(p);
      if ((word & own & MORE) != marks) break;
    }
  }
  return p == end && !(all >> (wide ? 63 : 31));
}

static inline int keys_read_32(const unsigned char *p, const unsigned char *end,
                               const unsigned char *stop, int32_t *out, ptrdiff_t n) {
  return keys_read(p, end, stop, out, n, 0);
}

static inline int keys_read_64(const unsigned char *p, const unsigned char *end,
                               const unsigned char *stop, int64_t *out, ptrdiff_t n) {
  return keys_read(p, end, stop, out, n, 1);
}

#endif
