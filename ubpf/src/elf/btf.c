/* SPDX-License-Identifier: Apache-2.0 */

#include "elf/btf.h"

#include <errno.h>
#include <string.h>

#include "host.h"

#define BTF_MAGIC 0xeb9f

/* No type is made of more than this many others. */
#define MAX_STEPS 64

/* More types than any program has, but not too many to search. */
#define MAX_TYPES (1u << 17)

struct header {
    uint16_t magic;
    uint8_t version, flags;
    uint32_t len;
    uint32_t type_offset, type_len;
    uint32_t string_offset, string_len;
};

/* The header of ".BTF.ext", as far as it matters. */
struct ext_header {
    uint16_t magic;
    uint8_t version, flags;
    uint32_t len;
    uint32_t function_offset, function_len;
    uint32_t line_offset, line_len;
};

/* A type as it lies in the section. */
struct raw_type {
    uint32_t name, info, size_or_type;
};

static uint32_t
get32(const uint8_t *p)
{
    uint32_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

/* Bytes that follow a type with 'n' members. */
static uint64_t
members_size(enum btf_kind kind, uint32_t n)
{
    static const uint8_t fixed[BTF_N_KINDS] = {
        [BTF_INT] = 4,
        [BTF_ARRAY] = 12,
        [BTF_VAR] = 4,
        [BTF_DECL_TAG] = 4,
    };
    static const uint8_t each[BTF_N_KINDS] = {
        [BTF_STRUCT] = 12,    [BTF_UNION] = 12,   [BTF_ENUM] = 8,
        [BTF_FUNC_PROTO] = 8, [BTF_DATASEC] = 12, [BTF_ENUM64] = 12,
    };

    return fixed[kind] + (uint64_t) each[kind] * n;
}

/* Finds the types, of which 'offsets' has room for all, or is NULL. */
static int
find_types(struct btf *btf, uint32_t len)
{
    uint32_t n = 1;

    for (uint64_t ofs = 0; ofs < len; n++) {
        struct raw_type raw;
        uint32_t kind;

        if (n == MAX_TYPES || len - ofs < sizeof raw) {
            return EINVAL;
        }
        memcpy(&raw, btf->types + ofs, sizeof raw);
        kind = raw.info >> 24 & 0x1f;
        if (kind == BTF_VOID || kind >= BTF_N_KINDS
            || raw.name >= btf->strings_len) {
            return EINVAL;
        }
        if (btf->offsets) {
            btf->offsets[n] = (uint32_t) ofs;
        }
        ofs += sizeof raw + members_size(kind, raw.info & 0xffff);
        if (ofs > len) {
            return EINVAL;
        }
    }
    btf->n_types = n;
    return 0;
}

int
btf_open(struct btf *btf, const struct ubpf_host *host, const uint8_t *data,
         size_t size)
{
    struct header h;
    size_t left;
    int err;

    memset(btf, 0, sizeof *btf);
    btf->host = host;
    if (size < sizeof h) {
        return EINVAL;
    }
    memcpy(&h, data, sizeof h);
    if (h.magic != BTF_MAGIC || h.version != 1 || h.len < sizeof h
        || h.len > size) {
        return EINVAL;
    }
    left = size - h.len;
    if (h.type_offset > left || h.type_len > left - h.type_offset
        || h.string_offset > left || h.string_len > left - h.string_offset
        || !h.string_len || data[h.len + h.string_offset + h.string_len - 1]) {
        return EINVAL;
    }
    btf->types = data + h.len + h.type_offset;
    btf->strings = (const char *) data + h.len + h.string_offset;
    btf->strings_len = h.string_len;
    err = find_types(btf, h.type_len);
    if (err) {
        return err;
    }
    btf->offsets = ubpf_host_zalloc(host, btf->n_types, sizeof *btf->offsets);
    return btf->offsets ? find_types(btf, h.type_len) : ENOMEM;
}

void
btf_close(struct btf *btf)
{
    ubpf_host_free(btf->host, btf->offsets);
}

static const char *
get_string(const struct btf *btf, uint32_t offset)
{
    return offset < btf->strings_len ? btf->strings + offset : "";
}

struct btf_type
btf_type(const struct btf *btf, uint32_t id)
{
    struct btf_type type = {.kind = BTF_VOID, .name = ""};
    struct raw_type raw;

    if (id && id < btf->n_types) {
        const uint8_t *p = btf->types + btf->offsets[id];

        memcpy(&raw, p, sizeof raw);
        type.kind = (enum btf_kind)(raw.info >> 24 & 0x1f);
        type.name = get_string(btf, raw.name);
        type.n = raw.info & 0xffff;
        type.size_or_type = raw.size_or_type;
        type.members = p + sizeof raw;
    }
    return type;
}

struct btf_type
btf_bare_type(const struct btf *btf, uint32_t id)
{
    struct btf_type type = btf_type(btf, id);

    for (int i = 0; i < MAX_STEPS; i++) {
        if (type.kind != BTF_TYPEDEF && type.kind != BTF_CONST
            && type.kind != BTF_VOLATILE && type.kind != BTF_RESTRICT
            && type.kind != BTF_TYPE_TAG) {
            return type;
        }
        type = btf_type(btf, type.size_or_type);
    }
    return btf_type(btf, 0);
}

uint32_t
btf_element(const struct btf_type *type, uint32_t *n)
{
    *n = get32(type->members + 8);
    return get32(type->members);
}

struct btf_member
btf_member(const struct btf *btf, const struct btf_type *type, uint32_t i)
{
    const uint8_t *p = type->members + (size_t) i * 12;

    return (struct btf_member) {get_string(btf, get32(p)), get32(p + 4)};
}

uint32_t
btf_size(const struct btf *btf, uint32_t id)
{
    uint64_t times = 1;

    for (int i = 0; i < MAX_STEPS; i++) {
        struct btf_type type = btf_bare_type(btf, id);
        uint32_t n;

        switch (type.kind) {
        case BTF_INT:
        case BTF_STRUCT:
        case BTF_UNION:
        case BTF_ENUM:
        case BTF_ENUM64:
        case BTF_FLOAT:
            times *= type.size_or_type;
            return times <= UINT32_MAX ? (uint32_t) times : 0;
        case BTF_PTR:
            times *= 8;
            return times <= UINT32_MAX ? (uint32_t) times : 0;
        case BTF_ARRAY:
            id = btf_element(&type, &n);
            times *= n;
            if (!times || times > UINT32_MAX) {
                return 0;
            }
            break;
        default:
            return 0;
        }
    }
    return 0;
}

void
btf_lines_start(struct btf_lines *lines, const struct btf *btf,
                const uint8_t *data, size_t size)
{
    struct ext_header h;

    memset(lines, 0, sizeof *lines);
    lines->btf = btf;
    if (size < sizeof h) {
        return;
    }
    memcpy(&h, data, sizeof h);
    if (h.magic != BTF_MAGIC || h.version != 1 || h.len < sizeof h
        || h.len > size || h.line_offset > size - h.len
        || h.line_len > size - h.len - h.line_offset || h.line_len < 4) {
        return;
    }
    lines->p = data + h.len + h.line_offset;
    lines->end = lines->p + h.line_len;
    lines->record_size = get32(lines->p);
    lines->p += 4;
    if (lines->record_size < BTF_LINE_SIZE) {
        lines->p = lines->end;
    }
}

bool
btf_lines_next(struct btf_lines *lines, struct btf_line *line)
{
    while (!lines->left) {
        if (lines->end - lines->p < 8) {
            return false;
        }
        lines->section = get_string(lines->btf, get32(lines->p));
        lines->left = get32(lines->p + 4);
        lines->p += 8;
        if (!lines->left) {
            return false;
        }
    }
    if ((size_t) (lines->end - lines->p) < lines->record_size) {
        return false;
    }
    line->section = lines->section;
    line->offset = get32(lines->p);
    line->file = get_string(lines->btf, get32(lines->p + 4));
    line->line = get32(lines->p + 12) >> 10;
    lines->p += lines->record_size;
    lines->left--;
    return true;
}
