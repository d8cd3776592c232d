/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract between a BPF program and whatever runs it.
 *
 * One header for three readers: the C that p4rt-compile generates (compiled
 * by clang for the BPF target), libubpf, and Open vSwitch.  It may include
 * nothing but <stdint.h>.  docs/abi.md explains every field; a change to any
 * number or offset here is a new UBPF_ABI_VERSION. */

#ifndef UBPF_ABI_H
#define UBPF_ABI_H 1

#include <stdint.h>

/* Carried by every object in section UBPF_SEC_ABI as one little-endian
 * uint32_t.  An object with another version is refused. */
#define UBPF_ABI_VERSION 1

/* ELF sections of an object (ELF64, little-endian, EM_BPF, relocatable). */
#define UBPF_SEC_PROG "prog" /* Code: exactly one global function. */
#define UBPF_SEC_MAPS                                                      \
    "maps"                            /* Array of struct ubpf_map_def, one \
                                       * symbol each, which names the map. */
#define UBPF_SEC_ABI    "ubpf.abi"    /* uint32_t, UBPF_ABI_VERSION. */
#define UBPF_SEC_INIT   "ubpf.init"   /* Initial map contents, see below. */
#define UBPF_SEC_LINES  "p4rt.lines"  /* struct ubpf_line[], sorted by insn. */
#define UBPF_SEC_INFO   "p4rt.info"   /* JSON, docs/program-info.md. */
#define UBPF_SEC_P4INFO "p4rt.p4info" /* Serialized p4.config.v1.P4Info. */

/* What a program returns in r0.  The order is that of the P4 enum
 * 'ubpf_action'.  Any other value counts as ABORT. */
enum ubpf_verdict {
    UBPF_ABORT = 0,    /* The program gave up: the packet is dropped and
                        * counted as aborted (a P4 parser's reject). */
    UBPF_DROP = 1,     /* The packet is dropped. */
    UBPF_PASS = 2,     /* The actions after the program apply. */
    UBPF_REDIRECT = 3, /* The packet goes to 'output_port'. */
};

/* The argument of a program, in r1.  All fields are in host byte order,
 * which for a program is little-endian.  Access is by naturally aligned
 * loads and stores of a field's own size only.  [r] may be read, [rw] read
 * and written; anything else is refused by the verifier. */
struct ubpf_ctx {
    uint64_t data;          /* [r] Pointer to the packet's first byte. */
    uint64_t data_end;      /* [r] Pointer past the packet's last byte. */
    uint32_t input_port;    /* [r] OpenFlow port that received the packet. */
    uint32_t packet_length; /* [r] Bytes in the packet when the program was
                             * entered. */
    uint32_t rss_hash;      /* [r] RSS hash, 0 when there is none. */
    uint32_t pkt_mark;      /* [r] OpenFlow pkt_mark. */
    uint64_t tunnel_id;     /* [r] OpenFlow tun_id, host byte order. */
    uint32_t output_port;   /* [rw] OpenFlow port for UBPF_REDIRECT;
                             * initially 0. */
    uint32_t clone_port;    /* [rw] OpenFlow port for the copy; initially 0. */
    uint32_t clone;         /* [rw] Nonzero: a copy of the packet, as the
                             * program left it, goes to 'clone_port', whatever
                             * the verdict; initially 0. */
    uint32_t truncate_len;  /* [rw] Bytes that remain of the packet when the
                             * program is done; initially UINT32_MAX. */
};

/* Map types.  Numbers agree with Linux where a type exists there. */
enum ubpf_map_type {
    UBPF_MAP_TYPE_HASH = 1,  /* Any key. */
    UBPF_MAP_TYPE_ARRAY = 2, /* Key: uint32_t index, host order; every
                              * element exists from the start, zeroed. */
    UBPF_MAP_TYPE_LPM = 11,  /* Key: struct ubpf_lpm_key. */
};

/* Map flags. */
#define UBPF_MAP_F_RDONLY_PROG (1u << 0) /* Programs cannot write it. */
#define UBPF_MAP_F_RDONLY_USER (1u << 1) /* The control plane cannot. */

