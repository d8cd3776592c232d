/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects of several functions, sections and kinds of data, written piece by
 * piece: what the reader makes of them, and what it says of wrong ones. */

#include <errno.h>

#include "check.h"
#include "elf/object.h"
#include "elf_writer.h"
#include "faulty_host.h"

#define R_64_64 1
#define R_64_32 10
#define INSN    8u /* Bytes. */

static const struct ubpf_limits limits = {
    .max_insns = 16, .max_visited = 1000, .max_map_bytes = 1 << 20};

/* Two functions in .text: "one" returns 1, "two" returns 2. */
static struct ubpf_insn text[] = {
    {.opcode = 0xb7, .imm = 1},
    {.opcode = 0x95},
    {.opcode = 0xb7, .imm = 2},
    {.opcode = 0x95},
};

/* The program: call; exit. */
static struct ubpf_insn code[] = {
    {.opcode = 0x85, .src = 1, .imm = -1},
    {.opcode = 0x95},
};

/* Sections 1 "prog", 2 "ubpf.abi", 3 ".text"; symbols 1 "entry", 2 of section
 * .text, 3 "one", 4 "two", 5 that is not defined. */
static struct elf_writer
right_object(void)
{
    struct elf_writer w;

    writer_program(&w, code, 2);
    writer_section(&w, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, text,
                   sizeof text);
    writer_symbol(&w, NULL, STB_LOCAL, STT_SECTION, 3, 0, 0);
    writer_symbol(&w, "one", STB_GLOBAL, STT_FUNC, 3, 0, 2 * INSN);
    writer_symbol(&w, "two", STB_LOCAL, STT_FUNC, 3, 2 * INSN, 2 * INSN);
    writer_symbol(&w, "missing", STB_GLOBAL, STT_NOTYPE, SHN_UNDEF, 0, 0);
    return w;
}

static int
read_writer(const struct elf_writer *w, const char *entry,
            struct ubpf_object **obj, char **error)
{
    size_t len;
    uint8_t *elf = writer_finish(w, &len);
    int err = ubpf_object_read_entry(&faulty_host, elf, len, entry, &limits,
                                     obj, error);

    free(elf);
    return err;
}

/* Reads the object of 'w', in which instruction 0 refers to 'symbol'. */
static struct ubpf_object *
read_calling(struct elf_writer *w, unsigned int symbol, const char *entry)
{
    static Elf64_Rel rel;
    struct ubpf_object *obj;
    char *error = NULL;

    rel = (Elf64_Rel) {0, ELF64_R_INFO(symbol, R_64_32)};
    writer_relocations(w, 1, &rel, 1);
    if (read_writer(w, entry, &obj, &error)) {
        FAIL("%s", error);
    }
    return obj;
}

static void
refuse_rel(struct elf_writer *w, Elf64_Rel rel, const char *part)
{
    struct ubpf_object *obj;
    char *error = NULL;

    writer_relocations(w, 1, &rel, 1);
    CHECK_EQ(read_writer(w, NULL, &obj, &error), EINVAL);
    CHECK_HAS(error, part);
    CHECK(!obj);
    ubpf_error_free(error);
    CHECK_EQ(faulty_host_in_use(), 0);
}

static void
puts_the_callee_behind(void)
{
    struct elf_writer w = right_object();
    struct ubpf_object *obj = read_calling(&w, 3, NULL);

    CHECK_EQ(obj->n_insns, 4);
    CHECK_EQ(obj->insns[0].imm, 1); /* From slot 1 to slot 2. */
    CHECK_EQ(obj->insns[2].imm, 1); /* one() */
    CHECK_EQ(obj->n_functions, 2);
    CHECK_EQ(obj->functions[1].start, 2);
    CHECK_EQ(obj->functions[1].end, 4);
    ubpf_object_free(obj);
}

/* Static functions are called through their section and an offset in the
 * instruction; what is not called is left out. */
static void
finds_the_callee_by_its_section(void)
{
    struct elf_writer w = right_object();
    struct ubpf_object *obj;

    code[0].imm = 1;
    obj = read_calling(&w, 2, NULL);
    CHECK_EQ(obj->n_insns, 4);
    CHECK_EQ(obj->insns[2].imm, 2); /* two() */
    ubpf_object_free(obj);
    code[0].imm = -1;
}

