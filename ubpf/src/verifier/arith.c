/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic on registers: numbers, and pointers plus or minus numbers. */

#include "state.h"

#include <inttypes.h>

int
need_initialised(struct verifier *v, int reg)
{
    return v->cur->regs[reg].kind == VALUE_NONE
               ? refuse(v, 0, "r%d is not initialised", reg)
               : 0;
}

int
get_operand(struct verifier *v, const struct ubpf_op *op, struct value *b)
{
    if (!op->reg) {
        *b = value_const(v, (uint64_t) op->imm);
        return v->error;
    }
    *b = v->cur->regs[op->src];
    return need_initialised(v, op->src);
}

/* Whether 'a' | 'b' (or ^) is 'a' + 'b', as no bit can be set in both.  That
 * is how compilers add to what is aligned. */
static bool
is_disjoint(int code, const struct value *a, const struct value *b)
{
    return (code == UBPF_ALU_OR || code == UBPF_ALU_XOR)
           && !((a->num.bits.value | a->num.bits.mask)
                & (b->num.bits.value | b->num.bits.mask));
}

/* Whether the 32-bit operation, an addition or subtraction, gives what the
 * 64-bit one gives. */
static bool
does_not_wrap(int code, const struct value *a, const struct value *b)
{
    const struct range *ra = &a->num.r64, *rb = &b->num.r64;

    if (ra->umax > UINT32_MAX || rb->umax > UINT32_MAX) {
        return false;
    }
    return code == UBPF_ALU_ADD ? ra->umax + rb->umax <= UINT32_MAX
                                : ra->umin >= rb->umax;
}

/* Whether adding the 32-bit immediate 'b' subtracts '*by' from 'a', or the
 * other way round. */
static bool
is_negative(const struct value *a, const struct value *b, uint64_t *by)
{
    int32_t imm = (int32_t) (uint32_t) b->num.bits.value;

    *by = (uint64_t) -(int64_t) imm;
    return scalar_is_const(&b->num) && imm < 0 && a->num.r64.umax <= UINT32_MAX
           && a->num.r64.umin >= *by;
}

/* Names the sum (or difference) 'r' of 'a' and 'b'. */
static void
name_sum(struct verifier *v, int code, const struct value *a,
         const struct value *b, struct value *r)
{
    if (code == UBPF_ALU_ADD) {
        r->sym = sym_add(v, a->sym, b->sym);
        r->delta = (int64_t) ((uint64_t) a->delta + (uint64_t) b->delta);
    } else if (!b->sym || a->sym == b->sym) {
        r->sym = b->sym ? 0 : a->sym;
        r->delta = (int64_t) ((uint64_t) a->delta - (uint64_t) b->delta);
        if (b->sym) {
            r->num = scalar_const((uint64_t) r->delta);
        }
    }
}

/* Gives the number 'r', the result of 'op', a name that says how it differs
 * from 'a' and 'b'. */
static void
name_number(struct verifier *v, const struct ubpf_op *op,
            const struct value *a, const struct value *b, struct value *r)
{
    int code = is_disjoint(op->code, a, b) ? UBPF_ALU_ADD : op->code;
    uint64_t by;

    if (code != UBPF_ALU_ADD && code != UBPF_ALU_SUB) {
        return;
    }
    if (op->bits == 64 || does_not_wrap(code, a, b)) {
        name_sum(v, code, a, b, r);
    } else if (code == UBPF_ALU_ADD && is_negative(a, b, &by)) {
        r->sym = a->sym;
        r->delta = (int64_t) ((uint64_t) a->delta - by);
    }
}

/* Notes what 'r', the result of 'op', is the low bits of: of 'a' plus or minus
 * the constant 'b', or of 'a'. */
static void
note_low(struct verifier *v, const struct ubpf_op *op, const struct value *a,
         const struct value *b, const struct value *r)
{
    uint64_t by = b->num.bits.value;
    struct value whole = *a;
    struct scalar num;

    if (!scalar_is_const(&b->num) || !a->sym) {
        return;
    }
    if (op->code == UBPF_ALU_AND && (by == UINT8_MAX || by == UINT16_MAX)) {
        low_note(v, r, by == UINT8_MAX ? 8 : 16, a);
    } else if (op->bits == 32
               && (op->code == UBPF_ALU_ADD || op->code == UBPF_ALU_SUB)) {
        by = (uint64_t) (int32_t) (uint32_t) by;
        by = op->code == UBPF_ALU_ADD ? by : -by;
        num = scalar_const(by);
        whole.num = scalar_alu(UBPF_ALU_ADD, 64, 0, &a->num, &num);
        whole.delta = (int64_t) ((uint64_t) a->delta + by);
        low_note(v, r, 32, &whole);
    }
}

