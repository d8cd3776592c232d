/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditional jumps: which ways are possible, and what is known on each. */

#include "state.h"

enum comparison {
    COMPARE_NUMBERS,
    COMPARE_NULL, /* A pointer with 0. */
    COMPARE_END,  /* A packet pointer with the packet's end. */
    COMPARE_ELSE,
};

static bool
is_zero(const struct value *value)
{
    return value->kind == VALUE_SCALAR && scalar_is_const(&value->num)
           && !value->num.bits.value;
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
    if (op->bits == 64
        && ((a->kind == VALUE_PACKET && b->kind == VALUE_PACKET_END)
            || (a->kind == VALUE_PACKET_END && b->kind == VALUE_PACKET))) {
        return COMPARE_END;
    }
    return COMPARE_ELSE;
}

/* Narrows everything that has the symbol of 'to' after a comparison told more
 * about 'to', which was 'old' and was compared with 'other'. */
static void
narrow(struct verifier *v, const struct value *old, struct value to,
       const struct value *other)
{
    if (!old->sym || scalar_equal(&old->num, &to.num)) {
        return;
    }
    to.node = node_new(v, old->node, other->node);
    remainder_narrow(v, &to);
    facts_narrow(v, old, &to);
    for (int i = 0; i < UBPF_N_REGS; i++) {
        struct value *reg = &v->cur->regs[i];

        if (reg->kind != VALUE_NONE && reg->sym == old->sym) {
            narrow_copy(v, reg, &to);
        }
    }
    stack_narrow(v, &to);
}

static void
assume_numbers(struct verifier *v, const struct ubpf_op *op, bool taken,
               const struct value *a, const struct value *b)
{
    struct value na = *a, nb = *b;

    if (scalar_assume(op->code, op->bits, taken, &na.num, &nb.num)) {
        narrow(v, a, na, b);
        narrow(v, b, nb, a);
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
        assume_numbers(v, op, taken, &a, &b);
        break;
    case COMPARE_NULL:
        if (may_be_null(a.kind)) {
            assume_null(v, a.null_id, (op->code == UBPF_COND_EQ) == taken);
        }
        break;
    case COMPARE_END:
        assume_end(v, op, taken, &a, &b);
        break;
    case COMPARE_ELSE:
        break;
    }
}

/* Which ways are possible. */
struct ways {
    bool taken, not_taken;
};

static struct ways
ways_of_numbers(struct verifier *v, const struct ubpf_op *op,
                const struct value *a, const struct value *b)
{
    struct scalar ta = a->num, tb = b->num, na = a->num, nb = b->num;
    struct ways ways = {
        .taken = scalar_assume(op->code, op->bits, true, &ta, &tb),
        .not_taken = scalar_assume(op->code, op->bits, false, &na, &nb),
    };

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
        ways = ways_of_numbers(v, op, &a, &b);
        break;
    case COMPARE_NULL:
        ways = ways_of_null(v, op, &a, &b);
        break;
    case COMPARE_END:
        if (op->code >= UBPF_COND_SGT && op->code <= UBPF_COND_SGE) {
            return refuse(v, regs, "pointers must be compared unsigned");
        }
        break;
    case COMPARE_ELSE:
        return refuse(v, regs,
                      "comparison of pointers other than a packet "
                      "pointer with data_end, or with 0 for NULL");
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
