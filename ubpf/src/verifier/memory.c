/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads, stores and atomic operations. */

#include "state.h"

#include <inttypes.h>

/* What a program may do with a field of its context. */
struct ctx_field {
    uint8_t offset;
    uint8_t size; /* Bytes. */
    bool writable;
    uint8_t kind; /* enum value_kind of what a load gives. */
};
#define FIELD(NAME, WRITABLE, KIND)                                          \
    {offsetof(struct ubpf_ctx, NAME), sizeof(((struct ubpf_ctx *) 0)->NAME), \
     WRITABLE, VALUE_##KIND}

static const struct ctx_field ctx_fields[] = {
    FIELD(data, false, PACKET),        FIELD(data_end, false, PACKET_END),
    FIELD(input_port, false, SCALAR),  FIELD(packet_length, false, SCALAR),
    FIELD(rss_hash, false, SCALAR),    FIELD(pkt_mark, false, SCALAR),
    FIELD(tunnel_id, false, SCALAR),   FIELD(output_port, true, SCALAR),
    FIELD(clone_port, true, SCALAR),   FIELD(clone, true, SCALAR),
    FIELD(truncate_len, true, SCALAR),
};

enum access {
    ACCESS_LOAD,
    ACCESS_STORE,
    ACCESS_ATOMIC
};

/* Refuses what is not a pointer to memory. */
static int
refuse_pointer(struct verifier *v, int reg, const char *what)
{
    switch ((enum value_kind) v->cur->regs[reg].kind) {
    case VALUE_NONE:
        return refuse(v, 0, "r%d is not initialised", reg);
    case VALUE_SCALAR:
        return refuse(v, REG(reg), "%s through r%d, which is a number", what,
                      reg);
    case VALUE_MAP_VALUE_OR_NULL:
    case VALUE_MAP_OR_NULL:
        return refuse(v, REG(reg),
                      "%s through r%d, which may be NULL: check "
                      "the result of map_lookup first",
                      what, reg);
    default:
        return refuse(v, REG(reg),
                      "%s through r%d, which does not point to "
                      "memory that allows it",
                      what, reg);
    }
}

/* A range of offsets at which an access may start. */
struct span {
    int64_t first, last;
};

/* Finds where an access at 'reg' plus 'offset' may start. */
static int
find_span(struct verifier *v, int reg, int offset, struct span *span)
{
    const struct range *r = &v->cur->regs[reg].num.r64;
    int64_t most =
        v->cur->regs[reg].kind == VALUE_PACKET ? MAX_OFFSET : INT32_MAX / 4;

    if (r->smin < -most || r->smax > most) {
        return refuse(v, REG(reg), "the offset of r%d is not bounded", reg);
    }
    span->first = r->smin + offset;
    span->last = r->smax + offset;
    return 0;
}

/* The fact that proves 'end' bytes from the symbol of 'ptr' on, that is 'last'
 * at most from the packet's start on; '*need' is how much of it is needed. */
static struct fact *
find_proof(struct verifier *v, const struct value *ptr, int64_t end,
           int64_t last, int64_t *need)
{
    struct fact *fact = fact_find(v->cur, ptr->sym);
    uint32_t n;

    *need = end;
    if (fact && fact->bytes >= end) {
        return fact;
    }
    fact = fact_find(v->cur, 0);
    *need = last;
    if (fact && fact->bytes >= last) {
        return fact;
    }
    sym_leaves(v, &ptr->sym, &n);
    for (uint32_t i = 0; n > 1 && i < n; i++) {
        fact = fact_find_part(v, ptr->sym, i, end, need);
        if (fact) {
            return fact;
        }
    }
    return NULL;
}

static int
check_packet(struct verifier *v, int reg, int offset, int64_t len)
{
    struct value *ptr = &v->cur->regs[reg];
    struct fact *fact = fact_find(v->cur, ptr->sym);
    int64_t proved = fact ? fact->bytes : 0, end, need;
    struct span span = {0, 0};
    int error;

    error = find_span(v, reg, offset, &span);
    if (error) {
        return error;
    }
    if (span.first < 0) {
        return refuse(v, REG(reg),
                      "packet access at offset %" PRId64
                      " may lie before the packet",
                      span.first);
    }
    end = ptr->delta <= MAX_OFFSET && ptr->delta >= -MAX_OFFSET
              ? ptr->delta + offset + len
              : INT64_MAX;
    fact = find_proof(v, ptr, end, span.last + len, &need);
    if (!fact) {
        if (!ptr->sym) {
            return refuse(v, REG(reg),
                          "packet access at offset %" PRId64 ", %" PRId64
                          " bytes, but only %" PRId64
                          " bytes are proved to be there",
                          span.first, len, proved);
        }
        return refuse(v, REG(reg),
                      "packet access at variable offset, %" PRId64
                      " bytes: not proved to be before the packet's end "
                      "(compare this pointer with data_end)",
                      len);
    }
    if (*need_at(v, fact->need) < need) {
        *need_at(v, fact->need) = need;
    }
    return v->error;
}

static int
check_map_value(struct verifier *v, int reg, int offset, int64_t len,
                enum access access)
{
    const struct value *ptr = &v->cur->regs[reg];
    const struct ubpf_object_map *map = &v->obj->maps[ptr->map];
    struct span span = {0, 0};
    int error = find_span(v, reg, offset, &span);

    if (error) {
        return error;
    }
    if (span.first < 0 || span.last + len > map->def.value_size) {
        return refuse(v, REG(reg),
                      "access to bytes %" PRId64 "...%" PRId64
                      " of a value of map '%s', which has %" PRIu32 " bytes",
                      span.first, span.last + len - 1, map->name,
                      map->def.value_size);
    }
    if (access != ACCESS_LOAD && map->def.flags & UBPF_MAP_F_RDONLY_PROG
        && span.first < map->def.value_size - map->def.state_size) {
        return refuse(v, REG(reg),
                      map->def.state_size ? "map '%s' is read-only, but for "
                                            "the last %" PRIu32
                                            " bytes of a value"
                                          : "map '%s' is read-only",
                      map->name, map->def.state_size);
    }
    return 0;
}

int
check_meter(struct verifier *v, int reg, const char *what)
{
    const struct value *ptr = &v->cur->regs[reg];
    const struct ubpf_map_def *def;
    struct span span = {0, 0};
    struct tnum low;
    int64_t end;
    int error;

    if (ptr->kind != VALUE_MAP_VALUE) {
        return may_be_null(ptr->kind)
                   ? refuse_pointer(v, reg, what)
                   : refuse(v, REG(reg),
                            "%s must lie in the state of a map's value", what);
    }
    error = find_span(v, reg, 0, &span);
    if (error) {
        return error;
    }
    def = &v->obj->maps[ptr->map].def;
    end = def->value_size;
    if (def->flags & UBPF_MAP_F_AGING) {
        end -= (int64_t) sizeof(struct ubpf_aging);
    }
    if (span.first < (int64_t) def->value_size - def->state_size
        || span.last + (int64_t) sizeof(struct ubpf_meter) > end) {
        return refuse(v, REG(reg),
                      "%s has %zu bytes at offset %" PRId64
                      " of a value of map '%s', of which the state is bytes "
                      "%" PRIu32 "...%" PRId64,
                      what, sizeof(struct ubpf_meter), span.last,
                      v->obj->maps[ptr->map].name,
                      def->value_size - def->state_size, end - 1);
    }
    low = tnum_low(ptr->num.bits, 3);
    return low.value | low.mask
               ? refuse(v, REG(reg),
                        "%s is not known to be aligned to 8 bytes", what)
               : 0;
}

static int
find_stack(struct verifier *v, int reg, int offset, int64_t len,
           struct span *span)
{
    int error = find_span(v, reg, offset, span);

    if (error) {
        return error;
    }
    if (!stack_in_range(v, span->first, span->last - span->first + len)) {
        int64_t top = stack_top(v, v->cur->n_calls);

        if (v->cur->n_calls && span->first >= -UBPF_STACK_SIZE
            && span->last + len <= 0) {
            return refuse(v, REG(reg),
                          "stack access at r10%+" PRId64 ", %" PRId64
                          " bytes: not within the frame of one function",
                          span->first - top, span->last - span->first + len);
        }
        return refuse(
            v, REG(reg),
            "stack access at r10%+" PRId64 ", %" PRId64
            " bytes: the stack is r10-%d to r10-1",
            (span->first < -UBPF_STACK_SIZE ? span->first : span->last) - top,
            len, (int) (UBPF_STACK_SIZE + top));
    }
    return 0;
}

/* Finds the field of the context at 'reg' plus 'offset'. */
static const struct ctx_field *
find_field(struct verifier *v, int reg, int offset, int size, bool store)
{
    const struct value *ptr = &v->cur->regs[reg];
    int64_t at;

    if (!scalar_is_const(&ptr->num)) {
        refuse(v, REG(reg), "variable offset into the context");
        return NULL;
    }
    at = (int64_t) (ptr->num.bits.value + (uint64_t) offset);
    for (size_t i = 0; i < sizeof ctx_fields / sizeof *ctx_fields; i++) {
        const struct ctx_field *field = &ctx_fields[i];

        if (at == field->offset) {
            if (size != field->size) {
                refuse(v, REG(reg),
                       "the field of the context at offset %" PRId64
                       " has %d bytes",
                       at, field->size);
                return NULL;
            }
            if (store && !field->writable) {
                refuse(v, REG(reg),
                       "the field of the context at offset %" PRId64
                       " is read-only",
                       at);
                return NULL;
            }
            return field;
        }
    }
    refuse(v, REG(reg), "there is no field of the context at offset %" PRId64,
           at);
    return NULL;
}

/* Loads from the stack to '*result'. */
static int
load_stack(struct verifier *v, int reg, int offset, int size,
           struct value *result)
{
    const char *what = NULL;
    struct span span = {0, 0};
    int error = find_stack(v, reg, offset, size, &span);

    if (error) {
        return error;
    }
    if (span.first == span.last) {
        if (!stack_load(v, span.first, size, result, &what)) {
            return refuse(v, REG(reg),
                          "the stack at r10%+" PRId64 ", %d bytes, is %s",
                          span.first, size, what);
        }
        return v->error;
    }
    if (!stack_read_bytes(v, span.first, span.last + size - span.first,
                          &what)) {
        return refuse(v, REG(reg),
                      "a byte of the stack between r10%+" PRId64
                      " and r10%+" PRId64 " is %s",
                      span.first, span.last + size - 1, what);
    }
    *result = value_scalar(v, scalar_of_width(size * 8, false));
    return v->error;
}

/* Loads 'size' bytes at 'reg' plus 'offset' to '*result'. */
static int
load_value(struct verifier *v, int reg, int offset, int size,
           struct value *result)
{
    const struct ctx_field *field;
    int error = 0;

    switch ((enum value_kind) v->cur->regs[reg].kind) {
    case VALUE_STACK:
        return load_stack(v, reg, offset, size, result);
    case VALUE_CTX:
        field = find_field(v, reg, offset, size, false);
        if (!field) {
            return v->error;
        }
        if (field->kind != VALUE_SCALAR) {
            *result = value_pointer(field->kind);
            return 0;
        }
        break;
    case VALUE_PACKET:
        error = check_packet(v, reg, offset, size);
        break;
    case VALUE_MAP_VALUE:
        error = check_map_value(v, reg, offset, size, ACCESS_LOAD);
        break;
    default:
        return refuse_pointer(v, reg, "load");
    }
    if (!error) {
        *result = value_scalar(v, scalar_of_width(size * 8, false));
        error = v->error;
    }
    return error;
}

int
do_load(struct verifier *v, const struct ubpf_op *op)
{
    struct value result;
    int error = load_value(v, op->src, op->offset, op->bits / 8, &result);

    if (error) {
        return error;
    }
    if (op->sext) {
        struct scalar num;

        if (result.kind != VALUE_SCALAR) {
            return refuse(v, REG(op->src), "sign-extending load of a pointer");
        }
        num =
            scalar_alu(UBPF_ALU_MOVSX, 64, op->bits, &result.num, &result.num);
        if (!scalar_equal(&num, &result.num)) {
            uint32_t node = result.node;

            result = value_scalar(v, num);
            result.node = node_new(v, node, 0);
        }
    }
    v->cur->regs[op->dst] = result;
    return v->error;
}

int
do_store(struct verifier *v, const struct ubpf_op *op)
{
    int size = op->bits / 8, reg = op->dst, error;
    unsigned int regs = REG(op->dst) | (op->reg ? REG(op->src) : 0);
    const struct value *ptr = &v->cur->regs[reg];
    struct value value;
    struct span span = {0, 0};

    error = get_operand(v, op, &value);
    if (error) {
        return error;
    }
    if (value.kind != VALUE_SCALAR && ptr->kind != VALUE_STACK
        && ptr->kind != VALUE_NONE && ptr->kind != VALUE_SCALAR) {
        return refuse(v, regs, "a pointer may be stored on the stack only");
    }
    switch ((enum value_kind) ptr->kind) {
    case VALUE_STACK:
        error = find_stack(v, reg, op->offset, size, &span);
        if (error) {
            return error;
        }
        if (value.kind != VALUE_SCALAR
            && (size != 8 || span.first != span.last || span.first % 8)) {
            return refuse(v, regs,
                          "a pointer may be stored only whole and at "
                          "a fixed multiple of 8 bytes from r10");
        }
        return span.first == span.last
                   ? stack_write(v, span.first, size, &value)
                   : stack_write_somewhere(v, span.first,
                                           span.last + size - span.first);
    case VALUE_CTX:
        return find_field(v, reg, op->offset, size, true) ? 0 : v->error;
    case VALUE_PACKET:
        return check_packet(v, reg, op->offset, size);
    case VALUE_MAP_VALUE:
        return check_map_value(v, reg, op->offset, size, ACCESS_STORE);
    default:
        return refuse_pointer(v, reg, "store");
    }
}

/* Checks that the operands of an atomic operation are numbers. */
static int
check_atomic_operands(struct verifier *v, const struct ubpf_op *op)
{
    int error = need_initialised(v, op->src);

    if (!error && op->code == UBPF_ATOMIC_CMPXCHG) {
        error = need_initialised(v, 0);
        if (!error && v->cur->regs[0].kind != VALUE_SCALAR) {
            error = refuse(v, REG(0), "atomic operation on a pointer");
        }
    }
    if (!error && v->cur->regs[op->src].kind != VALUE_SCALAR) {
        error = refuse(v, REG(op->src), "atomic operation on a pointer");
    }
    return error;
}

int
do_atomic(struct verifier *v, const struct ubpf_op *op)
{
    const struct value *ptr = &v->cur->regs[op->dst];
    int size = op->bits / 8, error = check_atomic_operands(v, op);
    struct value any;
    struct tnum at;

    if (error) {
        return error;
    }
    at = tnum_low(tnum_add(ptr->num.bits, tnum_const((uint64_t) op->offset)),
                  size == 8 ? 3 : 2);
    if (ptr->kind == VALUE_STACK) {
        if (!scalar_is_const(&ptr->num)) {
            return refuse(v, REG(op->dst),
                          "atomic operation at a variable stack offset");
        }
        error = load_stack(v, op->dst, op->offset, size, &any);
        if (!error && any.kind != VALUE_SCALAR) {
            error = refuse(v, REG(op->dst), "atomic operation on a pointer");
        }
    } else if (ptr->kind == VALUE_MAP_VALUE) {
        error = check_map_value(v, op->dst, op->offset, size, ACCESS_ATOMIC);
    } else {
        return refuse_pointer(v, op->dst, "atomic operation");
    }
    if (error) {
        return error;
    }
    if (at.value | at.mask) {
        return refuse(v, REG(op->dst),
                      "atomic operation that is not known to "
                      "be aligned to its %d bytes",
                      size);
    }
    any = value_scalar(v, scalar_of_width(op->bits, false));
    if (ptr->kind == VALUE_STACK) {
        error = stack_write(v, (int64_t) ptr->num.bits.value + op->offset,
                            size, &any);
    }
    if (op->fetch) {
        v->cur->regs[op->code == UBPF_ATOMIC_CMPXCHG ? 0 : op->src] =
            value_scalar(v, scalar_of_width(op->bits, false));
    }
    return error ? error : v->error;
}

int
check_readable(struct verifier *v, int reg, uint64_t len, const char *what)
{
    const char *why = NULL;
    struct span span = {0, 0};
    int error;

    switch ((enum value_kind) v->cur->regs[reg].kind) {
    case VALUE_STACK:
        if (len > UBPF_STACK_SIZE) {
            return refuse(v, REG(reg),
                          "%s of up to %" PRIu64
                          " bytes is larger than the stack",
                          what, len);
        }
        error = find_stack(v, reg, 0, (int64_t) len, &span);
        if (!error
            && !stack_read_bytes(
                v, span.first, span.last - span.first + (int64_t) len, &why)) {
            error =
                refuse(v, REG(reg),
                       "a byte of %s on the stack between "
                       "r10%+" PRId64 " and r10%+" PRId64 " is %s",
                       what, span.first, span.last + (int64_t) len - 1, why);
        }
        return error;
    case VALUE_PACKET:
    case VALUE_MAP_VALUE:
        if (len > (uint64_t) MAX_OFFSET) {
            return refuse(v, REG(reg), "the size of %s is not bounded", what);
        }
        return v->cur->regs[reg].kind == VALUE_PACKET
                   ? check_packet(v, reg, 0, (int64_t) len)
                   : check_map_value(v, reg, 0, (int64_t) len, ACCESS_LOAD);
    default:
        return refuse_pointer(v, reg, what);
    }
}
