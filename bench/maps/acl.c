/* SPDX-License-Identifier: Apache-2.0
 *
 * Access lists: rules for addresses, protocol and ports like those that
 * ClassBench makes, of a few prefix lengths each, in a ternary map whose ports
 * are ranges, and in rte_acl. */

#include "contest.h"
#include "maps/ternary.h"

#ifdef HAVE_DPDK
#include <rte_acl.h>
#include <rte_errno.h>
#endif

/* A key: addresses, protocol and zeros; the ports as words. */
struct flow {
    uint32_t src;
    uint32_t dst;
    uint8_t protocol;
    uint8_t zeros[7];
    uint64_t ports[2];
};

#define KEY_SIZE sizeof(struct flow)
#define N_RANGES 2

struct rule {
    struct ubpf_ternary_key head;
    struct flow low;  /* And of ports, the first and the last. */
    struct flow high; /* Mask of the rest. */
};

static uint32_t
mask_of(uint32_t len)
{
    return len ? UINT32_MAX << (32 - len) : 0;
}

/* Prefixes are numbers in host order: nobody here asks what they mean. */
static void
random_prefix(uint64_t *random, const uint8_t lens[10], uint32_t *address,
              uint32_t *mask)
{
    uint64_t r = next_random(random) >> 8;

    *mask = mask_of(lens[r % 10]);
    *address = (uint32_t) (r >> 16) & *mask;
}

/* Any port, a well-known one, one above 1023, or a few. */
static void
random_ports(uint64_t *random, uint32_t any_of_10, uint64_t *low,
             uint64_t *high)
{
    uint64_t r = next_random(random) >> 8;

    *low = 0;
    *high = 65535;
    if (r % 10 >= any_of_10) {
        *low = 1 + r / 10 % 1023;
        *high = *low;
    }
    if (r % 10 == 9) {
        *low = 1024;
        *high = 65535;
    } else if (r % 10 == 8) {
        *high = *low + r / 1024 % 64;
    }
}

static struct rule
random_rule(uint64_t *random, uint32_t priority)
{
    static const uint8_t src_lens[10] = {0, 0, 0, 0, 8, 16, 16, 24, 24, 32};
    static const uint8_t dst_lens[10] = {0,  16, 22, 24, 24,
                                         24, 27, 32, 32, 32};
    struct rule rule;
    uint64_t r = next_random(random) >> 8;

    memset(&rule, 0, sizeof rule);
    rule.head.priority = priority;
    random_prefix(random, src_lens, &rule.low.src, &rule.high.src);
    random_prefix(random, dst_lens, &rule.low.dst, &rule.high.dst);
    if (r % 10) {
        rule.low.protocol = r % 10 < 7 ? 6 : 17;
        rule.high.protocol = 0xff;
    }
    random_ports(random, 9, &rule.low.ports[0], &rule.high.ports[0]);
    random_ports(random, 3, &rule.low.ports[1], &rule.high.ports[1]);
    return rule;
}

/* A packet that 'rule' is for, if none of a higher priority is. */
static struct flow
random_flow(uint64_t *random, const struct rule *rule)
{
    struct flow flow = rule->low;

    flow.src |= (uint32_t) (next_random(random) >> 16) & ~rule->high.src;
    flow.dst |= (uint32_t) (next_random(random) >> 16) & ~rule->high.dst;
    flow.protocol |= rule->high.protocol ? 0 : 6;
    for (int i = 0; i < 2; i++) {
        uint64_t n = rule->high.ports[i] - rule->low.ports[i] + 1;

        flow.ports[i] += (next_random(random) >> 16) % n;
    }
    return flow;
}

static uint64_t
run_ternary(const struct bench *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i++) {
        sum += *(const uint64_t *) ternary_lookup_inline(
            b->map, b->keys + i * KEY_SIZE, KEY_SIZE, N_RANGES);
    }
    return sum;
}

#ifdef HAVE_DPDK
/* The fields in the order and the form that rte_acl wants: the first of one
 * byte, the others in groups of four, in network order. */
struct acl_key {
    uint8_t protocol;
    uint8_t zeros[3];
    uint32_t src;
    uint32_t dst;
    uint16_t ports[2];
};

enum {
    N_FIELDS = 5,
    BURST = 32
};

RTE_ACL_RULE_DEF(acl_rule, N_FIELDS);

static const struct rte_acl_field_def fields[N_FIELDS] = {
    {RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, offsetof(struct acl_key, protocol)},
    {RTE_ACL_FIELD_TYPE_MASK, 4, 1, 1, offsetof(struct acl_key, src)},
    {RTE_ACL_FIELD_TYPE_MASK, 4, 2, 2, offsetof(struct acl_key, dst)},
    {RTE_ACL_FIELD_TYPE_RANGE, 2, 3, 3, offsetof(struct acl_key, ports[0])},
    {RTE_ACL_FIELD_TYPE_RANGE, 2, 4, 3, offsetof(struct acl_key, ports[1])},
};

