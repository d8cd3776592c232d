/* SPDX-License-Identifier: Apache-2.0 */

#ifndef UBPF_ERROR_H
#define UBPF_ERROR_H 1

/* Sets '*error', unless 'error' is NULL, to the formatted text (freeing what
 * was there), and returns 'errnum'.  Control characters, which can only come
 * from names in an object, become '?'.  Where there is no memory for the text
 * '*error' becomes NULL. */
int ubpf_fail(char **error, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fails with ENOMEM. */
int ubpf_fail_nomem(char **error);

#endif /* error.h */
