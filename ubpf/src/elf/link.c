/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts a program together: the function that was asked for, and all that it
 * calls, one after the other. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/reader.h"
#include "error.h"
#include "host.h"

#define OPCODE_CALL 0x85
#define CALL_LOCAL  1 /* src of a call of a function of the program. */

/* Whether 'f' can be the program: what runs for a packet. */
static bool
is_program(const struct reader *r, const struct reader_function *f)
{
    const char *section = elf_file_section(&r->file, f->section).name;

    return f->global && strncmp(section, ".text", 5);
}

/* Whether 'f' is what the caller of the loader called 'name'. */
static bool
is_called(const struct reader *r, const struct reader_function *f,
          const char *name)
{
    return !name || !strcmp(f->name, name)
           || !strcmp(elf_file_section(&r->file, f->section).name, name);
}

/* Finds the program. */
static int
find_entry(const struct reader *r, struct reader_function **entry,
           char **error)
{
    const struct reader_function *second = NULL;

    *entry = NULL;
    for (uint32_t i = 0; i < r->n_functions; i++) {
        struct reader_function *f = &r->functions[i];

        if (!is_program(r, f) || !is_called(r, f, r->entry)) {
            continue;
        }
        if (*entry) {
            second = second ? second : f;
        } else {
            *entry = f;
        }
    }
    if (second) {
        return ubpf_fail(error, EINVAL,
                         "the object has several programs (\"%s\", \"%s\"): "
                         "say which",
                         (*entry)->name, second->name);
    }
    if (!*entry && r->entry) {
        return ubpf_fail(error, EINVAL, "the object has no program \"%s\"",
                         r->entry);
    }
    return *entry ? 0
                  : ubpf_fail(error, EINVAL,
                              "the object has no program: there is no global "
                              "function in section \"" UBPF_SEC_PROG
                              "\" or another one but \".text\"");
}

static int
compare_start(const void *key_, const void *f_)
{
    const struct reader_function *key = key_, *f = f_;

    if (key->section != f->section) {
        return key->section > f->section ? 1 : -1;
    }
    return (key->start > f->start) - (key->start < f->start);
}

/* Instruction 'slot' of section 'section'. */
static struct ubpf_insn
get_insn(const struct reader *r, uint32_t section, uint32_t slot)
{
    struct ubpf_insn insn;

    memcpy(&insn,
           elf_file_section(&r->file, section).data + slot * sizeof insn,
           sizeof insn);
    return insn;
}

/* Finds the function that the call 'insn' in 'slot' of 'caller' goes to. */
static int
find_callee(const struct reader *r, const struct reader_function *caller,
            uint32_t slot, const struct ubpf_insn *insn,
            struct reader_function **callee, char **error)
{
    const struct reader_rel *rel = reader_find_rel(r, caller->section, slot);
    struct reader_function key = {.section = caller->section};
    int64_t target = (int64_t) slot + 1 + insn->imm;
    const char *name = "";

    if (rel) {
        Elf64_Sym sym = elf_file_symbol(&r->file, rel->symbol, &name);

        name = reader_symbol_name(r, &sym, name);
        if (rel->type != UBPF_R_BPF_64_32) {
            return ubpf_fail(error, EINVAL,
                             "the relocation of instruction %" PRIu32
                             " of \"%s\" has unsupported type %" PRIu32,
                             slot - caller->start, caller->name, rel->type);
        }
        if (sym.st_shndx == SHN_UNDEF) {
            return ubpf_fail(error, EINVAL,
                             "\"%s\" calls \"%s\", which the object does "
                             "not define",
                             caller->name, name);
        }
        key.section = sym.st_shndx;
        target = sym.st_value <= UINT32_MAX
                     ? (int64_t) (sym.st_value / sizeof *insn) + insn->imm + 1
                     : -1;
    }
    key.start = (uint32_t) target;
    *callee = target < 0 || target > UINT32_MAX
                  ? NULL
                  : bsearch(&key, r->functions, r->n_functions, sizeof key,
                            compare_start);
    return *callee ? 0
                   : ubpf_fail(error, EINVAL,
                               "instruction %" PRIu32
                               " of \"%s\" calls a place%s%s%s where no "
                               "function starts",
                               slot - caller->start, caller->name,
                               *name ? " in \"" : "", name, *name ? "\"" : "");
}

/* Appends 'f' to the program, unless it is in it. */
static int
add_function(struct reader *r, struct reader_function *f, char **error)
{
    uint32_t n = f->end - f->start;

    if (f->at != READER_NONE) {
        return 0;
    }
    if (n > r->limits->max_insns - r->obj->n_insns) {
        return ubpf_fail(error, E2BIG,
                         "the program has %" PRIu64
                         " instructions, more than %" PRIu32,
                         (uint64_t) r->obj->n_insns + n, r->limits->max_insns);
    }
    f->at = r->obj->n_insns;
    r->obj->n_insns += n;
    r->linked[r->n_linked++] = f;
    return 0;
}

/* Follows the calls of 'f'.  Once there is memory for the program, writes the
 * instructions of 'f' to it. */
static int
link_function(struct reader *r, const struct reader_function *f, char **error)
{
    for (uint32_t slot = f->start; slot < f->end; slot++) {
        struct ubpf_insn insn = get_insn(r, f->section, slot);
        struct reader_function *callee;
        uint32_t at = f->at + (slot - f->start);

        if (insn.opcode == OPCODE_CALL && insn.src == CALL_LOCAL) {
            int err = find_callee(r, f, slot, &insn, &callee, error);

            err = err ? err : add_function(r, callee, error);
            if (err) {
                return err;
            }
            insn.imm = (int32_t) (callee->at - at - 1);
        }
        if (r->obj->insns) {
            r->obj->insns[at] = insn;
        }
    }
    return 0;
}

int
reader_link(struct reader *r, char **error)
{
    struct ubpf_object *obj = r->obj;
    struct reader_function *entry;
    int err = find_entry(r, &entry, error);

    if (err) {
        return err;
    }
    r->linked = ubpf_host_zalloc(obj->host, r->n_functions, sizeof *r->linked);
    if (!r->linked) {
        return ubpf_fail_nomem(error);
    }
    obj->function = entry->name;
    err = add_function(r, entry, error);
    for (uint32_t i = 0; !err && i < r->n_linked; i++) {
        err = link_function(r, r->linked[i], error);
    }
    if (err) {
        return err;
    }
    obj->insns = ubpf_host_zalloc(obj->host, obj->n_insns, sizeof *obj->insns);
    if (!obj->insns) {
        return ubpf_fail_nomem(error);
    }
    for (uint32_t i = 0; !err && i < r->n_linked; i++) {
        err = link_function(r, r->linked[i], error);
    }
    return err;
}
