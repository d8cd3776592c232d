/* SPDX-License-Identifier: Apache-2.0
 *
 * An array of maps that look like none in the object. */

#define TYPE_OF_VALUES UBPF_MAP_TYPE_LRU_HASH
#include "groups_btf.c"
