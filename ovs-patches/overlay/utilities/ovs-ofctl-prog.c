/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ovs-ofctl-prog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "ofp-prog.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-print.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vconn.h"
#include "simap.h"
#include "util.h"

int ofctl_prog_replace;
int ofctl_prog_force;

static void
check_vconn(struct vconn *vconn, int error)
{
    if (error) {
        ovs_fatal(error == EOF ? 0 : error, "talking to %s%s",
                  vconn_get_name(vconn),
                  error == EOF ? ": the switch closed the connection" : "");
    }
}

/* Ends the process, because of what 'msg', a P4RT_ERROR, says. */
static void OVS_NO_RETURN
fail(const struct ofp_prog_msg *msg)
{
    ovs_fatal(0, "%.*s", (int) msg->data_len, (const char *) msg->data);
}

/* Receives a reply of 'type' to the request with 'xid' and takes it apart into
 * 'msg'.  The caller must free what is returned, which 'msg' points into.
 * Ends the process on any error, also one that answers an earlier request of
 * those that get no reply when they succeed. */
static struct ofpbuf *
receive(struct vconn *vconn, ovs_be32 xid, uint32_t type,
        struct ofp_prog_msg *msg)
{
    for (;;) {
        struct ofpbuf *reply;
        enum ofptype ofptype;
        char *error;

        check_vconn(vconn, vconn_recv_block(vconn, &reply));

        const struct ofp_header *oh = reply->data;
        enum ofperr ofperr = ofptype_decode(&ofptype, oh);
        if (!ofperr && ofptype == OFPTYPE_P4RT) {
            if (ofp_prog_decode(oh, msg, &error)) {
                ovs_fatal(0, "%s: bad message: %s",
                          vconn_get_name(vconn), error);
            }
            if (msg->type == P4RT_ERROR) {
                fail(msg);
            }
            if (oh->xid == xid && msg->type == type) {
                return reply;
            }
        } else if (!ofperr && ofptype == OFPTYPE_ERROR && oh->xid == xid) {
            ovs_fatal(0, "%s: the switch does not support programs (%s)",
                      vconn_get_name(vconn),
                      ofperr_to_string(ofperr_decode_msg(oh, NULL)));
        }
        ofpbuf_delete(reply);
    }
}

/* Sends a request of 'type' and returns its transaction id. */
static ovs_be32
send_request(struct vconn *vconn, uint32_t type, const void *body,
             const void *data, size_t data_len)
{
    struct ofpbuf *buf = ofp_prog_encode_request(vconn_get_version(vconn),
                                                 type, body, data, data_len);
    const struct ofp_header *oh = buf->data;
    ovs_be32 xid = oh->xid;

    check_vconn(vconn, vconn_send_block(vconn, buf));
    return xid;
}

/* Sends a request of 'type', which consists of 'body', and waits for its
 * reply.  The caller must free what is returned, which 'msg' points into. */
static struct ofpbuf *
transact(struct vconn *vconn, uint32_t type, const void *body,
         struct ofp_prog_msg *msg)
{
    ovs_be32 xid = send_request(vconn, type, body, NULL, 0);

    return receive(vconn, xid, type + 0x80, msg);
}

/* Reads 'file_name' whole into 'object'. */
static void
read_object(const char *file_name, struct ofpbuf *object)
{
    FILE *stream = fopen(file_name, "rb");
    if (!stream) {
        ovs_fatal(errno, "%s: open failed", file_name);
    }

    ofpbuf_init(object, 65536);
    for (;;) {
        ofpbuf_prealloc_tailroom(object, 65536);
        size_t n = fread(ofpbuf_tail(object), 1, 65536, stream);
        if (!n) {
            break;
        }
        object->size += n;
        if (object->size > P4RT_OBJECT_MAX) {
            ovs_fatal(0, "%s: larger than %u bytes",
                      file_name, P4RT_OBJECT_MAX);
        }
    }
    if (ferror(stream)) {
        ovs_fatal(errno, "%s: read failed", file_name);
    }
    fclose(stream);
}

