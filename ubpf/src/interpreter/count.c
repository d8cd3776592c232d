/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreter's loop, and a count of the instructions that it runs. */

#define UBPF_COUNT_INSNS
#include "interpreter/run.c"
