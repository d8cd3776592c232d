/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifies objects that clang made from C, all of which must be accepted, and
 * those before "--" again with each allocation failing in turn:
 *
 *     programs_test FILE.o... [-- FILE.o...] */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/object.h"
#include "faulty_host.h"
#include "verifier/verifier.h"

#define MAX_SIZE (1 << 20)

/* Of the allocations beyond this many, ever fewer are made to fail. */
#define ALL_FAIL 300

/* Reads 'file' as an object. */
static struct ubpf_object *
read_object(const char *file)
{
    static const struct ubpf_limits limits = {65536, 1000000, 1 << 30};
    static char elf[MAX_SIZE];
    struct ubpf_object *obj = NULL;
    FILE *stream = fopen(file, "rb");
    char *error = NULL;
    size_t len;

    if (!stream) {
        perror(file);
        return NULL;
    }
    len = fread(elf, 1, sizeof elf, stream);
    fclose(stream);
    if (ubpf_object_read(&faulty_host, elf, len, &limits, &obj, &error)) {
        fprintf(stderr, "%s: %s\n", file, error);
        ubpf_error_free(error);
    }
    return obj;
}

/* The proof of 'obj' must end with ENOMEM and no leak, whichever allocation
 * fails. */
static bool
check_faults(const struct ubpf_object *obj, const char *file)
{
    int before = faulty_host_in_use(), n, error = ENOMEM;
    char *text;

    for (n = 0; error == ENOMEM; n += n < ALL_FAIL ? 1 : n / 4) {
        faulty_host_fail(n);
        error = ubpf_verify(obj, NULL, &text);
        free(text);
        if (faulty_host_in_use() != before) {
            fprintf(stderr, "%s: leak when allocation %d fails\n", file, n);
            return false;
        }
    }
    faulty_host_fail(-1);
    if (error) {
        fprintf(stderr, "%s: error %d when allocation %d fails\n", file, error,
                n);
    }
    return !error;
}

static bool
check(const char *file, bool faults)
{
    struct ubpf_object *obj = read_object(file);
    char *text = NULL;
    bool ok = false;

    if (obj) {
        ok = !ubpf_verify(obj, NULL, &text);
        fprintf(ok ? stdout : stderr, "%s: %s\n", file, text);
        free(text);
        ok = ok && (!faults || check_faults(obj, file));
        ubpf_object_free(obj);
    }
    return ok;
}

int
main(int argc, char *argv[])
{
    int failed = 0, n = 0;
    bool faults = true;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--")) {
            faults = false;
        } else {
            failed += !check(argv[i], faults);
            n++;
        }
    }
    printf("%d programs, %d failed\n", n, failed);
    return failed || !n;
}
