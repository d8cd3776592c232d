/* SPDX-License-Identifier: Apache-2.0
 *
 * What the verifier knows at a point of a path through the program.
 *
 * Four ideas carry the rest:
 *
 * - A pointer is a region and an offset, and the offset is an abstract number
 *   like any other.
 * - An abstract number has a symbolic name: it equals sym + delta, modulo
 *   2^64, where 'sym' stands for one concrete number throughout a path (0 for
 *   the number zero), or for the sum of several such numbers.  Two registers
 *   with the same 'sym' differ by a known constant, whatever way each was
 *   computed.  That is how a comparison of one packet pointer with the end of
 *   the packet proves something about another pointer.
 * - A number has a node in a graph of what it was computed from.  When the
 *   proof depends on what the number can be, it marks the node, and with it
 *   all that it came from.  A state that was left unmarked in some number
 *   covers states that differ in it.
 * - A byte of the stack names the store that wrote it.  A load marks the store
 *   as read.  States may differ in what nobody reads. */

#ifndef UBPF_STATE_H
#define UBPF_STATE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ubpf/abi.h>

#include "elf/object.h"
#include "isa/functions.h"
#include "isa/isa.h"
#include "verifier/scalar.h"
#include "verifier/verifier.h"

enum value_kind {
    VALUE_NONE, /* Not initialised. */
    VALUE_SCALAR,
    VALUE_CTX,
    VALUE_STACK,  /* Offset from r10, so negative. */
    VALUE_PACKET, /* Offset from ctx->data. */
    VALUE_PACKET_END,
    VALUE_MAP, /* The map itself. */
    VALUE_MAP_VALUE,
    /* What a lookup found: not to be used before it is known that it found
     * something. */
    VALUE_MAP_VALUE_OR_NULL,
    VALUE_MAP_OR_NULL,
};

/* Whether a value of 'kind' may be NULL. */
static inline bool
may_be_null(uint8_t kind)
{
    return kind == VALUE_MAP_VALUE_OR_NULL || kind == VALUE_MAP_OR_NULL;
}

struct value {
    uint8_t kind;     /* enum value_kind. */
    uint32_t map;     /* MAP...: its index, or that of its template. */
    uint32_t null_id; /* OR_NULL: shared by copies. */
    uint32_t node;    /* Where the number comes from. */
    uint32_t sym;     /* The number is sym + delta. */
    int64_t delta;
    struct scalar num; /* SCALAR: the number; else the offset. */
};

/* A store to the stack: never changed once written, but for 'read'.  A state
 * that was kept in epoch E needs what was loaded in epoch E or later. */
struct store {
    struct value value;
    uint32_t from; /* The store that this one narrows, or 0. */
    uint32_t read; /* Epoch of the last load from it, or 0. */
    uint8_t width; /* Bytes. */
};

/* A byte of the stack: the index of a store, times 8, plus which byte of it; 0
 * where nothing was written. */
typedef uint32_t cell;

/* sym + bytes <= data_end - data, for the packet as it is. */
struct fact {
    uint32_t sym;
    uint32_t need; /* Index of the bytes that were needed. */
    int64_t bytes;
};
#define MAX_FACTS 32

/* The number 'sym' is the bytes from the packet's 'ptr_sym' + 'delta' to its
 * end: data_end minus a pointer. */
struct remainder {
    uint32_t sym, ptr_sym;
    int64_t delta;
};
#define MAX_REMAINDERS 4

/* 'sym' is a part of the number 'of', until paths meet again: its low bits,
 * extended in either way, or the number shifted left by 32 bits. */
struct part {
    uint32_t sym; /* 0: of nothing. */
    uint8_t bits; /* 8, 16 or 32: how many. */
    struct value of;
};

/* 'sym' is the number 'of' divided by 'by', as unsigned numbers of 'bits'
 * bits, or that times 'by' again, until paths meet again. */
struct quotient {
    uint32_t sym, multiple; /* 0: none. */
    uint8_t bits;
    struct value of, by;
};

/* All that is known until paths meet again: no checkpoint has any. */
struct parts {
    struct part low, shifted;
    struct quotient quotient;
};

