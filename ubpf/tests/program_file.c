/* SPDX-License-Identifier: Apache-2.0 */

#include "program_file.h"

#include "check.h"

uint8_t *
program_file(const char *name, size_t *len)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s.o", PROGRAM_DIR, name);
    return read_file(path, len);
}

uint8_t *
read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;

    if (!file) {
        FAIL("cannot open %s", path);
    }
    data = malloc(1 << 20);
    *len = fread(data, 1, 1 << 20, file);
    fclose(file);
    return data;
}

struct ubpf_prog *
program_load(const struct ubpf_host *host, const char *name)
{
    char *error = NULL;
    size_t len;
    uint8_t *elf = program_file(name, &len);
    struct ubpf_prog *prog =
        ubpf_prog_load(host, elf, len, NULL, NULL, &error);

    if (!prog) {
        FAIL("%s: %s", name, error);
    }
    free(elf);
    return prog;
}

void
packet_init(struct packet *p, const void *data, size_t len)
{
    uint8_t *start = p->memory + 256;

    CHECK(len <= sizeof p->memory - 256);
    memset(p, 0, sizeof *p);
    memcpy(start, data, len);
    p->buffer.base = p->memory;
    p->run = (struct ubpf_run) {
        .ctx =
            {
                .data = (uintptr_t) start,
                .data_end = (uintptr_t) start + len,
                .packet_length = (uint32_t) len,
                .truncate_len = UINT32_MAX,
            },
        .adjust_head = ubpf_buffer_adjust_head,
        .packet = &p->buffer,
    };
}

size_t
packet_len(const struct packet *p)
{
    return p->run.ctx.data_end - p->run.ctx.data;
}

const uint8_t *
packet_data(const struct packet *p)
{
    return (const uint8_t *) (uintptr_t) p->run.ctx.data;
}
