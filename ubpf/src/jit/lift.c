/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions, blocks and the entry point. */

#include "jit/lift.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "maps/map.h"

/* Ends the block at hand: the verifier says that nobody comes here, and if
 * somebody did, the packet would be dropped. */
static void
lift_never(struct lift *l)
{
    LLVMBuildBr(l->m->builder, l->never);
}

static LLVMBasicBlockRef
block_at(struct lift *l, uint32_t pc)
{
    return pc < l->flow.end ? l->blocks[l->flow.block_of[pc - l->flow.start]]
                            : l->never;
}

/* Writes 'op', which is in slot 'pc', unless it is a jump. */
static void
lift_op(struct lift *l, const struct ubpf_op *op)
{
    switch ((enum ubpf_kind) op->kind) {
    case UBPF_KIND_ALU:
        lift_alu(l, op);
        break;
    case UBPF_KIND_LOAD_IMM:
        lift_set_reg(l, op->dst, lift_int(l, (uint64_t) op->imm));
        break;
    case UBPF_KIND_LOAD_MAP:
    case UBPF_KIND_LOAD_MAP_VALUE:
        lift_map(l, op);
        break;
    case UBPF_KIND_LOAD:
        lift_load(l, op);
        break;
    case UBPF_KIND_STORE:
        lift_store(l, op);
        break;
    case UBPF_KIND_ATOMIC:
        lift_atomic(l, op);
        break;
    case UBPF_KIND_CALL:
        lift_call(l, op);
        break;
    case UBPF_KIND_CALL_LOCAL:
        lift_call_local(l, op);
        break;
    default:
        break;
    }
}

/* Ends the block that 'op', in slot 'pc', is the last instruction of. */
static void
lift_end(struct lift *l, const struct ubpf_op *op, uint32_t pc)
{
    LLVMBuilderRef builder = l->m->builder;
    LLVMBasicBlockRef next = block_at(l, pc + op->len);

    switch ((enum ubpf_kind) op->kind) {
    case UBPF_KIND_EXIT:
        LLVMBuildRet(builder, lift_reg(l, 0));
        break;
    case UBPF_KIND_GOTO:
        LLVMBuildBr(builder, block_at(l, op->target));
        break;
    case UBPF_KIND_JUMP:
        LLVMBuildCondBr(builder, lift_condition(l, op),
                        block_at(l, op->target), next);
        break;
    default:
        LLVMBuildBr(builder, next);
        break;
    }
}

static void
lift_block(struct lift *l, uint32_t i)
{
    const struct flow_block *block = &l->flow.blocks[i];
    struct ubpf_op op = {0};
    uint32_t pc, at = block->start;

    LLVMPositionBuilderAtEnd(l->m->builder, l->blocks[i]);
    l->state = block->in;
    l->dead = l->state.reg[UBPF_REG_FP].kind == FLOW_UNREACHED;
    for (pc = block->start; pc < block->end && !l->dead; pc += op.len) {
        ubpf_decode(l->m->in->insns, l->m->in->n_insns, pc, &op);
        at = pc;
        lift_op(l, &op);
        if (pc + op.len < block->end) {
            flow_step(l->m->in, &op, &l->state);
        }
    }
    if (l->dead) {
        lift_never(l);
    } else {
        lift_end(l, &op, at);
    }
}

/* Writes the body of l->function, whose flow has been analysed. */
static int
lift_body(struct lift *l)
{
    struct lift_module *m = l->m;
    LLVMBasicBlockRef entry;
    int err;

    l->blocks = calloc(l->flow.n_blocks, sizeof *l->blocks);
    if (!l->blocks) {
        return ENOMEM;
    }
    entry = LLVMAppendBasicBlockInContext(m->context, l->function, "");
    for (uint32_t i = 0; i < l->flow.n_blocks; i++) {
        l->blocks[i] =
            LLVMAppendBasicBlockInContext(m->context, l->function, "");
    }
    l->never = LLVMAppendBasicBlockInContext(m->context, l->function, "");
    LLVMPositionBuilderAtEnd(m->builder, l->never);
    LLVMBuildRet(m->builder, lift_int(l, UBPF_ABORT));

    LLVMPositionBuilderAtEnd(m->builder, entry);
    for (int i = 0; i < UBPF_REG_FP; i++) {
        l->reg[i] = LLVMBuildAlloca(m->builder, m->i64, "");
    }
    err = lift_stack(l);
    if (err) {
        return err;
    }
    if (l->ctx) {
        lift_set_reg(l, 1, LLVMBuildPtrToInt(m->builder, l->ctx, m->i64, ""));
    } else {
        for (unsigned int i = 1; i <= UBPF_HELPER_MAX_ARGS; i++) {
            lift_set_reg(l, (int) i, LLVMGetParam(l->function, i));
        }
    }
    LLVMBuildBr(m->builder, l->blocks[0]);
    for (uint32_t i = 0; i < l->flow.n_blocks; i++) {
        lift_block(l, i);
    }
    return 0;
}