/* The result of 'op' on two numbers. */
static struct value
number_alu(struct verifier *v, const struct ubpf_op *op, const struct value *a,
           const struct value *b)
{
    struct value r = value_scalar(
        v, scalar_alu(op->code, op->bits, op->from, &a->num, &b->num));

    r.node = node_new(v, a->node, b->node);
    name_number(v, op, a, b, &r);
    if (op->code == UBPF_ALU_SUB) {
        remainder_subtract(v, a, b, op->bits, &r);
        order_subtract(v, a, b, op->bits, &r);
    }
    quotient_note(v, op->code, op->bits, a, b, &r);
    value_settle(&r);
    note_low(v, op, a, b, &r);
    return r;
}

/* Whether 'op', a move of a part of 'num', moves all that there is. */
static bool
is_unchanged(const struct ubpf_op *op, const struct scalar *num)
{
    if (op->code == UBPF_ALU_MOV) {
        return num->r64.umax <= UINT32_MAX;
    }
    return op->bits == 64 && op->from == 32 && num->r64.smin >= INT32_MIN
           && num->r64.smax <= INT32_MAX;
}

/* Moves a register or an immediate, whole or its low half. */
static int
do_move(struct verifier *v, const struct ubpf_op *op, const struct value *b)
{
    if (op->code == UBPF_ALU_MOV && op->bits == 64) {
        v->cur->regs[op->dst] = *b;
        return 0;
    }
    if (b->kind != VALUE_SCALAR) {
        return refuse(v, REG(op->src),
                      "part of the pointer in r%d is used as "
                      "a number",
                      op->src);
    }
    if (is_unchanged(op, &b->num)) {
        v->cur->regs[op->dst] = *b;
        return 0;
    }
    v->cur->regs[op->dst] = number_alu(v, op, b, b);
    if (op->code == UBPF_ALU_MOV || op->from == 32) {
        low_note(v, &v->cur->regs[op->dst], 32, b);
    }
    return v->error;
}

/* Carries out 'op' if it undoes a shift by 32 bits, and so takes the low half
 * of the number before: what compilers make of it where no instruction does.
 */
static bool
do_unshift(struct verifier *v, const struct ubpf_op *op, const struct value *a)
{
    const struct part *shifted = &v->parts.shifted;
    struct ubpf_op move = *op;
    struct value from;

    if (op->bits != 64 || op->reg || op->imm != 32 || !a->sym
        || a->sym != shifted->sym || a->delta
        || (op->code != UBPF_ALU_RSH && op->code != UBPF_ALU_ARSH)) {
        return false;
    }
    move.code = op->code == UBPF_ALU_RSH ? UBPF_ALU_MOV : UBPF_ALU_MOVSX;
    move.bits = op->code == UBPF_ALU_RSH ? 32 : 64;
    move.from = 32;
    from = shifted->of;
    do_move(v, &move, &from);
    return true;
}

/* Whether arithmetic may move a pointer of this kind. */
static bool
is_movable(uint8_t kind)
{
    return kind == VALUE_STACK || kind == VALUE_PACKET
           || kind == VALUE_MAP_VALUE || kind == VALUE_CTX;
}

/* 'ptr' plus or minus the number 'b', to the destination of 'op'. */
static int
move_pointer(struct verifier *v, const struct ubpf_op *op,
             const struct value *ptr, const struct value *b)
{
    struct value r = *ptr;
    unsigned int regs = REG(op->dst) | (op->reg ? REG(op->src) : 0);

    if (may_be_null(ptr->kind)) {
        return refuse(v, regs,
                      "arithmetic on a pointer that may be NULL: "
                      "check the result of map_lookup first");
    }
    if (!is_movable(ptr->kind)) {
        return refuse(v, regs, "arithmetic on this kind of pointer");
    }
    r.num = scalar_alu(op->code, 64, 0, &ptr->num, &b->num);
    r.sym = sym_new(v);
    r.delta = 0;
    name_sum(v, op->code, ptr, b, &r);
    value_settle(&r);
    r.node = node_new(v, ptr->node, b->node);
    /* Offsets are what safety depends on. */
    mark_precise(v, b->node, PRECISION_ACCESS);
    v->cur->regs[op->dst] = r;
    return v->error;
}

