/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks that end the test with what was expected and what came. */

#ifndef CHECK_H
#define CHECK_H 1

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAIL(...)                                                     \
    do {                                                              \
        fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, __func__); \
        fprintf(stderr, __VA_ARGS__);                                 \
        fputc('\n', stderr);                                          \
        exit(1);                                                      \
    } while (0)

#define CHECK(CONDITION)                    \
    do {                                    \
        if (!(CONDITION)) {                 \
            FAIL("failed: %s", #CONDITION); \
        }                                   \
    } while (0)

/* Numbers, compared as 64 bits. */
#define CHECK_EQ(ACTUAL, EXPECTED)                                      \
    do {                                                                \
        uint64_t actual_ = (uint64_t) (ACTUAL);                         \
        uint64_t expected_ = (uint64_t) (EXPECTED);                     \
                                                                        \
        if (actual_ != expected_) {                                     \
            FAIL("%s is %#" PRIx64 ", not %#" PRIx64, #ACTUAL, actual_, \
                 expected_);                                            \
        }                                                               \
    } while (0)

#define CHECK_BYTES(ACTUAL, EXPECTED, SIZE)                 \
    do {                                                    \
        if (memcmp(ACTUAL, EXPECTED, SIZE)) {               \
            FAIL("%s differs from %s", #ACTUAL, #EXPECTED); \
        }                                                   \
    } while (0)

/* True if 'text' contains 'part'. */
#define CHECK_HAS(TEXT, PART)                                             \
    do {                                                                  \
        const char *text_ = (TEXT);                                       \
                                                                          \
        if (!text_ || !strstr(text_, PART)) {                             \
            FAIL("\"%s\" does not have \"%s\"", text_ ? text_ : "(null)", \
                 PART);                                                   \
        }                                                                 \
    } while (0)

/* A generator of numbers that are the same in each run (xorshift64*). */
static inline uint64_t
next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

#endif /* check.h */
