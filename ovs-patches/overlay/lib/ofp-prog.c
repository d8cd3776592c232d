/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ofp-prog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofpbuf.h"
#include "unicode.h"
#include "util.h"

BUILD_ASSERT_DECL(P4RT_EXPERIMENTER_ID == P4RT_VENDOR_ID);
BUILD_ASSERT_DECL(sizeof(struct p4rt_prog_desc) == 176);
BUILD_ASSERT_DECL(sizeof(struct p4rt_map_desc) == 72);

/* struct ofp_header and struct p4rt_msg_header. */
#define HEADERS_LEN (sizeof(struct ofp_header) + sizeof(struct p4rt_msg_header))

/* What may follow the structure of a message. */
enum msg_data {
    DATA_NONE,
    DATA_ANY,
};

/* What is fixed about a type of message. */
struct msg_type {
    uint32_t type;              /* enum p4rt_msg_type. */
    const char *name;
    size_t body_len;            /* Bytes of its structure. */
    enum msg_data data;
    bool changes;               /* A request that changes the switch. */
};

static const struct msg_type msg_types[] = {
#define MSG(NAME, BODY_LEN, DATA, CHANGES)                      \
    { P4RT_##NAME, #NAME, BODY_LEN, DATA_##DATA, CHANGES }
    MSG(UPLOAD_BEGIN, sizeof(struct p4rt_upload_begin), NONE, true),
    MSG(UPLOAD_CHUNK, sizeof(struct p4rt_upload_chunk), ANY, true),
    MSG(UPLOAD_COMMIT, sizeof(struct p4rt_upload_commit), NONE, true),
    MSG(UNLOAD, sizeof(struct p4rt_unload), NONE, true),
    MSG(LIST, 0, NONE, false),
    MSG(READ, sizeof(struct p4rt_read), NONE, false),
    MSG(MAP_LIST, sizeof(struct p4rt_map_request), NONE, false),
    MSG(MAP_LOOKUP, sizeof(struct p4rt_map_request), ANY, false),
    MSG(MAP_UPDATE, sizeof(struct p4rt_map_request), ANY, true),
    MSG(MAP_DELETE, sizeof(struct p4rt_map_request), ANY, true),
    MSG(MAP_DUMP, sizeof(struct p4rt_map_dump), NONE, false),

    MSG(UPLOAD_BEGIN_REPLY, sizeof(struct p4rt_upload_begin_reply), NONE,
        false),
    MSG(UPLOAD_COMMIT_REPLY, sizeof(struct p4rt_upload_commit_reply), ANY,
        false),
    MSG(UNLOAD_REPLY, sizeof(struct p4rt_unload_reply), NONE, false),
    MSG(LIST_REPLY, sizeof(struct p4rt_list_reply), ANY, false),
    MSG(READ_REPLY, sizeof(struct p4rt_read_reply), ANY, false),
    MSG(MAP_LIST_REPLY, sizeof(struct p4rt_list_reply), ANY, false),
    MSG(MAP_LOOKUP_REPLY, sizeof(struct p4rt_list_reply), ANY, false),
    MSG(MAP_UPDATE_REPLY, sizeof(struct p4rt_list_reply), NONE, false),
    MSG(MAP_DELETE_REPLY, sizeof(struct p4rt_list_reply), NONE, false),
    MSG(MAP_DUMP_REPLY, sizeof(struct p4rt_map_dump_reply), ANY, false),
    MSG(ERROR, sizeof(struct p4rt_error), ANY, false),
#undef MSG
};

static const struct msg_type *
msg_type_find(uint32_t type)
{
    for (size_t i = 0; i < ARRAY_SIZE(msg_types); i++) {
        if (msg_types[i].type == type) {
            return &msg_types[i];
        }
    }
    return NULL;
}

/* Returns the name of 'type', e.g. "MAP_DUMP", or NULL if there is no such
 * message. */
const char *
ofp_prog_type_to_string(uint32_t type)
{
    const struct msg_type *mt = msg_type_find(type);

    return mt ? mt->name : NULL;
}

/* Returns true if 'type' goes from a controller to the switch. */
bool
ofp_prog_type_is_request(uint32_t type)
{
    return type < 0x80 && msg_type_find(type);
}

/* Returns true if 'type' is a request that changes the switch. */
bool
ofp_prog_type_changes(uint32_t type)
{
    const struct msg_type *mt = msg_type_find(type);

    return mt && mt->changes;
}

/* Takes 'oh', which must be an OFPTYPE_P4RT message, apart.  Returns 0 if it
 * is as long as a message of its type has to be, otherwise an error and
 * stores an explanation, which the caller must free, in '*error'.
 *
 * Whether 'data' fits the counts in 'body' is not checked: for the most part
 * that depends on the sizes of a map. */
enum p4rt_error_code
ofp_prog_decode(const struct ofp_header *oh, struct ofp_prog_msg *msg,
                char **error)
{
    size_t len = ntohs(oh->length);

    *error = NULL;
    memset(msg, 0, sizeof *msg);
    if (len < HEADERS_LEN) {
        *error = xasprintf("message has %"PRIuSIZE" bytes, too few for its "
                           "headers", len);
        return P4RT_E_BAD_MESSAGE;
    }

    struct p4rt_msg_header mh;
    memcpy(&mh, oh + 1, sizeof mh);
    msg->type = ntohl(mh.type);

    const struct msg_type *mt = msg_type_find(msg->type);
    if (!mt) {
        *error = xasprintf("unknown message type %"PRIu32, msg->type);
        return P4RT_E_BAD_MESSAGE;
    }

    len -= HEADERS_LEN;
    if (len < mt->body_len) {
        *error = xasprintf("%s has %"PRIuSIZE" bytes after its headers, needs "
                           "%"PRIuSIZE, mt->name, len, mt->body_len);
        return P4RT_E_BAD_MESSAGE;
    }
    msg->data = (const uint8_t *) oh + HEADERS_LEN;
    memcpy(&msg->body, msg->data, mt->body_len);
    msg->data += mt->body_len;
    msg->data_len = len - mt->body_len;
    if (mt->data == DATA_NONE && msg->data_len) {
        *error = xasprintf("%s has %"PRIuSIZE" bytes too many",
                           mt->name, msg->data_len);
        return P4RT_E_BAD_MESSAGE;
    }
    return 0;
}

/* Returns a new message of 'type' with transaction id 'xid': 'body' is the
 * structure that belongs to 'type', followed by 'data_len' bytes of 'data',
 * at most P4RT_DATA_MAX. */
struct ofpbuf *
ofp_prog_encode(uint8_t ofp_version, ovs_be32 xid, uint32_t type,
                const void *body, const void *data, size_t data_len)
{
    const struct msg_type *mt = msg_type_find(type);
    struct ofpbuf *buf;

    ovs_assert(mt && data_len <= P4RT_DATA_MAX);
    buf = ofpraw_alloc_xid(OFPRAW_P4RT_MESSAGE, ofp_version, xid,
                           mt->body_len + data_len);

    struct p4rt_msg_header *mh
        = ofpbuf_at_assert(buf, sizeof(struct ofp_header), sizeof *mh);
    mh->type = htonl(type);
    if (mt->body_len) {
        ofpbuf_put(buf, body, mt->body_len);
    }
    if (data_len) {
        ofpbuf_put(buf, data, data_len);
    }
    ofpmsg_update_length(buf);
    return buf;
}

/* Same as ofp_prog_encode(), with a transaction id of its own. */
struct ofpbuf *
ofp_prog_encode_request(uint8_t ofp_version, uint32_t type, const void *body,
                        const void *data, size_t data_len)
{
    struct ofpbuf *other = ofpraw_alloc(OFPRAW_P4RT_MESSAGE, ofp_version, 0);
    const struct ofp_header *oh = other->header;
    ovs_be32 xid = oh->xid;

    ofpbuf_delete(other);
    return ofp_prog_encode(ofp_version, xid, type, body, data, data_len);
}

/* Returns a copy of 'text' that is valid UTF-8 without control characters,
 * whatever the client put into the object that 'text' may quote.  The caller
 * must free it. */
char *
ofp_prog_sanitize(const char *text)
{
    char *clean = xstrdup(text);
    char *invalid = utf8_validate(clean, NULL);
    bool ascii_only = invalid != NULL;

    free(invalid);
    for (char *p = clean; *p; p++) {
        unsigned char c = *p;

        if (c == 0x7f || (c < 0x20 && c != '\n' && c != '\t')
            || (c >= 0x80 && ascii_only)) {
            *p = '?';
        }
    }
    return clean;
}

/* Returns a new P4RT_ERROR in reply to 'request'. */
struct ofpbuf *
ofp_prog_encode_error(const struct ofp_header *request,
                      enum p4rt_error_code code, uint32_t index,
                      const char *text)
{
    struct p4rt_error pe = { .code = htonl(code), .index = htonl(index) };
    char *clean = ofp_prog_sanitize(text);
    size_t len = strlen(clean);

    if (len > P4RT_DATA_MAX) {
        /* Do not cut a character into pieces. */
        len = P4RT_DATA_MAX;
        while (len && (clean[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    struct ofpbuf *buf = ofp_prog_encode(request->version, request->xid,
                                         P4RT_ERROR, &pe, clean, len);
    free(clean);
    return buf;
}

/* Makes 'list' an empty reply of 'type', whose structure must be struct
 * p4rt_list_reply, to 'request'. */
void
ofp_prog_list_init(struct ofp_prog_list *list,
                   const struct ofp_header *request, uint32_t type)
{
    ovs_list_init(&list->msgs);
    list->request = request;
    list->type = type;
    list->n_bytes = 0;
    list->n = 0;
}

/* Stores the count and 'flags' of the last message of 'list' in it. */
static void
ofp_prog_list_close_msg(struct ofp_prog_list *list, uint32_t flags)
{
    struct ofpbuf *buf = ofpbuf_from_list(ovs_list_back(&list->msgs));
    struct p4rt_list_reply *plr = ofpbuf_at_assert(buf, HEADERS_LEN,
                                                   sizeof *plr);

    plr->n = htonl(list->n);
    plr->flags = htonl(flags);
    ofpmsg_update_length(buf);
    list->n = 0;
}

/* Starts another message of 'list'. */
static void
ofp_prog_list_open_msg(struct ofp_prog_list *list)
{
    struct p4rt_list_reply plr = { .n = 0 };
    struct ofpbuf *buf = ofp_prog_encode(list->request->version,
                                         list->request->xid, list->type,
                                         &plr, NULL, 0);

    ovs_list_push_back(&list->msgs, &buf->list_node);
}

/* Adds an element of 'len' bytes, at most P4RT_DATA_MAX, to 'list' and returns
 * it.  The caller fills it before the next call. */
void *
ofp_prog_list_put(struct ofp_prog_list *list, size_t len)
{
    ovs_assert(len <= P4RT_DATA_MAX);
    if (ovs_list_is_empty(&list->msgs)) {
        ofp_prog_list_open_msg(list);
    }

    struct ofpbuf *buf = ofpbuf_from_list(ovs_list_back(&list->msgs));
    if (buf->size + len > (HEADERS_LEN + sizeof(struct p4rt_list_reply)
                           + P4RT_DATA_MAX)) {
        ofp_prog_list_close_msg(list, P4RT_LIST_MORE);
        ofp_prog_list_open_msg(list);
        buf = ofpbuf_from_list(ovs_list_back(&list->msgs));
    }
    list->n++;
    list->n_bytes += len;
    return ofpbuf_put_uninit(buf, len);
}

/* Makes 'list->msgs' ready to be sent. */
void
ofp_prog_list_finish(struct ofp_prog_list *list)
{
    if (ovs_list_is_empty(&list->msgs)) {
        ofp_prog_list_open_msg(list);
    }
    ofp_prog_list_close_msg(list, 0);
}

/* Takes the first map off the data of 'msg', a P4RT_MAP_LIST_REPLY, and stores
 * it in 'map', whose 'name' the caller must free.  Returns false if there is
 * none or if it is damaged. */
bool
ofp_prog_pull_map(struct ofp_prog_msg *msg, struct ofp_prog_map *map)
{
    if (msg->data_len < sizeof map->desc) {
        return false;
    }
    memcpy(&map->desc, msg->data, sizeof map->desc);

    uint32_t name_len = ntohl(map->desc.name_len);
    size_t rest = msg->data_len - sizeof map->desc;
    if (name_len > rest || ROUND_UP(name_len, 8) > rest) {
        return false;
    }
    map->name = xmemdup0((const char *) msg->data + sizeof map->desc,
                         name_len);
    msg->data += sizeof map->desc + ROUND_UP(name_len, 8);
    msg->data_len -= sizeof map->desc + ROUND_UP(name_len, 8);
    return true;
}

/* Returns true if 'name' may be the name of a program.  Otherwise stores an
 * explanation, which the caller must free, in '*error'. */
bool
ofp_prog_name_is_valid(const char *name, char **error)
{
    static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789_.-";

    *error = NULL;
    if (!name[0]) {
        *error = xstrdup("program name is empty");
    } else if (strlen(name) >= P4RT_NAME_LEN) {
        *error = xasprintf("program name is longer than %d characters",
                           P4RT_NAME_LEN - 1);
    } else if (name[strspn(name, ok)]) {
        *error = xstrdup("program name has a character other than letters, "
                         "digits, '_', '.' and '-'");
    } else {
        char *end;

        /* A name that could be an id would make commands ambiguous. */
        errno = 0;
        (void) strtoull(name, &end, 0);
        if (!*end) {
            *error = xasprintf("program name %s is a number", name);
        }
    }
    return !*error;
}

/* Returns the program name in a message's 'name', to be freed by the caller,
 * or NULL, with an explanation in '*error', if it is not a valid one. */
char *
ofp_prog_parse_name(const char name[P4RT_NAME_LEN], char **error)
{
    if (!memchr(name, '\0', P4RT_NAME_LEN)) {
        *error = xasprintf("program name is longer than %d characters",
                           P4RT_NAME_LEN - 1);
        return NULL;
    }
    if (!is_all_zeros(name + strlen(name), P4RT_NAME_LEN - strlen(name))) {
        *error = xstrdup("program name is not padded with zeros");
        return NULL;
    }
    return ofp_prog_name_is_valid(name, error) ? xstrdup(name) : NULL;
}

/* Returns the name of error 'code', e.g. "IN_USE", or NULL if there is no such
 * error. */
const char *
ofp_prog_error_to_string(uint32_t code)
{
    switch ((enum p4rt_error_code) code) {
    case P4RT_E_BAD_MESSAGE: return "BAD_MESSAGE";
    case P4RT_E_PERM: return "PERM";
    case P4RT_E_NO_PROG: return "NO_PROG";
    case P4RT_E_NO_MAP: return "NO_MAP";
    case P4RT_E_NO_UPLOAD: return "NO_UPLOAD";
    case P4RT_E_EXISTS: return "EXISTS";
    case P4RT_E_OBJECT: return "OBJECT";
    case P4RT_E_VERIFIER: return "VERIFIER";
    case P4RT_E_LIMIT: return "LIMIT";
    case P4RT_E_NOMEM: return "NOMEM";
    case P4RT_E_IN_USE: return "IN_USE";
    case P4RT_E_CHANGED: return "CHANGED";
    case P4RT_E_KEY: return "KEY";
    case P4RT_E_KEY_EXISTS: return "KEY_EXISTS";
    case P4RT_E_FULL: return "FULL";
    case P4RT_E_READ_ONLY: return "READ_ONLY";
    case P4RT_E_INVALID: return "INVALID";
    case P4RT_E_DATAPATH: return "DATAPATH";
    }
    return NULL;
}
