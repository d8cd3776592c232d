/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenFlow experimenter messages that load BPF programs into a bridge and
 * manage their maps, and the experimenter action that runs one.
 * docs/openflow-extension.md describes every message byte by byte.
 *
 * Everything is in network byte order but the contents of map keys and
 * values, which the switch never looks into. */

#ifndef OPENFLOW_P4RT_EXT_H
#define OPENFLOW_P4RT_EXT_H 1

#include "openflow/openflow-common.h"
#include "openvswitch/types.h"

#define P4RT_EXPERIMENTER_ID 0x50345254     /* "P4RT". */

#define P4RT_NAME_LEN 64        /* Program names, with the closing NUL. */
#define P4RT_DATA_MAX 61440     /* Most data bytes in one message. */
#define P4RT_OBJECT_MAX (64u << 20)         /* Most bytes of an object. */

/* Every message is, in any version of OpenFlow:
 *
 *     struct ofp_header;     type OFPT_VENDOR (4), also called EXPERIMENTER
 *     struct p4rt_msg_header;
 *     the structure named beside the type below;
 *     data, if any.
 *
 * A reply carries the request's xid.  A request that fails is answered by
 * P4RT_ERROR and changed nothing, but for the entries of a MAP_UPDATE or
 * MAP_DELETE before the one that failed. */
struct p4rt_msg_header {
    ovs_be32 experimenter;      /* P4RT_EXPERIMENTER_ID. */
    ovs_be32 type;              /* enum p4rt_msg_type. */
};

enum p4rt_msg_type {
    /* Requests. */
    P4RT_UPLOAD_BEGIN = 1,      /* p4rt_upload_begin. */
    P4RT_UPLOAD_CHUNK = 2,      /* p4rt_upload_chunk, then bytes; answered
                                 * only when it fails. */
    P4RT_UPLOAD_COMMIT = 3,     /* p4rt_upload_commit. */
    P4RT_UNLOAD = 4,            /* p4rt_unload. */
    P4RT_LIST = 5,              /* No body. */
    P4RT_READ = 6,              /* p4rt_read. */
    P4RT_MAP_LIST = 7,          /* p4rt_map_request, 'map' and 'n' ignored. */
    P4RT_MAP_LOOKUP = 8,        /* p4rt_map_request, then 'n' keys. */
    P4RT_MAP_UPDATE = 9,        /* p4rt_map_request, then 'n' times key and
                                 * value. */
    P4RT_MAP_DELETE = 10,       /* p4rt_map_request, then 'n' keys. */
    P4RT_MAP_DUMP = 11,         /* p4rt_map_dump. */

    /* Replies: the request's type + 0x80. */
    P4RT_UPLOAD_BEGIN_REPLY = 0x81,     /* p4rt_upload_begin_reply. */
    P4RT_UPLOAD_COMMIT_REPLY = 0x83,    /* p4rt_upload_commit_reply, then the
                                         * verifier's summary as text. */
    P4RT_UNLOAD_REPLY = 0x84,           /* p4rt_unload_reply. */
    P4RT_LIST_REPLY = 0x85,             /* p4rt_list_reply, then 'n' times
                                         * p4rt_prog_desc. */
    P4RT_READ_REPLY = 0x86,             /* p4rt_read_reply, then bytes. */
    P4RT_MAP_LIST_REPLY = 0x87,         /* p4rt_list_reply, then 'n' times
                                         * p4rt_map_desc. */
    P4RT_MAP_LOOKUP_REPLY = 0x88,       /* p4rt_list_reply, then 'n' times
                                         * key and value: of those found. */
    P4RT_MAP_UPDATE_REPLY = 0x89,       /* p4rt_list_reply, 'n' updated. */
    P4RT_MAP_DELETE_REPLY = 0x8a,       /* p4rt_list_reply, 'n' deleted. */
    P4RT_MAP_DUMP_REPLY = 0x8b,         /* p4rt_map_dump_reply, then 'n' times
                                         * key and value. */
    P4RT_ERROR = 0xff,                  /* p4rt_error, then UTF-8 text without
                                         * a NUL. */
};

/* Starts an upload.  It belongs to the connection and ends with it. */
struct p4rt_upload_begin {
    ovs_be32 length;            /* Bytes of the whole object. */
    ovs_be32 pad;
    char name[P4RT_NAME_LEN];   /* The program's name: [A-Za-z0-9_.-]+, not
                                 * a number, NUL-padded. */
};

