/* SPDX-License-Identifier: Apache-2.0
 *
 * The same, but for the size of a group. */

#define LARGE_ENTRIES 32
#include "groups.c"
