// Words of four records side by side: what is done to those of one waits for itself.
#ifndef LINES_FOUR_H
#define LINES_FOUR_H
#include <stdint.h>

typedef uint32_t four __attribute__((vector_size(16)));

static inline four turned(four words, int bits) { return words << bits | words >> (32 - bits); }

#endif
