/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dp-prog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ubpf/ubpf.h>

#include "cmap.h"
#include "coverage.h"
#include "dp-packet.h"
#include "dp-packet-gso.h"
#include "flow.h"
#include "hash.h"
#include "openflow/openflow.h"
#include "ovs-atomic.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"

COVERAGE_DEFINE(dp_prog_run);
COVERAGE_DEFINE(dp_prog_drop_no_program);
COVERAGE_DEFINE(dp_prog_drop_aborted);
COVERAGE_DEFINE(dp_prog_drop_verdict);
COVERAGE_DEFINE(dp_prog_drop_bad_port);
COVERAGE_DEFINE(dp_prog_drop_bad_table);

/* Statistics are kept in slots, each in cache lines of its own.  A thread adds
 * to the slot that its id selects, with atomic operations since two threads
 * may share one, and once per batch only. */
#define N_STATS_SLOTS 32

struct prog_counters {
    atomic_uint64_t packets;
    atomic_uint64_t bytes;
    atomic_uint64_t verdicts[DP_PROG_N_VERDICTS];
    atomic_uint64_t cloned;
};

struct stats_slot {
    PADDED_MEMBERS(2 * CACHE_LINE_SIZE, struct prog_counters c;);
};

/* An element of 'progs'. */
struct dp_prog {
    struct cmap_node node;      /* In 'progs', by 'handle'. */
    uint32_t handle;
    OVSRCU_TYPE(struct ubpf_prog *) ubpf;
    struct stats_slot *stats;   /* N_STATS_SLOTS of them. */
};

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct cmap progs = CMAP_INITIALIZER;    /* Writers hold 'mutex'. */
static uint32_t last_handle OVS_GUARDED_BY(mutex);

/* The host of libubpf. */

static void *
host_alloc(size_t size)
{
    /* Not xmalloc(): a client that asks for too much gets an error. */
    return malloc(size);
}

static void
host_postpone(void (*fn)(void *arg), void *arg)
{
    ovsrcu_postpone__(fn, arg);
}

