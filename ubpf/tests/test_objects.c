/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects as several versions of clang make them of objects/linked.c:
 *
 *     test_objects OBJECT...
 *
 * Each is loaded twice, for either program, and run. */

#include <errno.h>
#include <string.h>

#include <ubpf/ubpf.h>

#include "check.h"
#include "faulty_host.h"
#include "program_file.h"

static struct ubpf_prog *
load(const char *file, const char *entry)
{
    const struct ubpf_load_options options = {.entry = entry};
    char *error = NULL;
    size_t len;
    uint8_t *elf = read_file(file, &len);
    struct ubpf_prog *prog = ubpf_prog_load_with(
        &ubpf_host_single_threaded, elf, len, &options, NULL, &error);

    if (!prog) {
        FAIL("%s: %s: %s", file, entry ? entry : "(any)", error);
    }
    free(elf);
    return prog;
}

/* Runs 'prog' for a packet that came in on 'port'; returns where it goes. */
static uint32_t
run(const struct ubpf_prog *prog, uint32_t port)
{
    uint8_t packet[64] = {0};
    struct ubpf_run run = {.ctx = {
                               .data = (uintptr_t) packet,
                               .data_end = (uintptr_t) (packet + 64),
                               .input_port = port,
                           }};

    CHECK_EQ(ubpf_prog_run(prog, &run), UBPF_REDIRECT);
    return run.ctx.output_port;
}

/* Each run calls twice() two times, which count in the stack of count() and in
 * a variable. */
static void
runs_count(const char *file)
{
    static const uint8_t key[] = {5, 0, 0, 0, 1, 0, 2, 0};
    struct ubpf_prog *prog = load(file, "count");
    struct ubpf_map *flows = ubpf_prog_map_by_name(prog, "flows");
    struct ubpf_map *data = ubpf_prog_map_by_name(prog, ".data");
    uint64_t value[2];
    uint32_t base, zero = 0;

    CHECK_EQ(run(prog, 5), 10 + 12 + 20000 + 200000);
    CHECK_EQ(run(prog, 5), 10 + 12 + 20000 + 400000);
    CHECK_EQ(ubpf_map_lookup(flows, key, value), 0);
    CHECK_EQ(value[0], 2);
    CHECK_EQ(value[1], 128);
    CHECK_EQ(ubpf_map_lookup(data, &zero, &base), 0);
    CHECK_EQ(base, 9);
    ubpf_prog_destroy(prog);
}

/* The control plane sets a variable. */
static void
runs_other(const char *file)
{
    struct ubpf_prog *prog = load(file, "prog/other");
    struct ubpf_map *data = ubpf_prog_map_by_name(prog, ".data");
    uint32_t base = 50, zero = 0;

    CHECK_EQ(run(prog, 2), 2 * 100 + 7);
    CHECK_EQ(run(prog, 7), 7 * 1000 + 7);
    CHECK_EQ(ubpf_map_update(data, &zero, &base, UBPF_ANY), 0);
    CHECK_EQ(run(prog, 2), 2 * 100 + 50);
    ubpf_prog_destroy(prog);
}

static void
asks_which_program(const char *file)
{
    size_t len;
    uint8_t *elf = read_file(file, &len);
    struct ubpf_load_options options = {.entry = NULL};
    char *error = NULL;
    int err = 0;

    CHECK(!ubpf_prog_load(&ubpf_host_single_threaded, elf, len, NULL, &err,
                          &error));
    CHECK_EQ(err, EINVAL);
    CHECK_HAS(error, "the object has several programs (\"count\", \"other\")");
    options.entry = "weigh";
    ubpf_error_free(error);
    CHECK(!ubpf_prog_load_with(&ubpf_host_single_threaded, elf, len, &options,
                               &err, &error));
    CHECK_HAS(error, "the object has no program \"weigh\"");
    ubpf_error_free(error);
    free(elf);
}

/* The lines of debug information are in the disassembly. */
static void
names_lines(const char *file)
{
    struct ubpf_prog *prog = load(file, "count");
    char *text = ubpf_prog_disassemble(prog);

    if (!strstr(file, ".plain.")) {
        CHECK_HAS(text, "; linked.c:53\n");
    }
    CHECK_HAS(text, "; function\n");
    CHECK_HAS(text, "call pc+");
    ubpf_error_free(text);
    ubpf_prog_destroy(prog);
}

/* Each allocation fails in turn. */
static void
survives_want_of_memory(const char *file)
{
    const struct ubpf_load_options options = {.entry = "count"};
    struct ubpf_prog *prog = NULL;
    size_t len;
    uint8_t *elf = read_file(file, &len);

    for (int n = 0; !prog; n++) {
        char *error = NULL;
        int err;

        faulty_host_fail(n);
        prog = ubpf_prog_load_with(&faulty_host, elf, len, &options, &err,
                                   &error);
        CHECK_EQ(err, prog ? 0 : ENOMEM);
        CHECK(prog || !faulty_host_in_use());
        ubpf_error_free(error);
    }
    faulty_host_fail(-1);
    ubpf_prog_destroy(prog);
    CHECK_EQ(faulty_host_in_use(), 0);
    free(elf);
}

static void
append_line(void *text, const char *line)
{
    size_t len = strlen(text);

    snprintf((char *) text + len, 65536 - len, "%s\n", line);
}

static void
traces(const char *file)
{
    static char text[65536];
    struct ubpf_load_options options = {
        .entry = "other", .trace = append_line, .trace_aux = text};
    size_t len;
    uint8_t *elf = read_file(file, &len);

    text[0] = '\0';
    ubpf_prog_destroy(ubpf_prog_load_with(&ubpf_host_single_threaded, elf, len,
                                          &options, NULL, NULL));
    CHECK_HAS(text, "= r1: r1=ctx(off=0)");
    CHECK_HAS(text, ", called from insn ");
    CHECK_HAS(text, ": exit: r0=number(3)");
    free(elf);
}

int
main(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        runs_count(argv[i]);
        runs_other(argv[i]);
        asks_which_program(argv[i]);
        names_lines(argv[i]);
        survives_want_of_memory(argv[i]);
        traces(argv[i]);
    }
    printf("%d objects\n", argc - 1);
    return argc < 2;
}
