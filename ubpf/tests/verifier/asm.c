/* SPDX-License-Identifier: Apache-2.0 */

#include "asm.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct symbol {
    const char *text;
    uint8_t opcode;
    int16_t offset;
};

/* clang-format off */
/* Longer operators first. */
static const struct symbol assignments[] = {
    { "s>>=", 0xc0, 0 }, { ">>=", 0x70, 0 }, { "<<=", 0x60, 0 },
    { "s/=", 0x30, 1 }, { "s%=", 0x90, 1 }, { "+=", 0x00, 0 },
    { "-=", 0x10, 0 }, { "*=", 0x20, 0 }, { "/=", 0x30, 0 },
    { "|=", 0x40, 0 }, { "&=", 0x50, 0 }, { "%=", 0x90, 0 },
    { "^=", 0xa0, 0 }, { "=", 0xb0, 0 }, { NULL, 0, 0 },
};
static const struct symbol comparisons[] = {
    { "s>=", 0x70, 0 }, { "s<=", 0xd0, 0 }, { "s>", 0x60, 0 },
    { "s<", 0xc0, 0 }, { "==", 0x10, 0 }, { "!=", 0x50, 0 },
    { ">=", 0x30, 0 }, { "<=", 0xb0, 0 }, { ">", 0x20, 0 }, { "<", 0xa0, 0 },
    { "&", 0x40, 0 }, { NULL, 0, 0 },
};
/* clang-format on */

static const char *
skip(const char *s)
{
    while (isspace((unsigned char) *s)) {
        s++;
    }
    return s;
}

static bool
eat(const char **s, const char *token)
{
    const char *p = skip(*s);
    size_t n = strlen(token);

    if (strncmp(p, token, n)) {
        return false;
    }
    *s = p + n;
    return true;
}

static const struct symbol *
eat_symbol(const char **s, const struct symbol *table)
{
    for (; table->text; table++) {
        if (eat(s, table->text)) {
            return table;
        }
    }
    return NULL;
}

static bool
at_end(const char *s)
{
    return !*skip(s);
}

/* A register: 'w' (true: 32 bits) or 'r'. */
static bool
eat_reg(const char **s, int *reg, bool *w)
{
    const char *p = skip(*s);

    if ((*p != 'r' && *p != 'w') || !isdigit((unsigned char) p[1])) {
        return false;
    }
    *w = *p == 'w';
    *reg = (int) strtol(p + 1, (char **) s, 10);
    return true;
}

static bool
eat_int(const char **s, int64_t *value)
{
    const char *p = skip(*s);
    bool negative = *p == '-';
    char *end;

    p = skip(p + (*p == '-' || *p == '+'));
    if (!isdigit((unsigned char) *p)) {
        return false;
    }
    *value = (int64_t) strtoull(p, &end, 0);
    if (negative) {
        *value = -*value;
    }
    *s = end;
    return true;
}

static struct ubpf_insn *
emit(struct assembler *a, uint8_t opcode, int dst, int src, int offset,
     int64_t imm)
{
    struct ubpf_insn *insn = &a->insns[a->n++];

    if (a->n >= ASM_MAX_INSNS) {
        fprintf(stderr, "program too long\n");
        exit(2);
    }
    insn->opcode = opcode;
    insn->dst = dst & 15;
    insn->src = src & 15;
    insn->offset = (int16_t) offset;
    insn->imm = (int32_t) imm;
    return insn;
}

/* "*(u8 *)(r1 + 2)" or the same without the first star. */
static bool
eat_memory(const char **s, int *bits, bool *sext, int *reg, int64_t *offset)
{
    const char *p = *s;
    int64_t width;
    bool w;

    eat(&p, "*");
    if (!eat(&p, "(")) {
        return false;
    }
    *sext = eat(&p, "s");
    if ((!*sext && !eat(&p, "u")) || !eat_int(&p, &width) || !eat(&p, "*)(")) {
        return eat(&p, "*)") && false;
    }
    if (!eat_reg(&p, reg, &w) || !eat_int(&p, offset) || !eat(&p, ")")) {
        return false;
    }
    *bits = (int) width;
    *s = p;
    return true;
}

