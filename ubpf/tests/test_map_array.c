/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays of maps, through programs that use them. */

#include <errno.h>

#include "check.h"
#include "faulty_host.h"
#include "program_file.h"

/* Numbers of the maps in prog/groups.c. */
enum {
    SMALL,
    LARGE,
    WIDE,
    GROUPS,
    SLOW,
    RATES,
};

/* Runs 'prog' on a packet of three bytes and returns the output port, or
 * 1000 plus the verdict where that is another. */
static uint32_t
run(const struct ubpf_prog *prog, const char *data)
{
    struct packet p;
    enum ubpf_verdict verdict;

    packet_init(&p, data, 3);
    verdict = ubpf_prog_run(prog, &p.run);
    return verdict == UBPF_REDIRECT ? p.run.ctx.output_port : 1000 + verdict;
}

static int
set(const struct ubpf_prog *prog, const char *map, uint32_t index,
    uint32_t number)
{
    return ubpf_map_update(ubpf_prog_map_by_name(prog, map), &index, &number,
                           UBPF_ANY);
}

static uint32_t
get(const struct ubpf_prog *prog, uint32_t index)
{
    uint32_t number = 77;

    CHECK_EQ(ubpf_map_lookup(ubpf_prog_map_by_name(prog, "groups"), &index,
                             &number),
             0);
    return number;
}

static void
put(const struct ubpf_prog *prog, const char *map, const char *key,
    uint64_t value)
{
    CHECK_EQ(ubpf_map_update(ubpf_prog_map_by_name(prog, map), key, &value,
                             UBPF_ANY),
             0);
}

/* A program whose small group has member 'a' and whose large one has 'b'. */
static struct ubpf_prog *
load(const char *name)
{
    struct ubpf_prog *prog = program_load(&faulty_host, name);

    put(prog, "small", "a", 11);
    put(prog, "large", "b", 22);
    return prog;
}

/* Destroys 'prog', of which nothing is left. */
static void
destroy(struct ubpf_prog *prog)
{
    ubpf_prog_destroy(prog);
    faulty_host_end_grace_period();
    CHECK_EQ(faulty_host_in_use(), 0);
}

static void
elements_are_none_but_for_initial_ones(void)
{
    struct ubpf_prog *prog = load("groups");

    CHECK_EQ(get(prog, 0), UBPF_NO_MAP);
    CHECK_EQ(get(prog, 2), LARGE);
    CHECK_EQ(run(prog, "l\0a"), 1000 + UBPF_DROP);
    CHECK_EQ(run(prog, "l\2b"), 22);
    CHECK_EQ(run(prog, "l\3b"), 1000 + UBPF_DROP);
    destroy(prog);
}

static void
a_number_exchanges_the_map(void)
{
    struct ubpf_prog *prog = load("groups");

    CHECK_EQ(set(prog, "groups", 0, SMALL), 0);
    CHECK_EQ(get(prog, 0), SMALL);
    CHECK_EQ(run(prog, "l\0a"), 11);
    CHECK_EQ(run(prog, "l\0b"), 1000 + UBPF_PASS);
    CHECK_EQ(set(prog, "groups", 0, LARGE), 0);
    CHECK_EQ(run(prog, "l\0a"), 1000 + UBPF_PASS);
    CHECK_EQ(run(prog, "l\0b"), 22);
    CHECK_EQ(set(prog, "groups", 0, UBPF_NO_MAP), 0);
    CHECK_EQ(run(prog, "l\0b"), 1000 + UBPF_DROP);
    CHECK_EQ(get(prog, 0), UBPF_NO_MAP);
    destroy(prog);
}

static void
programs_write_to_the_map_they_find(void)
{
    struct ubpf_prog *prog = load("groups");
    uint64_t value;

    CHECK_EQ(set(prog, "groups", 0, SMALL), 0);
    CHECK_EQ(run(prog, "u\0c"), 0);
    CHECK_EQ(run(prog, "u\0c"), EEXIST);
    CHECK_EQ(ubpf_map_lookup(ubpf_prog_map(prog, SMALL), "c", &value), 0);
    CHECK_EQ(value, 1);
    CHECK_EQ(run(prog, "u\0d"), ENOSPC);
    CHECK_EQ(run(prog, "d\0c"), 0);
    CHECK_EQ(run(prog, "d\0c"), ENOENT);
    destroy(prog);
}

