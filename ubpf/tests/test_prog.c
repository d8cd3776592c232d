/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs that clang compiled, through the public interface. */

#include <errno.h>

#include "check.h"
#include "faulty_host.h"
#include "program_file.h"

/* Runs 'prog' on the 'len' bytes at 'data' as '*p'. */
static enum ubpf_verdict
run(const struct ubpf_prog *prog, struct packet *p, const void *data,
    size_t len)
{
    packet_init(p, data, len);
    p->run.ctx.input_port = 7;
    p->run.ctx.rss_hash = 1000;
    p->run.ctx.pkt_mark = 20;
    p->run.ctx.tunnel_id = UINT64_C(300) << 32;
    return ubpf_prog_run(prog, &p->run);
}

static uint64_t
lookup64(const struct ubpf_prog *prog, const char *map, const void *key)
{
    uint64_t value;

    CHECK_EQ(ubpf_map_lookup(ubpf_prog_map_by_name(prog, map), key, &value),
             0);
    return value;
}

static void
counts(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "counter");
    uint32_t zero = 0;
    struct packet p;

    CHECK_EQ(run(prog, &p, "A", 1), UBPF_PASS);
    CHECK_EQ(run(prog, &p, "B", 1), UBPF_PASS);
    CHECK_EQ(run(prog, &p, "AB", 2), UBPF_PASS);
    CHECK_EQ(run(prog, &p, "", 0), UBPF_ABORT);
    CHECK_EQ(lookup64(prog, "total", &zero), 4);
    CHECK_EQ(lookup64(prog, "by_byte", "A"), 2);
    CHECK_EQ(lookup64(prog, "by_byte", "B"), 1);
    ubpf_prog_destroy(prog);
}

static void
routes(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "router");
    struct ubpf_map *map = ubpf_prog_map_by_name(prog, "routes");
    struct packet p;

    CHECK_EQ(run(prog, &p, "\x0a\0\0\1", 4), UBPF_DROP);
    CHECK_EQ(ubpf_map_update(map, "\x08\0\0\0\x0a\0\0\0", "\2\0\0\0", 0), 0);
    CHECK_EQ(ubpf_map_update(map, "\x20\0\0\0\x0a\0\0\1", "\3\0\0\0", 0), 0);
    CHECK_EQ(run(prog, &p, "\x0a\0\0\1", 4), UBPF_REDIRECT);
    CHECK_EQ(p.run.ctx.output_port, 44);
    CHECK_EQ(run(prog, &p, "\x0a\0\0\2", 4), UBPF_REDIRECT);
    CHECK_EQ(p.run.ctx.output_port, 33);
    CHECK_EQ(run(prog, &p, "\x0a\0\0", 3), UBPF_ABORT);
    ubpf_prog_destroy(prog);
}

static void
constants_are_read_only(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "router");
    struct ubpf_map *map = ubpf_prog_map_by_name(prog, ".rodata");
    uint32_t value[4], zero = 0;

    CHECK(map && map == ubpf_prog_map(prog, 1));
    CHECK_EQ(ubpf_map_lookup(map, &zero, value), 0);
    CHECK_EQ(value[3], 44);
    CHECK_EQ(ubpf_map_update(map, &zero, value, 0), EPERM);
    ubpf_prog_destroy(prog);
}

/* Runs "commands" with command 'c' and checks the verdict. */
static void
command(const struct ubpf_prog *prog, struct packet *p, char c, char argument,
        enum ubpf_verdict verdict)
{
    char data[4] = {c, argument, 'x', 'y'};

    CHECK_EQ(run(prog, p, data, 4), verdict);
}

