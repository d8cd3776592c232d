/* SPDX-License-Identifier: Apache-2.0
 *
 * The same maps with other numbers. */

#define WITH_ANOTHER_MAP_BEFORE 1
#include "groups.c"