/* 'more' - 'less' is not less than 'by', without wrapping around. */
struct order {
    uint32_t less, more; /* Symbols. */
    uint32_t need;       /* Index of what of 'by' was needed. */
    int64_t by;
};
#define MAX_ORDERS 4

/* The number 'sym' is not 'number'. */
struct unequal {
    uint32_t sym;
    uint32_t used; /* Index among the needs: whether a proof step rests on
                    * it. */
    uint64_t number;
};
#define MAX_UNEQUALS 8

/* Offsets beyond this are not followed: more than any 32-bit number, so that
 * what is computed of one needs no other bound. */
#define MAX_OFFSET (INT64_C(1) << 33)

/* Bounds within which data + offset cannot wrap around and stays comparable:
 * no mapping of a process starts below 64 KiB. */
#define MIN_COMPARED (-(INT64_C(1) << 16))
#define MAX_COMPARED MAX_OFFSET

struct state {
    struct value regs[UBPF_N_REGS];
    struct fact facts[MAX_FACTS];
    struct remainder remainders[MAX_REMAINDERS];
    struct unequal unequals[MAX_UNEQUALS];
    struct order orders[MAX_ORDERS];
    uint32_t n_facts, n_remainders, n_unequals, n_orders;
    uint32_t history; /* Node of the branches on the path, each with
                       * the ones before. */
    /* The calls that have not returned, outermost first: their slots.  What
     * they saved of r6...r9 is on the stack, below the frame of the caller. */
    uint32_t calls[UBPF_MAX_FRAMES - 1];
    uint32_t n_calls;
    uint32_t depth;              /* Bytes of stack in use, multiple of 8. */
    cell stack[UBPF_STACK_SIZE]; /* [i] is the byte at r10 - 1 - i.  Last, as
                                  * copies have only 'depth' of it. */
};

/* A state at which the paths through it were, or are being, explored. */
struct checkpoint {
    struct checkpoint *parent; /* The one before on the path. */
    struct checkpoint *next;   /* At the same instruction. */
    uint32_t pending;          /* Paths below it that have not ended. */
    uint32_t misses;           /* Times that it did not help. */
    uint32_t epoch;            /* In which it was made. */
    struct state *state;       /* Truncated to its depth. */
};

/* A path to explore later: the jump at 'pc' is taken. */
struct pending {
    struct pending *next;
    struct checkpoint *parent;
    uint32_t pc;
    struct parts parts;
    struct state *state; /* Truncated to its depth. */
};

/* A growing array of the verifier's memory. */
struct vec {
    void *data;
    uint32_t n, allocated;
};

/* How much the proof depends on the bounds of a number. */
enum precision {
    PRECISION_NONE,
    PRECISION_BRANCH, /* They decided a branch. */
    PRECISION_ACCESS, /* They are part of an offset or a size. */
};

/* What a number comes from. */
struct node {
    uint32_t from[2];
    uint32_t place;    /* Index of where a number was forgotten that
                        * this one replaces, or 0. */
    uint8_t precision; /* enum precision. */
    bool blamed;
};

/* Where numbers may not be forgotten any more, since a proof failed for it: a
 * place is an instruction and a register or byte of the stack.  It outlives an
 * attempt. */
#define MAX_FORGOTTEN 512
struct forgotten {
    uint64_t keep[MAX_FORGOTTEN];
    uint32_t n;
};

/* A symbol that is no sum: bounds of the number that it stands for, from when
 * it was made.  'used': the proof rests on them. */
struct sym {
    int64_t lo, hi;
    bool used;
};

/* The sum of several symbols, in ascending order. */
#define SUM_LEAVES 6
struct sum {
    uint32_t n;
    uint32_t leaf[SUM_LEAVES];
    uint32_t chain; /* Next in the hash bucket, plus 1. */
};
#define SYM_SUM     UINT32_C(0x80000000) /* Symbol: index of a sum. */
#define SUM_BUCKETS 4096

struct verifier {
    const struct ubpf_object *obj;
    const struct ubpf_host *host;
    uint64_t max_visited, max_work; /* Of this attempt. */
    uint64_t limit;                 /* Of all attempts, for messages. */

