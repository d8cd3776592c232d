/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as instructions of an object that is otherwise right: the bytes
 * go to the verifier, and what it accepts runs where a sanitizer watches. */

#include "check.h"
#include "elf_writer.h"
#include "run_packets.h"

static const struct ubpf_limits limits = {
    .max_insns = 256, .max_visited = 20000, .max_map_bytes = 1 << 20};

static const struct ubpf_map_def defs[] = {
    {UBPF_MAP_TYPE_ARRAY, 4, 16, 2, 0},
    {UBPF_MAP_TYPE_HASH, 8, 8, 4, 0},
    {UBPF_MAP_TYPE_LPM, 8, 4, 4, 0},
    {UBPF_MAP_TYPE_HASH, 4, 24, 4, UBPF_MAP_F_RDONLY_PROG},
};
static const char *const names[] = {"array", "hash", "lpm", "constant"};

/* Turns registers and opcodes that do not exist into ones that do, so that
 * less is refused for its form. */
static void
tame(struct ubpf_insn *insns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        insns[i].dst %= UBPF_N_REGS;
        insns[i].src %= UBPF_N_REGS;
        if (insns[i].opcode == 0x85) {
            insns[i].dst = 0;
            insns[i].src %= 2;
            insns[i].offset = 0;
            insns[i].imm =
                insns[i].src ? (int32_t) ((uint32_t) insns[i].imm % n - i - 1)
                             : (int32_t) ((uint32_t) insns[i].imm % 11 + 1);
        } else if (insns[i].opcode == 0x18 && insns[i].src) {
            insns[i].src = insns[i].src % 2 + 1;
            insns[i].offset = 0;
            insns[i].imm = (int32_t) ((uint32_t) insns[i].imm % 4);
        }
    }
    insns[n - 1] = (struct ubpf_insn) {.opcode = 0x95};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ubpf_insn insns[256];
    size_t n = len / sizeof insns[0];
    struct elf_writer w;
    struct ubpf_prog *prog;
    char *error = NULL;
    uint8_t *elf;
    size_t size;

    if (!n || n > 256) {
        return 0;
    }
    memcpy(insns, data, n * sizeof insns[0]);
    tame(insns, n);
    writer_program(&w, insns, n);
    writer_section(&w, ".rodata", SHT_PROGBITS, SHF_ALLOC, "0123456789", 10);
    writer_maps(&w, defs, names, sizeof defs / sizeof defs[0]);
    elf = writer_finish(&w, &size);
    prog = ubpf_prog_load(&ubpf_host_single_threaded, elf, size, &limits, NULL,
                          &error);
    free(elf);
    if (prog) {
        ubpf_map_update(ubpf_prog_map(prog, 1), "12345678", data, UBPF_ANY);
        run_packets(prog, data, len);
        ubpf_prog_destroy(prog);
    }
    ubpf_error_free(error);
    return 0;
}
