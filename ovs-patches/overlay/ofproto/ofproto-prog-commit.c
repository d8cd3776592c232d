/* SPDX-License-Identifier: Apache-2.0 */

/* From an uploaded object to a program that runs.
 *
 * A commit waits in a queue for its turn, of which there is one at a time in
 * the process, and then alternates between the worker and the main thread:
 *
 *     main     checks what can be checked without the object
 *     worker   loads and verifies it
 *     main     gives it the maps of the program that it replaces
 *     worker   compiles it
 *     main     publishes it and answers
 *
 * The connection waits meanwhile (see ofproto_prog_is_waiting()), so that its
 * requests are handled in their order.  Requests of other connections go on,
 * which is why the program that is to be replaced may be gone in the end. */

#include <config.h>
#include "ofproto-prog-provider.h"

#include <errno.h>
#include <stdlib.h>
#include <ubpf/ubpf.h>

#include "connmgr.h"
#include "dp-prog.h"
#include "hash.h"
#include "ofproto-prog-worker.h"
#include "ofproto-provider.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ofproto_prog_commit);

struct commit {
    struct ovs_list list_node;  /* In 'commits'. */
    struct ofp_header oh;       /* Of the request. */
    struct prog_request req;    /* Its 'ofconn' is NULL, and its pointers are
                                 * of no use, once the connection is gone. */
    char *name;
    uint8_t *object;
    uint32_t length;            /* Bytes of 'object'. */
    bool replace;

    struct prog_task task;      /* What the worker does, or has done. */
    struct ubpf_prog *ubpf;     /* Since it was loaded. */
    uint64_t load_ns;           /* How long that took. */
    uint32_t old_id;            /* The program to replace, 0 if there was none
                                 * when 'ubpf' got its maps. */
    uint32_t old_generation;
    size_t n_kept;              /* Maps of it that 'ubpf' has. */
};

/* Commits that were not answered yet.  The first one is the worker's if that
 * is busy. */
static struct ovs_list commits = OVS_LIST_INITIALIZER(&commits);

static struct commit *
first_commit(void)
{
    return (ovs_list_is_empty(&commits) ? NULL
            : CONTAINER_OF(ovs_list_front(&commits), struct commit,
                           list_node));
}

static void
commit_destroy(struct commit *c)
{
    ovs_list_remove(&c->list_node);
    prog_object_free(c->object, c->length);
    ubpf_error_free(c->task.text);
    if (c->ubpf) {
        ubpf_prog_destroy(c->ubpf);
    }
    free(c->name);
    free(c);
}

/* Returns true if 'ofconn' waits for the answer to a commit: until then it
 * sends and receives, but no message of it is handled. */
bool
ofproto_prog_is_waiting(const struct ofconn *ofconn)
{
    const struct commit *c;

    LIST_FOR_EACH (c, list_node, &commits) {
        if (c->req.ofconn == ofconn) {
            return true;
        }
    }
    return false;
}

/* Forgets the commit that 'ofconn', which is being closed, waits for. */
void
prog_commit_cancel(const struct ofconn *ofconn)
{
    struct commit *c;

    LIST_FOR_EACH_SAFE (c, list_node, &commits) {
        if (c->req.ofconn == ofconn) {
            if (c == first_commit() && prog_worker_is_busy()) {
                c->req = (struct prog_request) { .ofconn = NULL };
            } else {
                commit_destroy(c);
            }
        }
    }
}

/* Starts to publish 'object', taken over like 'name', for 'req', which is
 * answered some time later. */
void
prog_commit_start(const struct prog_request *req, char *name, uint8_t *object,
                  uint32_t length, bool replace)
{
    struct commit *c = xmalloc(sizeof *c);

    *c = (struct commit) {
        .oh = *req->oh,
        .req = *req,
        .name = name,
        .object = object,
        .length = length,
        .replace = replace,
    };
    c->req.oh = &c->oh;
    ovs_list_push_back(&commits, &c->list_node);
    prog_commits_run();
}

/* Bytes of an entry besides its key and value, estimated. */
#define MAP_ENTRY_OVERHEAD 72

/* Returns the most bytes that the maps of 'ubpf' can come to occupy: some take
 * their memory as entries come. */