/* Calls within a section have no relocation. */
static void
finds_the_callee_in_its_section(void)
{
    struct elf_writer w = right_object();
    struct ubpf_object *obj;

    text[0] = (struct ubpf_insn) {.opcode = 0x85, .src = 1, .imm = 1};
    obj = read_calling(&w, 3, NULL);
    CHECK_EQ(obj->n_insns, 6);
    CHECK_EQ(obj->insns[2].imm, 1); /* From slot 3 to slot 4. */
    CHECK_EQ(obj->insns[4].imm, 2); /* two() */
    ubpf_object_free(obj);
    text[0] = (struct ubpf_insn) {.opcode = 0xb7, .imm = 1};
}

static void
links_a_function_once(void)
{
    struct elf_writer w = right_object();
    Elf64_Rel rels[] = {{0, ELF64_R_INFO(3, R_64_32)},
                        {INSN, ELF64_R_INFO(3, R_64_32)}};
    struct ubpf_insn twice[] = {code[0], code[0], code[1]};
    struct ubpf_object *obj;
    char *error = NULL;

    w.sections[1].data = twice;
    w.sections[1].header.sh_size = sizeof twice;
    w.symbols[1].sym.st_size = sizeof twice;
    writer_relocations(&w, 1, rels, 2);
    CHECK_EQ(read_writer(&w, NULL, &obj, &error), 0);
    CHECK_EQ(obj->n_insns, 5);
    CHECK_EQ(obj->insns[0].imm, 2);
    CHECK_EQ(obj->insns[1].imm, 1);
    ubpf_object_free(obj);
}

static void
chooses_a_program_by_name(void)
{
    static const char *const names[] = {"entry", "prog"};
    struct elf_writer w = right_object();
    struct ubpf_object *obj;
    char *error = NULL;
    unsigned int other =
        writer_section(&w, "prog/x", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
                       &text[2], 2 * INSN);

    writer_symbol(&w, "x", STB_GLOBAL, STT_FUNC, other, 0, 2 * INSN);
    obj = read_calling(&w, 3, "x");
    CHECK_EQ(obj->n_insns, 2);
    CHECK_EQ(obj->insns[0].imm, 2);
    CHECK(!strcmp(obj->function, "x"));
    ubpf_object_free(obj);
    for (size_t i = 0; i < 2; i++) {
        if (read_writer(&w, names[i], &obj, &error)) {
            FAIL("%s", error);
        }
        CHECK(!strcmp(obj->function, "entry"));
        ubpf_object_free(obj);
    }
    CHECK_EQ(read_writer(&w, NULL, &obj, &error), EINVAL);
    CHECK_HAS(error, "several programs (\"entry\", \"x\"): say which");
    CHECK_EQ(read_writer(&w, "one", &obj, &error), EINVAL);
    CHECK_HAS(error, "the object has no program \"one\"");
    ubpf_error_free(error);
}

static void
refuses_wrong_calls(void)
{
    struct elf_writer w = right_object();

    refuse_rel(
        &w, (Elf64_Rel) {0, ELF64_R_INFO(5, R_64_32)},
        "\"entry\" calls \"missing\", which the object does not define");
    w = right_object();
    code[0].imm = 0;
    refuse_rel(
        &w, (Elf64_Rel) {0, ELF64_R_INFO(2, R_64_32)},
        "instruction 0 of \"entry\" calls a place in \".text\" where no "
        "function starts");
    code[0].imm = -5;
    w = right_object();
    refuse_rel(&w, (Elf64_Rel) {0, ELF64_R_INFO(2, R_64_32)},
               "calls a place in \".text\" where no function starts");
    code[0].imm = -1;
    w = right_object();
    refuse_rel(&w, (Elf64_Rel) {0, ELF64_R_INFO(3, R_64_64)},
               "the relocation of instruction 0 of \"entry\" has unsupported "
               "type 1");
    w = right_object();
    refuse_rel(&w, (Elf64_Rel) {INSN, ELF64_R_INFO(3, R_64_32)},
               "the relocation of instruction 1 has unsupported type 10");
    w = right_object();
    w.symbols[4].sym.st_size = 3 * INSN;
    refuse_rel(&w, (Elf64_Rel) {0, ELF64_R_INFO(3, R_64_32)},
               "function \"two\" does not lie in its section");
}

static void
refuses_too_many_instructions(void)
{
    struct ubpf_limits few = limits;
    struct elf_writer w = right_object();
    Elf64_Rel rel = {0, ELF64_R_INFO(3, R_64_32)};
    struct ubpf_object *obj;
    char *error = NULL;
    uint8_t *elf;
    size_t len;

    few.max_insns = 3;
    writer_relocations(&w, 1, &rel, 1);
    elf = writer_finish(&w, &len);
    CHECK_EQ(ubpf_object_read(&faulty_host, elf, len, &few, &obj, &error),
             E2BIG);
    CHECK_HAS(error, "the program has 4 instructions, more than 3");
    ubpf_error_free(error);
    free(elf);
}