/* The size bits of an opcode. */
static uint8_t
size_bits(int bits)
{
    return bits == 8 ? 0x10 : bits == 16 ? 0x08 : bits == 32 ? 0x00 : 0x18;
}

/* A jump to a label or by a number. */
static bool
eat_target(struct assembler *a, const char *s, bool whole)
{
    struct ubpf_insn *insn = &a->insns[a->n - 1];
    int64_t by;

    if (eat_int(&s, &by)) {
        if (whole) {
            insn->imm = (int32_t) by;
        } else {
            insn->offset = (int16_t) by;
        }
    } else {
        struct asm_fixup *fixup = &a->fixups[a->n_fixups++];

        fixup->insn = a->n - 1;
        if (sscanf(s, " %31[a-z_0-9]", fixup->name) != 1) {
            return false;
        }
        s = skip(s) + strlen(fixup->name);
    }
    return at_end(s);
}

static bool
asm_jump(struct assembler *a, const char *s)
{
    const struct symbol *symbol;
    int dst, src = 0;
    int64_t imm = 0;
    bool w, w2, reg;

    if (!eat_reg(&s, &dst, &w)) {
        return false;
    }
    symbol = eat_symbol(&s, comparisons);
    reg = symbol && eat_reg(&s, &src, &w2);
    if (!symbol || (!reg && !eat_int(&s, &imm)) || !eat(&s, "goto")) {
        return false;
    }
    emit(a, symbol->opcode | (w ? 0x06 : 0x05) | (reg ? 0x08 : 0), dst, src, 0,
         imm);
    return eat_target(a, s, false);
}

/* "rD = 5 ll", "rD = map[1] ll", "rD = map[1][0] + 8 ll". */
static bool
asm_wide(struct assembler *a, int dst, const char *s)
{
    int64_t value, offset = 0;
    int src = 0;

    if (eat(&s, "map[")) {
        src = 1;
        if (!eat_int(&s, &value) || !eat(&s, "]")) {
            return false;
        }
        if (eat(&s, "[0]")) {
            src = 2;
            if (!eat_int(&s, &offset)) {
                return false;
            }
        }
    } else if (!eat_int(&s, &value)) {
        return false;
    } else {
        offset = value >> 32;
    }
    if (!eat(&s, "ll") || !at_end(s)) {
        return false;
    }
    emit(a, 0x18, dst, src, 0, value);
    emit(a, 0, 0, 0, 0, offset);
    return true;
}

/* "rD = atomic_fetch_add((u64 *)(r1 + 0), rS)" and the like. */
static bool
asm_fetch(struct assembler *a, int dst, const char *s)
{
    static const struct symbol names[] = {
        {"atomic_fetch_add(", 0x01, 0},
        {"atomic_fetch_or(", 0x41, 0},
        {"atomic_fetch_and(", 0x51, 0},
        {"atomic_fetch_xor(", 0xa1, 0},
        {"xchg(", 0xe1, 0},
        {"cmpxchg(", 0xf1, 0},
        {NULL, 0, 0},
    };
    const struct symbol *name = eat_symbol(&s, names);
    int bits, reg, src;
    int64_t offset;
    bool sext, w;

    if (!name || !eat_memory(&s, &bits, &sext, &reg, &offset)
        || !eat(&s, ",")) {
        return false;
    }
    if (name->opcode == 0xf1
        && (!eat_reg(&s, &src, &w) || src || dst || !eat(&s, ","))) {
        return false;
    }
    if (!eat_reg(&s, &src, &w) || !eat(&s, ")")
        || (name->opcode != 0xf1 && src != dst)) {
        return false;
    }
    emit(a, 0xc3 | size_bits(bits), reg, src, (int) offset, name->opcode);
    return at_end(s);
}

