/* SPDX-License-Identifier: Apache-2.0
 *
 * From verified instructions to LLVM IR.
 *
 * A register is an alloca of 64 bits, which LLVM turns into values; an address
 * is a number that becomes a pointer where it is used, but for places on the
 * stack and in the context, which keep their origin (see flow.h). */

#ifndef UBPF_JIT_LIFT_H
#define UBPF_JIT_LIFT_H 1

#include <llvm-c/Core.h>

#include "jit/flow.h"

/* Name of the function of type ubpf_native_fn in the module. */
#define LIFT_ENTRY "ubpf_run_burst"

/* How the names of functions begin that lift_call_special() makes. */
#define LIFT_SPECIAL "special."

/* A module that is being written. */
struct lift_module {
    const struct ubpf_jit_input *in;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMTypeRef i1, i8, i16, i32, i64, ptr, nothing;
    /* One for each function of the program: i64 (ptr env, ptr ctx), the others
     * i64 (ptr env, i64 r1...r5). */
    LLVMValueRef *functions;
    uint64_t traffic; /* See flow.h. */
};

/* What the code passes on as 'env'. */
struct lift_env {
    struct ubpf_env env;
    uint64_t now;    /* The time of the burst; 0: not asked for yet. */
    uint64_t random; /* The last random number's; 0: none yet. */
    uint32_t thread; /* The number of the calling thread. */
};

/* A function that is being written. */
struct lift {
    struct lift_module *m;
    struct flow flow;
    LLVMValueRef function;
    LLVMValueRef env, ctx;         /* No 'ctx' but in the first function. */
    LLVMValueRef reg[UBPF_N_REGS]; /* Allocas; none for r10. */
    LLVMBasicBlockRef *blocks;     /* One for each of flow.blocks. */
    LLVMBasicBlockRef never;       /* Where the verifier says nobody comes. */
    /* The stack: for each byte the object that it belongs to, and where in
     * it; or, of a stack in one piece, objects[0] from 'stack_low' on. */
    LLVMValueRef *objects;
    uint16_t *object_start;
    uint32_t stack_low;
    struct flow_state state; /* Before the instruction at hand. */
    bool dead;               /* The rest of the block is never reached. */
};

/* The type of function number 'i' of the program. */
LLVMTypeRef lift_function_type(const struct lift_module *m, uint32_t i);

/* Writes the program of 'in' and LIFT_ENTRY into 'module'.  Returns 0, with
 * '*traffic' as in flow.h, or ENOMEM or EINVAL. */
int lift_program(const struct ubpf_jit_input *in, LLVMModuleRef module,
                 uint64_t *traffic);

/* Values (lift_value.c). */
LLVMValueRef lift_int(struct lift *l, uint64_t value);
LLVMValueRef lift_address(struct lift *l, uint64_t address);
LLVMValueRef lift_as_pointer(struct lift *l, LLVMValueRef value);
/* The number in register 'reg'. */
LLVMValueRef lift_reg(struct lift *l, int reg);
void lift_set_reg(struct lift *l, int reg, LLVMValueRef value);
/* A pointer to what is 'offset' bytes after the address in register 'reg';
 * NULL, with l->dead set, for one that the verifier cannot have accepted. */
LLVMValueRef lift_pointer(struct lift *l, int reg, int64_t offset,
                          int64_t size, unsigned int *align);
/* Allocates the stack of the function. */
int lift_stack(struct lift *l);
LLVMTypeRef lift_type(struct lift *l, unsigned int bits);

/* Instructions, of which l->state is the state before (lift_ops.c,
 * lift_call.c). */
void lift_alu(struct lift *l, const struct ubpf_op *op);
LLVMValueRef lift_condition(struct lift *l, const struct ubpf_op *op);
void lift_load(struct lift *l, const struct ubpf_op *op);
void lift_store(struct lift *l, const struct ubpf_op *op);
void lift_atomic(struct lift *l, const struct ubpf_op *op);
void lift_call(struct lift *l, const struct ubpf_op *op);
void lift_call_local(struct lift *l, const struct ubpf_op *op);
void lift_map(struct lift *l, const struct ubpf_op *op);

/* Calls of what is not the program (lift_inline.c).  None keeps a copy of a
 * pointer that it gets. */

/* Calls the C function at 'address', which takes the 'n' arguments and does
 * not throw. */
LLVMValueRef lift_call_c(struct lift *l, uintptr_t address, LLVMTypeRef result,
                         LLVMValueRef args[], unsigned int n);

/* Calls the function 'name' of inline.c. */
LLVMValueRef lift_call_inline(struct lift *l, const char *name,
                              LLVMTypeRef result, LLVMValueRef args[],
                              unsigned int n);

/* The same with up to two constants after the arguments: of each function and
 * constants the module has one copy, optimised before it is inlined where that
 * pays. */
LLVMValueRef lift_call_special(struct lift *l, const char *name,
                               LLVMTypeRef result, LLVMValueRef args[],
                               unsigned int n, const uint32_t constants[],
                               unsigned int n_constants);

/* Helpers that take a map, given their arguments from r2 on (lift_map.c); NULL
 * where there is nothing better than the helper itself. */
LLVMValueRef lift_map_lookup(struct lift *l, LLVMValueRef r2);
LLVMValueRef lift_map_update(struct lift *l, const LLVMValueRef r2[3]);
LLVMValueRef lift_map_delete(struct lift *l, LLVMValueRef r2);
LLVMValueRef lift_ring_output(struct lift *l, LLVMValueRef r2);
LLVMValueRef lift_meter_execute(struct lift *l, const LLVMValueRef r2[3]);

/* A pointer to what is at 'offset' in the struct lift_env. */
LLVMValueRef lift_env_field(struct lift *l, size_t offset);

/* Sets 'args' to what functions take that ask for the time of the burst. */
void lift_add_clock(struct lift *l, LLVMValueRef args[2]);

#endif /* lift.h */