    /* From flow.c, for each instruction slot. */
    struct ubpf_op *ops; /* len 0: not the start of one. */
    uint16_t *live;      /* Registers read before they are written. */
    bool *join;          /* Paths meet here. */
    bool *loop;          /* Between the ends of a backward jump. */
    struct ubpf_function *functions;
    uint32_t n_functions;
    struct forgotten *forgotten; /* NULL: do not widen states. */

    bool *reached; /* NULL, or see ubpf_verify_with(). */
    const struct ubpf_verify_options *options;
    struct state *cur;
    struct parts parts;
    uint32_t pc;
    struct checkpoint *parent; /* Of the current path. */
    struct pending *pendings;
    struct checkpoint **points; /* For each slot. */

    struct vec nodes;  /* struct node. */
    struct vec stores; /* struct store. */
    struct vec needs;  /* int64_t, see struct fact. */
    struct vec syms;   /* struct sym. */
    struct vec sums;   /* struct sum. */
    struct vec places; /* uint64_t, see struct forgotten. */
    struct vec todo;   /* uint32_t, for mark_precise(). */
    uint32_t buckets[SUM_BUCKETS];
    uint32_t last_null_id;
    uint32_t epoch; /* One begins with each checkpoint. */

    uint64_t visited; /* Instructions. */
    uint64_t work;    /* Of comparing and copying states. */
    uint64_t n_states;
    uint32_t since;            /* Instructions since the last checkpoint. */
    uint64_t bytes, peak;      /* Of memory. */
    unsigned int refused_regs; /* Those that a refusal named. */
    int error;                 /* Why the proof failed: EPERM... */
    char *text;                /* The same in words. */
};

/* state.c */
void *ver_alloc(struct verifier *, size_t); /* Zeroed. */
void ver_free(struct verifier *, void *, size_t);
/* Adds an element of 'size' bytes, zeroed; NULL and 'error' set if that fails.
 * Index 0 of every vector is reserved. */
void *vec_add(struct verifier *, struct vec *, size_t size);
void vec_free(struct verifier *, struct vec *, size_t size);
struct state *state_save(struct verifier *, const struct state *);
void state_restore(struct state *dst, const struct state *src);
void state_free(struct verifier *, struct state *);

struct node *node_at(struct verifier *, uint32_t);
struct store *store_at(struct verifier *, uint32_t);
int64_t *need_at(struct verifier *, uint32_t);
struct sum *sum_at(struct verifier *, uint32_t sym);

/* A node for what comes from the nodes 'a' and 'b'. */
uint32_t node_new(struct verifier *, uint32_t a, uint32_t b);
enum precision node_precision(struct verifier *, uint32_t);
/* The proof depends on the bounds of the number with this node. */
void mark_precise(struct verifier *, uint32_t node, enum precision);

uint32_t sym_new(struct verifier *);
struct sym *sym_at(struct verifier *, uint32_t);
uint32_t sym_add(struct verifier *, uint32_t a, uint32_t b);
/* The leaves of 'sym', which 'one' has room for if it is no sum. */
const uint32_t *sym_leaves(struct verifier *, const uint32_t *sym,
                           uint32_t *n);

struct value value_scalar(struct verifier *, struct scalar);
struct value value_const(struct verifier *, uint64_t);
struct value value_pointer(enum value_kind);
/* Gives a constant its canonical symbol. */
void value_settle(struct value *);

/* Bytes from the packet's 'sym' on that are proved, or INT64_MIN. */
struct fact *fact_find(struct state *, uint32_t sym);
/* The fact of the sum 'sum' without its leaf 'but' that proves 'bytes' bytes
 * from 'sum' on, '*need' of it, or NULL. */
struct fact *fact_find_part(struct verifier *, uint32_t sum, uint32_t but,
                            int64_t bytes, int64_t *need);
void fact_add(struct verifier *, uint32_t sym, int64_t bytes);
/* Adds what follows from it that 'ptr' + 'bytes' is not after the end, also
 * for pointers of which 'ptr' is the sum with a number. */
void fact_add_pointer(struct verifier *, const struct value *ptr,
                      int64_t bytes);
/* The same since 'less' (less by 1, where 'strict') is not above 'more', two
 * packet pointers that can be compared. */
