/* SPDX-License-Identifier: Apache-2.0
 *
 * The file UBPF_INLINE_BITCODE, as data. */

#include "jit/inline.h"

__asm__(".section .rodata\n"
        ".balign 16\n"
        ".globl ubpf_inline_bitcode\n"
        ".hidden ubpf_inline_bitcode\n"
        "ubpf_inline_bitcode:\n"
        ".incbin \"" UBPF_INLINE_BITCODE "\"\n"
        ".globl ubpf_inline_bitcode_end\n"
        ".hidden ubpf_inline_bitcode_end\n"
        "ubpf_inline_bitcode_end:\n"
        ".byte 0\n"
        ".previous\n");
