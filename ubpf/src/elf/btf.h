/* SPDX-License-Identifier: Apache-2.0
 *
 * Type and line information of BPF programs (BTF), as clang writes it to
 * sections ".BTF" and ".BTF.ext": bounds-checked access to untrusted bytes. */

#ifndef UBPF_ELF_BTF_H
#define UBPF_ELF_BTF_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ubpf_host;

enum btf_kind {
    BTF_VOID,
    BTF_INT,
    BTF_PTR,
    BTF_ARRAY,
    BTF_STRUCT,
    BTF_UNION,
    BTF_ENUM,
    BTF_FWD,
    BTF_TYPEDEF,
    BTF_VOLATILE,
    BTF_CONST,
    BTF_RESTRICT,
    BTF_FUNC,
    BTF_FUNC_PROTO,
    BTF_VAR,
    BTF_DATASEC,
    BTF_FLOAT,
    BTF_DECL_TAG,
    BTF_TYPE_TAG,
    BTF_ENUM64,
    BTF_N_KINDS,
};

struct btf {
    const struct ubpf_host *host;
    const uint8_t *types; /* Unaligned. */
    const char *strings;  /* Ends with a NUL. */
    uint32_t strings_len;
    uint32_t *offsets; /* Of each type in 'types'; type 0 is void. */
    uint32_t n_types;
};

/* A type; 'members' are 'n' times what the kind says. */
struct btf_type {
    enum btf_kind kind;
    const char *name;
    uint32_t n;
    uint32_t size_or_type;
    const uint8_t *members;
};

struct btf_member {
    const char *name;
    uint32_t type;
};

/* Checks the 'size' bytes at 'data' and makes '*btf' refer to them.  Returns
 * 0, EINVAL or ENOMEM. */
int btf_open(struct btf *btf, const struct ubpf_host *host,
             const uint8_t *data, size_t size);
void btf_close(struct btf *btf);

/* Type 'id', which may be anything: void where there is none. */
struct btf_type btf_type(const struct btf *btf, uint32_t id);
/* The same without names for it, const and volatile. */
struct btf_type btf_bare_type(const struct btf *btf, uint32_t id);
/* Bytes of type 'id', or 0 if that is not known or more than 2^32 - 1. */
uint32_t btf_size(const struct btf *btf, uint32_t id);
/* Member 'i', below 'n', of a struct. */
struct btf_member btf_member(const struct btf *btf,
                             const struct btf_type *type, uint32_t i);
/* The element type and the number of elements of an array. */
uint32_t btf_element(const struct btf_type *type, uint32_t *n);

/* Bytes of a line record, at least. */
#define BTF_LINE_SIZE 16

/* A walk through the line records of ".BTF.ext". */
struct btf_lines {
    const struct btf *btf;
    const uint8_t *p, *end;
    const char *section;
    uint32_t record_size;
    uint32_t left; /* Records of this section. */
};

struct btf_line {
    const char *section; /* The same pointer within one section. */
    uint32_t offset;     /* Bytes. */
    const char *file;
    uint32_t line;
};

void btf_lines_start(struct btf_lines *lines, const struct btf *btf,
                     const uint8_t *data, size_t size);
/* The next record; false where there is no more, or what comes is wrong. */
bool btf_lines_next(struct btf_lines *lines, struct btf_line *line);

#endif /* btf.h */
