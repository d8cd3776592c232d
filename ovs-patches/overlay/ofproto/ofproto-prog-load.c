/* SPDX-License-Identifier: Apache-2.0 */

/* Programs come and go: uploads and unload. */

#include <config.h>
#include "ofproto-prog-provider.h"

#include <stdlib.h>

#include "connmgr.h"
#include "ofproto-provider.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ofproto_prog_load);

#define UPLOADS_PER_CONN 4
#define UPLOADS_MAX_BYTES (UINT64_C(256) << 20)

/* An upload that got no chunk for so long gives way when others need room. */
#define UPLOAD_IDLE_MS (60 * 1000)

/* An object on its way in. */
struct upload {
    struct ovs_list conn_node;  /* In struct ofconn_uploads's 'uploads'. */
    struct ovs_list all_node;   /* In 'all_uploads'. */
    uint32_t id;
    char *name;                 /* Of the program. */
    uint8_t *object;            /* 'length' bytes. */
    uint32_t length;
    uint32_t received;          /* Bytes of 'object' that have arrived. */
    bool failed;                /* A chunk was wrong: 'object' is gone. */
    long long int touched;      /* Time of the last chunk. */
};

/* The uploads of a connection. */
struct ofconn_uploads {
    struct ovs_list uploads;    /* Contains "struct upload"s. */
    uint32_t last_id;
};

/* All uploads of all connections, and the bytes that their objects take. */
static struct ovs_list all_uploads = OVS_LIST_INITIALIZER(&all_uploads);
static uint64_t all_uploads_bytes;

/* Frees 'object', of 'length' bytes, which an upload brought; may be NULL. */
void
prog_object_free(uint8_t *object, uint32_t length)
{
    if (object) {
        all_uploads_bytes -= length;
        free(object);
    }
}

static void
upload_free_object(struct upload *upload)
{
    prog_object_free(upload->object, upload->length);
    upload->object = NULL;
}

static void
upload_destroy(struct upload *upload)
{
    upload_free_object(upload);
    ovs_list_remove(&upload->conn_node);
    ovs_list_remove(&upload->all_node);
    free(upload->name);
    free(upload);
}

/* Ends all uploads of 'ofconn', which is being closed. */
void
ofproto_prog_close(struct ofconn *ofconn)
{
    struct ofconn_uploads *uploads = *ofconn_get_uploads(ofconn);

    prog_commit_cancel(ofconn);
    if (uploads) {
        struct upload *upload;

        LIST_FOR_EACH_SAFE (upload, conn_node, &uploads->uploads) {
            upload_destroy(upload);
        }
        free(uploads);
    }
}

/* Returns the uploads of 'ofconn', never NULL. */
static struct ofconn_uploads *
ofconn_uploads_get(struct ofconn *ofconn)
{
    struct ofconn_uploads **uploads = ofconn_get_uploads(ofconn);

    if (!*uploads) {
        *uploads = xzalloc(sizeof **uploads);
        ovs_list_init(&(*uploads)->uploads);
    }
    return *uploads;
}

/* Returns the upload of the connection of 'req' with 'id'.  If there is none,
 * answers with an error and returns NULL. */
static struct upload *
upload_find(const struct prog_request *req, ovs_be32 id)
{
    struct ofconn_uploads *uploads = ofconn_uploads_get(req->ofconn);
    struct upload *upload;

    LIST_FOR_EACH (upload, conn_node, &uploads->uploads) {
        if (upload->id == ntohl(id)) {
            return upload;
        }
    }
    prog_request_fail(req, P4RT_E_NO_UPLOAD, 0,
                      "this connection has no upload %"PRIu32, ntohl(id));
    return NULL;
}

/* Returns true if another object of 'length' bytes may be uploaded, after
 * having ended idle uploads if that helps. */
