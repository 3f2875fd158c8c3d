/* Protobuf's varints, on little-endian machines only.

   A varint holds 7 bits a byte, the lowest first; the high bit says that more follow. */
#ifndef SS_VARINTS_H
#define SS_VARINTS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the RecordIO codec copies little-endian numbers as they are"
#endif

enum { CACHE_LINE = 64 };

/* Asks for bytes that will be read soon, which may lie beyond the end. */
static inline void fetch_ahead(const unsigned char *p, ptrdiff_t size) {
#if defined(__GNUC__) || defined(__clang__)
  for (ptrdiff_t j = 0; j < size; j += CACHE_LINE) __builtin_prefetch(p + j);
#else
  (void)p;
  (void)size;
#endif
}

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
#if defined(__GNUC__) || defined(__clang__)
  /* One byte for each 7 bits, without a branch. */
  return (640 - 9 * __builtin_clzll(value | 1)) / 64;
#else
  int size = 1;
  while (value >= 128) {
    value >>= 7;
    size++;
  }
  return size;
#endif
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

#endif
