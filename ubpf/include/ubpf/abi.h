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
#define UBPF_ABI_VERSION 2

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
    UBPF_RESUBMIT = 4, /* The packet, as the program left it, goes to the
                        * OpenFlow table whose number is in 'output_port';
                        * the actions after the program do not apply. */
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
    UBPF_MAP_TYPE_HASH = 1,         /* Any key. */
    UBPF_MAP_TYPE_ARRAY = 2,        /* Key: uint32_t index, host order; every
                                     * element exists from the start, zeroed. */
    UBPF_MAP_TYPE_THREAD_HASH = 5,  /* A hash whose values exist once per
                                     * thread, see below. */
    UBPF_MAP_TYPE_THREAD_ARRAY = 6, /* An array whose elements exist once per
                                     * thread. */
    UBPF_MAP_TYPE_LRU_HASH = 9, /* A hash that, when full, gives up the entry
                                 * looked up longest ago (about). */
    UBPF_MAP_TYPE_LPM = 11,     /* Key: struct ubpf_lpm_key. */
    UBPF_MAP_TYPE_ARRAY_OF_MAPS = 12, /* An array whose elements are maps that
                                       * look like map number 'extra', see
                                       * below.  value_size is 4. */
    UBPF_MAP_TYPE_RING = 27,       /* Records for the control plane; key_size
                                    * is 8, value_size the most bytes of a
                                    * record, max_entries a power of two. */
    UBPF_MAP_TYPE_TERNARY = 0x101, /* Entries: struct ubpf_ternary_key. */
    UBPF_MAP_TYPE_METER = 0x102,   /* An array of struct ubpf_meter. */
};

/* Map flags. */
#define UBPF_MAP_F_RDONLY_PROG                                                \
    (1u << 0)                            /* Programs cannot write it, but for \
                                          * the state of a value. */
#define UBPF_MAP_F_RDONLY_USER (1u << 1) /* The control plane cannot. */
#define UBPF_MAP_F_GROW                                 \
    (1u << 2) /* Hash types: memory is taken as entries \
               * come, not all from the start. */
#define UBPF_MAP_F_AGING                          \
    (1u << 3) /* The state of a value ends with a \
               * struct ubpf_aging. */
#define UBPF_MAP_F_EXPIRE                            \
    (1u << 4) /* With AGING: entries idle for longer \
               * than their timeout are deleted. */

/* One map, in section UBPF_SEC_MAPS. */
struct ubpf_map_def {
    uint32_t type;       /* enum ubpf_map_type. */
    uint32_t key_size;   /* Bytes that a program's lookup reads. */
    uint32_t value_size; /* Bytes, state included. */
    uint32_t max_entries;
    uint32_t flags;      /* UBPF_MAP_F_*. */
    uint32_t state_size; /* The last so many bytes of a value are the entry's
                          * state, a multiple of 8 (as is then value_size): a
                          * program may write it even to a read-only map, and
                          * replacing the entry keeps it (see UBPF_STATE). */
    uint32_t extra;      /* By type, else 0. */
};

/* TERNARY.  A lookup's key is 'key_size' bytes.  The last 'extra' times 8 of
 * them are range words, each a uint64_t in host order; the others are matched
 * under a mask.  The control plane's key of an entry is 8 + 2 * key_size
 * bytes:
 *
 *     uint32_t priority;   host order; the highest that matches wins, and
 *                          among equals the entry that is older
 *     uint32_t zero;
 *     uint8_t data[key_size];   bits outside the mask are ignored, and read
 *                               back as zeros; of a range word, the lowest
 *     uint8_t mask[key_size];   of a range word, the highest value matched
 *
 * Two entries that differ in any of it are different entries. */
struct ubpf_ternary_key {
    uint32_t priority;
    uint32_t zero;
    uint8_t data_and_mask[];
};

/* THREAD_ARRAY, THREAD_HASH.  Values are arrays of uint64_t.  A program sees
 * its own thread's; the control plane reads the sum of each word over all
 * threads, and writes by setting one thread's and zeroing the others'. */

/* RING.  A program adds records with ring_output; the oldest make room.  The
 * control plane dumps it: a record's key is its uint64_t number in host order,
 * counted from 1 without gaps, so that a gap tells of records lost; its value
 * is the uint32_t length of the record in host order, the record, and zeros:
 * the value's size in a dump is 8 + value_size.  Reading removes nothing; a
 * dump's cursor is the number of the last record seen. */