/* The difference 'a' - 'b' of two pointers into the packet. */
static int
subtract_pointers(struct verifier *v, const struct ubpf_op *op,
                  const struct value *a, const struct value *b)
{
    struct scalar length = scalar_between(0, UINT32_MAX);
    struct value r;

    if (a->kind == b->kind) {
        v->cur->regs[op->dst] = number_alu(v, op, a, b);
        return v->error;
    }
    if (a->kind == VALUE_PACKET || b->num.r64.smin < MIN_COMPARED
        || b->num.r64.smax > MAX_COMPARED || b->delta < -MAX_COMPARED
        || b->delta > MAX_COMPARED) {
        v->cur->regs[op->dst] =
            value_scalar(v, scalar_of_width(op->bits, false));
        return v->error;
    }
    r = value_scalar(v, scalar_alu(UBPF_ALU_SUB, 64, 0, &length, &b->num));
    r.node = node_new(v, b->node, 0);
    if (op->bits == 64 || r.num.r64.umax <= UINT32_MAX) {
        remainder_bound(v, b, &r);
        remainder_add(v, r.sym, b);
    } else {
        r = value_scalar(v, scalar_of_width(32, false));
    }
    v->cur->regs[op->dst] = r;
    return v->error;
}

/* The pointer that 'a' | 'b' or 'a' ^ 'b' is, since the other of the two is
 * known to be 0, or NULL.  Compilers join two ways to a pointer like that,
 * each of which leaves 0 where the other does not. */
static const struct value *
joined_pointer(struct verifier *v, const struct ubpf_op *op,
               const struct value *a, const struct value *b)
{
    const struct value *zero = a->kind == VALUE_SCALAR ? a : b;

    if (op->bits != 64 || (op->code != UBPF_ALU_OR && op->code != UBPF_ALU_XOR)
        || zero->kind != VALUE_SCALAR || !scalar_is_const(&zero->num)
        || zero->num.r64.umin) {
        return NULL;
    }
    mark_precise(v, zero->node, PRECISION_ACCESS);
    return zero == a ? b : a;
}

/* Arithmetic where at least one of 'a' and 'b' is a pointer. */
static int
pointer_alu(struct verifier *v, const struct ubpf_op *op,
            const struct value *a, const struct value *b)
{
    unsigned int regs = REG(op->dst) | (op->reg ? REG(op->src) : 0);
    const struct value *joined;

    if (op->code == UBPF_ALU_SUB
        && (a->kind == VALUE_PACKET || a->kind == VALUE_PACKET_END)
        && (b->kind == VALUE_PACKET || b->kind == VALUE_PACKET_END)) {
        return subtract_pointers(v, op, a, b);
    }
    joined = joined_pointer(v, op, a, b);
    if (joined) {
        v->cur->regs[op->dst] = *joined;
        return v->error;
    }
    if (op->bits != 64
        || (op->code != UBPF_ALU_ADD && op->code != UBPF_ALU_SUB)) {
        return refuse(v, regs,
                      "only 64-bit addition and subtraction are "
                      "allowed on pointers");
    }
    if (b->kind == VALUE_SCALAR) {
        return move_pointer(v, op, a, b);
    }
    if (a->kind == VALUE_SCALAR && op->code == UBPF_ALU_ADD) {
        return move_pointer(v, op, b, a);
    }
    return refuse(v, regs, "arithmetic of two pointers");
}

int
do_alu(struct verifier *v, const struct ubpf_op *op)
{
    struct value a, b;
    int error;

    error = get_operand(v, op, &b);
    if (error) {
        return error;
    }
    if (op->code == UBPF_ALU_MOV || op->code == UBPF_ALU_MOVSX) {
        return do_move(v, op, &b);
    }
    error = need_initialised(v, op->dst);
    if (error) {
        return error;
    }
    a = v->cur->regs[op->dst];
    if (a.kind != VALUE_SCALAR || b.kind != VALUE_SCALAR) {
        return pointer_alu(v, op, &a, &b);
    }
    /* Clearing a register and the like: independent of what it held. */
    if (op->reg && op->src == op->dst
        && (op->code == UBPF_ALU_XOR || op->code == UBPF_ALU_SUB)) {
        v->cur->regs[op->dst] = value_const(v, 0);
        return v->error;
    }
    if (do_unshift(v, op, &a)) {
        return v->error;
    }
    v->cur->regs[op->dst] = number_alu(v, op, &a, &b);
    if (op->code == UBPF_ALU_LSH && op->bits == 64 && !op->reg
        && op->imm == 32) {
        v->parts.shifted = (struct part) {v->cur->regs[op->dst].sym, 32, a};
    }
    return v->error;
}

int
do_load_map(struct verifier *v, const struct ubpf_op *op)
{
    struct value r;

    if (op->kind == UBPF_KIND_LOAD_IMM) {
        v->cur->regs[op->dst] = value_const(v, (uint64_t) op->imm);
        return v->error;
    }
    r = value_pointer(VALUE_MAP);
    if (op->kind == UBPF_KIND_LOAD_MAP_VALUE) {
        r.kind = VALUE_MAP_VALUE;
        r.num = scalar_const(op->target);
        value_settle(&r);
    }
    r.map = (uint32_t) op->imm;
    v->cur->regs[op->dst] = r;
    return 0;
}