static uint64_t
ubpf_map_bytes(const struct ubpf_prog *ubpf)
{
    uint64_t total = 0;

    for (size_t i = 0; i < ubpf_prog_n_maps(ubpf); i++) {
        struct ubpf_map_info info;
        uint64_t full = 0;

        ubpf_map_get_info(ubpf_prog_map(ubpf, i), &info);
        switch (info.def.type) {
        case UBPF_MAP_TYPE_HASH:
        case UBPF_MAP_TYPE_LPM:
        case UBPF_MAP_TYPE_LRU_HASH:
        case UBPF_MAP_TYPE_TERNARY:
            full = ((uint64_t) info.def.max_entries
                    * ((uint64_t) info.entry_key_size + info.entry_value_size
                       + MAP_ENTRY_OVERHEAD));
            break;
        default:
            break;
        }
        total += MAX(full, info.bytes);
    }
    return total;
}

/* Answers the request of 'c' with an error because of its task. */
static void
commit_refuse(const struct commit *c)
{
    int error = c->task.error;
    char *why = ofp_prog_sanitize(c->task.text ? c->task.text
                                  : ovs_strerror(error));

    VLOG_INFO("bridge %s: program %s was refused: %.*s",
              c->req.ofproto->name, c->name, (int) strcspn(why, "\n"), why);
    prog_request_fail(&c->req,
                      (error == EPERM ? P4RT_E_VERIFIER
                       : error == E2BIG ? P4RT_E_LIMIT
                       : error == ENOMEM ? P4RT_E_NOMEM
                       : P4RT_E_OBJECT),
                      0, "%s", why);
    free(why);
}

/* Begins with 'c'.  Returns false if it was answered with an error. */
static bool
commit_load(struct commit *c)
{
    struct ofproto_progs *progs = c->req.progs;
    const struct ofproto_prog *old = ofproto_prog_find_by_name(progs, c->name);
    const struct ofproto_prog *prog;
    uint64_t others = 0;

    if (old && !c->replace) {
        prog_request_fail(&c->req, P4RT_E_EXISTS, 0,
                          "bridge %s has a program %s already, with id "
                          "%"PRIu32, c->req.ofproto->name, old->name, old->id);
        return false;
    }
    if (!old && cmap_count(&progs->by_id) >= OFPROTO_PROG_MAX) {
        prog_request_fail(&c->req, P4RT_E_LIMIT, 0,
                          "bridge %s has %d programs already",
                          c->req.ofproto->name, OFPROTO_PROG_MAX);
        return false;
    }

    CMAP_FOR_EACH (prog, cmap_node, &progs->by_id) {
        if (prog != old) {
            others += MAX(prog->map_bytes, ubpf_prog_memory_used(
                              ofproto_prog_get_ubpf(prog)));
        }
    }

    uint64_t left = (progs->max_map_bytes > others
                     ? progs->max_map_bytes - others : 0);
    c->task = (struct prog_task) {
        .type = PROG_TASK_LOAD,
        .object = c->object,
        .length = c->length,
        /* 0 would stand for libubpf's default. */
        .limits.max_map_bytes = MAX(MIN(left, progs->max_program_bytes), 1),
    };
    prog_worker_start(&c->task);
    return true;
}

/* Goes on with 'c', which was loaded, or not.  Returns false if it was
 * answered with an error. */
static bool
commit_compile(struct commit *c)
{
    const struct ofproto_prog *old;

    if (!c->task.ubpf) {
        commit_refuse(c);
        return false;
    }
    c->ubpf = c->task.ubpf;
    c->load_ns = c->task.ns;
    prog_object_free(c->object, c->length);
    c->object = NULL;

    old = ofproto_prog_find_by_name(c->req.progs, c->name);
    if (old) {
        c->old_id = old->id;
        c->old_generation = old->generation;
        c->n_kept = ubpf_prog_adopt_maps(c->ubpf, ofproto_prog_get_ubpf(old));
    }

    c->task = (struct prog_task) {
        .type = PROG_TASK_COMPILE,
        .ubpf = c->ubpf,
    };
    prog_worker_start(&c->task);
    return true;
}

/* Returns the smallest id of 'ofproto' that neither a program nor a flow or
 * group has: a flow whose program was unloaded by force must not come to run
 * another one. */
static uint32_t
choose_id(struct ofproto *ofproto)
{
    struct hmap uses;
    uint32_t id;

    prog_uses_collect(ofproto, &uses);
    for (id = 1; ; id++) {
        struct prog_use use = prog_uses_get(&uses, id);

        if (!use.n_flows && !use.n_buckets
            && !ofproto_prog_find(ofproto->progs, id)) {
            break;
        }
    }
    prog_uses_destroy(&uses);
    return id;
}

