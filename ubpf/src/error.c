/* SPDX-License-Identifier: Apache-2.0 */

#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <ubpf/ubpf.h>

#define MAX_LEN 2000 /* Names in objects may be long. */

int
ubpf_fail(char **error, int errnum, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    if (!error) {
        return errnum;
    }
    free(*error);
    *error = NULL;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    len = len > MAX_LEN ? MAX_LEN : len;
    text = len >= 0 ? malloc((size_t) len + 1) : NULL;
    if (!text) {
        return errnum;
    }
    va_start(args, format);
    vsnprintf(text, (size_t) len + 1, format, args);
    va_end(args);
    for (char *p = text; *p; p++) {
        unsigned char c = (unsigned char) *p;

        if (c < 0x20 || c == 0x7f) {
            *p = '?';
        }
    }
    *error = text;
    return errnum;
}

int
ubpf_fail_nomem(char **error)
{
    return ubpf_fail(error, ENOMEM, "out of memory");
}

void
ubpf_error_free(char *text)
{
    free(text);
}