static uint64_t
host_now_ns(void)
{
    struct timespec ts;

    xclock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

const struct ubpf_host dp_prog_host = {
    .alloc = host_alloc,
    .free = free,
    .postpone = host_postpone,
    .now_ns = host_now_ns,
};

/* The registry. */

static struct dp_prog *
dp_prog_find(uint32_t handle)
{
    struct dp_prog *p;

    CMAP_FOR_EACH_WITH_HASH (p, node, hash_int(handle, 0), &progs) {
        if (p->handle == handle) {
            return p;
        }
    }
    return NULL;
}

static void
ubpf_prog_free_cb(void *prog)
{
    ubpf_prog_destroy(prog);
}

static void
dp_prog_free_cb(void *p_)
{
    struct dp_prog *p = p_;

    ubpf_prog_destroy(ovsrcu_get_protected(struct ubpf_prog *, &p->ubpf));
    free_cacheline(p->stats);
    free(p);
}

uint32_t
dp_prog_register(struct ubpf_prog *prog)
{
    struct dp_prog *p = xzalloc(sizeof *p);

    ovsrcu_init(&p->ubpf, prog);
    p->stats = xzalloc_cacheline(N_STATS_SLOTS * sizeof *p->stats);

    ovs_mutex_lock(&mutex);
    do {
        last_handle++;
    } while (!last_handle || dp_prog_find(last_handle));
    p->handle = last_handle;
    cmap_insert(&progs, &p->node, hash_int(p->handle, 0));
    ovs_mutex_unlock(&mutex);

    return p->handle;
}

void
dp_prog_replace(uint32_t handle, struct ubpf_prog *prog)
{
    struct dp_prog *p;

    ovs_mutex_lock(&mutex);
    p = dp_prog_find(handle);
    if (p) {
        /* Not ovsrcu_postpone(), which wants to know the type's size. */
        ovsrcu_postpone__(ubpf_prog_free_cb,
                          ovsrcu_get_protected(struct ubpf_prog *, &p->ubpf));
        ovsrcu_set(&p->ubpf, prog);
    } else {
        ubpf_prog_destroy(prog);
    }
    ovs_mutex_unlock(&mutex);
}

void
dp_prog_unregister(uint32_t handle)
{
    struct dp_prog *p;

    ovs_mutex_lock(&mutex);
    p = dp_prog_find(handle);
    if (p) {
        cmap_remove(&progs, &p->node, hash_int(handle, 0));
        ovsrcu_postpone(dp_prog_free_cb, p);
    }
    ovs_mutex_unlock(&mutex);
}

struct ubpf_prog *
dp_prog_lookup(uint32_t handle)
{
    struct dp_prog *p = dp_prog_find(handle);

    return p ? ovsrcu_get(struct ubpf_prog *, &p->ubpf) : NULL;
}

/* Deletes the idle entries of one map, number 'index' of the program at
 * 'handle'.  Returns false if there is no such map. */
static bool
dp_prog_expire_map(uint32_t handle, size_t index)
{
    struct ubpf_prog *prog = dp_prog_lookup(handle);
    struct ubpf_map *map = prog ? ubpf_prog_map(prog, index) : NULL;
    struct ubpf_map_info info;

    if (!map) {
        return false;
    }
    ubpf_map_get_info(map, &info);
    if (info.def.flags & UBPF_MAP_F_EXPIRE) {
        ubpf_map_expire(map);
    }
    return true;
}

void
dp_prog_expire(void)
{
    size_t n = 0, allocated = cmap_count(&progs);
    uint32_t *handles = xmalloc(allocated * sizeof *handles);
    struct dp_prog *p;

    CMAP_FOR_EACH (p, node, &progs) {
        if (n < allocated) {
            handles[n++] = p->handle;
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; dp_prog_expire_map(handles[i], j); j++) {
            /* A map may be large: let others free memory. */
            ovsrcu_quiesce();
        }
    }
    free(handles);
}

/* Statistics. */

static void
counter_add(atomic_uint64_t *counter, uint64_t n)
{
    uint64_t old;

    if (n) {
        atomic_add_relaxed(counter, n, &old);
    }
}

static void
dp_prog_add_stats(struct dp_prog *p, const struct dp_prog_stats *stats)
{
    struct prog_counters *c
        = &p->stats[ovsthread_id_self() % N_STATS_SLOTS].c;

    counter_add(&c->packets, stats->packets);
    counter_add(&c->bytes, stats->bytes);
    for (size_t i = 0; i < ARRAY_SIZE(c->verdicts); i++) {
        counter_add(&c->verdicts[i], stats->verdicts[i]);
    }
    counter_add(&c->cloned, stats->cloned);
}

static uint64_t
counter_read(atomic_uint64_t *counter)
{
    uint64_t n;

    atomic_read_relaxed(counter, &n);
    return n;
}

/* Sets '*stats' to the sum over all threads.  Returns false, and all zeros, if
 * there is no program at 'handle'. */
bool
dp_prog_get_stats(uint32_t handle, struct dp_prog_stats *stats)
{
    struct dp_prog *p = dp_prog_find(handle);

    memset(stats, 0, sizeof *stats);
    if (!p) {
        return false;
    }
    for (size_t i = 0; i < N_STATS_SLOTS; i++) {
        struct prog_counters *c = &p->stats[i].c;

        stats->packets += counter_read(&c->packets);
        stats->bytes += counter_read(&c->bytes);
        for (size_t j = 0; j < ARRAY_SIZE(c->verdicts); j++) {
            stats->verdicts[j] += counter_read(&c->verdicts[j]);
        }
        stats->cloned += counter_read(&c->cloned);
    }
    return true;
}

/* Running. */

void
dp_prog_prepare_batch(struct dp_packet_batch *batch)
{
    struct dp_packet *packet;
    bool segment = false;

    dp_packet_batch_apply_cutlen(batch);
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        segment |= dp_packet_get_tso_segsz(packet) != 0;
    }
    if (segment) {
        dp_packet_gso_batch(batch);
    }
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        dp_packet_ol_send_prepare(packet, 0);
    }
}

