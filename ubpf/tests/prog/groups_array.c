/* SPDX-License-Identifier: Apache-2.0
 *
 * An array of numbers that says what maps in it would look like. */

#define TYPE_OF_GROUPS UBPF_MAP_TYPE_ARRAY
#include "groups_btf.c"
