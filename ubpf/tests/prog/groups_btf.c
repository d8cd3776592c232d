/* SPDX-License-Identifier: Apache-2.0
 *
 * An array of maps that is declared by type. */

#include "ubpf_program.h"

#ifndef TYPE_OF_VALUES
#define TYPE_OF_VALUES UBPF_MAP_TYPE_HASH
#endif
#ifndef TYPE_OF_GROUPS
#define TYPE_OF_GROUPS UBPF_MAP_TYPE_ARRAY_OF_MAPS
#endif

struct like {
    int (*type)[TYPE_OF_VALUES];
    int (*max_entries)[2];
    uint8_t *key;
    uint64_t *value;
};
struct {
    int (*type)[UBPF_MAP_TYPE_HASH];
    int (*max_entries)[4];
    uint16_t *key;
    uint64_t *value;
} other SECTION(".maps");
struct {
    int (*type)[TYPE_OF_GROUPS];
    int (*max_entries)[3];
    uint32_t *key;
    uint32_t *value;
    struct like *values[];
} groups SECTION(".maps");
struct {
    int (*type)[UBPF_MAP_TYPE_HASH];
    int (*max_entries)[2];
    uint8_t *key;
    uint64_t *value;
} small SECTION(".maps");
struct {
    int (*type)[UBPF_MAP_TYPE_HASH];
    int (*max_entries)[16];
    uint8_t *key;
    uint64_t *value;
} large SECTION(".maps");

SECTION(UBPF_SEC_PROG) uint64_t entry(struct ubpf_ctx *ctx)
{
    const uint8_t *data = (const uint8_t *) ctx->data;
    uint64_t *member;
    uint32_t index;
    void *group;

    if (data + 3 > (const uint8_t *) ctx->data_end) {
        return UBPF_DROP;
    }
    index = data[1];
    group = map_lookup(&groups, &index);
    member = group ? map_lookup(group, data + 2) : 0;
    if (!member) {
        return UBPF_DROP;
    }
    ctx->output_port = *member;
    return UBPF_REDIRECT;
}
