/* SPDX-License-Identifier: Apache-2.0 */

/* What can be read of programs, and their maps. */

#include <config.h>
#include "ofproto-prog-provider.h"

#include <errno.h>
#include <stdlib.h>
#include <ubpf/ubpf.h>

#include "byte-order.h"
#include "connmgr.h"
#include "dp-prog.h"
#include "ofproto-provider.h"
#include "timeval.h"
#include "util.h"

/* Most bytes of elements in the reply to one request, so that a small request
 * cannot make the switch buffer a large answer. */
#define REPLY_MAX_BYTES (1u << 20)

static int
compare_progs(const void *a_, const void *b_)
{
    const struct ofproto_prog *const *a = a_;
    const struct ofproto_prog *const *b = b_;

    return (*a)->id < (*b)->id ? -1 : (*a)->id > (*b)->id;
}

/* Fills 'pd' with a description of 'prog'. */
static void
describe_prog(const struct ofproto_prog *prog, const struct hmap *uses,
              struct p4rt_prog_desc *pd)
{
    const struct ubpf_prog *ubpf = ofproto_prog_get_ubpf(prog);
    struct prog_use use = prog_uses_get(uses, prog->id);
    struct dp_prog_stats stats;
    size_t object_length;

    if (!dp_prog_get_stats(prog->handle, &stats)) {
        memset(&stats, 0, sizeof stats);
    }
    ubpf_prog_elf(ubpf, &object_length);
    *pd = (struct p4rt_prog_desc) {
        .prog = htonl(prog->id),
        .n_flows = htonl(use.n_flows + use.n_buckets),
        .n_maps = htonl(ubpf_prog_n_maps(ubpf)),
        .n_insns = htonl(ubpf_prog_n_insns(ubpf)),
        .object_length = htonl(object_length),
        .generation = htonl(prog->generation),
        .duration_ms = htonll(time_msec() - prog->loaded),
        .packets = htonll(stats.packets),
        .bytes = htonll(stats.bytes),
        .aborted = htonll(stats.verdicts[UBPF_ABORT]),
        .dropped = htonll(stats.verdicts[UBPF_DROP]),
        .passed = htonll(stats.verdicts[UBPF_PASS]),
        .redirected = htonll(stats.verdicts[UBPF_REDIRECT]),
        .resubmitted = htonll(stats.verdicts[UBPF_RESUBMIT]),
        .cloned = htonll(stats.cloned),
        .flags = htonl(ubpf_prog_is_native(ubpf) ? P4RT_PROG_NATIVE : 0),
        .load_us = htonl(MIN(prog->load_ns / 1000, UINT32_MAX)),
        .compile_us = htonl(MIN(ubpf_prog_compile_ns(ubpf) / 1000,
                                UINT32_MAX)),
    };
    ovs_strlcpy(pd->name, prog->name, sizeof pd->name);
}

void
prog_handle_list(const struct prog_request *req)
{
    struct ofproto_prog *progs[OFPROTO_PROG_MAX];
    struct ofproto_prog *prog;
    struct hmap uses;
    size_t n = 0;

    CMAP_FOR_EACH (prog, cmap_node, &req->progs->by_id) {
        ovs_assert(n < ARRAY_SIZE(progs));
        progs[n++] = prog;
    }
    qsort(progs, n, sizeof *progs, compare_progs);

    struct ofp_prog_list list;
    ofp_prog_list_init(&list, req->oh, P4RT_LIST_REPLY);
    prog_uses_collect(req->ofproto, &uses);
    for (size_t i = 0; i < n; i++) {
        struct p4rt_prog_desc pd;

        describe_prog(progs[i], &uses, &pd);
        memcpy(ofp_prog_list_put(&list, sizeof pd), &pd, sizeof pd);
    }
    prog_uses_destroy(&uses);
    ofp_prog_list_finish(&list);
    ofconn_send_replies(req->ofconn, &list.msgs);
}

/* Returns the bytes that P4RT_READ is to read as 'what' of 'prog', and stores
 * their number in '*total', or returns NULL if 'what' is unknown. */
