/* SPDX-License-Identifier: Apache-2.0 */

#ifndef UBPF_DISASM_H
#define UBPF_DISASM_H 1

#include <stddef.h>
#include <stdint.h>

#include "isa.h"

/* Bytes that suffice for any text of ubpf_disasm(). */
#define UBPF_DISASM_SIZE 96

/* Writes the instruction in slot 'pc' of the 'n' slots at 'insns' to 'buf' of
 * 'size' bytes, in the syntax of clang and bpftool, with jump targets relative
 * to the next slot.  What ubpf_decode() refuses is written as raw bytes.
 * Returns the slots that the instruction takes. */
int ubpf_disasm(const struct ubpf_insn *insns, uint32_t n, uint32_t pc,
                char *buf, size_t size);

#endif /* disasm.h */