static void
other_helpers_take_the_map_too(void)
{
    struct ubpf_prog *prog = load("groups");
    struct ubpf_meter meter = {.cir = 1, .cbs = 100, .pir = 1, .pbs = 200};
    uint32_t one = 1;

    CHECK_EQ(
        ubpf_map_update(ubpf_prog_map(prog, SLOW), &one, &meter, UBPF_ANY), 0);
    CHECK_EQ(run(prog, "m\0\1"), 1000 + UBPF_DROP);
    CHECK_EQ(set(prog, "rates", 0, SLOW), 0);
    CHECK_EQ(run(prog, "m\0\1"), UBPF_GREEN);
    CHECK_EQ(run(prog, "m\0\1"), UBPF_YELLOW);
    CHECK_EQ(run(prog, "m\0\1"), UBPF_RED);
    CHECK_EQ(run(prog, "m\0\0"), UBPF_GREEN);
    destroy(prog);
}

static void
refuses_what_does_not_fit(void)
{
    struct ubpf_prog *prog = load("groups");
    struct ubpf_map *map = ubpf_prog_map(prog, GROUPS);
    uint32_t zero = 0, number = SMALL;

    CHECK_EQ(set(prog, "groups", 0, WIDE), EINVAL);
    CHECK_EQ(set(prog, "groups", 0, GROUPS), EINVAL);
    CHECK_EQ(set(prog, "groups", 0, SLOW), EINVAL);
    CHECK_EQ(set(prog, "groups", 0, 6), EINVAL);
    CHECK_EQ(set(prog, "groups", 0, UBPF_NO_MAP - 1), EINVAL);
    CHECK_EQ(set(prog, "groups", 3, SMALL), ENOENT);
    CHECK_EQ(ubpf_map_update(map, &zero, &number, UBPF_NOEXIST), EEXIST);
    CHECK_EQ(ubpf_map_update(map, &zero, &number, UBPF_EXIST), 0);
    CHECK_EQ(ubpf_map_delete(map, &zero), EINVAL);
    CHECK_EQ(get(prog, 0), SMALL);
    destroy(prog);
}

static void
a_dump_has_numbers(void)
{
    static const uint32_t expected[] = {0, UBPF_NO_MAP, 1, SMALL, 2, LARGE};
    struct ubpf_prog *prog = load("groups");
    struct ubpf_map *map = ubpf_prog_map(prog, GROUPS);
    struct ubpf_map_info info;
    uint32_t entries[8];
    uint64_t cursor = 0;

    CHECK_EQ(set(prog, "groups", 1, SMALL), 0);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 2), 2);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries + 4, 2), 1);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 2), 0);
    CHECK_BYTES(entries, expected, sizeof expected);
    ubpf_map_get_info(map, &info);
    CHECK_EQ(info.n_entries, 3);
    CHECK_EQ(info.entry_value_size, 4);
    destroy(prog);
}

/* The elements are those of both programs, under the numbers of each. */
static void
a_successor_has_the_same_elements(void)
{
    struct ubpf_prog *old = load("groups");
    struct ubpf_prog *new = program_load(&faulty_host, "groups_moved");

    CHECK_EQ(set(old, "groups", 0, SMALL), 0);
    CHECK_EQ(ubpf_prog_adopt_maps(new, old), 6);
    CHECK_EQ(get(new, 0), SMALL + 1);
    CHECK_EQ(get(new, 2), LARGE + 1);
    CHECK_EQ(run(new, "l\0a"), 11);
    CHECK_EQ(set(old, "groups", 0, LARGE), 0);
    CHECK_EQ(run(new, "l\0b"), 22);
    CHECK_EQ(set(new, "groups", 1, SMALL + 1), 0);
    CHECK_EQ(get(old, 1), SMALL);
    ubpf_prog_destroy(old);
    CHECK_EQ(run(new, "l\1a"), 11);
    CHECK_EQ(set(new, "groups", 1, SMALL), EINVAL); /* The map before. */
    destroy(new);
}

/* With another size for one that could be an element nothing is taken over but
 * the maps that are the same; initial elements are these. */
