/* SPDX-License-Identifier: Apache-2.0
 *
 * Native code through the public interface; ctest names the compiler in
 * UBPF_JIT.  That it computes what the interpreter does is for ./jit. */

#define _GNU_SOURCE 1

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "program_file.h"

static struct ubpf_prog *
load_native(const char *name)
{
    struct ubpf_prog *prog = program_load(&ubpf_host_single_threaded, name);
    char *error = NULL;

    if (ubpf_prog_compile(prog, &error)) {
        FAIL("%s: %s", name, error);
    }
    return prog;
}

static void
says_that_it_is_native(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "counter");

    CHECK(!ubpf_prog_is_native(prog));
    CHECK_EQ(ubpf_prog_compile_ns(prog), 0);
    CHECK_EQ(ubpf_prog_compile(prog, NULL), 0);
    CHECK(ubpf_prog_is_native(prog));
    CHECK(ubpf_prog_compile_ns(prog) > 0);
    CHECK_EQ(ubpf_prog_compile(prog, NULL), 0);
    ubpf_prog_destroy(prog);
}

static void
runs_a_burst(void)
{
    struct ubpf_prog *prog = load_native("counter");
    static const char *const data[] = {"A", "", "AB", "B"};
    struct packet packets[4];
    struct ubpf_run *runs[4];
    enum ubpf_verdict verdicts[4];
    uint32_t zero = 0;
    uint64_t value;

    for (int i = 0; i < 4; i++) {
        packet_init(&packets[i], data[i], strlen(data[i]));
        runs[i] = &packets[i].run;
    }
    ubpf_prog_run_burst(prog, runs, 4, verdicts);
    CHECK_EQ(verdicts[0], UBPF_PASS);
    CHECK_EQ(verdicts[1], UBPF_ABORT);
    CHECK_EQ(verdicts[2], UBPF_PASS);
    CHECK_EQ(verdicts[3], UBPF_PASS);
    CHECK_EQ(
        ubpf_map_lookup(ubpf_prog_map_by_name(prog, "by_byte"), "A", &value),
        0);
    CHECK_EQ(value, 2);
    CHECK_EQ(
        ubpf_map_lookup(ubpf_prog_map_by_name(prog, "total"), &zero, &value),
        0);
    CHECK_EQ(value, 4);
    ubpf_prog_run_burst(prog, runs, 0, verdicts);
    ubpf_prog_destroy(prog);
}

/* Adopted maps are at other addresses: the code is gone, and comes again. */
static void
is_interpreted_after_adopting_maps(void)
{
    struct ubpf_prog *old = load_native("counter");
    struct ubpf_prog *new = load_native("counter");
    uint32_t zero = 0;
    struct packet p;
    uint64_t value;

    packet_init(&p, "A", 1);
    CHECK_EQ(ubpf_prog_run(old, &p.run), UBPF_PASS);
    CHECK(ubpf_prog_adopt_maps(new, old) > 0);
    CHECK(!ubpf_prog_is_native(new));
    CHECK_EQ(ubpf_prog_compile(new, NULL), 0);
    ubpf_prog_destroy(old);
    packet_init(&p, "A", 1);
    CHECK_EQ(ubpf_prog_run(new, &p.run), UBPF_PASS);
    CHECK_EQ(
        ubpf_map_lookup(ubpf_prog_map_by_name(new, "total"), &zero, &value),
        0);
    CHECK_EQ(value, 2);
    ubpf_prog_destroy(new);
}

/* Fails if the process has memory that is writable and executable; returns
 * how many bytes are executable. */
static uint64_t
check_mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    char line[1024], permissions[8];
    uint64_t start, end, executable = 0;

    CHECK(file);
    while (fgets(line, sizeof line, file)) {
        CHECK_EQ(sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &start, &end,
                        permissions),
                 3);
        if (permissions[1] == 'w' && permissions[2] == 'x') {
            FAIL("writable and executable: %s", line);
        }
        executable += permissions[2] == 'x' ? end - start : 0;
    }
    fclose(file);
    return executable;
}

static void
is_never_writable_and_executable(void)
{
    struct ubpf_prog *first = load_native("counter"), *second;
    uint64_t before = check_mappings();

    second = load_native("router");
    CHECK(check_mappings() > before);
    ubpf_prog_destroy(second);
    CHECK_EQ(check_mappings(), before);
    ubpf_prog_destroy(first);
}

