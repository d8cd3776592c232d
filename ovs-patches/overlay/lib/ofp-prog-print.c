/* SPDX-License-Identifier: Apache-2.0 */

/* How the messages of lib/ofp-prog.c look to people. */

#include <config.h>
#include "ofp-prog.h"

#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

static void
format_hex(struct ds *s, const char *label, const uint8_t *data, size_t len)
{
    const size_t max = 64;

    if (!len) {
        return;
    }
    ds_put_format(s, " %s=", label);
    for (size_t i = 0; i < MIN(len, max); i++) {
        ds_put_format(s, "%02x", data[i]);
    }
    if (len > max) {
        ds_put_format(s, "...(%"PRIuSIZE" bytes)", len);
    }
}

static void
format_name(struct ds *s, const char name[P4RT_NAME_LEN])
{
    ds_put_cstr(s, " name=");
    ds_put_printable(s, name, strnlen(name, P4RT_NAME_LEN));
}

static void
format_flag(struct ds *s, uint32_t flags, uint32_t flag, const char *name)
{
    if (flags & flag) {
        ds_put_format(s, " %s", name);
    }
    if (flags & ~flag) {
        ds_put_format(s, " flags=%#"PRIx32, flags & ~flag);
    }
}

static void
format_progs(struct ds *s, struct ofp_prog_msg *msg)
{
    struct p4rt_prog_desc pd;

    for (; msg->data_len >= sizeof pd;
         msg->data += sizeof pd, msg->data_len -= sizeof pd) {
        memcpy(&pd, msg->data, sizeof pd);
        ds_put_format(s, "\n  prog=%"PRIu32, ntohl(pd.prog));
        format_name(s, pd.name);
        ds_put_format(s, " generation=%"PRIu32" flows=%"PRIu32
                      " maps=%"PRIu32" insns=%"PRIu32" bytes=%"PRIu32
                      " duration=%"PRIu64"ms\n   ",
                      ntohl(pd.generation), ntohl(pd.n_flows),
                      ntohl(pd.n_maps), ntohl(pd.n_insns),
                      ntohl(pd.object_length), ntohll(pd.duration_ms));
        ds_put_format(s, " n_packets=%"PRIu64" n_bytes=%"PRIu64
                      " aborted=%"PRIu64" dropped=%"PRIu64
                      " passed=%"PRIu64" redirected=%"PRIu64
                      " resubmitted=%"PRIu64" cloned=%"PRIu64,
                      ntohll(pd.packets), ntohll(pd.bytes),
                      ntohll(pd.aborted), ntohll(pd.dropped),
                      ntohll(pd.passed), ntohll(pd.redirected),
                      ntohll(pd.resubmitted), ntohll(pd.cloned));
        ds_put_format(s, " load=%"PRIu32"us", ntohl(pd.load_us));
        if (ntohl(pd.flags) & P4RT_PROG_NATIVE) {
            ds_put_format(s, " compile=%"PRIu32"us", ntohl(pd.compile_us));
        }
    }
}

static void
format_maps(struct ds *s, struct ofp_prog_msg *msg)
{
    struct ofp_prog_map map;

    while (ofp_prog_pull_map(msg, &map)) {
        ds_put_format(s, "\n  map=%"PRIu32" name=", ntohl(map.desc.map));
        ds_put_printable(s, map.name, strlen(map.name));
        ds_put_format(s, " type=%"PRIu32" key_size=%"PRIu32
                      " value_size=%"PRIu32" entries=%"PRIu64"/%"PRIu32
                      " flags=%#"PRIx32" memory=%"PRIu64,
                      ntohl(map.desc.type), ntohl(map.desc.key_size),
                      ntohl(map.desc.value_size), ntohll(map.desc.n_entries),
                      ntohl(map.desc.max_entries), ntohl(map.desc.flags),
                      ntohll(map.desc.memory));
        if (map.desc.entry_key_size != map.desc.key_size
            || map.desc.entry_value_size != map.desc.value_size) {
            ds_put_format(s, " entry_key_size=%"PRIu32
                          " entry_value_size=%"PRIu32,
                          ntohl(map.desc.entry_key_size),
                          ntohl(map.desc.entry_value_size));
        }
        if (map.desc.state_size) {
            ds_put_format(s, " state_size=%"PRIu32,
                          ntohl(map.desc.state_size));
        }
        if (map.desc.n_dropped) {
            ds_put_format(s, " dropped=%"PRIu64, ntohll(map.desc.n_dropped));
        }
        free(map.name);
    }
}

static void
format_map_request(struct ds *s, const struct ofp_prog_msg *msg)
{
    const struct p4rt_map_request *pmr = &msg->body.map_request;

    ds_put_format(s, " prog=%"PRIu32, ntohl(pmr->prog));
    if (pmr->generation) {
        ds_put_format(s, " generation=%"PRIu32, ntohl(pmr->generation));
    }
    if (msg->type != P4RT_MAP_LIST) {
        ds_put_format(s, " map=%"PRIu32" n=%"PRIu32,
                      ntohl(pmr->map), ntohl(pmr->n));
        if (pmr->flags) {
            ds_put_format(s, " flags=%#"PRIx32, ntohl(pmr->flags));
        }
        format_hex(s, "data", msg->data, msg->data_len);
    }
}

