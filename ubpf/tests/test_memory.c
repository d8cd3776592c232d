/* SPDX-License-Identifier: Apache-2.0
 *
 * What the maps of a program take, and its limit. */

#include <errno.h>

#include "check.h"
#include "faulty_host.h"
#include "program_file.h"

/* More than prog/groups.c takes with its maps full. */
#define LIMIT 32768

/* Loads prog/NAME.c with a limit on its memory. */
static struct ubpf_prog *
load(const char *name, uint64_t limit)
{
    const struct ubpf_limits limits = {.max_map_bytes = limit};
    char *error = NULL;
    size_t len;
    uint8_t *elf = program_file(name, &len);
    struct ubpf_prog *prog =
        ubpf_prog_load(&faulty_host, elf, len, &limits, NULL, &error);

    if (!prog) {
        FAIL("%s: %s", name, error);
    }
    free(elf);
    return prog;
}

/* Sum of what the maps of 'prog' say that they take. */
static uint64_t
sum(const struct ubpf_prog *prog)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < ubpf_prog_n_maps(prog); i++) {
        struct ubpf_map_info info;

        ubpf_map_get_info(ubpf_prog_map(prog, i), &info);
        bytes += info.bytes;
    }
    return bytes;
}

static int
put(const struct ubpf_prog *prog, uint64_t value)
{
    return ubpf_map_update(ubpf_prog_map_by_name(prog, "small"), "a", &value,
                           UBPF_ANY);
}

static uint64_t
get(const struct ubpf_prog *prog)
{
    uint64_t value;

    CHECK_EQ(
        ubpf_map_lookup(ubpf_prog_map_by_name(prog, "small"), "a", &value), 0);
    return value;
}

/* Replaces an entry, without a grace period, until that fails, and returns how
 * often it went well. */
static unsigned int
fill(const struct ubpf_prog *prog)
{
    unsigned int n = 0;

    while (!put(prog, n)) {
        n++;
        CHECK(n < 4000);
    }
    return n;
}

static void
destroy(struct ubpf_prog *prog)
{
    ubpf_prog_destroy(prog);
    faulty_host_end_grace_period();
    CHECK_EQ(faulty_host_in_use(), 0);
    CHECK_EQ(ubpf_memory_used(), 0);
}

static void
counts_what_maps_take(void)
{
    struct ubpf_prog *prog = load("groups", 0);

    CHECK(sum(prog) > 1000);
    CHECK_EQ(ubpf_prog_memory_used(prog), sum(prog));
    CHECK_EQ(ubpf_prog_memory_used(prog), ubpf_memory_used());
    destroy(prog);
}

/* Values that wait for a grace period count: there is no end to them
 * otherwise. */
static void
an_update_over_the_limit_changes_nothing(void)
{
    struct ubpf_prog *prog = load("groups", LIMIT);
    struct ubpf_map_info before, after;
    unsigned int n = fill(prog);

    CHECK(n > 10);
    CHECK_EQ(put(prog, 1), EDQUOT);
    CHECK(ubpf_prog_memory_used(prog) <= LIMIT);
    CHECK_EQ(get(prog), n - 1);
    ubpf_map_get_info(ubpf_prog_map_by_name(prog, "small"), &before);
    CHECK_EQ(put(prog, 1), EDQUOT);
    ubpf_map_get_info(ubpf_prog_map_by_name(prog, "small"), &after);
    CHECK_EQ(after.bytes, before.bytes);
    CHECK_EQ(after.n_entries, 1);
    faulty_host_end_grace_period();
    CHECK_EQ(put(prog, 77), 0);
    CHECK_EQ(get(prog), 77);
    destroy(prog);
}

static void
another_program_has_a_limit_of_its_own(void)
{
    struct ubpf_prog *one = load("groups", 0);
    struct ubpf_prog *other = load("groups", LIMIT);
    unsigned int n = fill(other);

    CHECK(n > 10);
    for (unsigned int i = 0; i < 2 * n; i++) {
        CHECK_EQ(put(one, i), 0);
    }
    CHECK(ubpf_prog_memory_used(one) > LIMIT);
    ubpf_prog_destroy(other);
    destroy(one);
}

/* A successor counts what it has taken over, under its own limit. */
static void
a_successor_has_its_own_limit(void)
{
    struct ubpf_prog *old = load("groups", 0), *new;
    uint64_t used = ubpf_prog_memory_used(old);

    CHECK_EQ(put(old, 5), 0);
    new = load("groups_grown", LIMIT);
    CHECK(ubpf_prog_adopt_maps(new, old) > 0);
    CHECK(ubpf_prog_memory_used(new) > used);
    CHECK_EQ(ubpf_prog_memory_used(new), ubpf_memory_used());
    CHECK_EQ(ubpf_prog_memory_used(old), ubpf_memory_used());
    ubpf_prog_destroy(old);
    CHECK_EQ(ubpf_prog_memory_used(new), sum(new));
    CHECK_EQ(get(new), 5);
    CHECK(fill(new) > 10);
    CHECK(ubpf_prog_memory_used(new) <= LIMIT);
    destroy(new);
}

/* A map that went from program to program counts in each. */
static void
many_successors_leave_nothing(void)
{
    struct ubpf_prog *prog = load("groups", 0);

    CHECK_EQ(put(prog, 9), 0);
    for (int i = 0; i < 20; i++) {
        struct ubpf_prog *next = load(i % 2 ? "groups" : "groups_moved", 0);

        CHECK(ubpf_prog_adopt_maps(next, prog) > 0);
        ubpf_prog_destroy(prog);
        prog = next;
        CHECK_EQ(ubpf_prog_memory_used(prog), sum(prog));
        CHECK_EQ(get(prog), 9);
    }
    destroy(prog);
}

static void
a_load_over_the_limit_says_so(void)
{
    const struct ubpf_limits limits = {.max_map_bytes = 1000};
    char *error = NULL;
    size_t len;
    uint8_t *elf = program_file("groups", &len);
    int err;

    CHECK(!ubpf_prog_load(&faulty_host, elf, len, &limits, &err, &error));
    CHECK_EQ(err, E2BIG);
    CHECK_HAS(error, "bytes when full, more than 1000");
    ubpf_error_free(error);

    ubpf_set_memory_limit(100);
    CHECK(!ubpf_prog_load(&faulty_host, elf, len, NULL, &err, &error));
    CHECK_EQ(err, ENOMEM);
    CHECK_HAS(error, "out of memory for map \"small\", for a limit");
    ubpf_error_free(error);
    ubpf_set_memory_limit(0);
    CHECK_EQ(faulty_host_in_use(), 0);
    free(elf);
}

int
main(void)
{
    counts_what_maps_take();
    an_update_over_the_limit_changes_nothing();
    another_program_has_a_limit_of_its_own();
    a_successor_has_its_own_limit();
    many_successors_leave_nothing();
    a_load_over_the_limit_says_so();
    return 0;
}