#ifndef __SANITIZE_ADDRESS__
/* Memory of the process in KiB. */
static long
resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    CHECK(file);
    CHECK_EQ(fscanf(file, "%*s %ld", &pages), 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
unloading_gives_all_memory_back(int times)
{
    long before = 0;

    for (int i = 0; i < times; i++) {
        ubpf_prog_destroy(load_native("router"));
        if (i == times / 4) {
            before = resident();
        }
    }
    if (resident() > before + 4096) {
        FAIL("%ld KiB more after %d programs", resident() - before,
             times - times / 4);
    }
}

/* Under a limit it says that there is no memory, before LLVM finds out. */
static void
refuses_without_memory(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "counter");
    struct rlimit old, limit;
    char *error = NULL;
    struct packet p;

    CHECK_EQ(getrlimit(RLIMIT_AS, &old), 0);
    limit = old;
    limit.rlim_cur = 1 << 20;
    CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    CHECK_EQ(ubpf_prog_compile(prog, &error), ENOMEM);
    CHECK_EQ(setrlimit(RLIMIT_AS, &old), 0);
    CHECK_HAS(error, "Cannot allocate memory");
    ubpf_error_free(error);
    CHECK(!ubpf_prog_is_native(prog));
    packet_init(&p, "A", 1);
    CHECK_EQ(ubpf_prog_run(prog, &p.run), UBPF_PASS);
    CHECK_EQ(ubpf_prog_compile(prog, NULL), 0);
    CHECK(ubpf_prog_is_native(prog));
    ubpf_prog_destroy(prog);
}

#endif

static void *
compile_some(void *result_)
{
    int *result = result_;

    for (int i = 0; i < 4; i++) {
        struct ubpf_prog *prog = program_load(&ubpf_host_single_threaded,
                                              i % 2 ? "router" : "counter");

        *result |= ubpf_prog_compile(prog, NULL);
        ubpf_prog_destroy(prog);
    }
    return NULL;
}

static void *
compile_this(void *prog)
{
    CHECK_EQ(ubpf_prog_compile(prog, NULL), 0);
    return NULL;
}

static void
threads_compile_at_a_time(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "router");
    pthread_t threads[8];
    int results[4] = {0};
    struct packet p;

    for (int i = 0; i < 8; i++) {
        CHECK_EQ(i < 4 ? pthread_create(&threads[i], NULL, compile_some,
                                        &results[i])
                       : pthread_create(&threads[i], NULL, compile_this, prog),
                 0);
    }
    for (int i = 0; i < 100; i++) {
        packet_init(&p, "\x0a\0\0\1", 4);
        CHECK_EQ(ubpf_prog_run(prog, &p.run), UBPF_DROP);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(!(results[0] | results[1] | results[2] | results[3]));
    CHECK(ubpf_prog_is_native(prog));
    ubpf_prog_destroy(prog);
}

/* In a process whose UBPF_JIT leads nowhere. */
static void
goes_on_without_a_compiler(void)
{
    struct ubpf_prog *prog =
        program_load(&ubpf_host_single_threaded, "counter");
    char *error = NULL;
    struct packet p;

    CHECK_EQ(ubpf_prog_compile(prog, &error), ENOTSUP);
    CHECK_HAS(error, "no compiler to native code");
    ubpf_error_free(error);
    CHECK(!ubpf_prog_is_native(prog));
    packet_init(&p, "A", 1);
    CHECK_EQ(ubpf_prog_run(prog, &p.run), UBPF_PASS);
    ubpf_prog_destroy(prog);
}

/* test_native [LOADS | none] */
int
main(int argc, char *argv[])
{
    if (argc > 1 && !strcmp(argv[1], "none")) {
        goes_on_without_a_compiler();
        return 0;
    }
    says_that_it_is_native();
    runs_a_burst();
    is_interpreted_after_adopting_maps();
    is_never_writable_and_executable();
#ifndef __SANITIZE_ADDRESS__ /* It keeps memory for a while, and sees leaks. \
                              */
    unloading_gives_all_memory_back(argc > 1 ? atoi(argv[1]) : 60);
    refuses_without_memory();
#endif
    threads_compile_at_a_time();
    return 0;
}