struct p4rt_upload_begin_reply {
    ovs_be32 upload;            /* Names the upload in what follows. */
    ovs_be32 pad;
};

/* Chunks come in order and leave no gap. */
struct p4rt_upload_chunk {
    ovs_be32 upload;
    ovs_be32 offset;            /* Of the first byte, in the object. */
};

enum p4rt_commit_flags {
    P4RT_COMMIT_REPLACE = 1 << 0,   /* If a program of this name exists, swap
                                     * it (same id, maps kept where the layout
                                     * is unchanged); without the flag that is
                                     * an error. */
};

/* Verifies and publishes the object, or fails having changed nothing.  The
 * upload is over in either case.  That takes a while, in which packets and other
 * connections go on; this connection's next request is handled after it. */
struct p4rt_upload_commit {
    ovs_be32 upload;
    ovs_be32 flags;             /* P4RT_COMMIT_*. */
};

struct p4rt_upload_commit_reply {
    ovs_be32 prog;              /* The program's id; of a bridge's first
                                 * program, 1. */
    ovs_be32 n_maps;
    ovs_be32 n_maps_kept;       /* Maps taken over from the replaced one. */
    ovs_be32 n_insns;
};

enum p4rt_unload_flags {
    P4RT_UNLOAD_FORCE = 1 << 0,     /* Even if flows use it: they then drop. */
};

struct p4rt_unload {
    ovs_be32 prog;
    ovs_be32 flags;             /* P4RT_UNLOAD_*. */
};

struct p4rt_unload_reply {
    ovs_be32 n_flows;           /* Flows and group buckets that used it. */
    ovs_be32 pad;
};

enum p4rt_list_flags {
    P4RT_LIST_MORE = 1 << 0,    /* Another reply with the same xid follows. */
};

struct p4rt_list_reply {
    ovs_be32 n;
    ovs_be32 flags;             /* P4RT_LIST_*. */
};

enum p4rt_prog_flags {
    P4RT_PROG_NATIVE = 1 << 0,  /* Runs as machine code, not interpreted. */
};

struct p4rt_prog_desc {
    ovs_be32 prog;              /* Id. */
    ovs_be32 n_flows;           /* Flows and group buckets that use it. */
    ovs_be32 n_maps;
    ovs_be32 n_insns;
    ovs_be32 object_length;     /* Bytes. */
    ovs_be32 generation;        /* 1, and 1 more with each replacement. */
    char name[P4RT_NAME_LEN];
    ovs_be64 duration_ms;       /* Since it was loaded or last replaced. */
    ovs_be64 packets;           /* Packets it ran on; then those that ended */
    ovs_be64 bytes;             /* ...bytes of them on entry. */
    ovs_be64 aborted;           /* ...with each verdict. */
    ovs_be64 dropped;
    ovs_be64 passed;
    ovs_be64 redirected;
    ovs_be64 resubmitted;
    ovs_be64 cloned;            /* Copies made. */
    ovs_be32 flags;             /* P4RT_PROG_*. */
    ovs_be32 load_us;           /* Microseconds that it took to read and verify
                                 * the object and to make its maps, */
    ovs_be32 compile_us;        /* ...and to compile it; 0 if it is not. */
    ovs_be32 pad;
};

enum p4rt_read_what {
    P4RT_READ_OBJECT = 0,       /* The ELF object, as it was uploaded. */
    P4RT_READ_DISASSEMBLY = 1,  /* Text. */
    P4RT_READ_VERIFIER = 2,     /* Text: the verifier's summary. */
};

struct p4rt_read {
    ovs_be32 prog;
    ovs_be32 what;              /* P4RT_READ_*. */
    ovs_be32 offset;            /* First byte wanted. */
    ovs_be32 generation;        /* As p4rt_prog_desc has it, or 0 for any; a
                                 * program replaced between two chunks is
                                 * P4RT_E_CHANGED. */
};

struct p4rt_read_reply {
    ovs_be32 total;             /* Bytes of the whole. */
    ovs_be32 offset;
    ovs_be32 generation;
    ovs_be32 pad;
};

