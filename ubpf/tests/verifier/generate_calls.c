/* SPDX-License-Identifier: Apache-2.0
 *
 * Helpers, maps, and functions of the program. */

#include "generator.h"

/* Those that programs look up in. */
static const uint8_t lookup_maps[] = {0, 0, 1, 1, 2, 3, 3, 4, 7, 8, 9, 10, 11};

static void
clobber(struct generator *g, int result)
{
    memset(&g->regs[1], NOTHING, 5);
    g->regs[0] = (uint8_t) result;
}

/* Calls a function of the program, mostly one that comes later. */
static void
gen_call_local(struct generator *g)
{
    uint32_t i = g->n_functions;
    struct function *f;

    if (i == MAX_FUNCTIONS || (i && one_in(2))) {
        i = g->function + below(MAX_FUNCTIONS - g->function + 1);
        i = one_in(30) ? below(MAX_FUNCTIONS) : i;
        if (i >= g->n_functions) {
            return;
        }
    }
    f = &g->functions[i];
    if (i == g->n_functions) {
        memcpy(f->args, g->regs, sizeof f->args);
        g->n_functions++;
    }
    for (uint32_t arg = 1; arg <= 5; arg++) {
        uint32_t from = 99;

        if (f->args[arg] == g->regs[arg] || f->args[arg] == NOTHING) {
            continue;
        }
        for (uint32_t reg = 6; reg < 11; reg++) {
            from = g->regs[reg] == f->args[arg] ? reg : from;
        }
        if (from < 11) {
            emit(g, 0xbf, arg, from, 0, 0);
        } else {
            emit(g, 0xb7, arg, 0, 0, below(9));
        }
    }
    emit(g, 0x85, 0, 1, 0, i);
    clobber(g, NUMBER);
}

/* Puts a size into register 'to': one that is at hand in a register above
 * 'min', or 'size'. */
static void
emit_size(struct generator *g, uint32_t to, uint32_t min, uint32_t size)
{
    uint32_t reg = pick(g, SMALL);

    if (reg > min && reg < 10 && one_in(2)) {
        emit(g, 0xbf, to, reg, 0, 0);
    } else {
        emit(g, 0xb7, to, 0, 0, size);
    }
}

/* Hashes as many bytes as a branch chose. */
static void
gen_chosen_size(struct generator *g)
{
    static const uint8_t kinds[] = {PACKET, PACKET, STACK, VALUE};
    uint32_t ptr = pick(g, kinds[below(4)]), other = pick(g, NUMBER);

    if (ptr > 10 || ptr == 1 || ptr == 2 || other > 9 || other == 1
        || other == 2) {
        return;
    }
    emit(g, 0xbf, 1, ptr, 0, 0);
    if (ptr == UBPF_REG_FP) {
        emit(g, 0x07, 1, 0, 0, -8 * (int) (1 + below(12)));
    }
    emit(g, 0xb7, 2, 0, 0, below(24));
    emit(g, one_in(2) ? 0x25 : 0xa5, other, 0, 1, below(20));
    emit(g, 0xb7, 2, 0, 0, below(24));
    emit(g, 0xb7, 3, 0, 0, 0);
    emit(g, 0x85, 0, 0, 0, UBPF_HELPER_HASH_LOOKUP3);
    clobber(g, NUMBER);
}

