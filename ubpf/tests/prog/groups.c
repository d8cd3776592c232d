/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups of members, each group a map: the first byte of the packet says what
 * to do, the second names the group, the third the member. */

#include "ubpf_program.h"

static uint64_t (*const meter_execute)(const void *map, uint64_t index,
                                       uint64_t units, uint64_t colour) =
    (void *) UBPF_HELPER_METER_EXECUTE;

#ifdef WITH_ANOTHER_MAP_BEFORE
#define FIRST 1
struct ubpf_map_def before SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_HASH, 2, 8,
                                                     4};
#else
#define FIRST 0
#endif

#ifndef LARGE_ENTRIES
#define LARGE_ENTRIES 16
#endif

struct ubpf_map_def small SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_HASH, 1, 8,
                                                    2};
struct ubpf_map_def large SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_HASH, 1, 8,
                                                    LARGE_ENTRIES};
/* Not like the others. */
struct ubpf_map_def wide SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_HASH, 1, 16,
                                                   2};
struct ubpf_map_def groups SECTION(UBPF_SEC_MAPS) = {
    .type = UBPF_MAP_TYPE_ARRAY_OF_MAPS,
    .key_size = 4,
    .value_size = 4,
    .max_entries = 3,
    .extra = FIRST,
};
struct ubpf_map_def slow SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_METER, 4, 64,
                                                   2};
struct ubpf_map_def rates SECTION(UBPF_SEC_MAPS) = {
    .type = UBPF_MAP_TYPE_ARRAY_OF_MAPS,
    .key_size = 4,
    .value_size = 4,
    .max_entries = 1,
    .extra = FIRST + 4,
};

/* Element 2 of 'groups' is 'large' from the start. */
struct {
    struct ubpf_init_record record;
    char name[6];
    uint32_t key, value;
    uint8_t padding[2];
} __attribute__((packed)) const groups_init SECTION(UBPF_SEC_INIT) = {
    {6, 4, 4, 0}, "groups", 2, FIRST + 1, {0}};

SECTION(UBPF_SEC_PROG) uint64_t entry(struct ubpf_ctx *ctx)
{
    const uint8_t *data = (const uint8_t *) ctx->data;
    const uint8_t *end = (const uint8_t *) ctx->data_end;
    uint64_t *member, one = 1;
    uint32_t index;
    void *group;

    if (data + 3 > end) {
        return UBPF_DROP;
    }
    index = data[1];
    if (data[0] == 'm') {
        group = map_lookup(&rates, &index);
        if (!group) {
            return UBPF_DROP;
        }
        ctx->output_port = meter_execute(group, data[2], 100, UBPF_GREEN);
        return UBPF_REDIRECT;
    }
    group = map_lookup(&groups, &index);
    if (!group) {
        return UBPF_DROP;
    }
    switch (data[0]) {
    case 'l':
        member = map_lookup(group, data + 2);
        if (!member) {
            return UBPF_PASS;
        }
        ctx->output_port = *member;
        break;
    case 'u':
        ctx->output_port = -map_update(group, data + 2, &one, UBPF_NOEXIST);
        break;
    case 'd':
        ctx->output_port = -map_delete(group, data + 2);
        break;
    default:
        return UBPF_ABORT;
    }
    return UBPF_REDIRECT;
}
