/* Keys of sparse records: packed protobuf varints, little-endian machines only.

   A varint holds 7 bits a byte, the lowest first; the high bit says that more follow.
   Rows come mostly sorted, so keys of one length come in runs: each length has its own
   loop over blocks, and what is left goes one by one. */
#ifndef SS_VARINTS_H
#define SS_VARINTS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the RecordIO codec copies little-endian numbers as they are"
#endif

enum { VARINT_OK = 0, VARINT_MALFORMED = 1, VARINT_TOO_LARGE = 2 };

/* Asks for bytes that will be read soon, which may lie beyond the end. */
#if defined(__GNUC__) || defined(__clang__)
#define fetch_ahead(p) __builtin_prefetch(p)
#else
#define fetch_ahead(p) ((void)(p))
#endif

static inline uint64_t load_u64(const unsigned char *p) {
  uint64_t word;
  memcpy(&word, p, 8);
  return word;
}

static inline uint32_t load_u32(const unsigned char *p) {
  uint32_t word;
  memcpy(&word, p, 4);
  return word;
}

static inline void store_u64(unsigned char *p, uint64_t word) { memcpy(p, &word, 8); }

static inline void store_u32(unsigned char *p, uint32_t word) { memcpy(p, &word, 4); }

static inline int varint_size(uint64_t value) {
  int size = 1;
  while (value >= 128) {
    value >>= 7;
    size++;
  }
  return size;
}

static inline unsigned char *varint_write(unsigned char *p, uint64_t value) {
  while (value >= 128) {
    *p++ = (unsigned char)(value | 128);
    value >>= 7;
  }
  *p++ = (unsigned char)value;
  return p;
}

/* The byte after the varint; NULL if it runs over the end or has over 64 bits. */
static inline const unsigned char *varint_read(const unsigned char *p,
                                               const unsigned char *end,
                                               uint64_t *value) {
  uint64_t found = 0;
  int shift = 0;
  for (; p < end && shift < 64; shift += 7) {
    uint64_t byte = *p++;
    if (shift == 63 && byte > 1) return NULL;
    found |= (byte & 127) << shift;
    if (byte < 128) {
      *value = found;
      return p;
    }
  }
  return NULL;
}

/* How many varints end in these bytes. */
static inline ptrdiff_t varint_count(const unsigned char *p, ptrdiff_t size) {
  ptrdiff_t count = 0;
  for (ptrdiff_t j = 0; j < size; j++) count += p[j] < 128;
  return count;
}

/* Bytes of some keys that are not negative. */
static inline size_t keys_size_32(const int32_t *keys, ptrdiff_t n) {
  uint32_t more = 0;
  for (ptrdiff_t j = 0; j < n; j++)
    more += (keys[j] >= 1 << 7) + (keys[j] >= 1 << 14) + (keys[j] >= 1 << 21) +
            (keys[j] >= 1 << 28);
  return (size_t)n + more;
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

/* Writes up to one byte more than it counts: a record goes on after its keys. */
static inline unsigned char *keys_write_32(unsigned char *p, const int32_t *keys,
                                           ptrdiff_t n) {
  ptrdiff_t j = 0;
  while (j < n) {
    const uint32_t *k = (const uint32_t *)keys + j;
    while (n - j >= 8 &&
           (k[0] | k[1] | k[2] | k[3] | k[4] | k[5] | k[6] | k[7]) < 1u << 7) {
      for (int i = 0; i < 8; i++) p[i] = (unsigned char)k[i];
      p += 8, j += 8, k += 8;
    }
    while (n - j >= 4 && k[0] - 128 < 16256 && k[1] - 128 < 16256 &&
           k[2] - 128 < 16256 && k[3] - 128 < 16256) {
      uint64_t low = k[0] | k[1] << 16 | (uint64_t)k[2] << 32 | (uint64_t)k[3] << 48;
      store_u64(p, (low & 0x007f007f007f007f) | (low & 0x3f803f803f803f80) << 1 |
                       0x0080008000800080);
      p += 8, j += 4, k += 4;
    }
    while (n - j >= 1 && k[0] - (1u << 14) < (1u << 21) - (1u << 14)) {
      store_u32(p, (k[0] & 0x7f) | (k[0] & 0x3f80) << 1 | (k[0] & 0x1fc000) << 2 |
                       0x8080);
      p += 3, j += 1, k += 1;
    }
    if (j < n) {
      p = varint_write(p, k[0]);
      j++;
    }
  }
  return p;
}

/* Reads n keys that fill the bytes from p to end and are below limit (at most 2^31). */
static inline int keys_read_32(const unsigned char *p, const unsigned char *end,
                               int32_t *out, ptrdiff_t n, uint64_t limit,
                               uint64_t *largest) {
  const uint64_t more = 0x8080808080808080;
  ptrdiff_t j = 0;
  while (j < n) {
    uint64_t key;
    while (n - j >= 8 && end - p >= 8) {
      uint64_t word = load_u64(p);
      if (word & more) break;
      for (int i = 0; i < 8; i++) out[j + i] = (int32_t)(word >> 8 * i & 0x7f);
      p += 8, j += 8;
    }
    while (n - j >= 4 && end - p >= 8) {
      uint64_t word = load_u64(p);
      if ((word & more) != 0x0080008000800080) break;
      word = (word & 0x007f007f007f007f) | (word & 0x7f007f007f007f00) >> 1;
      for (int i = 0; i < 4; i++) out[j + i] = (int32_t)(word >> 16 * i & 0x3fff);
      p += 8, j += 4;
    }
    while (n - j >= 1 && end - p >= 4) {
      uint32_t word = load_u32(p);
      if ((word & 0x808080) != 0x008080) break;
      out[j++] = (int32_t)((word & 0x7f) | (word & 0x7f00) >> 1 |
                           (word & 0x7f0000) >> 2);
      p += 3;
    }
    if (j == n) break;
    p = varint_read(p, end, &key);
    if (p == NULL) return VARINT_MALFORMED;
    if (key >= limit) {
      *largest = key;
      return VARINT_TOO_LARGE;
    }
    out[j++] = (int32_t)key;
  }
  return p == end ? VARINT_OK : VARINT_MALFORMED;
}

#endif
