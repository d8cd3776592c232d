/* SPDX-License-Identifier: Apache-2.0
 *
 * The two-rate three-colour marker of RFC 2698. */

#ifndef UBPF_METER_H
#define UBPF_METER_H 1

#include <stdint.h>

struct ubpf_map;
struct ubpf_meter;

/* The new colour of a packet of 'units' that came with 'colour' at 'now', as
 * UBPF_HELPER_METER_UPDATE says.  Threads may do this at the same time, and
 * may write to the meter meanwhile. */
uint64_t ubpf_meter_update(struct ubpf_meter *meter, uint64_t units,
                           uint64_t colour, uint64_t now);

/* Sets rates and bursts from the 'meter' of a control plane's update, and
 * fills the buckets at 'now'. */
void ubpf_meter_set(struct ubpf_meter *meter,
                    const struct ubpf_meter *configuration, uint64_t now);

/* The meters of a map of meters. */
struct ubpf_meter *ubpf_meter_map_meters(const struct ubpf_map *map);

#endif /* meter.h */
