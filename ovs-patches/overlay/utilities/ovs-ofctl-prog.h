/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OVS_OFCTL_PROG_H
#define OVS_OFCTL_PROG_H 1

/* The commands of ovs-ofctl that load and show BPF programs.  Each works on
 * an open connection to a switch, prints to stdout, and ends the process with
 * a message if the switch refuses. */

#include <stdint.h>

#include "compiler.h"

struct simap;
struct vconn;

extern int ofctl_prog_replace;  /* --replace: prog-load may replace. */
extern int ofctl_prog_force;    /* --force: prog-unload ignores flows. */

void ofctl_prog_load(struct vconn *, const char *file_name, const char *name);
void ofctl_prog_unload(struct vconn *, const char *prog);
void ofctl_prog_list(struct vconn *);
void ofctl_prog_maps(struct vconn *, const char *prog);

/* Adds the name of each program of the switch to 'names', with its id. */
void ofctl_prog_get_names(struct vconn *, struct simap *names);

/* Ends the process, because 'switch_name' has no program 'name' but only
 * those in 'names'. */
void ofctl_prog_unknown(const char *switch_name, const char *name,
                        const struct simap *names) OVS_NO_RETURN;

#endif /* ovs-ofctl-prog.h */
