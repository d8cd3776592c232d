/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a program on bursts of packets and takes the time, for engine.py, which
 * links this with libubpf into one shared library and loads that as the
 * engine. */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ubpf/ubpf.h>

#include "helpers.h"
#include "maps/meter.h"
#include "maps/thread.h"

#define BURST      32
#define MAX_SIZE   2048
#define HEADROOM   256
#define MAX_BURSTS 4096

typedef uint64_t native_fn(struct ubpf_ctx *ctx);

#pragma GCC visibility push(default)
void measure_prepare(void *helpers[], const struct ubpf_host **host,
                     uint32_t *thread, void **meters, void **meter_update);
double measure_native(native_fn *program, uint64_t *now, const void *packet,
                      uint32_t size, uint32_t bursts, uint32_t verdicts[]);
double measure_engine(const struct ubpf_prog *prog, const void *packet,
                      uint32_t size, uint32_t bursts, uint32_t verdicts[]);
#pragma GCC visibility pop

struct slot {
    struct ubpf_run run;
    struct ubpf_buffer buffer;
    uint8_t memory[HEADROOM + MAX_SIZE];
};

static struct slot slots[BURST];
static struct ubpf_run *runs[BURST];

static uint64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

/* Puts 'packet' into all slots. */
static void
fill(const void *packet, uint32_t size)
{
    for (int i = 0; i < BURST; i++) {
        struct slot *slot = &slots[i];
        uint8_t *start = slot->memory + HEADROOM;

        memcpy(start, packet, size);
        slot->buffer.base = slot->memory;
        slot->run = (struct ubpf_run) {
            .ctx =
                {
                    .data = (uintptr_t) start,
                    .data_end = (uintptr_t) start + size,
                    .input_port = 1,
                    .packet_length = size,
                    .truncate_len = UINT32_MAX,
                },
            .adjust_head = ubpf_buffer_adjust_head,
            .packet = &slot->buffer,
        };
        runs[i] = &slot->run;
    }
}

void
measure_prepare(void *helpers[], const struct ubpf_host **host,
                uint32_t *thread, void **meters, void **meter_update)
{
    for (uint32_t id = 0; id < 64; id++) {
        helpers[id] = (void *) ubpf_helper_impl(id);
    }
    *host = &ubpf_host_single_threaded;
    *thread = ubpf_thread_index();
    *meters = (void *) ubpf_meter_map_meters;
    *meter_update = (void *) ubpf_meter_update;
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return x < y ? -1 : x > y;
}

/* The median of the 'n' numbers at 'times': a burst that was interrupted tells
 * nothing. */
static double
median(uint64_t times[], uint32_t n)
{
    qsort(times, n, sizeof *times, compare);
    return (double) times[n / 2];
}

/* Nanoseconds per packet from the times of 'n' bursts, less what it takes to
 * take the time. */
static double
per_packet(uint64_t times[], uint32_t n)
{
    static uint64_t nothing[1001];
    static double clock_cost;
    double net = median(times, n);

    if (clock_cost == 0) {
        for (int i = 0; i < 1001; i++) {
            uint64_t start = now_ns();

            nothing[i] = now_ns() - start;
        }
        clock_cost = median(nothing, 1001);
    }
    net -= clock_cost;
    return (net > 0 ? net : 0) / BURST;
}

/* Nanoseconds per packet in 'bursts' bursts of 'packet', with the verdicts of
 * the last. */
double
measure_native(native_fn *program, uint64_t *now, const void *packet,
               uint32_t size, uint32_t bursts, uint32_t verdicts[])
{
    static uint64_t times[MAX_BURSTS];

    for (uint32_t n = 0; n < bursts; n++) {
        uint64_t start;

        fill(packet, size);
        start = now_ns();
        *now = 0;
        for (int i = 0; i < BURST; i++) {
            uint64_t r0 = program(&runs[i]->ctx);

            verdicts[i] = r0 <= UBPF_RESUBMIT ? (uint32_t) r0 : UBPF_ABORT;
        }
        times[n] = now_ns() - start;
    }
    return per_packet(times, bursts);
}

double
measure_engine(const struct ubpf_prog *prog, const void *packet, uint32_t size,
               uint32_t bursts, uint32_t verdicts[])
{
    static uint64_t times[MAX_BURSTS];

    for (uint32_t n = 0; n < bursts; n++) {
        uint64_t start;

        fill(packet, size);
        start = now_ns();
        ubpf_prog_run_burst(prog, runs, BURST, (enum ubpf_verdict *) verdicts);
        times[n] = now_ns() - start;
    }
    return per_packet(times, bursts);
}
