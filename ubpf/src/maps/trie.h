/* SPDX-License-Identifier: Apache-2.0
 *
 * An index of prefixes: a binary trie in which nodes with one child are left
 * out, with lock-free readers.  Writers are serialised by the caller.
 *
 * A node's prefix never changes and a child's prefix always extends its
 * parent's, so a reader that stands on a node that was taken out meanwhile
 * still goes on to what was below it. */

#ifndef UBPF_TRIE_H
#define UBPF_TRIE_H 1

#include <stdint.h>

#include <ubpf/ubpf.h>

#include "maps/table.h"

struct trie_node;
typedef struct trie_node *_Atomic trie_link;

struct trie {
    struct pool *pool;  /* Of nodes. */
    uint32_t data_size; /* Bytes of a key after the length. */
    trie_link root;
    struct trie_node *spare[2]; /* What trie_reserve() allocated. */
};

/* Bytes that the trie of a full map of 'def' takes. */
uint64_t trie_footprint(const struct ubpf_map_def *def);
uint64_t trie_bytes(const struct trie *trie);

/* Initialises 'trie' for keys of 'data_size' bytes.  Returns 0 or ENOMEM. */
int trie_init(struct trie *trie, const struct ubpf_host *host,
              uint32_t data_size);

/* Frees the trie, but no elements, at once.  A zeroed trie is fine. */
void trie_uninit(struct trie *trie);

/* The element for the longest prefix, of at most 'limit' bits, of the bits at
 * 'data', or NULL.  'limit' is at most that of the keys.  'data' may be
 * written meanwhile: the result is then anyone's guess, but safe. */
struct table_element *trie_lookup(const struct trie *trie, const uint8_t *data,
                                  uint32_t limit);

/* Sees to it that the next trie_set() has the memory that it needs.  Returns 0
 * or ENOMEM. */
int trie_reserve(struct trie *trie);

/* Makes 'element' the one for the first 'prefix_len' bits at 'data'.  If there
 * was none for this prefix before, trie_reserve() must have succeeded. */
void trie_set(struct trie *trie, const uint8_t *data, uint32_t prefix_len,
              struct table_element *element);

/* Takes the prefix, which must be there, out. */
void trie_remove(struct trie *trie, const uint8_t *data, uint32_t prefix_len);

#endif /* trie.h */
