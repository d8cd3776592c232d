/* SPDX-License-Identifier: Apache-2.0
 *
 * malloc() and its kin fail once, in turn, wherever the library calls them,
 * itself or as the single-threaded host: the linker puts those here in their
 * place.  An error is still the right one, if perhaps without words, and
 * nothing leaks. */

#include <errno.h>

#include "check.h"
#include "program_file.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *ptr, size_t size);
void __real_free(void *ptr);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_free(void *ptr);

static int fail_at = -1; /* Which call from now on; -1: none. */
static int n_calls, n_in_use;

/* Counts a call that would give 'ptr' new memory, and says whether it may. */
static int
permit(void)
{
    return n_calls++ != fail_at;
}

void *
__wrap_malloc(size_t size)
{
    void *ptr = permit() ? __real_malloc(size) : NULL;

    n_in_use += ptr != NULL;
    return ptr;
}

void *
__wrap_calloc(size_t n, size_t size)
{
    void *ptr = permit() ? __real_calloc(n, size) : NULL;

    n_in_use += ptr != NULL;
    return ptr;
}

void *
__wrap_realloc(void *old, size_t size)
{
    void *ptr = permit() ? __real_realloc(old, size) : NULL;

    n_in_use += ptr && !old;
    return ptr;
}

void
__wrap_free(void *ptr)
{
    n_in_use -= ptr != NULL;
    __real_free(ptr);
}

static void
arm(int n)
{
    fail_at = n;
    n_calls = 0;
}

/* Loads prog/NAME.c, for which there is error 'expected' or, with 0, none, and
 * a second one that takes its maps over; runs it, compiles it (which fails),
 * and disassembles it.  Returns false once nothing failed any more. */
static bool
live(const char *name, int expected, int n)
{
    const struct ubpf_host *host = &ubpf_host_single_threaded;
    size_t len;
    uint8_t *elf = program_file(name, &len);
    int before = n_in_use, err;
    struct ubpf_prog *prog, *next = NULL;
    char *error = NULL, *text;
    struct packet p;

    arm(n);
    prog = ubpf_prog_load(host, elf, len, NULL, &err, &error);
    if (!prog) {
        CHECK(err == ENOMEM || (expected && err == expected));
        CHECK(!error || *error);
        ubpf_error_free(error);
    } else {
        CHECK(!expected && !err);
        next = ubpf_prog_load(host, elf, len, NULL, NULL, NULL);
        if (next) {
            ubpf_prog_adopt_maps(next, prog);
        }
        packet_init(&p, "1234567890", 10);
        ubpf_prog_run(prog, &p.run);
        if (ubpf_prog_compile(prog, &error)) {
            ubpf_error_free(error);
        }
        text = ubpf_prog_disassemble(prog);
        CHECK(!text || strstr(text, "exit"));
        ubpf_error_free(text);
    }
    ubpf_prog_destroy(prog);
    ubpf_prog_destroy(next);
    fail_at = -1;
    CHECK_EQ(n_in_use, before);
    err = n_calls > n;
    free(elf);
    return err;
}

static void
lives(const char *name, int expected)
{
    int n = 0;

    while (live(name, expected, n)) {
        n++;
    }
    CHECK(n > 10);
}

int
main(void)
{
    lives("counter", 0);
    lives("groups", 0);
    lives("kinds", 0);
    lives("initialized", 0);
    lives("unverifiable", EPERM);
    return 0;
}
