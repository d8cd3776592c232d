/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditional jumps: which ways are possible, and what is known on each. */

#include "state.h"

enum comparison {
    COMPARE_NUMBERS,
    COMPARE_NULL,    /* A pointer with 0. */
    COMPARE_END,     /* A packet pointer with the packet's end. */
    COMPARE_OFFSETS, /* Of pointers into the same memory. */
    COMPARE_SIGNED,  /* The last two in a way that says nothing. */
    COMPARE_ELSE,
};

/* Comparisons of numbers that are read as signed. */
static bool
is_signed_code(int code)
{
    return code == UBPF_COND_SGT || code == UBPF_COND_SGE
           || code == UBPF_COND_SLT || code == UBPF_COND_SLE;
}

static bool
is_zero(const struct value *value)
{
    return value->kind == VALUE_SCALAR && scalar_is_const(&value->num)
           && !value->num.bits.value;
}

/* Whether the pointers 'a' and 'b' are in the order of their offsets. */
static bool
is_ordered(const struct value *a, const struct value *b)
{
    return a->kind == b->kind
           && (a->kind == VALUE_PACKET || a->kind == VALUE_STACK)
           && a->num.r64.smin >= MIN_COMPARED
           && a->num.r64.smax <= MAX_COMPARED
           && b->num.r64.smin >= MIN_COMPARED
           && b->num.r64.smax <= MAX_COMPARED;
}

/* Whether one of the two is a packet pointer, and the other the end. */
static bool
is_end(const struct value *a, const struct value *b)
{
    return (a->kind == VALUE_PACKET && b->kind == VALUE_PACKET_END)
           || (a->kind == VALUE_PACKET_END && b->kind == VALUE_PACKET);
}

/* Gets the operands of 'op', a pointer that is compared with 0 first. */
static enum comparison
classify(struct verifier *v, const struct ubpf_op *op, struct value *a,
         struct value *b)
{
    bool equality = op->code == UBPF_COND_EQ || op->code == UBPF_COND_NE;

    *a = v->cur->regs[op->dst];
    if (op->reg) {
        *b = v->cur->regs[op->src];
    } else {
        *b = value_const(v, (uint64_t) op->imm);
    }
    if (a->kind == VALUE_SCALAR && b->kind == VALUE_SCALAR) {
        return COMPARE_NUMBERS;
    }
    if (op->bits == 64 && equality && (is_zero(a) || is_zero(b))) {
        if (is_zero(a)) {
            struct value c = *a;

            *a = *b;
            *b = c;
        }
        return COMPARE_NULL;
    }
    if (op->bits == 64 && (is_end(a, b) || is_ordered(a, b))) {
        return is_signed_code(op->code) || op->code == UBPF_COND_SET
                   ? COMPARE_SIGNED
               : is_end(a, b) ? COMPARE_END
                              : COMPARE_OFFSETS;
    }
    return COMPARE_ELSE;
}

/* Narrows everything that has the symbol of 'to'. */
static void
narrow_all(struct verifier *v, const struct value *to)
{
    for (int i = 0; i < UBPF_N_REGS; i++) {
        struct value *reg = &v->cur->regs[i];

        if (reg->kind != VALUE_NONE && reg->sym == to->sym) {
            narrow_copy(v, reg, to);
        }
    }
    stack_narrow(v, to);
}

/* Narrows what is not less than 'to'. */
static void
narrow_greater(struct verifier *v, const struct value *to)
{
    struct value more = {.kind = VALUE_SCALAR, .node = to->node};

    for (uint32_t i = 0; i < v->cur->n_orders && !v->error; i++) {
        if (order_least(v, i, to, &more)) {
            narrow_all(v, &more);
        }
    }
}

/* Narrows everything that has the symbol of 'to' after a comparison told more
 * about 'to', which was 'old' and was compared with 'other'; what is not less;
 * and what 'to' is the low bits of. */
static void
narrow(struct verifier *v, const struct value *old, struct value to,
       const struct value *other)
{
    struct value whole, narrowed;

    if (!old->sym || scalar_equal(&old->num, &to.num)) {
        return;
    }
    to.node = node_new(v, old->node, other->node);
    remainder_narrow(v, &to);
    facts_narrow(v, old, &to);
    narrow_all(v, &to);
    narrow_greater(v, &to);
    if (low_whole(v, &to, &whole, &narrowed)) {
        narrow(v, &whole, narrowed, &to);
    }
}

/* Addresses are compared unsigned, and so the signed offsets in them. */
static int
code_of_offsets(int code)
{
    static const uint8_t of[UBPF_N_COND] = {
        [UBPF_COND_EQ] = UBPF_COND_EQ,  [UBPF_COND_NE] = UBPF_COND_NE,
        [UBPF_COND_GT] = UBPF_COND_SGT, [UBPF_COND_GE] = UBPF_COND_SGE,
        [UBPF_COND_LT] = UBPF_COND_SLT, [UBPF_COND_LE] = UBPF_COND_SLE,
    };
    return of[code];
}