/* Puts what 'c' has loaded in the place of what 'prog' runs or, if that is
 * NULL, makes it a new program of the bridge.  Returns the program. */
static struct ofproto_prog *
commit_publish(struct commit *c, struct ofproto_prog *prog)
{
    struct ubpf_prog *ubpf = c->ubpf;
    uint64_t map_bytes = ubpf_map_bytes(ubpf);

    c->ubpf = NULL;
    if (prog) {
        free(prog->disassembly);
        prog->disassembly = NULL;

        /* Flows hold the handle, so there is nothing to revalidate, and each
         * batch of packets meets either the old program or the new one. */
        dp_prog_replace(prog->handle, ubpf);
    } else {
        prog = xzalloc(sizeof *prog);
        prog->id = choose_id(c->req.ofproto);
        prog->name = xstrdup(c->name);
        prog->handle = dp_prog_register(ubpf);
        cmap_insert(&c->req.progs->by_id, &prog->cmap_node,
                    hash_int(prog->id, 0));
    }
    prog->generation++;
    prog->map_bytes = map_bytes;
    prog->load_ns = c->load_ns;
    prog->loaded = time_msec();
    return prog;
}

/* Says in the log how the program of 'c' is run. */
static void
log_engine(const struct commit *c)
{
    const char *why = c->task.text ? c->task.text
                                   : ovs_strerror(c->task.error);

    if (c->task.error == ENOTSUP) {
        VLOG_INFO_ONCE("programs are interpreted: %s", why);
    } else if (c->task.error) {
        VLOG_WARN("bridge %s: program %s is interpreted: %s",
                  c->req.ofproto->name, c->name, why);
    }
}

/* Ends 'c', which was compiled, or not, and answers its request. */
static void
commit_finish(struct commit *c)
{
    struct ofproto_prog *old = ofproto_prog_find_by_name(c->req.progs,
                                                         c->name);

    if ((old ? old->id : 0) != c->old_id
        || (old && old->generation != c->old_generation)) {
        prog_request_fail(&c->req, P4RT_E_CHANGED, 0,
                          "program %s was unloaded meanwhile", c->name);
        return;
    }
    log_engine(c);

    const struct ubpf_prog *ubpf = c->ubpf;
    const struct ofproto_prog *prog = commit_publish(c, old);

    VLOG_INFO("bridge %s: %s program %"PRIu32" (%s): %"PRIu32" instructions, "
              "%"PRIuSIZE" maps, of which %"PRIuSIZE" kept; "
              "loaded in %.1f ms, %s",
              c->req.ofproto->name, old ? "replaced" : "loaded", prog->id,
              prog->name, ubpf_prog_n_insns(ubpf), ubpf_prog_n_maps(ubpf),
              c->n_kept, c->load_ns / 1e6,
              ubpf_prog_is_native(ubpf) ? "native" : "interpreted");

    struct p4rt_upload_commit_reply reply = {
        .prog = htonl(prog->id),
        .n_maps = htonl(ubpf_prog_n_maps(ubpf)),
        .n_maps_kept = htonl(c->n_kept),
        .n_insns = htonl(ubpf_prog_n_insns(ubpf)),
    };
    const char *summary = ubpf_prog_verifier_summary(ubpf);
    prog_request_reply(&c->req, &reply, summary,
                       MIN(strlen(summary), P4RT_DATA_MAX));
}

/* Goes on with 'c', of which the worker has done a part.  Returns true if
 * there is more for it to do. */
static bool
commit_continue(struct commit *c)
{
    if (!c->req.ofconn) {
        c->ubpf = c->task.ubpf;
        return false;
    }
    if (c->task.type == PROG_TASK_LOAD) {
        return commit_compile(c);
    }
    commit_finish(c);
    return false;
}

/* Goes on with commits, as far as the worker has come. */
void
prog_commits_run(void)
{
    struct commit *c = first_commit();

    if (prog_worker_run() && !commit_continue(c)) {
        commit_destroy(c);
    }
    while (!prog_worker_is_busy() && (c = first_commit())) {
        if (!commit_load(c)) {
            commit_destroy(c);
        }
    }
}

void
prog_commits_wait(void)
{
    prog_worker_wait();
}

/* Ends the worker.  All bridges are gone. */
void
ofproto_prog_exit(void)
{
    prog_worker_exit();
    prog_commits_run();
}