LLVMTypeRef
lift_function_type(const struct lift_module *m, uint32_t i)
{
    LLVMTypeRef params[1 + UBPF_HELPER_MAX_ARGS] = {
        m->ptr, i ? m->i64 : m->ptr, m->i64, m->i64, m->i64, m->i64};

    return LLVMFunctionType(m->i64, params, i ? 1 + UBPF_HELPER_MAX_ARGS : 2,
                            false);
}

/* Writes function number 'i' of the program. */
static int
lift_function(struct lift_module *m, uint32_t i)
{
    const struct ubpf_function *f = &m->in->functions[i];
    struct lift l = {.m = m, .function = m->functions[i]};
    int err;

    l.env = LLVMGetParam(l.function, 0);
    l.ctx = i ? NULL : LLVMGetParam(l.function, 1);
    err = flow_init(&l.flow, m->in, f->start, f->end, !i);
    m->traffic += l.flow.traffic;
    if (!err) {
        err = lift_body(&l);
    }
    free(l.blocks);
    free(l.objects);
    free(l.object_start);
    flow_uninit(&l.flow);
    return err;
}

/* True if the program may look up a value of its own thread. */
static bool
uses_threads(const struct ubpf_jit_input *in)
{
    for (uint32_t i = 0; i < in->n_maps; i++) {
        uint32_t type = in->maps[i]->def.type;

        if (type == UBPF_MAP_TYPE_THREAD_ARRAY
            || type == UBPF_MAP_TYPE_THREAD_HASH) {
            return true;
        }
    }
    return false;
}

static LLVMValueRef
field(struct lift_module *m, LLVMValueRef base, size_t offset)
{
    LLVMValueRef index = LLVMConstInt(m->i64, offset, false);

    return LLVMBuildGEP2(m->builder, m->i8, base, &index, 1, "");
}

/* Makes the environment that helpers get, and returns it. */
static LLVMValueRef
build_env(struct lift_module *m)
{
    LLVMBuilderRef b = m->builder;
    LLVMTypeRef type = LLVMArrayType2(m->i8, sizeof(struct lift_env));
    LLVMTypeRef index_type = LLVMFunctionType(m->i32, NULL, 0, false);
    LLVMValueRef env = LLVMBuildAlloca(b, type, "");
    LLVMValueRef host = LLVMConstInt(m->i64, (uintptr_t) m->in->host, false);
    LLVMValueRef index =
        LLVMConstInt(m->i64, (uintptr_t) m->in->thread_index, false);

    LLVMSetAlignment(env, 8);
    LLVMBuildMemSet(b, env, LLVMConstInt(m->i8, 0, false),
                    LLVMConstInt(m->i64, sizeof(struct lift_env), false), 8);
    LLVMBuildStore(b, LLVMConstIntToPtr(host, m->ptr),
                   field(m, env, offsetof(struct lift_env, env.host)));
    if (uses_threads(m->in)) {
        index = LLVMBuildCall2(b, index_type, LLVMConstIntToPtr(index, m->ptr),
                               NULL, 0, "");
        LLVMBuildStore(b, index,
                       field(m, env, offsetof(struct lift_env, thread)));
    }
    return env;
}