/* Whether a comparison of the low halves compares the numbers. */
static bool
halves_are_all(const struct value *a, const struct value *b, bool is_signed)
{
    const struct range *ra = &a->num.r64, *rb = &b->num.r64;

    return is_signed ? ra->smin >= INT32_MIN && ra->smax <= INT32_MAX
                           && rb->smin >= INT32_MIN && rb->smax <= INT32_MAX
                     : ra->umax <= UINT32_MAX && rb->umax <= UINT32_MAX;
}

/* What it says of the packet that the numbers compare so. */
static void
assume_order(struct verifier *v, int code, int bits, bool taken,
             const struct value *a, const struct value *b)
{
    bool is_signed = is_signed_code(code);
    bool greater = code == UBPF_COND_GT || code == UBPF_COND_GE
                   || code == UBPF_COND_SGT || code == UBPF_COND_SGE;
    bool strict = code == UBPF_COND_GT || code == UBPF_COND_LT
                  || code == UBPF_COND_SGT || code == UBPF_COND_SLT;
    const struct value *less, *more;

    if (code == UBPF_COND_EQ || code == UBPF_COND_NE || code == UBPF_COND_SET
        || (bits == 32 && !halves_are_all(a, b, is_signed))) {
        return;
    }
    /* What is not greater is less or equal. */
    less = greater == taken ? b : a;
    more = greater == taken ? a : b;
    if (less->kind == VALUE_PACKET) {
        fact_compare(v, less, more, strict == taken);
    }
    remainder_compare(v, less, more, is_signed, strict == taken);
    if (is_signed || (less->num.r64.smin >= 0 && more->num.r64.smin >= 0)) {
        order_add(v, less, more, strict == taken);
    }
}

/* Notes that 'a' is not the constant 'b', if that says more than bounds. */
static void
assume_unequal(struct verifier *v, int bits, const struct value *a,
               const struct value *b)
{
    uint64_t x = b->num.bits.value;

    if (scalar_is_const(&b->num)
        && (bits == 64 || a->num.r64.umax <= UINT32_MAX)) {
        unequal_add(v, a, bits == 64 ? x : (uint32_t) x);
    }
}

static void
assume_numbers(struct verifier *v, int code, int bits, bool taken,
               const struct value *a, const struct value *b)
{
    struct value na = *a, nb = *b;

    if (!scalar_assume(code, bits, taken, &na.num, &nb.num)) {
        return;
    }
    unequal_narrow(v, &na);
    unequal_narrow(v, &nb);
    narrow(v, a, na, b);
    narrow(v, b, nb, a);
    assume_order(v, code, bits, taken, &na, &nb);
    if (taken ? code == UBPF_COND_NE : code == UBPF_COND_EQ) {
        assume_unequal(v, bits, &na, &nb);
        assume_unequal(v, bits, &nb, &na);
    }
}

/* Turns each copy of the maybe-null pointer with 'id' to a pointer to a value,
 * or a map, or to the number 0. */
static void
resolve_null(struct verifier *v, struct value *value, uint32_t id, bool null)
{
    if (!may_be_null(value->kind) || value->null_id != id) {
        return;
    }
    if (null) {
        *value = value_const(v, 0);
    } else {
        value->kind =
            value->kind == VALUE_MAP_OR_NULL ? VALUE_MAP : VALUE_MAP_VALUE;
        value->null_id = 0;
    }
}

static void
assume_null(struct verifier *v, uint32_t id, bool null)
{
    const char *what;

    for (int i = 0; i < UBPF_N_REGS; i++) {
        resolve_null(v, &v->cur->regs[i], id, null);
    }
    for (int64_t at = -8; at >= -(int64_t) v->cur->depth; at -= 8) {
        struct value value;

        if (stack_peek(v, v->cur, at, 8, &value, &what) == PEEK_WHOLE
            && may_be_null(value.kind) && value.null_id == id) {
            /* What it is now comes from what was stored. */
            stack_mark_read(v, v->cur, at, 8);
            resolve_null(v, &value, id, null);
            stack_write(v, at, 8, &value);
        }
    }
    v->work += v->cur->depth / 64;
}

/* What a comparison of a packet pointer with the end proves. */
static void
assume_end(struct verifier *v, const struct ubpf_op *op, bool taken,
           const struct value *a, const struct value *b)
{
    static const uint8_t swapped[UBPF_N_COND] = {
        [UBPF_COND_GT] = UBPF_COND_LT, [UBPF_COND_LT] = UBPF_COND_GT,
        [UBPF_COND_GE] = UBPF_COND_LE, [UBPF_COND_LE] = UBPF_COND_GE,
        [UBPF_COND_EQ] = UBPF_COND_EQ, [UBPF_COND_NE] = UBPF_COND_NE,
    };
    const struct value *ptr = a->kind == VALUE_PACKET ? a : b;
    int code = ptr == a ? op->code : swapped[op->code];
    bool before = code == UBPF_COND_LT   ? taken
                  : code == UBPF_COND_GE ? !taken
                                         : false;
    bool not_after =
        before
        || (code == UBPF_COND_GT                           ? !taken
            : code == UBPF_COND_NE                         ? !taken
            : code == UBPF_COND_LE || code == UBPF_COND_EQ ? taken
                                                           : false);

    if (not_after && ptr->num.r64.smin >= MIN_COMPARED
        && ptr->num.r64.smax <= MAX_COMPARED && ptr->delta >= -MAX_COMPARED
        && ptr->delta <= MAX_COMPARED) {
        fact_add_pointer(v, ptr, before);
    }
}