static void
context(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "commands");
    struct packet p;

    command(prog, &p, 'm', 0, UBPF_REDIRECT);
    CHECK_EQ(p.run.ctx.output_port, 4 + 1000 + 20 + 300);
    command(prog, &p, 'c', 3, UBPF_DROP);
    CHECK_EQ(p.run.ctx.clone, 1);
    CHECK_EQ(p.run.ctx.clone_port, 8);
    CHECK_EQ(p.run.ctx.truncate_len, 3);
    command(prog, &p, 'w', 0, UBPF_PASS);
    CHECK_BYTES(packet_data(&p), "W\0xy", 4);
    command(prog, &p, 't', 0, UBPF_REDIRECT);
    CHECK_EQ(p.run.ctx.output_port, 1);
    ubpf_prog_destroy(prog);
}

static void
verdicts_that_do_not_exist_abort(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "commands");
    struct packet p;

    command(prog, &p, '?', 3, UBPF_REDIRECT);
    command(prog, &p, '?', 4, UBPF_RESUBMIT);
    command(prog, &p, '?', 5, UBPF_ABORT);
    command(prog, &p, '?', -1, UBPF_ABORT);
    CHECK_EQ(run(prog, &p, "?", 1), UBPF_ABORT);
    ubpf_prog_destroy(prog);
}

static void
moves_the_head(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "commands");
    struct packet p;

    command(prog, &p, 'h', 3, UBPF_REDIRECT);
    CHECK_EQ(p.run.ctx.output_port, 0);
    CHECK_EQ(packet_len(&p), 1);
    CHECK_BYTES(packet_data(&p), "y", 1);

    command(prog, &p, 'h', 4, UBPF_REDIRECT);
    CHECK_EQ(p.run.ctx.output_port, 0);
    CHECK_EQ(packet_len(&p), 0);

    command(prog, &p, 'h', 5, UBPF_REDIRECT);
    CHECK_EQ(p.run.ctx.output_port, EINVAL);
    CHECK_EQ(packet_len(&p), 4);

    command(prog, &p, 'h', -2, UBPF_REDIRECT);
    CHECK_EQ(packet_len(&p), 6);
    CHECK_BYTES(packet_data(&p), "\0\0h\xfexy", 6);

    command(prog, &p, 'H', -1, UBPF_REDIRECT);
    CHECK_EQ(p.run.ctx.output_port, ENOMEM);
    CHECK_EQ(packet_len(&p), 4);
    ubpf_prog_destroy(prog);
}

static void
maps_through_helpers(const struct ubpf_host *host)
{
    struct ubpf_prog *prog = program_load(host, "commands");
    struct packet p;

    command(prog, &p, 'd', 0, UBPF_PASS);
    command(prog, &p, 'd', 0, UBPF_PASS);
    faulty_host_end_grace_period();
    ubpf_map_delete(ubpf_prog_map(prog, 0), "\0\0\0\0");
    command(prog, &p, 'f', 0, UBPF_REDIRECT);
    CHECK_EQ(p.run.ctx.output_port, ENOSPC);
    CHECK_EQ(p.run.ctx.clone_port, ENOENT);
    faulty_host_end_grace_period();
    ubpf_prog_destroy(prog);
}

static void
adopts_maps(void)
{
    struct ubpf_prog *old =
        program_load(&ubpf_host_single_threaded, "counter");
    struct ubpf_prog *new =
        program_load(&ubpf_host_single_threaded, "counter");
    uint32_t zero = 0;
    struct packet p;

    run(old, &p, "A", 1);
    CHECK_EQ(ubpf_prog_adopt_maps(new, old), 2);
    CHECK_EQ(ubpf_prog_adopt_maps(new, old), 0);
    CHECK(ubpf_prog_map(new, 0) == ubpf_prog_map(old, 0));
    ubpf_prog_destroy(old);
    run(new, &p, "A", 1);
    CHECK_EQ(lookup64(new, "total", &zero), 2);
    CHECK_EQ(lookup64(new, "by_byte", "A"), 2);
    ubpf_prog_destroy(new);
}

