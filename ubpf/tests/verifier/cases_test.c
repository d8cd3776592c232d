/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the verifier over files of cases:
 *
 *     cases_test [-v] FILE...
 *
 *     == what the case is about
 *     map NAME TYPE KEY_SIZE VALUE_SIZE MAX_ENTRIES [rdonly] [aging]
 *         [state=SIZE]
 *     INSTRUCTION (asm.h)
 *     -- accept               or
 *     -- refuse: FRAGMENT     of the message, or
 *     -- limit: FRAGMENT      of the message with E2BIG
 *
 * Every accepted program's code is also disassembled, assembled again and
 * compared. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asm.h"
#include "elf/object.h"
#include "isa/disasm.h"
#include "verifier/verifier.h"

static bool verbose;
static int n_cases, n_failed;

/* One case. */
struct test_case {
    char name[256];
    struct assembler as;
    struct ubpf_object_map maps[8];
    char map_names[8][32];
    uint32_t n_maps;
    int line;
};

static const struct {
    const char *name;
    uint32_t type;
} map_types[] = {
    {"hash", UBPF_MAP_TYPE_HASH},
    {"array", UBPF_MAP_TYPE_ARRAY},
    {"lpm", UBPF_MAP_TYPE_LPM},
    {"ternary", UBPF_MAP_TYPE_TERNARY},
    {"thread_array", UBPF_MAP_TYPE_THREAD_ARRAY},
    {"thread_hash", UBPF_MAP_TYPE_THREAD_HASH},
    {"lru", UBPF_MAP_TYPE_LRU_HASH},
    {"ring", UBPF_MAP_TYPE_RING},
    {"meter", UBPF_MAP_TYPE_METER},
    {"maps", UBPF_MAP_TYPE_ARRAY_OF_MAPS},
};

static bool
add_map(struct test_case *c, const char *s)
{
    struct ubpf_object_map *map = &c->maps[c->n_maps];
    char type[16];
    const char *state = strstr(s, " state="), *like = strstr(s, " like=");

    if (sscanf(s, "map %31s %15s %u %u %u", c->map_names[c->n_maps], type,
               &map->def.key_size, &map->def.value_size, &map->def.max_entries)
        < 5) {
        return false;
    }
    map->name = c->map_names[c->n_maps++];
    map->def.flags = (strstr(s, " rdonly") ? UBPF_MAP_F_RDONLY_PROG : 0)
                     | (strstr(s, " aging") ? UBPF_MAP_F_AGING : 0);
    map->def.state_size = state ? (uint32_t) atoi(state + 7) : 0;
    map->def.extra = like ? (uint32_t) atoi(like + 6) : 0;
    for (size_t i = 0; i < sizeof map_types / sizeof *map_types; i++) {
        if (!strcmp(map_types[i].name, type)) {
            map->def.type = map_types[i].type;
            return true;
        }
    }
    return false;
}

static void
failed(const struct test_case *c, const char *file, const char *what,
       const char *text)
{
    fprintf(stderr, "%s:%d: %s: %s: %s\n", file, c->line, c->name, what,
            text ? text : "(none)");
    n_failed++;
}

/* The disassembly of the program must assemble to the same program. */
static void
check_round_trip(const struct test_case *c, const char *file)
{
    static struct assembler again;
    char text[UBPF_DISASM_SIZE];

    memset(&again, 0, sizeof again);
    for (uint32_t pc = 0; pc < c->as.n;) {
        pc += (uint32_t) ubpf_disasm(c->as.insns, c->as.n, pc, text,
                                     sizeof text);
        if (!asm_line(&again, text)) {
            failed(c, file, "disassembly is not valid", text);
            return;
        }
    }
    if (again.n != c->as.n
        || memcmp(again.insns, c->as.insns, again.n * sizeof *again.insns)) {
        failed(c, file, "disassembly", "does not assemble to the same code");
    }
}

/* Runs 'c'; 'expected' is what follows "-- ". */
static void
run_case(struct test_case *c, const char *file, const char *expected)
{
    static const struct ubpf_object_line lines[] = {{0, 42, NULL}};
    struct ubpf_limits limits = {65536, 100000, 1 << 30};
    struct ubpf_object obj = {
        .host = &ubpf_host_single_threaded,
        .insns = c->as.insns,
        .n_insns = c->as.n,
        .maps = c->maps,
        .n_maps = c->n_maps,
        .lines = (struct ubpf_object_line *) lines,
        .n_lines = 1,
    };
    const char *label = asm_finish(&c->as), *fragment = NULL;
    char *text = NULL;
    int error, want = 0;

    n_cases++;
    if (label) {
        failed(c, file, "no such label", label);
        return;
    }
    if (!strncmp(expected, "refuse: ", 8)) {
        want = EPERM;
        fragment = expected + 8;
    } else if (!strncmp(expected, "limit: ", 7)) {
        want = E2BIG;
        fragment = expected + 7;
    } else if (strcmp(expected, "accept")) {
        failed(c, file, "unknown expectation", expected);
        return;
    }
    error = ubpf_verify(&obj, &limits, &text);
    if (verbose) {
        printf("%s: %s\n", c->name, text);
    }
    if (error != want) {
        failed(c, file, want ? "not refused" : "refused", text);
    } else if (fragment && !strstr(text, fragment)) {
        failed(c, file, "another message", text);
    }
    if (!error) {
        check_round_trip(c, file);
    }
    free(text);
}

static void
run_file(const char *file)
{
    static struct test_case c;
    FILE *stream = fopen(file, "r");
    char line[256];
    int number = 0;

    if (!stream) {
        perror(file);
        exit(2);
    }
    while (fgets(line, sizeof line, stream)) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (!strncmp(line, "== ", 3)) {
            memset(&c, 0, sizeof c);
            snprintf(c.name, sizeof c.name, "%s", line + 3);
            c.line = number;
        } else if (!strncmp(line, "-- ", 3)) {
            run_case(&c, file, line + 3);
        } else if (!strncmp(line, "map ", 4) ? !add_map(&c, line)
                                             : !asm_line(&c.as, line)) {
            fprintf(stderr, "%s:%d: cannot assemble: %s\n", file, number,
                    line);
            exit(2);
        }
    }
    fclose(stream);
}

int
main(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-v")) {
            verbose = true;
        } else {
            run_file(argv[i]);
        }
    }
    printf("%d cases, %d failed\n", n_cases, n_failed);
    return n_failed || !n_cases;
}
