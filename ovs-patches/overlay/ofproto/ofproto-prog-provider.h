/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFPROTO_PROG_PROVIDER_H
#define OFPROTO_PROG_PROVIDER_H 1

/* What the files ofproto-prog*.c share, and nobody else uses. */

#include "cmap.h"
#include "ofp-prog.h"
#include "ofproto-prog.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"

struct ubpf_map;
struct ubpf_prog;

/* A loaded program of a bridge.  'id' and 'handle' never change and may be
 * read by any thread under RCU; all else belongs to the main thread. */
struct ofproto_prog {
    struct cmap_node cmap_node; /* In struct ofproto_progs's 'by_id'. */
    uint32_t id;                /* As in the action: prog:ID. */
    uint32_t handle;            /* In lib/dp-prog.h. */
    char *name;
    uint32_t generation;        /* 1, and 1 more with each replacement. */
    uint64_t map_bytes;         /* Most that its maps can occupy. */
    long long int loaded;       /* Time of load or last replacement, ms. */
    uint64_t load_ns;           /* How long that took, without compilation. */
    char *disassembly;          /* Kept while it is being read, or NULL. */
};

/* The programs of a bridge. */
struct ofproto_progs {
    struct cmap by_id;          /* Contains "struct ofproto_prog"s. */
    bool remote;                /* May any connection make changes? */
    uint64_t max_map_bytes;     /* Limit on the sum of 'map_bytes'. */
    uint64_t max_program_bytes; /* Limit on each of them. */
    struct ovs_list retired;    /* Contains "struct retired_prog"s, oldest
                                 * first. */
};

#define OFPROTO_PROG_MAX 256    /* Most programs in a bridge. */

struct ofproto_prog *ofproto_prog_find(const struct ofproto_progs *,
                                       uint32_t id);
struct ofproto_prog *ofproto_prog_find_by_name(const struct ofproto_progs *,
                                               const char *name);
struct ubpf_prog *ofproto_prog_get_ubpf(const struct ofproto_prog *);
void ofproto_prog_remove(struct ofproto_progs *, struct ofproto_prog *,
                         bool at_once);
bool ofproto_prog_is_supported(const struct ofproto *);

/* Who uses the program with an id, which need not be loaded. */
struct prog_use {
    struct hmap_node hmap_node; /* In a map from prog_uses_collect(). */
    uint32_t id;
    uint32_t n_flows;
    uint32_t n_buckets;         /* Of groups. */
};
void prog_uses_collect(struct ofproto *, struct hmap *uses);
struct prog_use prog_uses_get(const struct hmap *uses, uint32_t id);
void prog_uses_destroy(struct hmap *uses);

/* A request that is being handled.  A handler sends either its reply or, with
 * prog_request_fail(), an error. */
struct prog_request {
    struct ofconn *ofconn;
    struct ofproto *ofproto;
    struct ofproto_progs *progs;
    const struct ofp_header *oh;
    struct ofp_prog_msg msg;
};
void prog_request_fail(const struct prog_request *, enum p4rt_error_code,
                       uint32_t index, const char *format, ...)
    OVS_PRINTF_FORMAT(4, 5);
void prog_request_reply(const struct prog_request *, const void *body,
                        const void *data, size_t data_len);
struct ofproto_prog *prog_request_find_prog(const struct prog_request *,
                                            ovs_be32 id, ovs_be32 generation);

/* Publishing what was uploaded. */
void prog_commit_start(const struct prog_request *, char *name,
                       uint8_t *object, uint32_t length, bool replace);
void prog_commit_cancel(const struct ofconn *);
void prog_commits_run(void);
void prog_commits_wait(void);
void prog_object_free(uint8_t *object, uint32_t length);

void prog_handle_upload_begin(const struct prog_request *);
void prog_handle_upload_chunk(const struct prog_request *);
void prog_handle_upload_commit(const struct prog_request *);
void prog_handle_unload(const struct prog_request *);
void prog_handle_list(const struct prog_request *);
void prog_handle_read(const struct prog_request *);
void prog_handle_map_list(const struct prog_request *);
void prog_handle_map_lookup(const struct prog_request *);
void prog_handle_map_update(const struct prog_request *);
void prog_handle_map_delete(const struct prog_request *);
void prog_handle_map_dump(const struct prog_request *);

#endif /* ofproto-prog-provider.h */
