/* SPDX-License-Identifier: Apache-2.0
 *
 * A host for tests with readers in threads of their own and one writer.
 *
 * The grace periods are those of a quiescent-state scheme like Open vSwitch's,
 * reduced to what the tests need: each reader counts its rounds, and what was
 * postponed is freed when all have begun another round. */

#ifndef READER_HOST_H
#define READER_HOST_H 1

#include <stdbool.h>

#include <ubpf/ubpf.h>

#define N_READERS 2

/* The single-threaded host with another 'postpone'. */
struct ubpf_host reader_host(void);

/* For reader 'i': before it starts, after each round, and at its end. */
void reader_starts(unsigned int i);
void reader_goes_on(unsigned int i);
void reader_ends(unsigned int i);

bool readers_are_done(void);

/* Frees what was postponed before the call, after every reader that may see
 * it has gone on.  Called by the writer alone. */
void reader_host_end_grace_period(void);

#endif /* reader_host.h */