static const char *
find_readable(struct ofproto_prog *prog, uint32_t what, size_t *total)
{
    struct ubpf_prog *ubpf = ofproto_prog_get_ubpf(prog);
    const char *s;

    switch ((enum p4rt_read_what) what) {
    case P4RT_READ_OBJECT:
        return ubpf_prog_elf(ubpf, total);

    case P4RT_READ_DISASSEMBLY:
        if (!prog->disassembly) {
            char *text = ubpf_prog_disassemble(ubpf);

            prog->disassembly = xstrdup(text ? text : "");
            ubpf_error_free(text);
        }
        s = prog->disassembly;
        break;

    case P4RT_READ_VERIFIER:
        s = ubpf_prog_verifier_summary(ubpf);
        break;

    default:
        return NULL;
    }
    *total = strlen(s);
    return s;
}

void
prog_handle_read(const struct prog_request *req)
{
    const struct p4rt_read *pr = &req->msg.body.read;
    struct ofproto_prog *prog = prog_request_find_prog(req, pr->prog,
                                                       pr->generation);
    uint32_t offset = ntohl(pr->offset);
    size_t total = 0;

    if (!prog) {
        return;
    }

    const char *bytes = find_readable(prog, ntohl(pr->what), &total);
    if (!bytes) {
        prog_request_fail(req, P4RT_E_BAD_MESSAGE, 0,
                          "cannot read %"PRIu32" of a program",
                          ntohl(pr->what));
        return;
    }
    if (offset > total) {
        prog_request_fail(req, P4RT_E_BAD_MESSAGE, 0,
                          "offset %"PRIu32" is past the end at %"PRIuSIZE,
                          offset, total);
        return;
    }

    size_t n = MIN(total - offset, P4RT_DATA_MAX);
    struct p4rt_read_reply reply = {
        .total = htonl(total),
        .offset = htonl(offset),
        .generation = htonl(prog->generation),
    };
    prog_request_reply(req, &reply, bytes + offset, n);

    if (ntohl(pr->what) == P4RT_READ_DISASSEMBLY && offset + n == total) {
        free(prog->disassembly);
        prog->disassembly = NULL;
    }
}

void
prog_handle_map_list(const struct prog_request *req)
{
    const struct p4rt_map_request *pmr = &req->msg.body.map_request;
    struct ofproto_prog *prog = prog_request_find_prog(req, pmr->prog,
                                                       pmr->generation);
    if (!prog) {
        return;
    }

    const struct ubpf_prog *ubpf = ofproto_prog_get_ubpf(prog);
    struct ofp_prog_list list;
    ofp_prog_list_init(&list, req->oh, P4RT_MAP_LIST_REPLY);
    for (size_t i = 0; i < ubpf_prog_n_maps(ubpf); i++) {
        struct ubpf_map_info info;

        ubpf_map_get_info(ubpf_prog_map(ubpf, i), &info);

        struct p4rt_map_desc pmd = {
            .map = htonl(i),
            .type = htonl(info.def.type),
            .key_size = htonl(info.def.key_size),
            .value_size = htonl(info.def.value_size),
            .max_entries = htonl(info.def.max_entries),
            .flags = htonl(info.def.flags),
            .state_size = htonl(info.def.state_size),
            .extra = htonl(info.def.extra),
            .entry_key_size = htonl(info.entry_key_size),
            .entry_value_size = htonl(info.entry_value_size),
            .n_entries = htonll(info.n_entries),
            .memory = htonll(info.bytes),
            .n_dropped = htonll(info.n_dropped),
        };

        /* An ELF symbol may be longer than a message. */
        size_t name_len = MIN(strlen(info.name),
                              P4RT_DATA_MAX - sizeof pmd - 8);
        pmd.name_len = htonl(name_len);

        size_t len = sizeof pmd + ROUND_UP(name_len, 8);
        uint8_t *p = ofp_prog_list_put(&list, len);
        memset(p, 0, len);
        memcpy(p, &pmd, sizeof pmd);
        memcpy(p + sizeof pmd, info.name, name_len);
    }
    ofp_prog_list_finish(&list);
    ofconn_send_replies(req->ofconn, &list.msgs);
}

