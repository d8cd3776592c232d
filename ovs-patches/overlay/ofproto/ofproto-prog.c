/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ofproto-prog.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>

#include "connmgr.h"
#include "dp-prog.h"
#include "hash.h"
#include "ofproto-prog-provider.h"
#include "ofproto-provider.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-group.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "smap.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ofproto_prog);

#define DEFAULT_MAX_MAP_BYTES (UINT64_C(1) << 30)

/* A program that was unloaded while no OpenFlow flow used it, but that a
 * datapath flow may still name.  Revalidation takes a second or so at most. */
#define RETIREMENT_MS 10000

struct retired_prog {
    struct ovs_list list_node;  /* In struct ofproto_progs's 'retired'. */
    uint32_t handle;
    long long int time;         /* When it was unloaded, in ms. */
};

/* Gives 'ofproto', which is being constructed, an empty table of programs. */
void
ofproto_prog_init(struct ofproto *ofproto)
{
    struct ofproto_progs *progs = xzalloc(sizeof *progs);

    cmap_init(&progs->by_id);
    ovs_list_init(&progs->retired);
    progs->max_map_bytes = DEFAULT_MAX_MAP_BYTES;
    progs->max_program_bytes = UINT64_MAX;
    ofproto->progs = progs;
}

/* Forgets the programs in 'progs' that were retired before 'time', in ms. */
static void
forget_retired(struct ofproto_progs *progs, long long int time)
{
    struct retired_prog *retired;

    LIST_FOR_EACH_SAFE (retired, list_node, &progs->retired) {
        if (retired->time >= time) {
            break;
        }
        dp_prog_unregister(retired->handle);
        ovs_list_remove(&retired->list_node);
        free(retired);
    }
}

/* Does what the programs of 'ofproto' need to have done from time to time. */
void
ofproto_prog_run(struct ofproto *ofproto)
{
    forget_retired(ofproto->progs, time_msec() - RETIREMENT_MS);
    prog_commits_run();
}

void
ofproto_prog_wait(struct ofproto *ofproto)
{
    const struct ovs_list *retired = &ofproto->progs->retired;

    if (!ovs_list_is_empty(retired)) {
        const struct retired_prog *oldest
            = CONTAINER_OF(ovs_list_front(retired), struct retired_prog,
                           list_node);

        poll_timer_wait_until(oldest->time + RETIREMENT_MS + 1);
    }
    prog_commits_wait();
}

/* Unloads all programs of 'ofproto', whose flows and connections are gone. */
void
ofproto_prog_flush(struct ofproto *ofproto)
{
    struct ofproto_prog *prog;

    CMAP_FOR_EACH (prog, cmap_node, &ofproto->progs->by_id) {
        ofproto_prog_remove(ofproto->progs, prog, true);
    }
    forget_retired(ofproto->progs, LLONG_MAX);
}

/* Frees the table of 'ofproto', which is empty and which no thread uses. */
void
ofproto_prog_destroy(struct ofproto *ofproto)
{
    cmap_destroy(&ofproto->progs->by_id);
    free(ofproto->progs);
    ofproto->progs = NULL;
}

/* Applies what a bridge's other_config, 'config', says about programs. */
void
ofproto_prog_set_config(struct ofproto *ofproto, const struct smap *config)
{
    struct ofproto_progs *progs = ofproto->progs;

    progs->remote = smap_get_bool(config, "prog-remote", false);
    progs->max_map_bytes = smap_get_ullong(config, "prog-max-map-bytes",
                                           DEFAULT_MAX_MAP_BYTES);
    progs->max_program_bytes = smap_get_ullong(config,
                                               "prog-max-program-bytes",
                                               UINT64_MAX);
}

/* Returns true if the datapath of 'ofproto' can run programs. */
bool
ofproto_prog_is_supported(const struct ofproto *ofproto)
{
    return (ofproto->ofproto_class->prog_supported
            && ofproto->ofproto_class->prog_supported(ofproto));
}

/* Returns 0 if an action of 'ofproto' may name program 'prog', otherwise the
 * error that the action deserves.  Any thread may call this. */
enum ofperr
ofproto_prog_check(struct ofproto *ofproto, uint32_t prog)
{
    if (!ofproto_prog_is_supported(ofproto)) {
        return OFPERR_P4RT_DATAPATH;
    }
    return (ofproto_prog_find(ofproto->progs, prog)
            ? 0 : OFPERR_P4RT_UNKNOWN_PROG);
}

/* Returns the datapath's handle (lib/dp-prog.h) of program 'prog' of
 * 'ofproto', or 0 if it is not loaded.  Any thread may call this. */
uint32_t
ofproto_prog_handle(const struct ofproto *ofproto, uint32_t prog)
{
    const struct ofproto_prog *p = ofproto_prog_find(ofproto->progs, prog);

    return p ? p->handle : 0;
}