/* r1 = 4 ll, relocated; r0 = 2; exit */
static struct ubpf_insn load[] = {
    {.opcode = 0x18, .dst = 1, .imm = 4},
    {.opcode = 0},
    {.opcode = 0xb7, .imm = 2},
    {.opcode = 0x95},
};

static void
makes_maps_of_variables(void)
{
    struct elf_writer w;
    struct ubpf_object *obj;
    char *error = NULL;
    Elf64_Rel rel = {0, 0};
    unsigned int bss;

    writer_program(&w, load, 4);
    writer_section(&w, ".rodata", SHT_PROGBITS, SHF_ALLOC, "constant", 8);
    writer_section(&w, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE,
                   "variable", 8);
    writer_section(&w, ".data.more", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE,
                   "more", 4);
    bss = writer_section(&w, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL,
                         24);
    rel.r_info = ELF64_R_INFO(
        writer_symbol(&w, NULL, STB_LOCAL, STT_SECTION, bss, 0, 0), R_64_64);
    writer_relocations(&w, 1, &rel, 1);
    CHECK_EQ(read_writer(&w, NULL, &obj, &error), 0);
    CHECK_EQ(obj->n_maps, 3);
    CHECK(!strcmp(obj->maps[1].name, ".data"));
    CHECK_EQ(obj->maps[1].def.value_size, 20);
    CHECK_EQ(obj->maps[1].def.flags, 0);
    CHECK_BYTES(obj->globals[UBPF_GLOBAL_DATA].data,
                "variable\0\0\0\0\0\0\0\0more", 20);
    CHECK(!strcmp(obj->maps[2].name, ".bss"));
    CHECK_EQ(obj->maps[2].def.value_size, 24);
    CHECK_EQ(obj->insns[0].src, UBPF_PSEUDO_MAP_VALUE);
    CHECK_EQ(obj->insns[0].imm, 2);
    CHECK_EQ(obj->insns[1].imm, 4);
    ubpf_object_free(obj);

    w.sections[bss].header.sh_size = UBPF_MAX_GLOBAL_SIZE + 1;
    CHECK_EQ(read_writer(&w, NULL, &obj, &error), E2BIG);
    CHECK_HAS(error, "more than 1048576 bytes of global variables that start "
                     "as zero");
    w.sections[bss].header.sh_size = UINT64_MAX;
    CHECK_EQ(read_writer(&w, NULL, &obj, &error), E2BIG);
    ubpf_error_free(error);
}

static void
refuses_wrong_maps_by_type(void)
{
    struct elf_writer w;
    struct ubpf_object *obj;
    char *error = NULL;
    unsigned int maps, btf;

    writer_program(&w, load, 4);
    maps = writer_section(&w, ".maps", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE,
                          text, 32);
    writer_symbol(&w, "flows", STB_GLOBAL, STT_OBJECT, maps, 0, 32);
    CHECK_EQ(read_writer(&w, NULL, &obj, &error), EINVAL);
    CHECK_HAS(error, "section \".maps\" needs section \".BTF\"");
    btf = writer_section(&w, ".BTF", SHT_PROGBITS, 0, text, 24);
    CHECK_EQ(read_writer(&w, NULL, &obj, &error), EINVAL);
    CHECK_HAS(error, "section \".BTF\" is not valid");
    /* No types, and the empty string. */
    w.sections[btf].data = "\x9f\xeb\1\0\x18\0\0\0\0\0\0\0\0\0\0\0"
                           "\0\0\0\0\1\0\0\0";
    w.sections[btf].header.sh_size = 25;
    CHECK_EQ(read_writer(&w, NULL, &obj, &error), EINVAL);
    CHECK_HAS(error, "map \"flows\" of section \".maps\" is not a variable of "
                     "a struct type");
    ubpf_error_free(error);
    CHECK_EQ(faulty_host_in_use(), 0);
}

int
main(void)
{
    puts_the_callee_behind();
    finds_the_callee_by_its_section();
    finds_the_callee_in_its_section();
    links_a_function_once();
    chooses_a_program_by_name();
    refuses_wrong_calls();
    refuses_too_many_instructions();
    makes_maps_of_variables();
    refuses_wrong_maps_by_type();
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}