static void
set_ctx_data(struct ubpf_ctx *ctx, const struct dp_packet *packet)
{
    const void *data = dp_packet_data(packet);
    const void *end = dp_packet_tail(packet);

    ctx->data = (uintptr_t) data;
    ctx->data_end = (uintptr_t) end;
}

/* Sees to it that 'packet' has at least 'size' bytes of headroom, growing its
 * buffer where it has one of its own.  Returns false if that cannot be. */
static bool
grow_headroom(struct dp_packet *packet, size_t size)
{
    /* Enough for the next headers as well. */
    size_t headroom = ROUND_UP(size, 64) + 64;
    size_t room = dp_packet_size(packet) + dp_packet_tailroom(packet);

    if (dp_packet_headroom(packet) >= size) {
        return true;
    }
    if (packet->source != DPBUF_MALLOC && packet->source != DPBUF_STUB) {
        return false;
    }
    if (headroom + room > UINT16_MAX) {
        return false;
    }
    dp_packet_resize(packet, headroom, dp_packet_tailroom(packet));
    return true;
}

/* Moves the start of the packet of 'run', as UBPF_HELPER_ADJUST_HEAD says. */
static int
adjust_head(struct ubpf_run *run, int32_t delta_)
{
    struct dp_packet *packet = run->packet;
    int64_t delta = delta_;
    int64_t size = dp_packet_size(packet) - delta;

    if (delta > 0 && size < ETH_HEADER_LEN) {
        return -EINVAL;
    }
    if (delta < 0
        && (size > UINT16_MAX || !grow_headroom(packet, -delta))) {
        return -ENOMEM;
    }

    dp_packet_set_data(packet, (char *) dp_packet_data(packet) + delta);
    dp_packet_set_size(packet, size);
    if (delta < 0) {
        memset(dp_packet_data(packet), 0, -delta);
    }
    set_ctx_data(&run->ctx, packet);
    return 0;
}

/* Returns the 16-bit OpenFlow port that a program means by 'port', 0 if that
 * cannot be one. */
static uint16_t
port_from_program(uint32_t port)
{
    if (port >= ofp11_to_u32(OFPP11_MAX)) {
        port -= OFPP11_OFFSET;
    }
    return port <= UINT16_MAX && port != ofp_to_u16(OFPP_NONE) ? port : 0;
}

/* Turns what the program left in 'ctx' into '*result'. */
static void
get_result(const struct ubpf_ctx *ctx, enum ubpf_verdict verdict,
           struct dp_prog_result *result)
{
    *result = (struct dp_prog_result) { .verdict = verdict };

    if (verdict == UBPF_REDIRECT) {
        result->target = port_from_program(ctx->output_port);
        if (!result->target) {
            COVERAGE_INC(dp_prog_drop_bad_port);
            result->verdict = UBPF_DROP;
        }
    } else if (verdict == UBPF_RESUBMIT) {
        result->target = DP_PROG_TABLE + ctx->output_port;
        if (ctx->output_port > DP_PROG_TABLE_MAX) {
            COVERAGE_INC(dp_prog_drop_bad_table);
            result->verdict = UBPF_DROP;
        }
    }
    if (ctx->clone) {
        result->clone_port = port_from_program(ctx->clone_port);
        if (!result->clone_port) {
            COVERAGE_INC(dp_prog_drop_bad_port);
        }
    }
}

/* Makes '*run' ready for 'packet'.  What is known about the packet, and what a
 * program may change, is not known any more. */
