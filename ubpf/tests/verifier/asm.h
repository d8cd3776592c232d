/* SPDX-License-Identifier: Apache-2.0
 *
 * An assembler for tests, in the syntax of the disassembler, with labels. */

#ifndef UBPF_TEST_ASM_H
#define UBPF_TEST_ASM_H 1

#include <stdint.h>

#include "isa/isa.h"

#define ASM_MAX_INSNS  4096
#define ASM_MAX_LABELS 128

struct asm_label {
    char name[32];
    uint32_t at;
};

struct asm_fixup {
    char name[32];
    uint32_t insn;
};

struct assembler {
    struct ubpf_insn insns[ASM_MAX_INSNS];
    uint32_t n;
    struct asm_label labels[ASM_MAX_LABELS];
    struct asm_fixup fixups[ASM_MAX_INSNS];
    uint32_t n_labels, n_fixups;
};

/* Assembles one line, which may be empty or a label ("name:").  Returns false
 * if it is none of the known forms.  Besides instructions there are
 *
 *     packet N    r6 = ctx, r2 = data, r3 = data_end, and N bytes proved, else
 *                 to label "pass"
 *     lookup N    r0 = map_lookup(map N, 16 zeroed bytes at r10 - 16)
 *     pass        label "pass", r0 = 2, exit
 *     .quad X     any 8 bytes */
bool asm_line(struct assembler *, const char *line);

/* Resolves the labels; NULL, or the name of one that is not defined. */
const char *asm_finish(struct assembler *);

#endif /* asm.h */
