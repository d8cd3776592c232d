/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFPROTO_PROG_H
#define OFPROTO_PROG_H 1

/* BPF programs of a bridge.
 *
 * Each bridge has a table of programs, numbered from 1 and named, which
 * OpenFlow experimenter messages (openflow/p4rt-ext.h) load, replace, unload
 * and read.  This module owns that table, the uploads in progress on each
 * OpenFlow connection, and the rules of who may do what.  What runs the
 * programs, and the handle that the datapath knows them by, is
 * lib/dp-prog.h.
 *
 * Threads: everything runs in the main thread, except for the two functions
 * that say otherwise.  What takes long, loading and compiling, is left to a
 * worker (ofproto-prog-worker.h). */

#include <stdbool.h>
#include <stdint.h>
#include "openvswitch/ofp-errors.h"

struct ofconn;
struct ofp_header;
struct ofproto;
struct smap;

/* Life of a bridge's programs. */
void ofproto_prog_init(struct ofproto *);
void ofproto_prog_run(struct ofproto *);
void ofproto_prog_wait(struct ofproto *);
void ofproto_prog_flush(struct ofproto *);
void ofproto_prog_destroy(struct ofproto *);
void ofproto_prog_set_config(struct ofproto *, const struct smap *config);
void ofproto_prog_exit(void);

/* For the check and the translation of actions.  Both may be called from any
 * thread, and ofproto_prog_handle() without a lock, between two quiescent
 * states of the thread. */
enum ofperr ofproto_prog_check(struct ofproto *, uint32_t prog);
uint32_t ofproto_prog_handle(const struct ofproto *, uint32_t prog);

/* OpenFlow messages. */
enum ofperr ofproto_prog_handle_message(struct ofconn *,
                                        const struct ofp_header *);
bool ofproto_prog_is_waiting(const struct ofconn *);
void ofproto_prog_close(struct ofconn *);

#endif /* ofproto-prog.h */