/* ARRAY_OF_MAPS.  Maps are numbered from 0 in the order of the object's
 * sections.  An element is the uint32_t number, in host order, of a map of the
 * same program that looks like map number 'extra' (and may be it): that has
 * the same type, sizes, flags and 'extra'; only max_entries may differ.  It
 * cannot be an array of maps.  The control plane sets and reads the number;
 * UBPF_NO_MAP, as all elements have at first, stands for none.  A program's
 * map_lookup gives the map itself, to be passed to helpers, or NULL.  An
 * update is seen by all at once: a program has the old map or the new one. */
#define UBPF_NO_MAP UINT32_C(0xffffffff)

/* METER and meters in the state of a value: RFC 2698, colour-aware.  Rates are
 * in units per second, bursts in units; a unit is what the program counts,
 * bytes or packets.  The control plane's update sets rates and bursts and
 * fills both buckets; a meter with 'pir' 0 was never set and marks nothing
 * (the result is the colour that went in).  In the state of a value nobody
 * fills them: a meter whose 'last_ns' is 0 counts as full.  A burst above 18
 * billion units counts as that. */
struct ubpf_meter {
    uint64_t cir, cbs;  /* Committed rate and burst. */
    uint64_t pir, pbs;  /* Peak rate and burst; pir >= cir. */
    uint64_t tokens[2]; /* Engine's: billionths of units in the C and P
                         * bucket. */
    uint64_t last_ns;   /* Engine's: when they were last filled. */
    uint64_t lock;      /* Engine's; not used now. */
};

enum ubpf_colour {
    UBPF_GREEN = 0,
    UBPF_YELLOW = 1,
    UBPF_RED = 2,
};

/* The end of a value's state with UBPF_MAP_F_AGING.  A program's lookup that
 * finds the entry, and any update of it, starts its idle time anew. */
struct ubpf_aging {
    uint64_t timeout_ns; /* 0: never.  The control plane's update sets it, with
                          * or without UBPF_STATE. */
    uint64_t idle_ns;    /* The control plane reads how long ago that was; in
                          * memory the engine keeps its own form. */
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
    UBPF_STATE = 4,   /* May be added by the control plane: set the state of
                       * the value too.  Without it a new entry's state is
                       * zero, and a replaced one's is kept. */
};

/* Helper functions, called by number.  Signatures as a C program sees them;
 * errors are negative errno values of Linux. */
enum ubpf_helper {
    /* void *map_lookup(map, const void *key);
     * A pointer to the value, or NULL.  Valid until the program returns.  Of
     * an array of maps: the map, for other helpers, or NULL. */
    UBPF_HELPER_MAP_LOOKUP = 1,
    /* int64_t map_update(map, const void *key, const void *value,
     *                    uint64_t flags); */
    UBPF_HELPER_MAP_UPDATE = 2,
    /* int64_t map_delete(map, const void *key); */
    UBPF_HELPER_MAP_DELETE = 3,
    /* uint64_t time_get_ns(void);  Monotonic clock; native code asks it once
     * for a burst of packets. */
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
    /* int64_t ring_output(map, const void *data, uint64_t size);
     * Adds a record of 'size' bytes, at most value_size.  -E2BIG; -EAGAIN: the
     * slot is being written by another thread, the record is lost and
     * counted. */
    UBPF_HELPER_RING_OUTPUT = 7,
    /* uint64_t meter_execute(map, uint64_t index, uint64_t units,
     *                        uint64_t colour);
     * The new colour (enum ubpf_colour) of a packet of 'units' that came with
     * 'colour'; an index out of range, or a colour above RED: as it came,
     * RED. */
    UBPF_HELPER_METER_EXECUTE = 8,
    /* uint64_t meter_update(struct ubpf_meter *, uint64_t units,
     *                       uint64_t colour);
     * The same for a meter in the state of a map's value, at an offset that is
     * a multiple of 8. */
    UBPF_HELPER_METER_UPDATE = 9,
    /* uint64_t random(void);  64 random bits, not for secrets. */
    UBPF_HELPER_RANDOM = 10,
    /* uint64_t hash(const void *data, uint64_t len, uint64_t algorithm);
     * 'algorithm' is one of enum ubpf_hash; another gives 0. */
    UBPF_HELPER_HASH = 11,
};

/* Hash functions, each as its check value of "123456789" says. */
enum ubpf_hash {
    UBPF_HASH_CRC16 = 1,  /* CRC-16/ARC, 0xbb3d. */
    UBPF_HASH_CRC32 = 2,  /* CRC-32/ISO-HDLC, 0xcbf43926. */
    UBPF_HASH_CRC32C = 3, /* CRC-32/ISCSI, 0xe3069283. */
    UBPF_HASH_XXH64 = 4,  /* XXH64 with seed 0, 0x8cb841db40e6ae83. */
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
