/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves, before anything runs, that a program is safe: docs/verifier.md. */

#ifndef UBPF_VERIFIER_H
#define UBPF_VERIFIER_H 1

#include <stdbool.h>
#include <stdint.h>

#include <ubpf/ubpf.h>

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

struct ubpf_verify_options {
    struct ubpf_limits limits; /* A zero is a default. */
    /* NULL, or an element for each instruction slot: those of instructions
     * that some execution may come to are set.  A compiler may drop the
     * others, and a test may check that they are never executed. */
    bool *reached;
    /* NULL, or called with a line for people about each instruction that is
     * visited. */
    void (*trace)(void *aux, const char *line);
    void *trace_aux;
};

/* The same with 'options'. */
int ubpf_verify_with(const struct ubpf_object *obj,
                     const struct ubpf_verify_options *options, char **text);

#endif /* verifier.h */
