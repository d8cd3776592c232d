/* SPDX-License-Identifier: Apache-2.0
 *
 * Two threads run a program and read maps while a third writes to them.
 * Built with -DUBPF_SANITIZE=thread it finds races, with address the use of
 * elements that were freed. */

#include <errno.h>
#include <pthread.h>

#include "check.h"
#include "program_file.h"
#include "reader_host.h"

#define N_ROUNDS 100000
#define N_KEYS   32

struct shared {
    struct ubpf_prog *counter, *router;
};

/* One reader's round: a packet through each program, and a dump in pieces of
 * which the entries that are always there are all seen. */
static void
read_round(const struct shared *s, unsigned int round)
{
    struct ubpf_map *routes = ubpf_prog_map_by_name(s->router, "routes");
    uint8_t address[4] = {10, 0, 0, round % 8}, byte = round % N_KEYS;
    uint8_t entries[4 * 12];
    unsigned int stable = 0;
    uint64_t cursor = 0;
    struct packet p;
    size_t n;

    packet_init(&p, &byte, 1);
    CHECK_EQ(ubpf_prog_run(s->counter, &p.run), UBPF_PASS);

    packet_init(&p, address, 4);
    CHECK_EQ(ubpf_prog_run(s->router, &p.run), UBPF_REDIRECT);
    CHECK(p.run.ctx.output_port == 11 || p.run.ctx.output_port == 22);

    while ((n = ubpf_map_dump(routes, &cursor, entries, 4)) > 0) {
        for (size_t i = 0; i < n; i++) {
            stable += entries[12 * i] == 8;
        }
    }
    CHECK_EQ(stable, 1);
}

struct reader {
    pthread_t thread;
    unsigned int index;
    const struct shared *shared;
};

static void *
reader_main(void *reader_)
{
    const struct reader *reader = reader_;

    for (unsigned int i = 0; i < N_ROUNDS; i++) {
        read_round(reader->shared, i);
        reader_goes_on(reader->index);
    }
    reader_ends(reader->index);
    return NULL;
}

/* 10/8 leads to port 11, but changes all the time; 10.0.0.x/32 to 22 come and
 * go; so do the counters. */
static void *
writer_main(void *shared_)
{
    struct shared *s = shared_;
    struct ubpf_map *routes = ubpf_prog_map_by_name(s->router, "routes");
    struct ubpf_map *by_byte = ubpf_prog_map_by_name(s->counter, "by_byte");
    struct ubpf_map *total = ubpf_prog_map_by_name(s->counter, "total");
    uint8_t byte = 0, host[8] = {32, 0, 0, 0, 10, 0, 0, 0};

    while (!readers_are_done()) {
        uint32_t port = 1, zero = 0;
        uint64_t value = 0;

        host[7] = (host[7] + 1) % 8;
        byte = (byte + 1) % N_KEYS;
        if (ubpf_map_delete(routes, host) == ENOENT) {
            CHECK_EQ(ubpf_map_update(routes, host, &port, UBPF_ANY), 0);
        }
        CHECK_EQ(ubpf_map_update(routes, "\x08\0\0\0\x0a\0\0\0", "\0\0\0\0",
                                 UBPF_EXIST),
                 0);
        ubpf_map_delete(by_byte, &byte);
        CHECK_EQ(ubpf_map_lookup(total, &zero, &value), 0);
        if (host[7] == 0) {
            reader_host_end_grace_period();
        }
    }
    return NULL;
}

int
main(void)
{
    struct ubpf_host host = reader_host();
    struct shared s;
    struct reader readers[N_READERS];
    pthread_t writer;
    uint64_t total;
    uint32_t zero = 0;

    s.counter = program_load(&host, "counter");
    s.router = program_load(&host, "router");
    CHECK_EQ(ubpf_map_update(ubpf_prog_map_by_name(s.router, "routes"),
                             "\x08\0\0\0\x0a\0\0\0", "\0\0\0\0", UBPF_ANY),
             0);

    for (unsigned int i = 0; i < N_READERS; i++) {
        reader_starts(i);
        readers[i].index = i;
        readers[i].shared = &s;
        CHECK(!pthread_create(&readers[i].thread, NULL, reader_main,
                              &readers[i]));
    }
    CHECK(!pthread_create(&writer, NULL, writer_main, &s));
    for (unsigned int i = 0; i < N_READERS; i++) {
        pthread_join(readers[i].thread, NULL);
    }
    pthread_join(writer, NULL);

    /* Atomic additions lose nothing. */
    CHECK_EQ(ubpf_map_lookup(ubpf_prog_map_by_name(s.counter, "total"), &zero,
                             &total),
             0);
    CHECK_EQ(total, N_READERS * N_ROUNDS);
    reader_host_end_grace_period();
    ubpf_prog_destroy(s.counter);
    ubpf_prog_destroy(s.router);
    return 0;
}