/* Returns the program with 'id', or NULL.  Any thread may call this. */
struct ofproto_prog *
ofproto_prog_find(const struct ofproto_progs *progs, uint32_t id)
{
    struct ofproto_prog *prog;

    CMAP_FOR_EACH_WITH_HASH (prog, cmap_node, hash_int(id, 0),
                             &progs->by_id) {
        if (prog->id == id) {
            return prog;
        }
    }
    return NULL;
}

/* Returns the program with 'name', or NULL. */
struct ofproto_prog *
ofproto_prog_find_by_name(const struct ofproto_progs *progs, const char *name)
{
    struct ofproto_prog *prog;

    CMAP_FOR_EACH (prog, cmap_node, &progs->by_id) {
        if (!strcmp(prog->name, name)) {
            return prog;
        }
    }
    return NULL;
}

/* Returns what 'prog' runs, never NULL, valid until the main thread's next
 * quiescent state or replacement of 'prog'. */
struct ubpf_prog *
ofproto_prog_get_ubpf(const struct ofproto_prog *prog)
{
    struct ubpf_prog *ubpf = dp_prog_lookup(prog->handle);

    ovs_assert(ubpf);
    return ubpf;
}

static void
ofproto_prog_free(struct ofproto_prog *prog)
{
    free(prog->name);
    free(prog->disassembly);
    free(prog);
}

/* Takes 'prog' out of 'progs' and frees it once no thread can be using it.
 * What it runs goes away 'at_once', or else when the datapath's flows have had
 * time to follow the OpenFlow flows, which use 'prog' no longer: in the
 * meantime their packets are treated as they were, and none is lost. */
void
ofproto_prog_remove(struct ofproto_progs *progs, struct ofproto_prog *prog,
                    bool at_once)
{
    cmap_remove(&progs->by_id, &prog->cmap_node, hash_int(prog->id, 0));
    if (at_once) {
        dp_prog_unregister(prog->handle);
    } else {
        struct retired_prog *retired = xmalloc(sizeof *retired);

        retired->handle = prog->handle;
        retired->time = time_msec();
        ovs_list_push_back(&progs->retired, &retired->list_node);
    }
    ovsrcu_postpone(ofproto_prog_free, prog);
}

static struct prog_use *
prog_uses_find(const struct hmap *uses, uint32_t id)
{
    struct prog_use *use;

    HMAP_FOR_EACH_WITH_HASH (use, hmap_node, hash_int(id, 0), uses) {
        if (use->id == id) {
            return use;
        }
    }
    return NULL;
}

/* Counts a flow (or, if 'is_bucket', a bucket) with 'ofpacts' in 'uses', once
 * for each of the programs that they name. */
static void
prog_uses_add(struct hmap *uses, const struct ofpact *ofpacts,
              size_t ofpacts_len, bool is_bucket)
{
    const struct ofpact_prog *a, *b;

    OFPACT_FOR_EACH_TYPE_FLATTENED (a, PROG, ofpacts, ofpacts_len) {
        /* Was this id already seen in these actions? */
        OFPACT_FOR_EACH_TYPE_FLATTENED (b, PROG, ofpacts, ofpacts_len) {
            if (b == a || b->prog == a->prog) {
                break;
            }
        }
        if (b != a) {
            continue;
        }

        struct prog_use *use = prog_uses_find(uses, a->prog);
        if (!use) {
            use = xzalloc(sizeof *use);
            use->id = a->prog;
            hmap_insert(uses, &use->hmap_node, hash_int(use->id, 0));
        }
        if (is_bucket) {
            use->n_buckets++;
        } else {
            use->n_flows++;
        }
    }
}

/* Initializes 'uses' with a "struct prog_use" for each id that a flow or group
 * of 'ofproto' names.  To be freed with prog_uses_destroy(). */
void
prog_uses_collect(struct ofproto *ofproto, struct hmap *uses)
{
    const struct oftable *table;

    hmap_init(uses);
    ovs_mutex_lock(&ofproto_mutex);
    for (int i = 0; i < ofproto->n_tables; i++) {
        const struct rule *rule;

        table = &ofproto->tables[i];
        CLS_FOR_EACH (rule, cr, &table->cls) {
            const struct rule_actions *actions = rule_get_actions(rule);

            prog_uses_add(uses, actions->ofpacts, actions->ofpacts_len, false);
        }
    }

    const struct ofgroup *group;
    CMAP_FOR_EACH (group, cmap_node, &ofproto->groups) {
        const struct ofputil_bucket *bucket;

        if (versions_visible_in_version(&group->versions, OVS_VERSION_MAX)) {
            LIST_FOR_EACH (bucket, list_node, &group->buckets) {
                prog_uses_add(uses, bucket->ofpacts, bucket->ofpacts_len,
                              true);
            }
        }
    }
    ovs_mutex_unlock(&ofproto_mutex);
}

/* Returns who uses the program with 'id' according to 'uses'. */
struct prog_use
prog_uses_get(const struct hmap *uses, uint32_t id)
{
    const struct prog_use *use = prog_uses_find(uses, id);

    return use ? *use : (struct prog_use) { .id = id };
}