void fact_compare(struct verifier *v, const struct value *less,
                  const struct value *more, bool strict);
/* The same when the number 'old' became known better, as 'to'. */
void facts_narrow(struct verifier *, const struct value *old,
                  const struct value *to);
/* Notes that 'sym' is how many bytes lie between 'ptr' and the end. */
void remainder_add(struct verifier *, uint32_t sym, const struct value *ptr);
/* Notes what it says of the packet that the number 'to' became known better.
 */
void remainder_narrow(struct verifier *, const struct value *to);
/* What is proved from 'sym' on, proves as much from the packet's start on when
 * 'sym' turns out to be 'number'. */
void fact_settle(struct verifier *, uint32_t sym, int64_t number);

/* Notes that 'less' (less by 1, where 'strict') is not above 'more', if that
 * is such a number of bytes; both compared as 'is_signed' numbers. */
void remainder_compare(struct verifier *v, const struct value *less,
                       const struct value *more, bool is_signed, bool strict);
/* Notes of the number 'r', which is 'a' - 'b' in 64 bits or the low half of
 * that, what follows if 'a' is such a number of bytes. */
void remainder_subtract(struct verifier *v, const struct value *a,
                        const struct value *b, int bits, struct value *r);

/* Narrows 'r', which is how many bytes lie between 'ptr' and the end, to what
 * is proved of that. */
void remainder_bound(struct verifier *v, const struct value *ptr,
                     struct value *r);

/* relations.c: notes that 'r' is the low 'bits' bits of 'of'. */
void low_note(struct verifier *v, const struct value *r, int bits,
              const struct value *of);
/* If the number 'to' is low bits of another, and became known better, '*whole'
 * is the other and '*narrowed' what that is now.  Else returns false. */
bool low_whole(struct verifier *v, const struct value *to, struct value *whole,
               struct value *narrowed);
void parts_forget(struct verifier *);
/* Notes that 'r' is the unsigned quotient of 'a' and 'b', or the product; or
 * narrows the difference, where that is the remainder of a division. */
void quotient_note(struct verifier *v, int code, int bits,
                   const struct value *a, const struct value *b,
                   struct value *r);
/* Notes that 'less' (less by 1, where 'strict') is not above 'more'. */
void order_add(struct verifier *v, const struct value *less,
               const struct value *more, bool strict);
/* If order 'i' says that a number is not less than 'to' plus a constant, its
 * symbol and bounds to '*more'.  What comes now rests on it. */
bool order_least(struct verifier *v, uint32_t i, const struct value *to,
                 struct value *more);
struct order *order_find(struct state *, uint32_t less, uint32_t more);
/* Narrows 'r', the difference of 'a' and 'b', to what their order says. */
void order_subtract(struct verifier *v, const struct value *a,
                    const struct value *b, int bits, struct value *r);
/* Notes that 'value' is not 'x'. */
void unequal_add(struct verifier *v, const struct value *value, uint64_t x);
/* Whether that is known; what comes now rests on it. */
bool unequal_use(struct verifier *v, const struct value *value, uint64_t x);
/* Takes what 'to' is not off its ends. */
void unequal_narrow(struct verifier *v, struct value *to);

/* flow.c: decodes, checks the shape, and finds liveness and joins. */
int check_flow(struct verifier *);

/* arith.c, memory.c, call.c, branch.c: one instruction at 'pc' each.  They
 * return 0, or have set 'error' and 'text'. */
int do_alu(struct verifier *, const struct ubpf_op *);
int do_load_map(struct verifier *, const struct ubpf_op *);
int do_load(struct verifier *, const struct ubpf_op *);
int do_store(struct verifier *, const struct ubpf_op *);
int do_atomic(struct verifier *, const struct ubpf_op *);
int do_call(struct verifier *, const struct ubpf_op *);
/* Calls a function of the program, and returns from one to '*next'. */
int do_call_local(struct verifier *, const struct ubpf_op *);
int do_return(struct verifier *, uint32_t *next);
/* Both ways that are possible are explored: '*next' is one of them. */
int do_jump(struct verifier *, const struct ubpf_op *, uint32_t *next);
/* Narrows what is known to where the jump 'op' is taken, or is not. */
void assume_jump(struct verifier *, const struct ubpf_op *, bool taken);

