/* SPDX-License-Identifier: Apache-2.0 */

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Makes room for 'n' more bytes and a NUL. */
static bool
text_reserve(struct text *text, size_t n)
{
    size_t need = text->len + n + 1;
    size_t size = text->allocated * 2 > need ? text->allocated * 2 : need;
    char *s;

    if (need <= text->allocated) {
        return true;
    }
    s = realloc(text->s, size);
    if (!s) {
        text->failed = true;
        return false;
    }
    text->s = s;
    text->allocated = size;
    return true;
}

void
text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || text->failed || !text_reserve(text, (size_t) n)) {
        text->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(text->s + text->len, (size_t) n + 1, format, args);
    va_end(args);
    text->len += (size_t) n;
}

char *
text_finish(struct text *text)
{
    if (text->failed || !text_reserve(text, 0)) {
        free(text->s);
        return NULL;
    }
    text->s[text->len] = '\0';
    return text->s;
}
