/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves, before anything runs, that a program is safe: docs/verifier.md. */

#ifndef UBPF_VERIFIER_H
#define UBPF_VERIFIER_H 1

#include <stdbool.h>
#include <stdint.h>

struct ubpf_limits;
struct ubpf_object;

/* Memory that one verification may use, in bytes. */
#define UBPF_VERIFIER_MAX_BYTES (UINT64_C(256) << 20)

/* Proves that the program of 'obj' is safe or refuses it.  'limits' may be
 * NULL.  All memory, but for the text, comes from 'obj->host'.
 *
 * Returns 0, or EPERM when the program is refused, E2BIG when the proof would
 * exceed a limit, ENOMEM.  '*text' is then one line: what was proved, or what
 * is wrong with which instruction.  The caller frees it with free(); it is
 * NULL, with ENOMEM, when it could not be allocated. */
int ubpf_verify(const struct ubpf_object *obj,
                const struct ubpf_limits *limits, char **text);

/* The same.  'reached' has an element for each instruction slot; those of
 * instructions that some execution may come to are set.  A compiler may drop
 * the others, and a test may check that they are never executed. */
int ubpf_verify_reached(const struct ubpf_object *obj,
                        const struct ubpf_limits *limits, bool *reached,
                        char **text);

#endif /* verifier.h */
