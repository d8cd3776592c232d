/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections by addresses and ports: how many packets, and whether a RST ended them. */

#define NEW 0
#define KNOWN 1
#define CLOSED 2

#define SYN 0x02
#define RST 0x04

struct entry {
    uint32_t packets;
    uint32_t closed;
};

struct ubpf_map_def connections SECTION(UBPF_SEC_MAPS) = {
    .type = UBPF_MAP_TYPE_HASH,
    .key_size = sizeof(struct connection_t),
    .value_size = sizeof(struct entry),
    .max_entries = 1024,
};

/* Adds the packets of the connection so far to '*packets'. */
uint32_t
track(const struct connection_t *connection, const struct tcp_t *tcp,
      uint8_t *packets)
{
    struct connection_t key = *connection;
    struct entry *old = map_lookup(&connections, &key);

    if (!old || (old->closed && tcp->flags == SYN)) {
        struct entry new = { .packets = 1 };

        if (tcp->flags == SYN) {
            map_update(&connections, &key, &new, 0);
            *packets += 1;
        }
        return NEW;
    }
    if (tcp->flags & RST) {
        old->closed = 1;
    } else if (old->closed) {
        return CLOSED;
    }
    old->packets++;
    *packets += old->packets;
    return KNOWN;
}