/* The helpers that take a map of one kind, and those without any. */
static void
gen_new_helper(struct generator *g)
{
    uint32_t ptr = pick(g, one_in(2) ? STACK : PACKET), value;

    switch (below(5)) {
    case 0:
        if (ptr > 9) {
            return;
        }
        emit(g, 0xbf, 2, ptr, 0, 0);
        emit(g, 0x18, 1, 1, 0, one_in(12) ? below(GENERATED_MAPS) : 5);
        emit(g, 0, 0, 0, 0, 0);
        emit_size(g, 3, 2, below(20));
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_RING_OUTPUT);
        break;
    case 1:
        emit(g, 0x18, 1, 1, 0, one_in(12) ? below(GENERATED_MAPS) : 6);
        emit(g, 0, 0, 0, 0, 0);
        emit(g, 0xb7, 2, 0, 0, below(9));
        emit(g, 0xb7, 3, 0, 0, below(99));
        emit(g, 0xb7, 4, 0, 0, below(4));
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_METER_EXECUTE);
        break;
    case 2:
        value = pick(g, VALUE);
        if (value > 9) {
            return;
        }
        emit(g, 0xbf, 1, value, 0, 0);
        emit(g, 0x07, 1, 0, 0, one_in(3) ? below(6) * 8 : 16);
        emit(g, 0xb7, 2, 0, 0, below(99));
        emit(g, 0xb7, 3, 0, 0, below(4));
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_METER_UPDATE);
        break;
    case 3:
        if (ptr > 9) {
            return;
        }
        emit(g, 0xbf, 1, ptr, 0, 0);
        emit_size(g, 2, 1, one_in(3) ? below(71) : below(20));
        emit(g, 0xb7, 3, 0, 0, below(6));
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_HASH);
        break;
    default:
        if (!generate_random) {
            return;
        }
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_RANDOM);
    }
    clobber(g, NUMBER);
}

/* Finds a map in an array of maps, and an entry in it or a change to make. */
static void
gen_found_map(struct generator *g)
{
    int slot = -8 * (int) (1 + below(12)), helper = UBPF_HELPER_MAP_LOOKUP;

    emit(g, 0x7a, UBPF_REG_FP, 0, slot, below(8));
    emit(g, 0xbf, 2, UBPF_REG_FP, 0, 0);
    emit(g, 0x07, 2, 0, 0, slot);
    emit(g, 0x18, 1, 1, 0, GENERATED_MAPS - 1);
    emit(g, 0, 0, 0, 0, 0);
    emit(g, 0x85, 0, 0, 0, UBPF_HELPER_MAP_LOOKUP);
    emit(g, one_in(15) ? 0x15 : 0x55, 0, 0, 2, 0);
    emit_leave(g, 2);
    emit(g, 0xbf, 1, 0, 0, 0);
    emit(g, 0xbf, 2, UBPF_REG_FP, 0, 0);
    emit(g, 0x07, 2, 0, 0, slot);
    if (one_in(4)) {
        helper = UBPF_HELPER_MAP_DELETE;
    }
    emit(g, 0x85, 0, 0, 0, helper);
    clobber(g, helper == UBPF_HELPER_MAP_LOOKUP ? MAYBE_NULL : NUMBER);
}

/* Updates or deletes an entry, of which a pointer may be in some register. */
static void
gen_change(struct generator *g)
{
    /* Those that take both, and values that are easily had. */
    static const uint8_t maps[] = {0, 0, 0, 1, 7, 8, 8, 9, 9, 10, 10};
    uint32_t map = one_in(20) ? below(GENERATED_MAPS) : maps[below(11)];
    uint32_t ptr = pick(g, one_in(3) ? PACKET : VALUE), slot = 1 + below(8);
    uint32_t words = generated_maps[map].def.value_size / 8;
    bool delete = one_in(3);

    if (!delete && (ptr > 9 || ptr == 2 || one_in(2))) {
        for (uint32_t i = 0; i < words; i++) {
            emit(g, 0x7a, UBPF_REG_FP, 0, -8 * (int) (slot + words - i),
                 (int) below(30));
        }
        emit(g, 0xbf, 3, UBPF_REG_FP, 0, 0);
        emit(g, 0x07, 3, 0, 0, -8 * (int) (slot + words));
    } else if (!delete) {
        emit(g, 0xbf, 3, ptr, 0, 0);
    }
    emit(g, 0x7a, UBPF_REG_FP, 0, -8 * (int) slot,
         one_in(3) ? (int) below(40) : (int) below(8));
    emit(g, 0xbf, 2, UBPF_REG_FP, 0, 0);
    emit(g, 0x07, 2, 0, 0, -8 * (int) slot);
    emit(g, 0x18, 1, 1, 0, map);
    emit(g, 0, 0, 0, 0, 0);
    if (!delete) {
        emit(g, 0xb7, 4, 0, 0, below(6));
    }
    emit(g, 0x85, 0, 0, 0,
         delete ? UBPF_HELPER_MAP_DELETE : UBPF_HELPER_MAP_UPDATE);
    for (uint32_t i = slot; i <= slot + (delete ? 0 : words) && i <= 16; i++) {
        g->slots[i - 1] = g->slots[i - 1] > SMALL ? NOTHING : NUMBER;
    }
    clobber(g, NUMBER);
}