static void
elements_come_anew_where_a_map_does(void)
{
    struct ubpf_prog *old = load("groups");
    struct ubpf_prog *new = program_load(&faulty_host, "groups_grown");

    CHECK_EQ(set(old, "groups", 0, SMALL), 0);
    /* small, wide, slow, rates; not large, nor groups. */
    CHECK_EQ(ubpf_prog_adopt_maps(new, old), 4);
    CHECK_EQ(get(new, 0), UBPF_NO_MAP);
    CHECK_EQ(get(new, 2), LARGE);
    CHECK_EQ(run(new, "l\2b"), 1000 + UBPF_PASS);
    CHECK_EQ(set(new, "groups", 0, SMALL), 0);
    CHECK_EQ(run(new, "l\0a"), 11);
    CHECK_EQ(get(old, 0), SMALL);
    CHECK_EQ(run(old, "l\2b"), 22);
    ubpf_prog_destroy(old);
    destroy(new);
}

/* What an element of the new program was before it adopted maps. */
static void
initial_elements_become_the_adopted_maps(void)
{
    struct ubpf_prog *old = load("groups_grown");
    struct ubpf_prog *new = program_load(&faulty_host, "groups");

    CHECK_EQ(set(new, "groups", 0, SMALL), 0);
    CHECK_EQ(ubpf_prog_adopt_maps(new, old), 4);
    CHECK_EQ(get(new, 0), SMALL);
    CHECK_EQ(run(new, "l\0a"), 11);
    ubpf_prog_destroy(old);
    destroy(new);
}

/* A map that was an element lives for as long as a program may have it. */
static void
an_element_is_given_up_after_a_grace_period(void)
{
    struct ubpf_prog *prog = load("groups");
    int postponed = faulty_host_postponed();

    CHECK_EQ(set(prog, "groups", 0, SMALL), 0);
    CHECK_EQ(faulty_host_postponed(), postponed);
    CHECK_EQ(set(prog, "groups", 0, LARGE), 0);
    CHECK_EQ(faulty_host_postponed(), postponed + 1);
    ubpf_prog_destroy(prog);
    CHECK(faulty_host_in_use() > 0); /* small */
    faulty_host_end_grace_period();
    CHECK_EQ(faulty_host_in_use(), 0);
}

/* The number that 'prog' gives the map named 'name'. */
static uint32_t
number_of(const struct ubpf_prog *prog, const char *name)
{
    uint32_t i = 0;

    while (ubpf_prog_map(prog, i) != ubpf_prog_map_by_name(prog, name)) {
        i++;
    }
    return i;
}

static void
a_type_says_what_elements_look_like(void)
{
    struct ubpf_prog *prog = load("groups_btf");

    CHECK_EQ(set(prog, "groups", 0, number_of(prog, "small")), 0);
    CHECK_EQ(set(prog, "groups", 1, number_of(prog, "large")), 0);
    CHECK_EQ(set(prog, "groups", 2, number_of(prog, "other")), EINVAL);
    CHECK_EQ(run(prog, "l\0a"), 11);
    CHECK_EQ(run(prog, "l\1b"), 22);
    CHECK_EQ(run(prog, "l\2a"), 1000 + UBPF_DROP);
    destroy(prog);
}

/* prog/NAME.c does not load, and the message has 'part'. */
static void
refuse(const char *name, const char *part)
{
    char *error = NULL;
    size_t len;
    uint8_t *elf = program_file(name, &len);
    int err;

    CHECK(!ubpf_prog_load(&faulty_host, elf, len, NULL, &err, &error));
    CHECK_EQ(err, EINVAL);
    CHECK_HAS(error, part);
    CHECK_EQ(faulty_host_in_use(), 0);
    ubpf_error_free(error);
    free(elf);
}

int
main(void)
{
    a_type_says_what_elements_look_like();
    refuse("groups_unlike", "no map looks like the values of map \"groups\"");
    refuse("groups_array", "map \"groups\": \"values\" is not an array of "
                           "pointers to maps, in an array of maps");
    elements_are_none_but_for_initial_ones();
    a_number_exchanges_the_map();
    programs_write_to_the_map_they_find();
    other_helpers_take_the_map_too();
    refuses_what_does_not_fit();
    a_dump_has_numbers();
    a_successor_has_the_same_elements();
    elements_come_anew_where_a_map_does();
    initial_elements_become_the_adopted_maps();
    an_element_is_given_up_after_a_grace_period();
    return 0;
}