static bool
upload_make_room(uint32_t length)
{
    long long int now = time_msec();
    struct upload *upload;

    LIST_FOR_EACH_SAFE (upload, all_node, &all_uploads) {
        if (all_uploads_bytes + length <= UPLOADS_MAX_BYTES) {
            break;
        }
        if (now - upload->touched >= UPLOAD_IDLE_MS) {
            VLOG_INFO("ending idle upload of program %s", upload->name);
            upload_destroy(upload);
        }
    }
    return all_uploads_bytes + length <= UPLOADS_MAX_BYTES;
}

/* Returns true if an upload of 'length' bytes may begin, otherwise answers
 * 'req' with an error and returns false. */
static bool
upload_is_acceptable(const struct prog_request *req, uint32_t length)
{
    const struct ofconn_uploads *uploads = ofconn_uploads_get(req->ofconn);

    if (!ofproto_prog_is_supported(req->ofproto)) {
        prog_request_fail(req, P4RT_E_DATAPATH, 0,
                          "bridge %s has datapath type %s, programs need the "
                          "userspace datapath (datapath_type=netdev)",
                          req->ofproto->name, req->ofproto->type);
    } else if (!length) {
        prog_request_fail(req, P4RT_E_BAD_MESSAGE, 0, "object is empty");
    } else if (length > P4RT_OBJECT_MAX) {
        prog_request_fail(req, P4RT_E_LIMIT, 0,
                          "object has %"PRIu32" bytes, at most %u are allowed",
                          length, P4RT_OBJECT_MAX);
    } else if (ovs_list_size(&uploads->uploads) >= UPLOADS_PER_CONN) {
        prog_request_fail(req, P4RT_E_LIMIT, 0,
                          "this connection has %d uploads already",
                          UPLOADS_PER_CONN);
    } else if (!upload_make_room(length)) {
        prog_request_fail(req, P4RT_E_LIMIT, 0,
                          "too much is being uploaded, try again later");
    } else {
        return true;
    }
    return false;
}

void
prog_handle_upload_begin(const struct prog_request *req)
{
    uint32_t length = ntohl(req->msg.body.upload_begin.length);
    char *error;

    if (!upload_is_acceptable(req, length)) {
        return;
    }

    char *name = ofp_prog_parse_name(req->msg.body.upload_begin.name, &error);
    if (!name) {
        prog_request_fail(req, P4RT_E_BAD_MESSAGE, 0, "%s", error);
        free(error);
        return;
    }

    uint8_t *object = malloc(length);
    if (!object) {
        prog_request_fail(req, P4RT_E_NOMEM, 0,
                          "no memory for an object of %"PRIu32" bytes",
                          length);
        free(name);
        return;
    }

    struct ofconn_uploads *uploads = ofconn_uploads_get(req->ofconn);
    struct upload *upload = xmalloc(sizeof *upload);
    *upload = (struct upload) {
        .id = ++uploads->last_id,
        .name = name,
        .object = object,
        .length = length,
        .touched = time_msec(),
    };
    ovs_list_push_back(&uploads->uploads, &upload->conn_node);
    ovs_list_push_back(&all_uploads, &upload->all_node);
    all_uploads_bytes += length;

    struct p4rt_upload_begin_reply reply = { .upload = htonl(upload->id) };
    prog_request_reply(req, &reply, NULL, 0);
}

void
prog_handle_upload_chunk(const struct prog_request *req)
{
    const struct p4rt_upload_chunk *puc = &req->msg.body.upload_chunk;
    struct upload *upload = upload_find(req, puc->upload);

    if (!upload || upload->failed) {
        /* The first bad chunk was answered.  The client, which does not wait
         * for an answer to each, is told again when it commits. */
        return;
    }

    uint32_t offset = ntohl(puc->offset);
    if (offset != upload->received) {
        prog_request_fail(req, P4RT_E_BAD_MESSAGE, 0,
                          "chunk at offset %"PRIu32" where %"PRIu32" is next",
                          offset, upload->received);
    } else if (req->msg.data_len > upload->length - upload->received) {
        prog_request_fail(req, P4RT_E_BAD_MESSAGE, 0,
                          "chunk passes the object's end at %"PRIu32,
                          upload->length);
    } else {
        memcpy(upload->object + offset, req->msg.data, req->msg.data_len);
        upload->received += req->msg.data_len;
        upload->touched = time_msec();
        return;
    }
    upload->failed = true;
    upload_free_object(upload);
}

