/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/table.h"

#include <errno.h>
#include <sys/random.h>

#include "maps/memory.h"

#define LINE 64

/* Elements for each bucket that a table is made for. */
#define PER_BUCKET 4

#define MAX_LOG 28

/* The distance that makes the hash of an element unique: above the bits that
 * its tag comes from and bit 8, which no order has set so that none is
 * UINT64_MAX, and far below those that choose its bucket. */
#define ORDER_STEP 512
#define ORDER_MASK (~UINT64_C(256))

/* log2 of the number of buckets for 'n' elements; at least 1. */
static uint32_t
log_buckets(uint64_t n)
{
    uint32_t log = 1;

    while (log < MAX_LOG && ((uint64_t) PER_BUCKET << log) < n) {
        log++;
    }
    return log;
}

uint64_t
table_footprint(uint64_t n)
{
    /* One bucket in eight overflows, at most (the hash is a good one). */
    return (sizeof(struct table_bucket) << log_buckets(n)) * 9 / 8
           + sizeof(struct table_view) + LINE + 64 * LINE;
}

static uint64_t
n_buckets(const struct table_view *view)
{
    return UINT64_C(1) << (64 - view->shift);
}

uint64_t
table_bytes(const struct table *table)
{
    const struct table_view *view =
        atomic_load_explicit(&table->view, memory_order_acquire);

    return sizeof *view + LINE - 1
           + (n_buckets(view)
              + __atomic_load_n(&view->n_extra, __ATOMIC_RELAXED))
                 * sizeof *view->buckets;
}

/* Bytes of the buckets, and what it takes to align them. */
static uint64_t
memory_size(const struct table_view *view)
{
    return n_buckets(view) * sizeof *view->buckets + LINE - 1;
}

static struct table_view *
view_new(const struct ubpf_host *host, uint32_t log)
{
    struct table_view *view = map_zalloc(host, sizeof *view);

    if (!view) {
        return NULL;
    }
    view->shift = 64 - log;
    view->host = *host;
    view->memory = map_zalloc(host, memory_size(view));
    if (!view->memory) {
        map_free(host, view, sizeof *view);
        return NULL;
    }
    view->buckets =
        (struct table_bucket *) (((uintptr_t) view->memory + LINE - 1)
                                 & ~(uintptr_t) (LINE - 1));
    return view;
}

static uintptr_t
get_slot(const struct table_bucket *bucket, unsigned int i)
{
    return atomic_load_explicit(&bucket->slots[i], memory_order_acquire);
}

/* The bucket after 'bucket', or NULL. */
static struct table_bucket *
next_bucket(const struct table_bucket *bucket)
{
    uintptr_t slot = get_slot(bucket, TABLE_SLOTS - 1);

    return slot & 1 ? (struct table_bucket *) (slot - 1) : NULL;
}

/* The element in slot 'i', or NULL. */
static struct table_element *
get_element(const struct table_bucket *bucket, unsigned int i)
{
    uintptr_t slot = get_slot(bucket, i);

    return slot & 1 ? NULL : (struct table_element *) slot;
}

static void
view_free(void *view_)
{
    struct table_view *view = view_;
    struct ubpf_host host;

    if (!view) { /* A table that was never made. */
        return;
    }
    host = view->host;
    for (uint64_t i = 0; view->n_extra && i < n_buckets(view); i++) {
        struct table_bucket *bucket = next_bucket(&view->buckets[i]);

        while (bucket) {
            struct table_bucket *next = next_bucket(bucket);

            map_free(&host, bucket, sizeof *bucket);
            bucket = next;
        }
    }
    map_free(&host, view->memory, memory_size(view));
    map_free(&host, view, sizeof *view);
}

/* Fills 'seed' from the kernel's random numbers; without them (before the
 * machine has any) from what an attacker cannot easily know. */