/* Returns the name that a program from 'file_name' has by default: the file's,
 * without folder and extension. */
static char *
name_from_file(const char *file_name)
{
    const char *slash = strrchr(file_name, '/');
    char *name = xstrdup(slash ? slash + 1 : file_name);
    char *dot = strrchr(name, '.');

    if (dot && dot != name) {
        *dot = '\0';
    }
    return name;
}

/* Uploads 'object' as the program 'name' and returns the name of the
 * upload. */
static ovs_be32
upload(struct vconn *vconn, const char *name, const struct ofpbuf *object)
{
    struct p4rt_upload_begin begin = { .length = htonl(object->size) };
    struct ofp_prog_msg msg;

    ovs_strlcpy(begin.name, name, sizeof begin.name);
    ofpbuf_delete(transact(vconn, P4RT_UPLOAD_BEGIN, &begin, &msg));
    ovs_be32 id = msg.body.upload_begin_reply.upload;

    for (uint32_t ofs = 0; ofs < object->size; ofs += P4RT_DATA_MAX) {
        struct p4rt_upload_chunk chunk = {
            .upload = id,
            .offset = htonl(ofs),
        };
        send_request(vconn, P4RT_UPLOAD_CHUNK, &chunk,
                     (const uint8_t *) object->data + ofs,
                     MIN(object->size - ofs, P4RT_DATA_MAX));
    }
    return id;
}

/* "prog-load SWITCH FILE [NAME]".  'name_' may be NULL.  Prints the program's
 * id. */
void
ofctl_prog_load(struct vconn *vconn, const char *file_name, const char *name_)
{
    char *name = name_ ? xstrdup(name_) : name_from_file(file_name);
    char *error;

    if (!ofp_prog_name_is_valid(name, &error)) {
        ovs_fatal(0, "%s", error);
    }

    struct ofpbuf object;
    read_object(file_name, &object);

    struct p4rt_upload_commit commit = {
        .upload = upload(vconn, name, &object),
        .flags = htonl(ofctl_prog_replace ? P4RT_COMMIT_REPLACE : 0),
    };
    struct ofp_prog_msg msg;
    ofpbuf_delete(transact(vconn, P4RT_UPLOAD_COMMIT, &commit, &msg));
    printf("%"PRIu32"\n", ntohl(msg.body.upload_commit_reply.prog));
    ofpbuf_uninit(&object);
    free(name);
}

/* Calls 'cb' for each program of the switch, in the order of their ids. */
static void
for_each_prog(struct vconn *vconn,
              void (*cb)(const struct p4rt_prog_desc *, void *aux), void *aux)
{
    ovs_be32 xid = send_request(vconn, P4RT_LIST, NULL, NULL, 0);
    bool more;

    do {
        struct ofp_prog_msg msg;
        struct ofpbuf *reply = receive(vconn, xid, P4RT_LIST_REPLY, &msg);
        struct p4rt_prog_desc pd;

        more = msg.body.list_reply.flags & htonl(P4RT_LIST_MORE);
        for (; msg.data_len >= sizeof pd;
             msg.data += sizeof pd, msg.data_len -= sizeof pd) {
            memcpy(&pd, msg.data, sizeof pd);
            pd.name[sizeof pd.name - 1] = '\0';
            cb(&pd, aux);
        }
        ofpbuf_delete(reply);
    } while (more);
}

static void
print_prog(const struct p4rt_prog_desc *pd, void *aux OVS_UNUSED)
{
    printf("prog=%"PRIu32" name=%s generation=%"PRIu32" flows=%"PRIu32
           " maps=%"PRIu32" insns=%"PRIu32" duration=%.3fs"
           " n_packets=%"PRIu64" n_bytes=%"PRIu64" aborted=%"PRIu64
           " dropped=%"PRIu64" passed=%"PRIu64" redirected=%"PRIu64
           " resubmitted=%"PRIu64" cloned=%"PRIu64" engine=%s\n",
           ntohl(pd->prog), pd->name, ntohl(pd->generation),
           ntohl(pd->n_flows), ntohl(pd->n_maps), ntohl(pd->n_insns),
           ntohll(pd->duration_ms) / 1000.0, ntohll(pd->packets),
           ntohll(pd->bytes), ntohll(pd->aborted), ntohll(pd->dropped),
           ntohll(pd->passed), ntohll(pd->redirected),
           ntohll(pd->resubmitted), ntohll(pd->cloned),
           ntohl(pd->flags) & P4RT_PROG_NATIVE ? "native" : "interpreter");
}