static void
format_request(struct ds *s, const struct ofp_prog_msg *msg)
{
    const union ofp_prog_body *b = &msg->body;

    switch (msg->type) {
    case P4RT_UPLOAD_BEGIN:
        ds_put_format(s, " length=%"PRIu32, ntohl(b->upload_begin.length));
        format_name(s, b->upload_begin.name);
        break;

    case P4RT_UPLOAD_CHUNK:
        ds_put_format(s, " upload=%"PRIu32" offset=%"PRIu32
                      " length=%"PRIuSIZE, ntohl(b->upload_chunk.upload),
                      ntohl(b->upload_chunk.offset), msg->data_len);
        break;

    case P4RT_UPLOAD_COMMIT:
        ds_put_format(s, " upload=%"PRIu32, ntohl(b->upload_commit.upload));
        format_flag(s, ntohl(b->upload_commit.flags), P4RT_COMMIT_REPLACE,
                    "replace");
        break;

    case P4RT_UNLOAD:
        ds_put_format(s, " prog=%"PRIu32, ntohl(b->unload.prog));
        format_flag(s, ntohl(b->unload.flags), P4RT_UNLOAD_FORCE, "force");
        break;

    case P4RT_READ:
        ds_put_format(s, " prog=%"PRIu32" what=%"PRIu32" offset=%"PRIu32
                      " generation=%"PRIu32, ntohl(b->read.prog),
                      ntohl(b->read.what), ntohl(b->read.offset),
                      ntohl(b->read.generation));
        break;

    case P4RT_MAP_LIST:
    case P4RT_MAP_LOOKUP:
    case P4RT_MAP_UPDATE:
    case P4RT_MAP_DELETE:
        format_map_request(s, msg);
        break;

    case P4RT_MAP_DUMP:
        ds_put_format(s, " prog=%"PRIu32" map=%"PRIu32" cursor=%#"PRIx64
                      " max=%"PRIu32" generation=%"PRIu32,
                      ntohl(b->map_dump.prog), ntohl(b->map_dump.map),
                      ntohll(b->map_dump.cursor), ntohl(b->map_dump.max),
                      ntohl(b->map_dump.generation));
        break;
    }
}

static void
format_list_reply(struct ds *s, struct ofp_prog_msg *msg)
{
    ds_put_format(s, " n=%"PRIu32, ntohl(msg->body.list_reply.n));
    format_flag(s, ntohl(msg->body.list_reply.flags), P4RT_LIST_MORE, "more");
    if (msg->type == P4RT_LIST_REPLY) {
        format_progs(s, msg);
    } else if (msg->type == P4RT_MAP_LIST_REPLY) {
        format_maps(s, msg);
    } else if (msg->type == P4RT_MAP_LOOKUP_REPLY) {
        format_hex(s, "data", msg->data, msg->data_len);
    }
}

static void
format_error(struct ds *s, const struct ofp_prog_msg *msg)
{
    uint32_t code = ntohl(msg->body.error.code);
    const char *name = ofp_prog_error_to_string(code);

    if (name) {
        ds_put_format(s, " %s", name);
    } else {
        ds_put_format(s, " %"PRIu32, code);
    }
    ds_put_format(s, " index=%"PRIu32": ", ntohl(msg->body.error.index));
    ds_put_printable(s, (const char *) msg->data, msg->data_len);
}

static void
format_reply(struct ds *s, struct ofp_prog_msg *msg)
{
    const union ofp_prog_body *b = &msg->body;

    switch (msg->type) {
    case P4RT_UPLOAD_BEGIN_REPLY:
        ds_put_format(s, " upload=%"PRIu32,
                      ntohl(b->upload_begin_reply.upload));
        break;

    case P4RT_UPLOAD_COMMIT_REPLY:
        ds_put_format(s, " prog=%"PRIu32" maps=%"PRIu32" maps_kept=%"PRIu32
                      " insns=%"PRIu32": ",
                      ntohl(b->upload_commit_reply.prog),
                      ntohl(b->upload_commit_reply.n_maps),
                      ntohl(b->upload_commit_reply.n_maps_kept),
                      ntohl(b->upload_commit_reply.n_insns));
        ds_put_printable(s, (const char *) msg->data, msg->data_len);
        break;

    case P4RT_UNLOAD_REPLY:
        ds_put_format(s, " flows=%"PRIu32, ntohl(b->unload_reply.n_flows));
        break;

    case P4RT_LIST_REPLY:
    case P4RT_MAP_LIST_REPLY:
    case P4RT_MAP_LOOKUP_REPLY:
    case P4RT_MAP_UPDATE_REPLY:
    case P4RT_MAP_DELETE_REPLY:
        format_list_reply(s, msg);
        break;

    case P4RT_READ_REPLY:
        ds_put_format(s, " total=%"PRIu32" offset=%"PRIu32
                      " generation=%"PRIu32" length=%"PRIuSIZE,
                      ntohl(b->read_reply.total), ntohl(b->read_reply.offset),
                      ntohl(b->read_reply.generation), msg->data_len);
        break;

    case P4RT_MAP_DUMP_REPLY:
        ds_put_format(s, " cursor=%#"PRIx64" n=%"PRIu32,
                      ntohll(b->map_dump_reply.cursor),
                      ntohl(b->map_dump_reply.n));
        format_hex(s, "data", msg->data, msg->data_len);
        break;

    case P4RT_ERROR:
        format_error(s, msg);
        break;
    }
}

/* Appends to 's' what 'oh', an OFPTYPE_P4RT message, says.  Returns 0 or the
 * error that ofp-print is to report. */
enum ofperr
ofp_prog_format(struct ds *s, const struct ofp_header *oh)
{
    struct ofp_prog_msg msg;
    char *error;

    if (ofp_prog_decode(oh, &msg, &error)) {
        ds_put_format(s, " ***%s***", error);
        free(error);
        return OFPERR_OFPBRC_BAD_LEN;
    }

    ds_put_format(s, " %s", ofp_prog_type_to_string(msg.type));
    if (ofp_prog_type_is_request(msg.type)) {
        format_request(s, &msg);
    } else {
        format_reply(s, &msg);
    }
    return 0;
}