static void
randomize(uint64_t seed[2], const struct ubpf_host *host, const void *address)
{
    if (getrandom(seed, 2 * sizeof *seed, GRND_NONBLOCK)
        != (ssize_t) (2 * sizeof *seed)) {
        seed[0] = (uintptr_t) address * UINT64_C(0x9e3779b97f4a7c15);
        seed[1] = host->now_ns() * UINT64_C(0xc2b2ae3d27d4eb4f);
    }
}

int
table_init(struct table *table, const struct ubpf_host *host,
           uint32_t key_size, uint64_t n, bool grows)
{
    struct table_view *view = view_new(host, log_buckets(grows ? 0 : n));

    if (!view) {
        return ENOMEM;
    }
    table->key_size = key_size;
    table->grows = grows;
    atomic_init(&table->view, view);
    atomic_init(&table->n, 0);
    randomize(table->seed, host, view);
    return 0;
}

static struct table_view *
current_view(const struct table *table)
{
    return atomic_load_explicit(&table->view, memory_order_relaxed);
}

void
table_uninit(struct table *table, void (*free_element)(void *element))
{
    struct table_view *view = current_view(table);

    for (uint64_t i = 0; view && free_element && i < n_buckets(view); i++) {
        const struct table_bucket *bucket = &view->buckets[i];

        for (; bucket; bucket = next_bucket(bucket)) {
            for (unsigned int j = 0; j < TABLE_SLOTS; j++) {
                free_element(get_element(bucket, j));
            }
        }
    }
    view_free(view);
}

/* Puts 'element' into slot 'i'.  A reader that sees the tag sees the
 * element. */
static void
set_slot(struct table_bucket *bucket, unsigned int i,
         struct table_element *element)
{
    uint64_t tags = atomic_load_explicit(&bucket->tags, memory_order_relaxed);
    uint64_t tag = (uint64_t) table_tag(element->order) << 8 * i;

    tags = (tags & ~(UINT64_C(0xff) << 8 * i)) | tag;
    atomic_store_explicit(&bucket->slots[i], (uintptr_t) element,
                          memory_order_release);
    atomic_store_explicit(&bucket->tags, tags, memory_order_release);
}

/* Puts 'element', whose order is set, into a free slot of 'view'.  Returns 0
 * or ENOMEM. */
static int
view_insert(struct table_view *view, struct table_element *element)
{
    struct table_bucket *bucket =
        &view->buckets[element->order >> view->shift];
    struct table_bucket *extra, *next;
    struct table_element *last;

    for (;; bucket = next) {
        for (unsigned int i = 0; i < TABLE_SLOTS; i++) {
            if (!get_slot(bucket, i)) {
                set_slot(bucket, i, element);
                return 0;
            }
        }
        next = next_bucket(bucket);
        if (!next) {
            break;
        }
    }

    /* The element in the last slot moves on: it is in both places until the
     * last slot leads to the new one. */
    extra = map_zalloc(&view->host, sizeof *extra);
    if (!extra) {
        return ENOMEM;
    }
    last = get_element(bucket, TABLE_SLOTS - 1);
    set_slot(extra, 0, last);
    set_slot(extra, 1, element);
    atomic_store_explicit(&bucket->slots[TABLE_SLOTS - 1],
                          (uintptr_t) extra | 1, memory_order_release);
    atomic_fetch_and_explicit(&bucket->tags,
                              ~(UINT64_C(0xff) << 8 * (TABLE_SLOTS - 1)),
                              memory_order_release);
    __atomic_fetch_add(&view->n_extra, 1, __ATOMIC_RELAXED);
    return 0;
}

/* Gives 'table' twice as many buckets, if there is memory. */
static void
grow(struct table *table)
{
    struct table_view *old = current_view(table), *view;
    struct table_element *element;
    uint64_t cursor = 0;

    view = view_new(&old->host, 64 - old->shift + 1);
    if (!view) {
        return;
    }
    while ((element = table_next(table, &cursor)) != NULL) {
        if (view_insert(view, element)) {
            view_free(view);
            return;
        }
    }
    atomic_store_explicit(&table->view, view, memory_order_release);
    old->host.postpone(view_free, old);
}