/* "prog-list SWITCH". */
void
ofctl_prog_list(struct vconn *vconn)
{
    for_each_prog(vconn, print_prog, NULL);
}

static void
add_name(const struct p4rt_prog_desc *pd, void *names)
{
    simap_put(names, pd->name, ntohl(pd->prog));
}

void
ofctl_prog_get_names(struct vconn *vconn, struct simap *names)
{
    for_each_prog(vconn, add_name, names);
}

void
ofctl_prog_unknown(const char *switch_name, const char *name,
                   const struct simap *names)
{
    const struct simap_node **nodes = simap_sort(names);
    struct ds known = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < simap_count(names); i++) {
        ds_put_format(&known, "%s%s", i ? ", " : "", nodes[i]->name);
    }
    ovs_fatal(0, "%s has no program %s (programs: %s)", switch_name, name,
              known.length ? ds_cstr(&known) : "none");
}

/* Returns the id of the program 's', an id or a name.  Names of programs are
 * never numbers. */
static uint32_t
parse_prog(struct vconn *vconn, const char *s)
{
    struct simap names = SIMAP_INITIALIZER(&names);
    unsigned int id;

    if (!str_to_uint(s, 0, &id)) {
        ofctl_prog_get_names(vconn, &names);
        id = simap_get(&names, s);
        if (!id) {
            ofctl_prog_unknown(vconn_get_name(vconn), s, &names);
        }
    }
    simap_destroy(&names);
    return id;
}

/* "prog-unload SWITCH PROG". */
void
ofctl_prog_unload(struct vconn *vconn, const char *prog)
{
    struct p4rt_unload unload = {
        .prog = htonl(parse_prog(vconn, prog)),
        .flags = htonl(ofctl_prog_force ? P4RT_UNLOAD_FORCE : 0),
    };
    struct ofp_prog_msg msg;

    ofpbuf_delete(transact(vconn, P4RT_UNLOAD, &unload, &msg));
}

/* "prog-maps SWITCH PROG". */
void
ofctl_prog_maps(struct vconn *vconn, const char *prog)
{
    struct p4rt_map_request request = {
        .prog = htonl(parse_prog(vconn, prog)),
    };
    ovs_be32 xid = send_request(vconn, P4RT_MAP_LIST, &request, NULL, 0);
    bool more;

    do {
        struct ofp_prog_msg msg;
        struct ofpbuf *reply = receive(vconn, xid, P4RT_MAP_LIST_REPLY, &msg);
        struct ofp_prog_map map;

        more = msg.body.list_reply.flags & htonl(P4RT_LIST_MORE);
        while (ofp_prog_pull_map(&msg, &map)) {
            printf("map=%"PRIu32" name=%s type=%"PRIu32" key_size=%"PRIu32
                   " value_size=%"PRIu32" max_entries=%"PRIu32
                   " flags=%#"PRIx32" n_entries=%"PRIu64" memory=%"PRIu64
                   " entry_key_size=%"PRIu32" entry_value_size=%"PRIu32
                   " dropped=%"PRIu64"\n",
                   ntohl(map.desc.map), map.name, ntohl(map.desc.type),
                   ntohl(map.desc.key_size), ntohl(map.desc.value_size),
                   ntohl(map.desc.max_entries), ntohl(map.desc.flags),
                   ntohll(map.desc.n_entries), ntohll(map.desc.memory),
                   ntohl(map.desc.entry_key_size),
                   ntohl(map.desc.entry_value_size),
                   ntohll(map.desc.n_dropped));
            free(map.name);
        }
        ofpbuf_delete(reply);
    } while (more);
}
