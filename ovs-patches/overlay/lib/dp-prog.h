/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DP_PROG_H
#define DP_PROG_H 1

/* BPF programs of the userspace datapath.
 *
 * A registry, global to the process, from a 32-bit handle to a loaded program.
 * Datapath flows hold the handle, never a pointer: it is looked up under RCU
 * for each batch, so that a program can be replaced between two batches, and a
 * flow that outlives its program drops packets and counts them.  Handles are
 * not used again before 2^32 others were.
 *
 * ofproto/ofproto-prog.h is the owner of handles: it maps a bridge's program
 * ids and names to them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ubpf/abi.h>

#include "openvswitch/types.h"

struct dp_packet;
struct dp_packet_batch;
struct ubpf_prog;

/* The host that libubpf runs on inside this process: malloc() (which may fail),
 * ovsrcu_postpone() and the monotonic clock. */
extern const struct ubpf_host dp_prog_host;

#define DP_PROG_N_VERDICTS (UBPF_RESUBMIT + 1)

struct dp_prog_stats {
    uint64_t packets;           /* Packets that the program ran on. */
    uint64_t bytes;             /* Their bytes, on entry. */
    uint64_t verdicts[DP_PROG_N_VERDICTS];      /* By enum ubpf_verdict. */
    uint64_t cloned;            /* Copies made. */
};

/* Takes 'prog' over and returns its new handle, never 0. */
uint32_t dp_prog_register(struct ubpf_prog *prog);

/* Puts 'prog', taken over, in the place of the program at 'handle'.  The old
 * one is destroyed after a grace period.  Statistics go on. */
void dp_prog_replace(uint32_t handle, struct ubpf_prog *prog);

/* Forgets 'handle'; the program is destroyed after a grace period. */
void dp_prog_unregister(uint32_t handle);

/* The program at 'handle', or NULL.  Valid until the caller's next quiescent
 * state. */
struct ubpf_prog *dp_prog_lookup(uint32_t handle);

/* Deletes idle entries of the maps of all programs, where a program wants
 * that.  The caller is between two quiescent states, and is in several during
 * the call. */
void dp_prog_expire(void);

bool dp_prog_get_stats(uint32_t handle, struct dp_prog_stats *);

/* What a program is told of all packets of a batch. */
struct dp_prog_input {
    uint32_t in_port;           /* OpenFlow port. */
    bool has_tun_id;            /* Is 'tun_id' to replace the packet's own? */
    ovs_be64 tun_id;
};

/* Where a program sends a packet, in the packet's dp_hash while it
 * recirculates: to an OpenFlow port, as OpenFlow 1.0's 16-bit number, or to
 * this plus the number of an OpenFlow table. */
#define DP_PROG_TABLE 0x10000

/* Highest number of a table that a program may name: further ones, up to
 * OpenFlow's 254, are the switch's own. */
#define DP_PROG_TABLE_MAX 253

/* OpenFlow ports under this may have a datapath port to which the action sends
 * packets itself, without recirculation. */
#define DP_PROG_DIRECT_MAX 64

/* What became of one packet.  Ports are never 0: a program may also name
 * reserved ports as OpenFlow 1.1 does, with 32 bits.  A packet that is sent to
 * any other port or table is dropped. */
struct dp_prog_result {
    uint32_t verdict;           /* enum ubpf_verdict. */
    uint32_t target;            /* For UBPF_REDIRECT and UBPF_RESUBMIT: as
                                 * described above. */
    uint16_t clone_port;        /* For a copy of the packet; 0: none. */
};

/* Gives every packet of 'batch' its final bytes, as a program has to see them:
 * truncates, segments and computes checksums as those who come later would.
 * The batch may grow. */
void dp_prog_prepare_batch(struct dp_packet_batch *batch);

/* Runs the program at 'handle' on each packet of 'batch', which has been
 * prepared and which the program may change, and fills results[i] for the
 * packet at index i.  Layer offsets, RSS hash and checksum state of the
 * packets are unset afterwards.  The batch keeps its size and order. */
void dp_prog_run_batch(uint32_t handle, struct dp_packet_batch *batch,
                       const struct dp_prog_input *,
                       struct dp_prog_result results[]);

/* Finds layer offsets and RSS hash of the packets of 'batch', which a program
 * has left, for an action that needs them without a recirculation. */
void dp_prog_find_headers(struct dp_packet_batch *batch);

#endif /* dp-prog.h */