/* True if an element of 'view' has 'order'.  Such a one has the same tag. */
static bool
order_taken(const struct table_view *view, uint64_t order)
{
    const struct table_bucket *bucket = &view->buckets[order >> view->shift];

    for (; bucket; bucket = next_bucket(bucket)) {
        uint64_t tags =
            atomic_load_explicit(&bucket->tags, memory_order_relaxed);

        for (uint64_t m = table_match(tags, table_tag(order)); m; m &= m - 1) {
            const struct table_element *element =
                get_element(bucket, (unsigned int) __builtin_ctzll(m) / 8);

            if (element && element->order == order) {
                return true;
            }
        }
    }
    return false;
}

int
table_insert(struct table *table, struct table_element *element, uint64_t hash)
{
    uint64_t n = atomic_load_explicit(&table->n, memory_order_relaxed);
    int err;

    if (table->grows && 64 - current_view(table)->shift < MAX_LOG
        && n >= PER_BUCKET * n_buckets(current_view(table))) {
        grow(table);
    }
    element->order = hash & ORDER_MASK;
    while (order_taken(current_view(table), element->order)) {
        element->order += ORDER_STEP;
    }
    err = view_insert(current_view(table), element);
    if (!err) {
        atomic_store_explicit(&table->n, n + 1, memory_order_relaxed);
    }
    return err;
}

/* Finds the slot of 'element', which is in 'table': its bucket, and its number
 * there to '*i'. */
static struct table_bucket *
locate(const struct table *table, const struct table_element *element,
       unsigned int *i)
{
    const struct table_view *view = current_view(table);
    struct table_bucket *bucket =
        &view->buckets[element->order >> view->shift];

    for (;; bucket = next_bucket(bucket)) {
        for (*i = 0; *i < TABLE_SLOTS; (*i)++) {
            if (get_slot(bucket, *i) == (uintptr_t) element) {
                return bucket;
            }
        }
    }
}

void
table_replace(struct table *table, struct table_element *old,
              struct table_element *element)
{
    unsigned int i;
    struct table_bucket *bucket = locate(table, old, &i);

    element->order = old->order;
    atomic_store_explicit(&bucket->slots[i], (uintptr_t) element,
                          memory_order_release);
}

void
table_remove(struct table *table, struct table_element *element)
{
    unsigned int i;
    struct table_bucket *bucket = locate(table, element, &i);

    atomic_fetch_and_explicit(&bucket->tags, ~(UINT64_C(0xff) << 8 * i),
                              memory_order_release);
    atomic_store_explicit(&bucket->slots[i], 0, memory_order_release);
    atomic_fetch_sub_explicit(&table->n, 1, memory_order_relaxed);
}

/* The element with the least order from 'least' on among those of 'bucket' and
 * the ones chained to it, or NULL. */
static struct table_element *
least_element(const struct table_bucket *bucket, uint64_t least)
{
    struct table_element *found = NULL;

    for (; bucket; bucket = next_bucket(bucket)) {
        for (unsigned int i = 0; i < TABLE_SLOTS; i++) {
            struct table_element *element = get_element(bucket, i);

            if (element && element->order >= least
                && (!found || element->order < found->order)) {
                found = element;
            }
        }
    }
    return found;
}

struct table_element *
table_next(const struct table *table, uint64_t *cursor)
{
    const struct table_view *view =
        atomic_load_explicit(&table->view, memory_order_acquire);

    for (uint64_t i = *cursor >> view->shift; i < n_buckets(view); i++) {
        struct table_element *element =
            least_element(&view->buckets[i], *cursor);

        if (element) {
            *cursor = element->order + 1;
            return element;
        }
        *cursor =
            i + 1 < n_buckets(view) ? (i + 1) << view->shift : UINT64_MAX;
    }
    return NULL;
}