static struct acl_rule
acl_rule_of(const struct rule *rule, uint32_t number)
{
    struct acl_rule acl;

    memset(&acl, 0, sizeof acl);
    acl.data.category_mask = 1;
    acl.data.priority = (int32_t) rule->head.priority;
    acl.data.userdata = number + 1;
    acl.field[0].value.u8 = rule->low.protocol;
    acl.field[0].mask_range.u8 = rule->high.protocol;
    acl.field[1].value.u32 = rule->low.src;
    acl.field[1].mask_range.u32 =
        (uint32_t) __builtin_popcount(rule->high.src);
    acl.field[2].value.u32 = rule->low.dst;
    acl.field[2].mask_range.u32 =
        (uint32_t) __builtin_popcount(rule->high.dst);
    for (int i = 0; i < 2; i++) {
        acl.field[3 + i].value.u16 = (uint16_t) rule->low.ports[i];
        acl.field[3 + i].mask_range.u16 = (uint16_t) rule->high.ports[i];
    }
    return acl;
}

static const struct acl_key *acl_keys;

static inline uint64_t
classify(const struct bench *b, size_t first, uint32_t n)
{
    const uint8_t *data[BURST];
    uint32_t found[BURST];
    uint64_t sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        data[i] = (const uint8_t *) &acl_keys[first + i];
    }
    rte_acl_classify(b->rte, data, found, n, 1);
    for (uint32_t i = 0; i < n; i++) {
        sum += b->rte_values[found[i]];
    }
    return sum;
}

static uint64_t
run_acl_burst(const struct bench *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i += BURST) {
        sum += classify(b, i, BURST);
    }
    return sum;
}

static uint64_t
run_acl(const struct bench *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i++) {
        sum += classify(b, i, 1);
    }
    return sum;
}

/* Builds rte_acl's tries of 'rules', and reports the time. */
static void
open_rte(struct bench *b, const struct rule rules[], uint32_t size)
{
    struct rte_acl_param parameters = {.name = "bench",
                                       .rule_size = RTE_ACL_RULE_SZ(N_FIELDS),
                                       .max_rule_num = size};
    struct rte_acl_config config = {.num_categories = 1,
                                    .num_fields = N_FIELDS};
    struct acl_key *keys = must(malloc(N_LOOKUPS * sizeof *keys));
    uint64_t start = cpu_ns();

    memcpy(config.defs, fields, sizeof fields);
    b->rte = must(rte_acl_create(&parameters));
    b->rte_values = must(calloc(size + 1, 8));
    for (uint32_t i = 0; i < size; i++) {
        struct acl_rule acl = acl_rule_of(&rules[i], i);

        succeed(
            -rte_acl_add_rules(b->rte, (const struct rte_acl_rule *) &acl, 1),
            "rte_acl_add_rules");
        b->rte_values[i + 1] = i;
    }
    succeed(-rte_acl_build(b->rte, &config), "rte_acl_build");
    printf("{\"table\": \"acl\", \"size\": %" PRIu32
           ", \"engine\": \"rte_acl, built\", \"ns\": %.1f}\n",
           size, (double) (cpu_ns() - start) / size);
    for (size_t i = 0; i < N_LOOKUPS; i++) {
        struct flow flow;

        memcpy(&flow, b->keys + i * KEY_SIZE, KEY_SIZE);
        keys[i] = (struct acl_key) {
            .protocol = flow.protocol,
            .src = __builtin_bswap32(flow.src),
            .dst = __builtin_bswap32(flow.dst),
            .ports = {__builtin_bswap16((uint16_t) flow.ports[0]),
                      __builtin_bswap16((uint16_t) flow.ports[1])},
        };
    }
    acl_keys = keys;
    if (run_acl(b) != run_ternary(b)) {
        fprintf(stderr, "maps: rte_acl finds other rules\n");
        exit(1);
    }
    add_contestant(b, "rte_acl", run_acl);
    add_contestant(b, "rte_acl, 32 at once", run_acl_burst);
}
#endif

void
bench_acl(uint32_t size)
{
    struct rule *rules = must(malloc(size * sizeof *rules));
    uint64_t random = 7, start;
    struct bench b = {
        .map = make(UBPF_MAP_TYPE_TERNARY, KEY_SIZE, size, N_RANGES),
        .keys = must(malloc(N_LOOKUPS * KEY_SIZE)),
    };

    /* Rules of one priority each: there is no doubt which one is first. */
    for (uint32_t i = 0; i < size; i++) {
        rules[i] = random_rule(&random, size - i);
    }
    start = cpu_ns();
    for (uint64_t i = 0; i < size; i++) {
        succeed(ubpf_map_update(b.map, &rules[i], &i, UBPF_ANY), "update");
    }
    printf("{\"table\": \"acl\", \"size\": %" PRIu32
           ", \"engine\": \"libubpf, built\", \"ns\": %.1f}\n"
           "{\"table\": \"acl\", \"size\": %" PRIu32
           ", \"engine\": \"masks\", \"ns\": %" PRIu32 "}\n",
           size, (double) (cpu_ns() - start) / size, size,
           atomic_load(&((struct ternary_map *) b.map)->view)->n);
    for (size_t i = 0; i < N_LOOKUPS; i++) {
        struct flow flow =
            random_flow(&random, &rules[(next_random(&random) >> 8) % size]);

        memcpy(b.keys + i * KEY_SIZE, &flow, KEY_SIZE);
    }
    add_contestant(&b, "libubpf", run_ternary);
#ifdef HAVE_DPDK
    open_rte(&b, rules, size);
#endif
    contest("acl", size, &b);
#ifdef HAVE_DPDK
    rte_acl_free(b.rte);
    free((void *) (uintptr_t) acl_keys);
#endif
    close_bench(&b);
    free(rules);
}