/* "lock *(u64 *)(r1 + 0) += r2". */
static bool
asm_lock(struct assembler *a, const char *s)
{
    const struct symbol *symbol;
    int bits, reg, src;
    int64_t offset;
    bool sext, w;

    if (!eat_memory(&s, &bits, &sext, &reg, &offset)) {
        return false;
    }
    symbol = eat_symbol(&s, assignments);
    if (!symbol || !eat_reg(&s, &src, &w)) {
        return false;
    }
    emit(a, 0xc3 | size_bits(bits), reg, src, (int) offset, symbol->opcode);
    return at_end(s);
}

static bool
asm_store(struct assembler *a, const char *s)
{
    int bits, reg, src;
    int64_t offset, imm;
    bool sext, w;

    if (!eat_memory(&s, &bits, &sext, &reg, &offset) || !eat(&s, "=")) {
        return false;
    }
    if (eat_reg(&s, &src, &w)) {
        emit(a, 0x63 | size_bits(bits), reg, src, (int) offset, 0);
    } else if (eat_int(&s, &imm)) {
        emit(a, 0x62 | size_bits(bits), reg, 0, (int) offset, imm);
    } else {
        return false;
    }
    return at_end(s);
}

/* The forms of "rD = ..." that are not an arithmetic operation. */
static bool
asm_special(struct assembler *a, int dst, bool w, const char *s)
{
    static const struct symbol swaps[] = {
        {"bswap", 0xd7, 0},
        {"be", 0xdc, 0},
        {"le", 0xd4, 0},
        {NULL, 0, 0},
    };
    const struct symbol *swap;
    int bits, src;
    int64_t value;
    const char *p = s;
    bool sext, w2;

    if (eat_memory(&p, &bits, &sext, &src, &value)) {
        emit(a, (sext ? 0x81 : 0x61) | size_bits(bits), dst, src, (int) value,
             0);
        return at_end(p);
    }
    p = s;
    swap = eat_symbol(&p, swaps);
    if (swap && eat_int(&p, &value) && eat_reg(&p, &src, &w2) && src == dst) {
        emit(a, swap->opcode, dst, 0, 0, value);
        return at_end(p);
    }
    p = s;
    if (eat(&p, "-") && eat_reg(&p, &src, &w2) && src == dst) {
        emit(a, w ? 0x84 : 0x87, dst, 0, 0, 0);
        return at_end(p);
    }
    p = s;
    if (eat(&p, "(s") && eat_int(&p, &value) && eat(&p, ")")
        && eat_reg(&p, &src, &w2)) {
        emit(a, w ? 0xbc : 0xbf, dst, src, (int) value, 0);
        return at_end(p);
    }
    return asm_wide(a, dst, s) || asm_fetch(a, dst, s);
}

static bool
asm_assignment(struct assembler *a, const char *s)
{
    const struct symbol *symbol;
    int dst, src;
    int64_t imm;
    bool w, w2;

    if (!eat_reg(&s, &dst, &w)) {
        return false;
    }
    symbol = eat_symbol(&s, assignments);
    if (!symbol) {
        return false;
    }
    if (symbol->opcode == 0xb0 && asm_special(a, dst, w, s)) {
        return true;
    }
    if (eat_reg(&s, &src, &w2)) {
        emit(a, symbol->opcode | (w ? 0x0c : 0x0f), dst, src, symbol->offset,
             0);
    } else if (eat_int(&s, &imm)) {
        emit(a, symbol->opcode | (w ? 0x04 : 0x07), dst, 0, symbol->offset,
             imm);
    } else {
        return false;
    }
    return at_end(s);
}

static bool
asm_all(struct assembler *a, const char *const *lines)
{
    for (; *lines; lines++) {
        if (!asm_line(a, *lines)) {
            return false;
        }
    }
    return true;
}

