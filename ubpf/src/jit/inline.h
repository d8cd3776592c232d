/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of inline.c, which the lifter calls by name: it makes their
 * types from the arguments that it has.  Those that are specialised (see
 * lift.h) have their constants, of type uint32_t, last. */

#ifndef UBPF_JIT_INLINE_H
#define UBPF_JIT_INLINE_H 1

/* All of them as LLVM bitcode. */
extern const char ubpf_inline_bitcode[], ubpf_inline_bitcode_end[];

#endif /* inline.h */