/* Writes one turn of the loop: runs the program on runs[i]. */
static void
lift_turn(struct lift_module *m, LLVMValueRef entry, LLVMValueRef env,
          LLVMValueRef i)
{
    LLVMBuilderRef b = m->builder;
    LLVMValueRef runs = LLVMGetParam(entry, 0);
    LLVMValueRef verdicts = LLVMGetParam(entry, 2);
    LLVMValueRef args[2], run, r0, valid;

    run = LLVMBuildGEP2(b, m->ptr, runs, &i, 1, "");
    run = LLVMBuildLoad2(b, m->ptr, run, "");
    LLVMBuildStore(b, run, field(m, env, offsetof(struct lift_env, env.run)));
    args[0] = env;
    args[1] = field(m, run, offsetof(struct ubpf_run, ctx));
    r0 = LLVMBuildCall2(b, lift_function_type(m, 0), m->functions[0], args, 2,
                        "");
    valid = LLVMBuildICmp(b, LLVMIntULE, r0,
                          LLVMConstInt(m->i64, UBPF_RESUBMIT, false), "");
    r0 = LLVMBuildSelect(b, valid, r0, LLVMConstInt(m->i64, UBPF_ABORT, false),
                         "");
    LLVMBuildStore(b, LLVMBuildTrunc(b, r0, m->i32, ""),
                   LLVMBuildGEP2(b, m->i32, verdicts, &i, 1, ""));
}

/* Writes LIFT_ENTRY: a loop over the packets. */
static void
lift_entry(struct lift_module *m)
{
    LLVMTypeRef params[3] = {m->ptr, m->i64, m->ptr};
    LLVMTypeRef type = LLVMFunctionType(m->nothing, params, 3, false);
    LLVMValueRef entry = LLVMAddFunction(m->module, LIFT_ENTRY, type);
    LLVMBasicBlockRef start, loop, done;
    LLVMValueRef n = LLVMGetParam(entry, 1), zero, one, env, i, next, phis[2];
    LLVMBasicBlockRef from[2];

    _Static_assert(sizeof(enum ubpf_verdict) == 4, "verdicts are i32");
    start = LLVMAppendBasicBlockInContext(m->context, entry, "");
    loop = LLVMAppendBasicBlockInContext(m->context, entry, "");
    done = LLVMAppendBasicBlockInContext(m->context, entry, "");
    zero = LLVMConstInt(m->i64, 0, false);
    one = LLVMConstInt(m->i64, 1, false);

    LLVMPositionBuilderAtEnd(m->builder, start);
    env = build_env(m);
    LLVMBuildCondBr(m->builder,
                    LLVMBuildICmp(m->builder, LLVMIntEQ, n, zero, ""), done,
                    loop);

    LLVMPositionBuilderAtEnd(m->builder, loop);
    i = LLVMBuildPhi(m->builder, m->i64, "");
    lift_turn(m, entry, env, i);
    next = LLVMBuildAdd(m->builder, i, one, "");
    phis[0] = zero;
    phis[1] = next;
    from[0] = start;
    from[1] = loop;
    LLVMAddIncoming(i, phis, from, 2);
    LLVMBuildCondBr(m->builder,
                    LLVMBuildICmp(m->builder, LLVMIntULT, next, n, ""), loop,
                    done);

    LLVMPositionBuilderAtEnd(m->builder, done);
    LLVMBuildRetVoid(m->builder);
}

int
lift_program(const struct ubpf_jit_input *in, LLVMModuleRef module,
             uint64_t *traffic)
{
    LLVMContextRef context = LLVMGetModuleContext(module);
    struct lift_module m = {
        .in = in,
        .context = context,
        .module = module,
        .builder = LLVMCreateBuilderInContext(context),
        .i1 = LLVMInt1TypeInContext(context),
        .i8 = LLVMInt8TypeInContext(context),
        .i16 = LLVMInt16TypeInContext(context),
        .i32 = LLVMInt32TypeInContext(context),
        .i64 = LLVMInt64TypeInContext(context),
        .ptr = LLVMPointerTypeInContext(context, 0),
        .nothing = LLVMVoidTypeInContext(context),
    };
    int err = 0;

    m.functions = calloc(in->n_functions, sizeof *m.functions);
    if (!m.functions) {
        err = ENOMEM;
    } else {
        for (uint32_t i = 0; i < in->n_functions; i++) {
            m.functions[i] =
                LLVMAddFunction(module, "f", lift_function_type(&m, i));
        }
        lift_entry(&m);
        for (uint32_t i = 0; i < in->n_functions && !err; i++) {
            err = lift_function(&m, i);
        }
    }
    *traffic = m.traffic;
    free(m.functions);
    LLVMDisposeBuilder(m.builder);
    return err;
}