/* The abbreviations that asm.h lists. */
static bool
asm_macro(struct assembler *a, const char *s, bool *matched)
{
    static const char *const pass[] = {"pass:", "r0 = 2", "exit", NULL};
    int64_t n;

    *matched = true;
    if (eat(&s, "packet ")) {
        static const char *const head[] = {"r6 = r1", "r2 = *(u64 *)(r1 + 0)",
                                           "r3 = *(u64 *)(r1 + 8)", "r4 = r2",
                                           NULL};

        return eat_int(&s, &n) && asm_all(a, head) && emit(a, 0x07, 4, 0, 0, n)
               && asm_line(a, "if r4 > r3 goto pass");
    }
    if (eat(&s, "lookup ")) {
        static const char *const tail[] = {"*(u64 *)(r10 - 16) = 0",
                                           "*(u64 *)(r10 - 8) = 0",
                                           "r2 = r10",
                                           "r2 += -16",
                                           "call 1",
                                           NULL};

        if (!eat_int(&s, &n)) {
            return false;
        }
        emit(a, 0x18, 1, 1, 0, n);
        emit(a, 0, 0, 0, 0, 0);
        return asm_all(a, tail);
    }
    if (eat(&s, "pass") && at_end(s)) {
        return asm_all(a, pass);
    }
    *matched = false;
    return false;
}

bool
asm_line(struct assembler *a, const char *s)
{
    char name[32];
    int64_t value;
    bool matched, ok;
    int n = 0;

    s = skip(s);
    if (at_end(s) || *s == '#') {
        return true;
    }
    if (sscanf(s, "%31[a-z_0-9]%n", name, &n) == 1 && s[n] == ':') {
        struct asm_label *label = &a->labels[a->n_labels++];

        memcpy(label->name, name, sizeof name);
        label->at = a->n;
        return at_end(s + n + 1);
    }
    ok = asm_macro(a, s, &matched);
    if (matched) {
        return ok;
    }
    if (eat(&s, "if ")) {
        return asm_jump(a, s);
    }
    if (eat(&s, "gotol ")) {
        emit(a, 0x06, 0, 0, 0, 0);
        return eat_target(a, s, true);
    }
    if (eat(&s, "goto ")) {
        emit(a, 0x05, 0, 0, 0, 0);
        return eat_target(a, s, false);
    }
    if (eat(&s, "exit")) {
        emit(a, 0x95, 0, 0, 0, 0);
        return at_end(s);
    }
    if (eat(&s, "call ")) {
        if (eat_int(&s, &value)) {
            emit(a, 0x85, 0, 0, 0, value);
            return at_end(s);
        }
        emit(a, 0x85, 0, 1, 0, 0);
        eat(&s, "pc");
        return eat_target(a, s, true);
    }
    if (eat(&s, ".quad ")) {
        ok = eat_int(&s, &value);
        memcpy(&a->insns[a->n++], &value, sizeof value);
        return ok && at_end(s);
    }
    if (eat(&s, "lock ")) {
        return asm_lock(a, s);
    }
    return *s == '*' ? asm_store(a, s) : asm_assignment(a, s);
}

const char *
asm_finish(struct assembler *a)
{
    for (uint32_t i = 0; i < a->n_fixups; i++) {
        const struct asm_fixup *fixup = &a->fixups[i];
        struct ubpf_insn *insn = &a->insns[fixup->insn];
        int32_t by;
        uint32_t j;

        for (j = 0; j < a->n_labels; j++) {
            if (!strcmp(a->labels[j].name, fixup->name)) {
                break;
            }
        }
        if (j == a->n_labels) {
            return fixup->name;
        }
        by = (int32_t) a->labels[j].at - (int32_t) fixup->insn - 1;
        if (insn->opcode == 0x06 || insn->opcode == 0x85) {
            insn->imm = by;
        } else {
            insn->offset = (int16_t) by;
        }
    }
    return NULL;
}
