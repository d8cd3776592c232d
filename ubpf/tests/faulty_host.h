/* SPDX-License-Identifier: Apache-2.0
 *
 * A host for tests: it counts allocations, fails the one that it is told to,
 * and keeps what is postponed until the test ends the grace period. */

#ifndef FAULTY_HOST_H
#define FAULTY_HOST_H 1

#include <ubpf/ubpf.h>

extern const struct ubpf_host faulty_host;

/* Allocation number 'n' from now on fails, counting from 0; -1: none. */
void faulty_host_fail(int n);

/* Allocations since the last call of faulty_host_fail(). */
int faulty_host_allocations(void);

/* Pieces of memory in use, postponed ones included. */
int faulty_host_in_use(void);

/* Pieces of memory that wait for the end of the grace period. */
int faulty_host_postponed(void);
void faulty_host_end_grace_period(void);

#endif /* faulty_host.h */