static void
adopts_only_what_agrees(void)
{
    struct ubpf_prog *old =
        program_load(&ubpf_host_single_threaded, "initialized");
    struct ubpf_prog *new =
        program_load(&ubpf_host_single_threaded, "initialized");
    struct ubpf_prog *other = program_load(&faulty_host, "initialized");
    struct ubpf_prog *router =
        program_load(&ubpf_host_single_threaded, "router");

    /* "settings", but not the read-only "constants". */
    CHECK_EQ(ubpf_prog_adopt_maps(new, old), 1);
    CHECK(ubpf_prog_map(new, 0) != ubpf_prog_map(old, 0));
    CHECK_EQ(ubpf_prog_adopt_maps(other, old), 0);
    CHECK_EQ(ubpf_prog_adopt_maps(router, old), 0);
    ubpf_prog_destroy(old);
    ubpf_prog_destroy(new);
    ubpf_prog_destroy(other);
    ubpf_prog_destroy(router);
}

static void
initial_entries(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "initialized");
    struct packet p;

    CHECK_EQ(run(prog, &p, "", 0), UBPF_REDIRECT);
    CHECK_EQ(p.run.ctx.output_port, 55 + 77);
    CHECK_EQ(ubpf_map_update(ubpf_prog_map(prog, 0), "\5\0\0\0", "abcd", 0),
             EPERM);
    CHECK_EQ(
        ubpf_map_update(ubpf_prog_map(prog, 1), "\1\0\0\0", "\1\0\0\0", 0), 0);
    CHECK_EQ(run(prog, &p, "", 0), UBPF_REDIRECT);
    CHECK_EQ(p.run.ctx.output_port, 55 + 1);
    ubpf_prog_destroy(prog);
}

static void
keeps_the_object(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "initialized");
    size_t len, kept_len;
    uint8_t *elf = program_file("initialized", &len);
    const void *kept = ubpf_prog_elf(prog, &kept_len);
    char *text = ubpf_prog_disassemble(prog);

    CHECK_EQ(kept_len, len);
    CHECK_BYTES(kept, elf, len);
    CHECK_BYTES(ubpf_prog_section(prog, "p4rt.info", &len), "{}", 3);
    CHECK_EQ(len, 3);
    CHECK(!ubpf_prog_section(prog, "p4rt.p4info", &len));
    CHECK_EQ(len, 0);
    CHECK_HAS(text, "; line 12\n    0: ");
    CHECK_HAS(text, "exit");
    CHECK_HAS(ubpf_prog_verifier_summary(prog), "verified");
    ubpf_error_free(text);
    free(elf);
    ubpf_prog_destroy(prog);
}

static void
refuse(const char *name, const struct ubpf_limits *limits, int errnum,
       const char *part)
{
    char *error = NULL;
    size_t len;
    uint8_t *elf = program_file(name, &len);
    int err;

    CHECK(!ubpf_prog_load(&faulty_host, elf, len, limits, &err, &error));
    CHECK_EQ(err, errnum);
    CHECK_HAS(error, part);
    CHECK(!strchr(error, '\n'));
    ubpf_error_free(error);
    CHECK(!ubpf_prog_load(&faulty_host, elf, len, limits, NULL, NULL));
    free(elf);
    CHECK_EQ(faulty_host_in_use(), 0);
}

static void
refusals(void)
{
    refuse("unverifiable", NULL, EPERM, "packet access");
    refuse("counter", &(struct ubpf_limits) {.max_insns = 5}, E2BIG,
           "more than 5");
    refuse("counter", &(struct ubpf_limits) {.max_map_bytes = 1000}, E2BIG,
           "the maps up to \"by_byte\" take");
    refuse("commands", &(struct ubpf_limits) {.max_visited = 20}, E2BIG, "20");
}

int
main(void)
{
    counts();
    routes();
    constants_are_read_only();
    context();
    verdicts_that_do_not_exist_abort();
    moves_the_head();
    maps_through_helpers(&ubpf_host_single_threaded);
    maps_through_helpers(&faulty_host);
    adopts_maps();
    adopts_only_what_agrees();
    initial_entries();
    keeps_the_object();
    refusals();
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}