void
prog_uses_destroy(struct hmap *uses)
{
    struct prog_use *use;

    HMAP_FOR_EACH_POP (use, hmap_node, uses) {
        free(use);
    }
    hmap_destroy(uses);
}

/* Answers 'req' with a P4RT_ERROR.  'index' is 0 but for requests with several
 * entries. */
void
prog_request_fail(const struct prog_request *req, enum p4rt_error_code code,
                  uint32_t index, const char *format, ...)
{
    const char *name = ofp_prog_type_to_string(req->msg.type);
    va_list args;
    char *text;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);

    VLOG_DBG("%s: %s failed: %s", req->ofproto->name,
             name ? name : "request", text);
    ofconn_send_reply(req->ofconn,
                      ofp_prog_encode_error(req->oh, code, index, text));
    free(text);
}

/* Answers 'req' with one message, the reply that belongs to its type, made of
 * 'body' and 'data_len' bytes of 'data'. */
void
prog_request_reply(const struct prog_request *req, const void *body,
                   const void *data, size_t data_len)
{
    ofconn_send_reply(req->ofconn,
                      ofp_prog_encode(req->oh->version, req->oh->xid,
                                      req->msg.type + 0x80, body,
                                      data, data_len));
}

/* Returns the program with 'id' if it is loaded and its generation is the one
 * wanted (0 for any).  Otherwise answers 'req' with an error and returns
 * NULL. */
struct ofproto_prog *
prog_request_find_prog(const struct prog_request *req, ovs_be32 id,
                       ovs_be32 generation)
{
    struct ofproto_prog *prog = ofproto_prog_find(req->progs, ntohl(id));

    if (!prog) {
        prog_request_fail(req, P4RT_E_NO_PROG, 0,
                          "bridge %s has no program %"PRIu32,
                          req->ofproto->name, ntohl(id));
        return NULL;
    }
    if (generation && ntohl(generation) != prog->generation) {
        prog_request_fail(req, P4RT_E_CHANGED, 0,
                          "program %"PRIu32" (%s) was replaced",
                          prog->id, prog->name);
        return NULL;
    }
    return prog;
}

/* Returns true if the sender of 'req' may do what it asks for.  Otherwise
 * answers with an error and returns false. */
static bool
prog_request_is_permitted(const struct prog_request *req)
{
    if (!ofp_prog_type_changes(req->msg.type)) {
        return true;
    }
    if (!req->progs->remote && !ofconn_is_management(req->ofconn)) {
        prog_request_fail(req, P4RT_E_PERM, 0,
                          "only the local management socket may change "
                          "programs of bridge %s (unless its "
                          "other_config:prog-remote is true)",
                          req->ofproto->name);
        return false;
    }
    if (ofconn_get_role(req->ofconn) == OFPCR12_ROLE_SECONDARY) {
        prog_request_fail(req, P4RT_E_PERM, 0,
                          "a controller in the secondary role may not change "
                          "programs");
        return false;
    }
    return true;
}

static void
prog_request_dispatch(const struct prog_request *req)
{
    switch (req->msg.type) {
    case P4RT_UPLOAD_BEGIN:
        prog_handle_upload_begin(req);
        break;
    case P4RT_UPLOAD_CHUNK:
        prog_handle_upload_chunk(req);
        break;
    case P4RT_UPLOAD_COMMIT:
        prog_handle_upload_commit(req);
        break;
    case P4RT_UNLOAD:
        prog_handle_unload(req);
        break;
    case P4RT_LIST:
        prog_handle_list(req);
        break;
    case P4RT_READ:
        prog_handle_read(req);
        break;
    case P4RT_MAP_LIST:
        prog_handle_map_list(req);
        break;
    case P4RT_MAP_LOOKUP:
        prog_handle_map_lookup(req);
        break;
    case P4RT_MAP_UPDATE:
        prog_handle_map_update(req);
        break;
    case P4RT_MAP_DELETE:
        prog_handle_map_delete(req);
        break;
    case P4RT_MAP_DUMP:
        prog_handle_map_dump(req);
        break;
    default:
        prog_request_fail(req, P4RT_E_BAD_MESSAGE, 0,
                          "%s is not a request",
                          ofp_prog_type_to_string(req->msg.type));
        break;
    }
}

/* Handles 'oh', an OFPTYPE_P4RT message that 'ofconn' received.  All errors
 * are answered here, as P4RT_ERROR. */
enum ofperr
ofproto_prog_handle_message(struct ofconn *ofconn, const struct ofp_header *oh)
{
    struct ofproto *ofproto = ofconn_get_ofproto(ofconn);
    struct prog_request req = {
        .ofconn = ofconn,
        .ofproto = ofproto,
        .progs = ofproto->progs,
        .oh = oh,
    };
    char *error;

    enum p4rt_error_code code = ofp_prog_decode(oh, &req.msg, &error);
    if (code) {
        prog_request_fail(&req, code, 0, "%s", error);
        free(error);
    } else if (prog_request_is_permitted(&req)) {
        prog_request_dispatch(&req);
    }
    return 0;
}
