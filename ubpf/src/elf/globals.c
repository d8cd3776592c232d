/* SPDX-License-Identifier: Apache-2.0
 *
 * Global data: constants, variables, and variables that start as zero.  Each
 * kind becomes one map. */

#include <errno.h>
#include <string.h>

#include "elf/reader.h"
#include "error.h"
#include "host.h"

static bool
has_prefix(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

/* Which kind of data 'section' has; UBPF_N_GLOBALS for none. */
static uint8_t
kind_of(const struct elf_section *section)
{
    const Elf64_Shdr *shdr = &section->header;

    if (!shdr->sh_size || !(shdr->sh_flags & SHF_ALLOC)
        || shdr->sh_flags & SHF_EXECINSTR) {
        return UBPF_N_GLOBALS;
    }
    if (has_prefix(section->name, ".rodata")) {
        return shdr->sh_type == SHT_PROGBITS && !(shdr->sh_flags & SHF_WRITE)
                   ? UBPF_GLOBAL_RODATA
                   : UBPF_N_GLOBALS;
    }
    if (has_prefix(section->name, ".data")) {
        return shdr->sh_type == SHT_PROGBITS ? UBPF_GLOBAL_DATA
                                             : UBPF_N_GLOBALS;
    }
    return has_prefix(section->name, ".bss") && shdr->sh_type == SHT_NOBITS
               ? UBPF_GLOBAL_BSS
               : UBPF_N_GLOBALS;
}

int
reader_globals(struct reader *r, char **error)
{
    static const char *const what[] = {"constants", "global variables",
                                       "global variables that start as zero"};
    struct ubpf_object *obj = r->obj;

    for (uint32_t i = 0; i < r->file.n_sections; i++) {
        struct elf_section section = elf_file_section(&r->file, i);
        uint8_t kind = i ? kind_of(&section) : UBPF_N_GLOBALS;
        uint32_t size = 0;

        r->sections[i].global = kind;
        r->sections[i].global_base = READER_NONE;
        if (kind == UBPF_N_GLOBALS) {
            continue;
        }
        /* Nothing here needs more than 16 bytes of alignment. */
        size = (obj->globals[kind].size + 15) & ~15u;
        r->sections[i].global_base = size;
        if (section.header.sh_size > UBPF_MAX_GLOBAL_SIZE - size) {
            return ubpf_fail(error, E2BIG, "more than %u bytes of %s",
                             UBPF_MAX_GLOBAL_SIZE, what[kind]);
        }
        obj->globals[kind].size = size + (uint32_t) section.header.sh_size;
    }
    for (int i = 0; i < UBPF_N_GLOBALS; i++) {
        if (obj->globals[i].size) {
            obj->globals[i].data =
                ubpf_host_zalloc(obj->host, obj->globals[i].size, 1);
            if (!obj->globals[i].data) {
                return ubpf_fail_nomem(error);
            }
        }
    }
    for (uint32_t i = 1; i < r->file.n_sections; i++) {
        struct elf_section section = elf_file_section(&r->file, i);

        if (r->sections[i].global_base != READER_NONE && section.size) {
            memcpy(obj->globals[r->sections[i].global].data
                       + r->sections[i].global_base,
                   section.data, section.size);
        }
    }
    return 0;
}
