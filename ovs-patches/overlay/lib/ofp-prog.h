/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFP_PROG_H
#define OFP_PROG_H 1

/* Messages that load and manage BPF programs: encoding, decoding, printing.
 *
 * openflow/p4rt-ext.h has the messages themselves.  This module alone knows
 * how they lie in an OpenFlow message; what they mean is the business of
 * ofproto/ofproto-prog.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "openflow/p4rt-ext.h"
#include "openvswitch/list.h"
#include "openvswitch/ofp-errors.h"

struct ds;
struct ofpbuf;
struct ofp_header;

/* The structure that belongs to a type of message. */
union ofp_prog_body {
    struct p4rt_upload_begin upload_begin;
    struct p4rt_upload_begin_reply upload_begin_reply;
    struct p4rt_upload_chunk upload_chunk;
    struct p4rt_upload_commit upload_commit;
    struct p4rt_upload_commit_reply upload_commit_reply;
    struct p4rt_unload unload;
    struct p4rt_unload_reply unload_reply;
    struct p4rt_list_reply list_reply;
    struct p4rt_read read;
    struct p4rt_read_reply read_reply;
    struct p4rt_map_request map_request;
    struct p4rt_map_dump map_dump;
    struct p4rt_map_dump_reply map_dump_reply;
    struct p4rt_error error;
};

/* A message, taken apart. */
struct ofp_prog_msg {
    uint32_t type;              /* enum p4rt_msg_type. */
    union ofp_prog_body body;
    const uint8_t *data;        /* What follows 'body', in the message. */
    size_t data_len;            /* Bytes of 'data'. */
};

enum p4rt_error_code ofp_prog_decode(const struct ofp_header *,
                                     struct ofp_prog_msg *, char **error);
const char *ofp_prog_type_to_string(uint32_t type);
bool ofp_prog_type_is_request(uint32_t type);
bool ofp_prog_type_changes(uint32_t type);

struct ofpbuf *ofp_prog_encode(uint8_t ofp_version, ovs_be32 xid,
                               uint32_t type, const void *body,
                               const void *data, size_t data_len);
struct ofpbuf *ofp_prog_encode_request(uint8_t ofp_version, uint32_t type,
                                       const void *body,
                                       const void *data, size_t data_len);
struct ofpbuf *ofp_prog_encode_error(const struct ofp_header *request,
                                     enum p4rt_error_code, uint32_t index,
                                     const char *text);

/* A reply made of elements, in as many messages as it takes. */
struct ofp_prog_list {
    struct ovs_list msgs;       /* Contains "struct ofpbuf"s. */
    const struct ofp_header *request;
    uint32_t type;
    size_t n_bytes;             /* In all messages, headers not counted. */
    uint32_t n;                 /* Elements in the last message. */
};
void ofp_prog_list_init(struct ofp_prog_list *,
                        const struct ofp_header *request, uint32_t type);
void *ofp_prog_list_put(struct ofp_prog_list *, size_t len);
void ofp_prog_list_finish(struct ofp_prog_list *);

/* Descriptions of maps, which have a variable length. */
struct ofp_prog_map {
    struct p4rt_map_desc desc;
    char *name;
};
bool ofp_prog_pull_map(struct ofp_prog_msg *, struct ofp_prog_map *);

char *ofp_prog_parse_name(const char name[P4RT_NAME_LEN], char **error);
bool ofp_prog_name_is_valid(const char *name, char **error);

char *ofp_prog_sanitize(const char *text);
const char *ofp_prog_error_to_string(uint32_t code);
enum ofperr ofp_prog_format(struct ds *, const struct ofp_header *);

#endif /* ofp-prog.h */