static void
init_run(struct ubpf_run *run, struct dp_packet *packet,
         const struct dp_prog_input *input)
{
    const struct pkt_metadata *md = &packet->md;
    ovs_be64 tun_id = (input->has_tun_id ? input->tun_id
                       : flow_tnl_dst_is_set(&md->tunnel) ? md->tunnel.tun_id
                       : 0);

    *run = (struct ubpf_run) {
        .ctx = {
            .input_port = input->in_port,
            .packet_length = dp_packet_size(packet),
            .rss_hash = (dp_packet_rss_valid(packet)
                         ? dp_packet_get_rss_hash(packet) : 0),
            .pkt_mark = md->pkt_mark,
            .tunnel_id = ntohll(tun_id),
            .truncate_len = UINT32_MAX,
        },
        .adjust_head = adjust_head,
        .packet = packet,
    };
    dp_packet_reset_offsets(packet);
    dp_packet_reset_offload(packet);
    set_ctx_data(&run->ctx, packet);
}

/* Does to the packet of 'run' what the program, which returned 'verdict',
 * asked for, as far as the packet alone is concerned. */
static void
finish_run(const struct ubpf_run *run, enum ubpf_verdict verdict,
           struct dp_prog_result *result)
{
    struct dp_packet *packet = run->packet;

    if (run->ctx.truncate_len < dp_packet_size(packet)) {
        uint32_t size = MAX(run->ctx.truncate_len, ETH_HEADER_LEN);

        dp_packet_set_size(packet, MIN(size, dp_packet_size(packet)));
    }
    get_result(&run->ctx, verdict, result);
}

/* Runs 'prog' on the 'n' packets in 'packets', from 1 to NETDEV_MAX_BURST. */
static void
run_burst(const struct ubpf_prog *prog, struct dp_packet *packets[], size_t n,
          const struct dp_prog_input *input, struct dp_prog_result results[],
          struct dp_prog_stats *stats)
{
    struct ubpf_run runs[NETDEV_MAX_BURST], *run_ptrs[NETDEV_MAX_BURST];
    enum ubpf_verdict verdicts[NETDEV_MAX_BURST];
    size_t i = 0;

    do {
        stats->bytes += dp_packet_size(packets[i]);
        init_run(&runs[i], packets[i], input);
        run_ptrs[i] = &runs[i];
    } while (++i < n);
    ubpf_prog_run_burst(prog, run_ptrs, n, verdicts);
    for (i = 0; i < n; i++) {
        finish_run(&runs[i], verdicts[i], &results[i]);
        stats->verdicts[results[i].verdict]++;
        stats->cloned += results[i].clone_port != 0;
    }
}

void
dp_prog_run_batch(uint32_t handle, struct dp_packet_batch *batch,
                  const struct dp_prog_input *input,
                  struct dp_prog_result results[])
{
    struct dp_prog *p = dp_prog_find(handle);
    struct dp_prog_stats stats = { .packets = dp_packet_batch_size(batch) };
    const struct ubpf_prog *prog;

    COVERAGE_INC(dp_prog_run);
    if (!p) {
        COVERAGE_ADD(dp_prog_drop_no_program, stats.packets);
        for (size_t i = 0; i < stats.packets; i++) {
            results[i] = (struct dp_prog_result) { .verdict = UBPF_DROP };
        }
        return;
    }

    prog = ovsrcu_get(struct ubpf_prog *, &p->ubpf);
    for (size_t i = 0; i < stats.packets; i += NETDEV_MAX_BURST) {
        run_burst(prog, &batch->packets[i],
                  MIN(stats.packets - i, NETDEV_MAX_BURST), input,
                  &results[i], &stats);
    }
    COVERAGE_ADD(dp_prog_drop_aborted, stats.verdicts[UBPF_ABORT]);
    COVERAGE_ADD(dp_prog_drop_verdict, stats.verdicts[UBPF_DROP]);
    dp_prog_add_stats(p, &stats);
}

void
dp_prog_find_headers(struct dp_packet_batch *batch)
{
    struct {
        struct miniflow mf;
        uint64_t buf[FLOW_U64S];
    } m;
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        miniflow_extract(packet, &m.mf);
        dp_packet_set_rss_hash(packet, miniflow_hash_5tuple(&m.mf, 0));
    }
}