/* A map that a request names. */
struct map_ref {
    struct ubpf_map *map;
    struct ubpf_map_info info;
    size_t entry_size;          /* Bytes of a key and its value. */
};

/* Finds map 'index' of the program with 'id' and stores it in 'ref'.  If that
 * is not possible, answers 'req' with an error and returns false. */
static bool
find_map(const struct prog_request *req, ovs_be32 id, ovs_be32 generation,
         ovs_be32 index, struct map_ref *ref)
{
    struct ofproto_prog *prog = prog_request_find_prog(req, id, generation);

    if (!prog) {
        return false;
    }

    const struct ubpf_prog *ubpf = ofproto_prog_get_ubpf(prog);
    size_t n_maps = ubpf_prog_n_maps(ubpf);
    if (ntohl(index) >= n_maps) {
        prog_request_fail(req, P4RT_E_NO_MAP, 0,
                          "program %"PRIu32" (%s) has %"PRIuSIZE" maps, "
                          "no map %"PRIu32, prog->id, prog->name, n_maps,
                          ntohl(index));
        return false;
    }
    ref->map = ubpf_prog_map(ubpf, ntohl(index));
    ubpf_map_get_info(ref->map, &ref->info);
    ref->entry_size = (size_t) ref->info.entry_key_size
                      + ref->info.entry_value_size;
    if (ref->entry_size > P4RT_DATA_MAX) {
        prog_request_fail(req, P4RT_E_LIMIT, 0,
                          "an entry of map %s has %"PRIuSIZE" bytes, "
                          "a message holds %d", ref->info.name,
                          ref->entry_size, P4RT_DATA_MAX);
        return false;
    }
    return true;
}

/* Finds the map that 'req' names, a p4rt_map_request with 'n' elements of a
 * key and, if 'with_values', a value, and checks that the message has as many
 * bytes as that takes. */
static bool
find_map_of_request(const struct prog_request *req, bool with_values,
                    struct map_ref *ref, size_t *element_size)
{
    const struct p4rt_map_request *pmr = &req->msg.body.map_request;

    if (!find_map(req, pmr->prog, pmr->generation, pmr->map, ref)) {
        return false;
    }

    *element_size = with_values ? ref->entry_size : ref->info.entry_key_size;
    uint64_t want = (uint64_t) ntohl(pmr->n) * *element_size;
    if (want != req->msg.data_len) {
        prog_request_fail(req, P4RT_E_BAD_MESSAGE, 0,
                          "%"PRIu32" entries of map %s take %"PRIu64" bytes, "
                          "message has %"PRIuSIZE, ntohl(pmr->n),
                          ref->info.name, want, req->msg.data_len);
        return false;
    }
    return true;
}

/* Answers 'req' with what 'error', an errno value from libubpf, means for
 * entry 'index' of the request. */
static void
fail_entry(const struct prog_request *req, const struct map_ref *ref,
           int error, uint32_t index)
{
    enum p4rt_error_code code;
    const char *text;

    switch (error) {
    case ENOENT:
        code = P4RT_E_KEY;
        text = "no such entry";
        break;
    case EEXIST:
        code = P4RT_E_KEY_EXISTS;
        text = "entry exists already";
        break;
    case ENOSPC:
        code = P4RT_E_FULL;
        text = "map is full";
        break;
    case EPERM:
        code = P4RT_E_READ_ONLY;
        text = "map is read-only";
        break;
    case ENOMEM:
        code = P4RT_E_NOMEM;
        text = "out of memory";
        break;
    case EDQUOT:
        code = P4RT_E_NOMEM;
        text = "the program's maps may not take more memory (see "
               "other_config:prog-max-program-bytes)";
        break;
    case EINVAL:
        code = P4RT_E_INVALID;
        text = (ref->info.def.type == UBPF_MAP_TYPE_ARRAY_OF_MAPS
                ? "not the number of a map that looks like its template"
                : "invalid flags, prefix length or operation");
        break;
    default:
        code = P4RT_E_INVALID;
        text = ovs_strerror(error);
        break;
    }
    prog_request_fail(req, code, index, "map %s, entry %"PRIu32": %s",
                      ref->info.name, index, text);
}