void
gen_call(struct generator *g)
{
    uint32_t map = one_in(20) ? below(GENERATED_MAPS)
                              : lookup_maps[below(sizeof lookup_maps)];
    uint32_t ctx;
    int key;

    switch (below(10)) {
    case 9:
        gen_found_map(g);
        break;
    case 8:
        gen_change(g);
        break;
    case 7:
        gen_chosen_size(g);
        break;
    case 5:
        gen_call_local(g);
        break;
    case 6:
        gen_new_helper(g);
        break;
    case 0:
    case 1:
        if (one_in(8)) {
            return;
        }
        key = generated_maps[map].def.type == UBPF_MAP_TYPE_LPM && one_in(2)
                  ? (int) below(40) /* Bits of the key: 32 are all. */
                  : (int) below(8);
        emit(g, 0x7a, UBPF_REG_FP, 0, -8 * (int) (1 + below(12)), key);
        emit(g, 0xbf, 2, UBPF_REG_FP, 0, 0);
        emit(g, 0x07, 2, 0, 0, g->insns[g->n - 2].offset);
        emit(g, 0x18, 1, 1, 0, map);
        emit(g, 0, 0, 0, 0, 0);
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_MAP_LOOKUP);
        clobber(g, MAYBE_NULL);
        break;
    case 2:
        ctx = pick(g, CTX);
        if (ctx > 9 || ctx == 2) {
            return;
        }
        emit(g, 0xbf, 1, ctx, 0, 0);
        emit(g, 0xb7, 2, 0, 0, (int) below(40) - 20);
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_ADJUST_HEAD);
        for (int i = 0; i < 10; i++) {
            if ((g->regs[i] == PACKET || g->regs[i] == END) && !one_in(30)) {
                g->regs[i] = NOTHING;
            }
        }
        for (int i = 0; i < 16; i++) {
            if ((g->slots[i] == PACKET || g->slots[i] == END) && !one_in(30)) {
                g->slots[i] = NOTHING;
            }
        }
        clobber(g, NUMBER);
        break;
    case 3:
        ctx = pick(g, one_in(2) ? PACKET : STACK);
        if (ctx > 9) {
            return;
        }
        emit(g, 0xbf, 1, ctx, 0, 0);
        emit_size(g, 2, 1, below(12));
        emit(g, 0xb7, 3, 0, 0, 0);
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_HASH_LOOKUP3);
        clobber(g, NUMBER);
        break;
    default:
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_TIME_GET_NS);
        clobber(g, NUMBER);
    }
}

/* Checks the result of a lookup, mostly the right way. */
void
gen_null_check(struct generator *g)
{
    uint32_t reg = pick(g, MAYBE_NULL);

    if (reg > 9) {
        return;
    }
    emit(g, one_in(15) ? 0x15 : 0x55, reg, 0, 2, 0);
    emit(g, 0xb7, 0, 0, 0, 1);
    emit(g, 0x95, 0, 0, 0, 0);
    for (int i = 0; i < 10; i++) {
        g->regs[i] = g->regs[i] == MAYBE_NULL ? VALUE : g->regs[i];
    }
    for (int i = 0; i < 16; i++) {
        g->slots[i] = g->slots[i] == MAYBE_NULL ? VALUE : g->slots[i];
    }
}