void
prog_handle_upload_commit(const struct prog_request *req)
{
    const struct p4rt_upload_commit *puc = &req->msg.body.upload_commit;
    struct upload *upload = upload_find(req, puc->upload);
    uint32_t flags = ntohl(puc->flags);

    if (!upload) {
        return;
    }

    if (flags & ~P4RT_COMMIT_REPLACE) {
        prog_request_fail(req, P4RT_E_BAD_MESSAGE, 0,
                          "unknown flags %#"PRIx32, flags);
    } else if (upload->failed) {
        prog_request_fail(req, P4RT_E_NO_UPLOAD, 0,
                          "upload %"PRIu32" failed before", upload->id);
    } else if (upload->received < upload->length) {
        prog_request_fail(req, P4RT_E_BAD_MESSAGE, 0,
                          "only %"PRIu32" of the object's %"PRIu32" bytes "
                          "have arrived", upload->received, upload->length);
    } else {
        prog_commit_start(req, upload->name, upload->object, upload->length,
                          flags & P4RT_COMMIT_REPLACE);
        upload->name = NULL;
        upload->object = NULL;
    }
    upload_destroy(upload);
}

/* Returns "2 flows", "1 flow and 3 group buckets" or the like, to be freed by
 * the caller. */
static char *
describe_use(const struct prog_use *use)
{
    char *flows = xasprintf("%"PRIu32" flow%s", use->n_flows,
                            use->n_flows == 1 ? "" : "s");
    char *buckets = xasprintf("%"PRIu32" group bucket%s", use->n_buckets,
                              use->n_buckets == 1 ? "" : "s");
    char *s = (!use->n_buckets ? xstrdup(flows)
               : !use->n_flows ? xstrdup(buckets)
               : xasprintf("%s and %s", flows, buckets));

    free(flows);
    free(buckets);
    return s;
}

void
prog_handle_unload(const struct prog_request *req)
{
    const struct p4rt_unload *pu = &req->msg.body.unload;
    uint32_t flags = ntohl(pu->flags);

    if (flags & ~P4RT_UNLOAD_FORCE) {
        prog_request_fail(req, P4RT_E_BAD_MESSAGE, 0,
                          "unknown flags %#"PRIx32, flags);
        return;
    }

    struct ofproto_prog *prog = prog_request_find_prog(req, pu->prog, 0);
    if (!prog) {
        return;
    }

    struct hmap uses;
    prog_uses_collect(req->ofproto, &uses);
    struct prog_use use = prog_uses_get(&uses, prog->id);
    prog_uses_destroy(&uses);

    uint32_t n = use.n_flows + use.n_buckets;
    if (n && !(flags & P4RT_UNLOAD_FORCE)) {
        char *s = describe_use(&use);

        prog_request_fail(req, P4RT_E_IN_USE, 0,
                          "%s use%s program %"PRIu32" (%s)",
                          s, n == 1 ? "s" : "", prog->id, prog->name);
        free(s);
        return;
    }

    VLOG_INFO("bridge %s: unloaded program %"PRIu32" (%s)",
              req->ofproto->name, prog->id, prog->name);
    ofproto_prog_remove(req->progs, prog, n > 0);

    /* To the datapath this is as a change of the flow tables: what was
     * translated with the program has to be translated again. */
    req->ofproto->ofproto_class->set_tables_version(
        req->ofproto, req->ofproto->tables_version);

    struct p4rt_unload_reply reply = { .n_flows = htonl(n) };
    prog_request_reply(req, &reply, NULL, 0);
}
