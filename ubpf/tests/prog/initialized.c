/* SPDX-License-Identifier: Apache-2.0
 *
 * Maps with contents from the start, one of them read-only to the control
 * plane; and the other sections that p4rt-compile writes. */

#include "ubpf_program.h"

struct ubpf_map_def constants SECTION(UBPF_SEC_MAPS) = {
    UBPF_MAP_TYPE_HASH, 4, 4, 4, UBPF_MAP_F_RDONLY_USER};
struct ubpf_map_def settings SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_ARRAY, 4,
                                                       4, 2, 0};

struct {
    struct ubpf_init_record record;
    char name[9];
    uint32_t key, value;
    uint8_t padding[7];
} __attribute__((packed)) const constants_init SECTION(UBPF_SEC_INIT) = {
    {9, 4, 4, 0}, "constants", 5, 55, {0}};

struct {
    struct ubpf_init_record record;
    char name[8];
    uint32_t key, value;
} __attribute__((packed))
const settings_init SECTION(UBPF_SEC_INIT) = {{8, 4, 4, 0}, "settings", 1, 77};

const char info[] SECTION(UBPF_SEC_INFO) = "{}";

const struct ubpf_line lines[] SECTION(UBPF_SEC_LINES) = {{0, 12}};

SECTION(UBPF_SEC_PROG) uint64_t entry(struct ubpf_ctx *ctx)
{
    uint32_t key = 5, one = 1, *a, *b;

    a = map_lookup(&constants, &key);
    b = map_lookup(&settings, &one);
    if (!a || !b) {
        return UBPF_ABORT;
    }
    ctx->output_port = *a + *b;
    return UBPF_REDIRECT;
}
