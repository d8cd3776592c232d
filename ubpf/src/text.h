/* SPDX-License-Identifier: Apache-2.0
 *
 * A text that grows. */

#ifndef UBPF_TEXT_H
#define UBPF_TEXT_H 1

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *s;
    size_t len, allocated;
    bool failed; /* There was no memory for some of it. */
};

void text_printf(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns the text, to be freed with free(), or NULL if there was no memory
 * for all of it. */
char *text_finish(struct text *text);

#endif /* text.h */