void
assume_jump(struct verifier *v, const struct ubpf_op *op, bool taken)
{
    struct value a, b;

    switch (classify(v, op, &a, &b)) {
    case COMPARE_NUMBERS:
        assume_numbers(v, op->code, op->bits, taken, &a, &b);
        break;
    case COMPARE_OFFSETS:
        assume_numbers(v, code_of_offsets(op->code), 64, taken, &a, &b);
        break;
    case COMPARE_NULL:
        if (may_be_null(a.kind)) {
            assume_null(v, a.null_id, (op->code == UBPF_COND_EQ) == taken);
        }
        break;
    case COMPARE_END:
        assume_end(v, op, taken, &a, &b);
        break;
    case COMPARE_SIGNED:
    case COMPARE_ELSE:
        break;
    }
}

/* Which ways are possible. */
struct ways {
    bool taken, not_taken;
};

/* Whether 'a' is known not to be 'b', in the low 'bits' bits. */
static bool
are_unequal(struct verifier *v, int bits, const struct value *a,
            const struct value *b)
{
    uint64_t x = b->num.bits.value;

    return scalar_is_const(&b->num)
           && (bits == 64 || a->num.r64.umax <= UINT32_MAX)
           && unequal_use(v, a, bits == 64 ? x : (uint32_t) x);
}

static struct ways
ways_of_numbers(struct verifier *v, int code, int bits, const struct value *a,
                const struct value *b)
{
    struct scalar ta = a->num, tb = b->num, na = a->num, nb = b->num;
    struct ways ways = {
        .taken = scalar_assume(code, bits, true, &ta, &tb),
        .not_taken = scalar_assume(code, bits, false, &na, &nb),
    };

    if (ways.taken && ways.not_taken
        && (code == UBPF_COND_EQ || code == UBPF_COND_NE)
        && (are_unequal(v, bits, a, b) || are_unequal(v, bits, b, a))) {
        ways = (struct ways) {code == UBPF_COND_NE, code == UBPF_COND_EQ};
    }
    if (!ways.taken || !ways.not_taken) {
        mark_precise(v, a->node, PRECISION_BRANCH);
        mark_precise(v, b->node, PRECISION_BRANCH);
    }
    return ways;
}

/* A pointer at a known small offset from something is not NULL. */
static struct ways
ways_of_null(struct verifier *v, const struct ubpf_op *op,
             const struct value *a, const struct value *b)
{
    bool known = !may_be_null(a->kind) && a->num.r64.smin >= MIN_COMPARED
                 && a->num.r64.smax <= MAX_COMPARED;

    mark_precise(v, b->node, PRECISION_BRANCH); /* That it is 0. */
    return (struct ways) {
        .taken = !known || op->code == UBPF_COND_NE,
        .not_taken = !known || op->code == UBPF_COND_EQ,
    };
}

int
do_jump(struct verifier *v, const struct ubpf_op *op, uint32_t *next)
{
    unsigned int regs = REG(op->dst) | (op->reg ? REG(op->src) : 0);
    struct ways ways = {true, true};
    struct value a, b;
    int error = need_initialised(v, op->dst);

    if (!error && op->reg) {
        error = need_initialised(v, op->src);
    }
    if (error) {
        return error;
    }
    switch (classify(v, op, &a, &b)) {
    case COMPARE_NUMBERS:
        ways = ways_of_numbers(v, op->code, op->bits, &a, &b);
        break;
    case COMPARE_OFFSETS:
        ways = ways_of_numbers(v, code_of_offsets(op->code), 64, &a, &b);
        break;
    case COMPARE_NULL:
        ways = ways_of_null(v, op, &a, &b);
        break;
    case COMPARE_END:
        break;
    case COMPARE_SIGNED:
        return refuse(v, regs, "pointers must be compared unsigned");
    case COMPARE_ELSE:
        return refuse(v, regs,
                      "comparison of pointers other than two into the packet "
                      "or the stack, or one with data_end, or one with 0 for "
                      "NULL");
    }
    *next = v->pc + op->len;
    if (ways.taken && !ways.not_taken) {
        *next = op->target;
    } else if (ways.taken == ways.not_taken) {
        if (v->forgotten && a.kind == VALUE_SCALAR) {
            v->cur->history =
                node_new(v, v->cur->history, node_new(v, a.node, b.node));
        }
        error = push_path(v);
        if (error) {
            return error;
        }
        assume_jump(v, op, false);
    }
    return v->error;
}
