/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreter's loop: operations of which ops.h spells the variants, and
 * a table of labels to jump through.  count.c builds a second one of it. */

#include "interpreter/code.h"

#include <string.h>

#include <ubpf/ubpf.h>

#include "interpreter/ops.h"
#include "isa/functions.h"

/* Memory may be unaligned. */
#define MEMORY_ACCESS(BITS)                                          \
    static inline uint64_t load##BITS(uint64_t address)              \
    {                                                                \
        uint##BITS##_t x;                                            \
                                                                     \
        memcpy(&x, (const void *) (uintptr_t) address, sizeof x);    \
        return x;                                                    \
    }                                                                \
    static inline void store##BITS(uint64_t address, uint64_t value) \
    {                                                                \
        uint##BITS##_t x = (uint##BITS##_t) value;                   \
                                                                     \
        memcpy((void *) (uintptr_t) address, &x, sizeof x);          \
    }

MEMORY_ACCESS(8)
MEMORY_ACCESS(16)
MEMORY_ACCESS(32)
MEMORY_ACCESS(64)

/* Signed division (RFC 9669 section 4.1): x / 0 = 0, x % 0 = x. */
#define SIGNED_DIVISION(BITS)                                              \
    static inline uint##BITS##_t sdiv##BITS(uint##BITS##_t a,              \
                                            uint##BITS##_t b)              \
    {                                                                      \
        if (b == (uint##BITS##_t) - 1) {                                   \
            return (uint##BITS##_t) 0 - a;                                 \
        }                                                                  \
        return b ? (uint##BITS##_t)((int##BITS##_t) a / (int##BITS##_t) b) \
                 : 0;                                                      \
    }                                                                      \
    static inline uint##BITS##_t smod##BITS(uint##BITS##_t a,              \
                                            uint##BITS##_t b)              \
    {                                                                      \
        if (b == (uint##BITS##_t) - 1) {                                   \
            return 0;                                                      \
        }                                                                  \
        return b ? (uint##BITS##_t)((int##BITS##_t) a % (int##BITS##_t) b) \
                 : a;                                                      \
    }                                                                      \
    static inline uint##BITS##_t arsh##BITS(uint##BITS##_t a,              \
                                            uint##BITS##_t b)              \
    {                                                                      \
        return (uint##BITS##_t)((int##BITS##_t) a >> (b & (BITS - 1)));    \
    }

SIGNED_DIVISION(32)
SIGNED_DIVISION(64)

#ifdef UBPF_COUNT_INSNS
#define RUN(CODE, ENV) ubpf_code_count(CODE, ENV, uint64_t *n_insns)
#define DISPATCH       goto * (++*n_insns, labels[insn->op])
#else
#define RUN(CODE, ENV) ubpf_code_run(CODE, ENV)
#define DISPATCH       goto *labels[insn->op]
#endif
#define NEXT      \
    do {          \
        insn++;   \
        DISPATCH; \
    } while (0)

/* What a call keeps below the frame of the caller. */
struct saved_frame {
    uint64_t saved[4]; /* r6...r9. */
    const struct code_insn *call;
};
_Static_assert(sizeof(struct saved_frame) <= UBPF_CALL_SAVE, "room for it");

static inline void *
pointer(uint64_t reg)
{
    return (void *) (uintptr_t) reg;
}

/* Programs may race with other threads for a map's values, as docs/abi.md
 * tells their authors; the thread sanitizer need not. */
__attribute__((no_sanitize_thread)) uint64_t
RUN(const struct ubpf_code *code, const struct ubpf_env *env)
{
    /* clang-format off */
    static const void *const labels[N_OPS] = {
        FOR_EACH_ALU(ALU_LABELS) FOR_EACH_COND(COND_LABELS)
        FOR_EACH_SIZE(SIZE_LABELS) FOR_EACH_ATOMIC(ATOMIC_LABELS)
        OTHER_LABELS
    };
    /* clang-format on */
    _Alignas(16) uint8_t stack[UBPF_STACK_SIZE];
    const struct code_insn *insn = code->insns;
    struct saved_frame *frame;
    uint64_t r[UBPF_N_REGS] = {0};

    r[1] = (uintptr_t) &env->run->ctx;
    r[UBPF_REG_FP] = (uintptr_t) (stack + sizeof stack);
    DISPATCH;

    /* clang-format off */
    FOR_EACH_ALU(ALU_BODIES)
    FOR_EACH_COND(COND_BODIES)
    FOR_EACH_SIZE(SIZE_BODIES)
    FOR_EACH_ATOMIC(ATOMIC_BODIES)
    EXCHANGE_BODIES(32)
    EXCHANGE_BODIES(64)
    /* clang-format on */

neg32:
    r[insn->dst] = (uint32_t) (0 - (uint32_t) r[insn->dst]);
    NEXT;
neg64:
    r[insn->dst] = 0 - r[insn->dst];
    NEXT;
movsx32_8:
    r[insn->dst] = (uint32_t) (int8_t) r[insn->src];
    NEXT;
movsx32_16:
    r[insn->dst] = (uint32_t) (int16_t) r[insn->src];
    NEXT;
movsx64_8:
    r[insn->dst] = (uint64_t) (int8_t) r[insn->src];
    NEXT;
movsx64_16:
    r[insn->dst] = (uint64_t) (int16_t) r[insn->src];
    NEXT;
movsx64_32:
    r[insn->dst] = (uint64_t) (int32_t) r[insn->src];
    NEXT;
zext_16:
    r[insn->dst] = (uint16_t) r[insn->dst];
    NEXT;
zext_32:
    r[insn->dst] = (uint32_t) r[insn->dst];
    NEXT;
zext_64:
    NEXT;
swap_16:
    r[insn->dst] = __builtin_bswap16((uint16_t) r[insn->dst]);
    NEXT;
swap_32:
    r[insn->dst] = __builtin_bswap32((uint32_t) r[insn->dst]);
    NEXT;
swap_64:
    r[insn->dst] = __builtin_bswap64(r[insn->dst]);
    NEXT;
lddw:
    r[insn->dst] = insn->imm;
    NEXT;
go_to:
    insn += insn->offset;
    DISPATCH;
call:
    r[0] = insn->helper(env, r[1], r[2], r[3], r[4], r[5]);
    NEXT;
call_local:
    /* What verified programs leave alone, see isa/functions.h. */
    frame = pointer(r[UBPF_REG_FP] - insn->imm);
    memcpy(frame->saved, &r[6], sizeof frame->saved);
    frame->call = insn;
    r[UBPF_REG_FP] = (uintptr_t) frame;
    insn += insn->offset;
    DISPATCH;
back:
    frame = pointer(r[UBPF_REG_FP]);
    memcpy(&r[6], frame->saved, sizeof frame->saved);
    insn = frame->call;
    r[UBPF_REG_FP] += insn->imm;
    NEXT;
done:
    return r[0];
}