/* One map, in section UBPF_SEC_MAPS. */
struct ubpf_map_def {
    uint32_t type;       /* enum ubpf_map_type. */
    uint32_t key_size;   /* Bytes. */
    uint32_t value_size; /* Bytes. */
    uint32_t max_entries;
    uint32_t flags; /* UBPF_MAP_F_*. */
};

/* The key of an LPM map: 'key_size' is 4 plus the bytes of 'data'.  The first
 * 'prefix_len' bits of 'data', from the most significant bit of data[0] on,
 * are significant; in an entry the others are ignored (and read back zero).
 * A lookup finds the entry with the longest prefix, not longer than the
 * lookup's own 'prefix_len', that agrees with 'data'. */
struct ubpf_lpm_key {
    uint32_t prefix_len; /* Bits, host order. */
    uint8_t data[];
};

/* Flags of map_update. */
enum ubpf_update_flags {
    UBPF_ANY = 0,     /* Create or replace. */
    UBPF_NOEXIST = 1, /* Create only, else -EEXIST. */
    UBPF_EXIST = 2,   /* Replace only, else -ENOENT. */
};

/* Helper functions, called by number.  Signatures as a C program sees them;
 * errors are negative errno values of Linux. */
enum ubpf_helper {
    /* void *map_lookup(map, const void *key);
     * A pointer to the value, or NULL.  Valid until the program returns. */
    UBPF_HELPER_MAP_LOOKUP = 1,
    /* int64_t map_update(map, const void *key, const void *value,
     *                    uint64_t flags); */
    UBPF_HELPER_MAP_UPDATE = 2,
    /* int64_t map_delete(map, const void *key); */
    UBPF_HELPER_MAP_DELETE = 3,
    /* uint64_t time_get_ns(void);  Monotonic clock. */
    UBPF_HELPER_TIME_GET_NS = 4,
    /* int64_t adjust_head(struct ubpf_ctx *, int64_t delta);
     * Moves the start of the packet 'delta' bytes forward (positive: bytes
     * are removed; negative: bytes are added, their content undefined but
     * initialised).  -ENOMEM or -EINVAL leave the packet as it was.  Kills
     * every pointer into the packet: load 'data' and 'data_end' again. */
    UBPF_HELPER_ADJUST_HEAD = 5,
    /* uint64_t hash_lookup3(const void *data, uint64_t len, uint64_t seed);
     * Bob Jenkins' lookup3 'hashlittle' of 'len' bytes; 32 bits. */
    UBPF_HELPER_HASH_LOOKUP3 = 6,
};

/* BPF_LD | BPF_IMM | BPF_DW: values of 'src_reg' that libubpf's loader writes
 * for relocations, as in RFC 9669 section 5.4. */
#define UBPF_PSEUDO_MAP_IDX                     \
    1 /* imm = index of the map in the program; \
       * the register holds the map. */
#define UBPF_PSEUDO_MAP_VALUE                      \
    2 /* imm = index of the map, next_imm = offset \
       * into the value of its element 0. */

/* Stack of a program, in bytes below r10. */
#define UBPF_STACK_SIZE 4096

/* A record of section UBPF_SEC_INIT: an entry that a map has from the start.
 * Records are padded with zeros to a multiple of 8 bytes.  All little-endian:
 *
 *     uint32_t name_len;    bytes of 'name'
 *     uint32_t key_size;    that of the map
 *     uint32_t value_size;  that of the map
 *     uint32_t reserved;    zero
 *     uint8_t name[name_len], key[key_size], value[value_size];
 */
struct ubpf_init_record {
    uint32_t name_len;
    uint32_t key_size;
    uint32_t value_size;
    uint32_t reserved;
};

/* The instructions from 'insn' (index in section UBPF_SEC_PROG, an lddw
 * counting as two) up to the next record come from line 'line' of the main
 * P4 file; 0: from no line of it. */
struct ubpf_line {
    uint32_t insn;
    uint32_t line;
};

#endif /* ubpf/abi.h */