void
prog_handle_map_lookup(const struct prog_request *req)
{
    uint32_t n = ntohl(req->msg.body.map_request.n);
    struct map_ref ref;
    size_t key_size;

    if (!find_map_of_request(req, false, &ref, &key_size)) {
        return;
    }
    if ((uint64_t) n * ref.entry_size > REPLY_MAX_BYTES) {
        prog_request_fail(req, P4RT_E_LIMIT, 0,
                          "at most %"PRIuSIZE" keys of map %s in a request",
                          REPLY_MAX_BYTES / ref.entry_size, ref.info.name);
        return;
    }

    uint8_t *entry = xmalloc(MAX(ref.entry_size, 1));
    struct ofp_prog_list list;
    ofp_prog_list_init(&list, req->oh, P4RT_MAP_LOOKUP_REPLY);
    for (uint32_t i = 0; i < n; i++) {
        memcpy(entry, req->msg.data + i * key_size, key_size);
        if (!ubpf_map_lookup(ref.map, entry, entry + key_size)) {
            memcpy(ofp_prog_list_put(&list, ref.entry_size),
                   entry, ref.entry_size);
        }
    }
    free(entry);
    ofp_prog_list_finish(&list);
    ofconn_send_replies(req->ofconn, &list.msgs);
}

/* Answers 'req', a batch of which 'n_done' entries were done before 'error',
 * an errno value from libubpf, or all if that is 0. */
static void
finish_batch(const struct prog_request *req, const struct map_ref *ref,
             int error, size_t n_done)
{
    if (error) {
        fail_entry(req, ref, error, n_done);
    } else {
        struct p4rt_list_reply reply = { .n = htonl(n_done) };

        prog_request_reply(req, &reply, NULL, 0);
    }
}

void
prog_handle_map_update(const struct prog_request *req)
{
    const struct p4rt_map_request *pmr = &req->msg.body.map_request;
    struct map_ref ref;
    size_t size, n_done;

    if (find_map_of_request(req, true, &ref, &size)) {
        int error = ubpf_map_update_batch(ref.map, req->msg.data,
                                          ntohl(pmr->n), ntohl(pmr->flags),
                                          &n_done);

        finish_batch(req, &ref, error, n_done);
    }
}

void
prog_handle_map_delete(const struct prog_request *req)
{
    const struct p4rt_map_request *pmr = &req->msg.body.map_request;
    struct map_ref ref;
    size_t size, n_done;

    if (find_map_of_request(req, false, &ref, &size)) {
        int error = ubpf_map_delete_batch(ref.map, req->msg.data,
                                          ntohl(pmr->n), &n_done);

        finish_batch(req, &ref, error, n_done);
    }
}

void
prog_handle_map_dump(const struct prog_request *req)
{
    const struct p4rt_map_dump *pmd = &req->msg.body.map_dump;
    struct map_ref ref;

    if (!find_map(req, pmd->prog, pmd->generation, pmd->map, &ref)) {
        return;
    }

    size_t max = P4RT_DATA_MAX / MAX(ref.entry_size, 1);
    if (pmd->max && ntohl(pmd->max) < max) {
        max = ntohl(pmd->max);
    }

    uint8_t *entries = xmalloc(MAX(max * ref.entry_size, 1));
    uint64_t cursor = ntohll(pmd->cursor);
    size_t n = ubpf_map_dump(ref.map, &cursor, entries, max);
    struct p4rt_map_dump_reply reply = {
        .cursor = htonll(cursor),
        .n = htonl(n),
    };
    prog_request_reply(req, &reply, entries, n * ref.entry_size);
    free(entries);
}
