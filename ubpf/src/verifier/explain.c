/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a program is refused, in one line for people. */

#include "state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/disasm.h"

#define TEXT_SIZE 1024

/* A text that is being put together. */
struct text {
    char *s;
    size_t n;
};

static void PRINTF(2, 0)
    vput(struct text *text, const char *format, va_list args)
{
    int n = vsnprintf(text->s + text->n, TEXT_SIZE - text->n, format, args);

    if (n > 0) {
        text->n += (size_t) n;
        if (text->n >= TEXT_SIZE) {
            text->n = TEXT_SIZE - 1;
        }
    }
}

static void PRINTF(2, 3) put(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vput(text, format, args);
    va_end(args);
}

static void
put_num(struct text *text, const struct scalar *num)
{
    const struct range *r = &num->r64;

    if (scalar_is_const(num)) {
        put(text, "%" PRId64, (int64_t) num->bits.value);
    } else if (r->smin != INT64_MIN || r->smax != INT64_MAX) {
        put(text, "%" PRId64 "..%" PRId64, r->smin, r->smax);
    } else if (r->umin || r->umax != UINT64_MAX) {
        put(text, "%" PRIu64 "..%" PRIu64, r->umin, r->umax);
    } else {
        put(text, "any");
    }
}

static void
put_value(struct text *text, const struct verifier *v,
          const struct value *value)
{
    static const char *const names[] = {
        [VALUE_NONE] = "uninitialised",
        [VALUE_SCALAR] = "number",
        [VALUE_CTX] = "ctx",
        [VALUE_STACK] = "stack",
        [VALUE_PACKET] = "packet",
        [VALUE_PACKET_END] = "data_end",
        [VALUE_MAP] = "map",
        [VALUE_MAP_VALUE] = "map_value",
        [VALUE_MAP_VALUE_OR_NULL] = "map_value_or_null",
        [VALUE_MAP_OR_NULL] = "map_or_null",
    };

    put(text, "%s(", names[value->kind]);
    if (value->kind == VALUE_MAP || value->kind == VALUE_MAP_VALUE
        || may_be_null(value->kind)) {
        put(text, "%s, ", v->obj->maps[value->map].name);
    }
    if (value->kind != VALUE_NONE) {
        if (value->kind != VALUE_SCALAR) {
            put(text, "off=");
        }
        put_num(text, &value->num);
    }
    put(text, ")");
}

/* Starts a text with the name of the instruction in slot 'pc'. */
static bool
start(struct verifier *v, uint32_t pc, struct text *text)
{
    char insn[UBPF_DISASM_SIZE];
    const struct ubpf_object_line *line = ubpf_object_line(v->obj, pc);
    char where[UBPF_DISASM_SIZE];

    text->s = malloc(TEXT_SIZE);
    text->n = 0;
    if (!text->s) {
        return false;
    }
    ubpf_disasm(v->obj->insns, v->obj->n_insns, pc, insn, sizeof insn);
    put(text, "insn %" PRIu32, pc);
    if (line) {
        ubpf_object_line_text(line, where, sizeof where);
        put(text, " (%s)", where);
    }
    if (v->cur && v->cur->n_calls && pc == v->pc) {
        put(text, ", called from insn %" PRIu32,
            v->cur->calls[v->cur->n_calls - 1]);
    }
    put(text, ": %s:", insn);
    return true;
}

/* Makes 'text' the reason of the failure, unless there is one already. */
static int
finish(struct verifier *v, struct text *text, int error)
{
    if (v->error) {
        free(text->s);
    } else {
        v->error = text->s ? error : ENOMEM;
        v->text = text->s;
    }
    return v->error;
}

int
refuse(struct verifier *v, unsigned int regs, const char *format, ...)
{
    struct text text;
    va_list args;
    char sep = ';';

    if (!v->error) {
        v->refused_regs = regs;
    }
    if (start(v, v->pc, &text)) {
        put(&text, " ");
        va_start(args, format);
        vput(&text, format, args);
        va_end(args);
        for (int i = 0; i < UBPF_N_REGS; i++) {
            if (regs & REG(i)) {
                put(&text, "%c r%d=", sep, i);
                put_value(&text, v, &v->cur->regs[i]);
                sep = ',';
            }
        }
    }
    return finish(v, &text, EPERM);
}

int
refuse_at(struct verifier *v, uint32_t pc, const char *format, ...)
{
    struct text text;
    va_list args;

    if (start(v, pc, &text)) {
        put(&text, " ");
        va_start(args, format);
        vput(&text, format, args);
        va_end(args);
    }
    return finish(v, &text, EPERM);
}

int
fail(struct verifier *v, int error, const char *format, ...)
{
    struct text text = {malloc(TEXT_SIZE), 0};
    va_list args;

    if (text.s) {
        va_start(args, format);
        vput(&text, format, args);
        va_end(args);
    }
    return finish(v, &text, error);
}

/* The registers that are live, and what is known of the packet. */
static void
put_state(struct text *text, struct verifier *v)
{
    const struct state *cur = v->cur;
    const char *what;

    for (int i = 0; i < UBPF_N_REGS; i++) {
        if (v->live[v->pc] & REG(i) && cur->regs[i].kind != VALUE_NONE) {
            put(text, " r%d=", i);
            put_value(text, v, &cur->regs[i]);
        }
    }
    for (uint32_t at = 8; at <= cur->depth; at += 8) {
        struct value value;

        if (stack_peek(v, cur, -(int64_t) at, 8, &value, &what)
            == PEEK_WHOLE) {
            put(text, " [r10-%" PRIu32 "]=", at);
            put_value(text, v, &value);
        }
    }
    for (uint32_t i = 0; i < cur->n_facts; i++) {
        if (!cur->facts[i].sym) {
            put(text, " packet>=%" PRId64, cur->facts[i].bytes);
        }
    }
}

void
trace(struct verifier *v, const char *event)
{
    const struct ubpf_verify_options *options = v->options;
    struct text text;

    if (!options->trace || v->error || !start(v, v->pc, &text)) {
        return;
    }
    if (event) {
        put(&text, " %s", event);
    } else {
        put_state(&text, v);
    }
    options->trace(options->trace_aux, text.s);
    free(text.s);
}