/* The operand of 'op' to '*b': register or immediate. */
int get_operand(struct verifier *, const struct ubpf_op *, struct value *b);
int need_initialised(struct verifier *, int reg);

/* stack.c: 'at' is an offset from r10. */
enum peek {
    PEEK_NOTHING, /* Nothing that may be read; see 'what'. */
    PEEK_WHOLE,   /* The value of one store. */
    PEEK_PARTS,   /* Parts of stores: only 'num' is set. */
};
enum peek stack_peek(struct verifier *, const struct state *, int64_t at,
                     int width, struct value *, const char **what);
/* Whether the 'len' bytes lie in one frame. */
bool stack_in_range(const struct verifier *, int64_t at, int64_t len);
/* Forgets everything below 'at', a multiple of 8. */
void stack_cut(struct verifier *, int64_t at);
/* r10 in the frame that 'frame' calls are made from, and bytes of a frame that
 * the function at 'pc' keeps across a call. */
int64_t stack_top(const struct verifier *, uint32_t frame);
uint32_t frame_size(const struct verifier *, uint32_t pc);
int stack_write(struct verifier *, int64_t at, int width,
                const struct value *);
/* Writes anything anywhere in the 'len' bytes at 'at'. */
int stack_write_somewhere(struct verifier *, int64_t at, int64_t len);
/* Loads 'width' bytes.  Returns false, with the reason in '*what'. */
bool stack_load(struct verifier *, int64_t at, int width, struct value *,
                const char **what);
/* Marks the bytes as read; false if one is not initialised or belongs to a
 * pointer. */
bool stack_read_bytes(struct verifier *, int64_t at, int64_t len,
                      const char **what);
void stack_mark_read(struct verifier *, const struct state *, int64_t at,
                     int64_t len);
/* Forgets every pointer into the packet. */
void stack_kill_packet(struct verifier *);
/* Narrows what shares its symbol with 'to', whose number became known better:
 * on the stack, and one value.  Both can be used only where no error is
 * set. */
void stack_narrow(struct verifier *, const struct value *to);
bool narrow_copy(struct verifier *, struct value *, const struct value *to);

/* memory.c: 'len' bytes at 'reg' are there to be read, in words or not. */
int check_readable(struct verifier *, int reg, uint64_t len, const char *what);
/* 'reg' points to a struct ubpf_meter in the state of a map's value. */
int check_meter(struct verifier *, int reg, const char *what);

/* widen.c: forgets the bounds of the numbers in which the current state
 * differs from that of the checkpoint ('all': of all that decided branches),
 * but for those that accesses depend on. */
void widen_state(struct verifier *, const struct checkpoint *, bool all);
/* After a refusal: whether some of what was forgotten may be the reason.  It
 * will not be forgotten in the next attempt. */
bool blame_forgotten(struct verifier *);

/* prune.c: whether the state of a checkpoint covers the current one, which
 * then inherits what the proof needed of it; or, 'exactly', whether they are
 * the same. */
bool state_covers(struct verifier *, const struct checkpoint *, bool exactly);
/* explore.c */
int explore(struct verifier *);
int push_path(struct verifier *); /* Where the jump at 'pc' is taken. */
void free_paths(struct verifier *);

/* explain.c */
#define PRINTF(F, A) __attribute__((format(printf, F, A)))
/* Refuses the program at the current instruction, naming it and the registers
 * in the bit mask 'regs'.  Returns EPERM. */
int refuse(struct verifier *, unsigned int regs, const char *format, ...)
    PRINTF(3, 4);
/* The same for what does not depend on a path. */
int refuse_at(struct verifier *, uint32_t pc, const char *format, ...)
    PRINTF(3, 4);
int fail(struct verifier *, int error, const char *format, ...) PRINTF(3, 4);
/* Tells the trace of the instruction at 'pc' and of the state before it, or
 * of what becomes of the path, if 'event' is not NULL. */
void trace(struct verifier *, const char *event);
#define REG(N) (1u << (N))

#endif /* state.h */