/* Keys and values in data are 'entry_key_size' and 'entry_value_size' bytes. */
struct p4rt_map_request {
    ovs_be32 prog;
    ovs_be32 map;               /* Index, as in P4RT_MAP_LIST_REPLY. */
    ovs_be32 flags;             /* UPDATE: enum ubpf_update_flags; else 0. */
    ovs_be32 n;                 /* Number of keys, or of keys and values. */
    ovs_be32 generation;        /* As p4rt_prog_desc has it, or 0 for any; a
                                 * program replaced since is P4RT_E_CHANGED,
                                 * because 'map' may now name another map. */
    ovs_be32 pad;
};

/* In bytes, where not said otherwise.  'key_size' to 'extra' are those of the
 * program's definition. */
struct p4rt_map_desc {
    ovs_be32 map;               /* Index. */
    ovs_be32 type;              /* enum ubpf_map_type. */
    ovs_be32 key_size;
    ovs_be32 value_size;
    ovs_be32 max_entries;
    ovs_be32 flags;             /* UBPF_MAP_F_*. */
    ovs_be32 state_size;
    ovs_be32 extra;
    ovs_be32 entry_key_size;    /* Of keys and values in messages: those of */
    ovs_be32 entry_value_size;  /* the definition, but for some types. */
    ovs_be64 n_entries;
    ovs_be64 memory;            /* In use. */
    ovs_be64 n_dropped;         /* Records that were lost (RING). */
    ovs_be32 name_len;          /* Bytes of the name that follow, padded with */
    ovs_be32 pad;               /* zeros to a multiple of 8. */
};

struct p4rt_map_dump {
    ovs_be32 prog;
    ovs_be32 map;
    ovs_be64 cursor;            /* 0, then what the reply before said. */
    ovs_be32 max;               /* Most entries wanted, 0: as many as fit. */
    ovs_be32 generation;        /* As in p4rt_map_request. */
};

struct p4rt_map_dump_reply {
    ovs_be64 cursor;            /* To go on from. */
    ovs_be32 n;                 /* 0: the dump is complete. */
    ovs_be32 pad;
};

enum p4rt_error_code {
    P4RT_E_BAD_MESSAGE = 1,     /* Wrong length, count, unknown type... */
    P4RT_E_PERM = 2,            /* Not allowed from this connection. */
    P4RT_E_NO_PROG = 3,         /* No such program id. */
    P4RT_E_NO_MAP = 4,          /* No such map index. */
    P4RT_E_NO_UPLOAD = 5,       /* No such upload on this connection. */
    P4RT_E_EXISTS = 6,          /* A program of this name is loaded. */
    P4RT_E_OBJECT = 7,          /* Not a loadable object; text says why. */
    P4RT_E_VERIFIER = 8,        /* Refused by the verifier; text says why. */
    P4RT_E_LIMIT = 9,           /* Too large or too many. */
    P4RT_E_NOMEM = 10,
    P4RT_E_IN_USE = 11,         /* Flows use the program; text says how many. */
    P4RT_E_CHANGED = 12,        /* The program was replaced, or unloaded,
                                 * meanwhile. */
    P4RT_E_KEY = 13,            /* Map: no such entry (ENOENT). */
    P4RT_E_KEY_EXISTS = 14,     /* Map: EEXIST. */
    P4RT_E_FULL = 15,           /* Map: ENOSPC. */
    P4RT_E_READ_ONLY = 16,      /* Map: EPERM. */
    P4RT_E_INVALID = 17,        /* Map: EINVAL. */
    P4RT_E_DATAPATH = 18,       /* The bridge's datapath cannot run programs. */
};

struct p4rt_error {
    ovs_be32 code;              /* enum p4rt_error_code. */
    ovs_be32 index;             /* MAP_UPDATE, MAP_DELETE: the entry that
                                 * failed; those before it were done. */
};

/* The action: OFPAT_VENDOR with this experimenter and subtype. */
#define P4RT_ACTION_PROG 1

struct p4rt_action_prog {
    ovs_be16 type;              /* OFPAT_VENDOR (0xffff). */
    ovs_be16 len;               /* 16. */
    ovs_be32 experimenter;      /* P4RT_EXPERIMENTER_ID. */
    ovs_be16 subtype;           /* P4RT_ACTION_PROG. */
    ovs_be16 pad;
    ovs_be32 prog;              /* Id of a program of this bridge, not 0. */
};

#endif /* openflow/p4rt-ext.h */
