/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects that clang made from C as native code and in the interpreter:
 *
 *     jit_programs FILE.o... */

#include <stdio.h>
#include <stdlib.h>

#include "jit/differ.h"

#define MAX_SIZE (4 << 20)

static bool
compare(const char *file)
{
    static const struct ubpf_limits limits = {65536, 1000000, 1 << 30};
    static char elf[MAX_SIZE];
    FILE *stream = fopen(file, "rb");
    struct ubpf_object *obj;
    char *error = NULL, why[100];
    size_t len;
    bool same;

    if (!stream) {
        perror(file);
        return false;
    }
    len = fread(elf, 1, sizeof elf, stream);
    fclose(stream);
    if (ubpf_object_read(&ubpf_host_single_threaded, elf, len, &limits, &obj,
                         &error)) {
        fprintf(stderr, "%s: %s\n", file, error);
        ubpf_error_free(error);
        return false;
    }
    same = differ(obj, 1, 3000, why, sizeof why);
    if (!same) {
        fprintf(stderr, "%s: %s\n", file, why);
    }
    ubpf_object_free(obj);
    return same;
}

int
main(int argc, char *argv[])
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        failed += !compare(argv[i]);
    }
    printf("%d programs, %d failed\n", argc - 1, failed);
    return failed || argc < 2;
}
