/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of objects: what it takes from a right one, and the words with
 * which it refuses wrong ones. */

#include <errno.h>

#include "check.h"
#include "elf/object.h"
#include "elf_writer.h"
#include "faulty_host.h"

#define INSN(OPCODE, DST, SRC, OFFSET, IMM)  \
    ((struct ubpf_insn) {.opcode = (OPCODE), \
                         .dst = (DST),       \
                         .src = (SRC),       \
                         .offset = (OFFSET), \
                         .imm = (IMM)})
#define R_64_64 1
#define R_64_32 10

static const struct ubpf_limits limits = {
    .max_insns = 16, .max_visited = 1000, .max_map_bytes = 1 << 20};

/* r1 = 0 ll; call 1; r0 = 2; exit */
static struct ubpf_insn code[] = {
    {.opcode = 0x18, .dst = 1}, {.opcode = 0},    {.opcode = 0x85, .imm = 1},
    {.opcode = 0xb7, .imm = 2}, {.opcode = 0x95},
};
#define N_CODE (sizeof code / sizeof code[0])

static const struct ubpf_map_def defs[] = {
    {UBPF_MAP_TYPE_HASH, 4, 8, 16, 0},
    {UBPF_MAP_TYPE_LPM, 8, 12, 1024, UBPF_MAP_F_RDONLY_PROG},
};
static const char *const names[] = {"flows", "routes"};

static struct ubpf_object *
read_object(const struct elf_writer *w)
{
    struct ubpf_object *obj;
    char *error = NULL;
    size_t len;
    uint8_t *elf = writer_finish(w, &len);
    int err = ubpf_object_read(&faulty_host, elf, len, &limits, &obj, &error);

    if (err) {
        FAIL("%s", error);
    }
    free(elf);
    return obj;
}

/* Checks that the 'len' bytes at 'elf' are refused with 'errnum' and a text
 * that has 'part'.  They are copied, so that a read beyond them is seen. */
static void
refuse_bytes(const void *elf, size_t len, int errnum, const char *part)
{
    struct ubpf_object *obj;
    char *error = NULL;
    void *copy = malloc(len + !len);
    int err;

    memcpy(copy, elf, len);
    err = ubpf_object_read(&faulty_host, copy, len, &limits, &obj, &error);
    CHECK(!obj);
    CHECK_HAS(error, part);
    CHECK_EQ(err, errnum);
    ubpf_error_free(error);
    free(copy);
    CHECK_EQ(faulty_host_in_use(), 0);
}

static void
refuse(const struct elf_writer *w, int errnum, const char *part)
{
    size_t len;
    uint8_t *elf = writer_finish(w, &len);

    refuse_bytes(elf, len, errnum, part);
    free(elf);
}

/* A right object with two maps, to be spoiled. */
static struct elf_writer
right_object(void)
{
    struct elf_writer w;

    writer_program(&w, code, N_CODE);
    writer_maps(&w, defs, names, 2);
    return w;
}

static void
reads_code_and_maps(void)
{
    struct elf_writer w = right_object();
    struct ubpf_object *obj = read_object(&w);

    CHECK_EQ(obj->n_insns, N_CODE);
    CHECK_BYTES(obj->insns, code, sizeof code);
    CHECK(!strcmp(obj->function, "entry"));
    CHECK_EQ(obj->n_maps, 2);
    CHECK(!strcmp(obj->maps[0].name, "flows"));
    CHECK(!strcmp(obj->maps[1].name, "routes"));
    CHECK_BYTES(&obj->maps[1].def, &defs[1], sizeof defs[1]);
    CHECK(!obj->globals[UBPF_GLOBAL_RODATA].data);
    ubpf_object_free(obj);
}

static void
relocates_maps(void)
{
    struct elf_writer w = right_object();
    Elf64_Rel rel = {0, ELF64_R_INFO(3, R_64_64)}; /* "routes" */
    struct ubpf_object *obj;

    writer_relocations(&w, 1, &rel, 1);
    obj = read_object(&w);
    CHECK_EQ(obj->insns[0].src, UBPF_PSEUDO_MAP_IDX);
    CHECK_EQ(obj->insns[0].imm, 1);
    CHECK_EQ(obj->insns[1].imm, 0);
    ubpf_object_free(obj);
}

/* Static maps are referred to through their section and an offset in the
 * instruction. */
static void
relocates_maps_by_section(void)
{
    struct elf_writer w = right_object();
    unsigned int symbol =
        writer_symbol(&w, NULL, STB_LOCAL, STT_SECTION, 3, 0, 0);
    Elf64_Rel rel = {0, ELF64_R_INFO(symbol, R_64_64)};
    struct ubpf_object *obj;

    writer_relocations(&w, 1, &rel, 1);
    code[0].imm = 28;
    obj = read_object(&w);
    CHECK_EQ(obj->insns[0].imm, 1);
    ubpf_object_free(obj);
    code[0].imm = 10;
    refuse(&w, EINVAL,
           "instruction 0 refers to byte 10 of \"maps\", where no "
           "map starts");
    code[0].imm = 56;
    refuse(&w, EINVAL, "where no map starts");
    code[0].imm = 0;
}

static void
joins_constants(void)
{
    struct elf_writer w;
    unsigned int b;
    struct ubpf_object *obj;
    Elf64_Rel rel = {0, 0};

    writer_program(&w, code, N_CODE);
    writer_section(&w, ".rodata", SHT_PROGBITS, SHF_ALLOC, "abc", 3);
    b = writer_section(&w, ".rodata.cst16", SHT_PROGBITS, SHF_ALLOC,
                       "0123456789abcdef", 16);
    rel.r_info = ELF64_R_INFO(
        writer_symbol(&w, NULL, STB_LOCAL, STT_SECTION, b, 0, 0), R_64_64);
    writer_relocations(&w, 1, &rel, 1);
    code[0].imm = 5;
    obj = read_object(&w);
    CHECK_EQ(obj->n_maps, 1);
    CHECK(!strcmp(obj->maps[0].name, ".rodata"));
    CHECK_EQ(obj->maps[0].def.flags,
             UBPF_MAP_F_RDONLY_PROG | UBPF_MAP_F_RDONLY_USER);
    CHECK_EQ(obj->globals[UBPF_GLOBAL_RODATA].size, 32);
    CHECK_BYTES(obj->globals[UBPF_GLOBAL_RODATA].data,
                "abc\0\0\0\0\0\0\0\0\0\0\0\0\0"
                "0123456789abcdef",
                32);
    CHECK_EQ(obj->insns[0].src, UBPF_PSEUDO_MAP_VALUE);
    CHECK_EQ(obj->insns[0].imm, 0);
    CHECK_EQ(obj->insns[1].imm, 16 + 5);
    ubpf_object_free(obj);
    code[0].imm = 17;
    refuse(&w, EINVAL, "refers to a byte outside of \".rodata.cst16\"");
    code[0].imm = 0;
}

static void
reads_lines(void)
{
    static struct ubpf_line lines[] = {{0, 7}, {2, 0}, {3, 9}};
    struct elf_writer w = right_object();
    struct ubpf_object *obj;

    writer_section(&w, UBPF_SEC_LINES, SHT_PROGBITS, 0, lines, sizeof lines);
    obj = read_object(&w);
    CHECK_EQ(ubpf_object_line(obj, 0)->line, 7);
    CHECK_EQ(ubpf_object_line(obj, 1)->line, 7);
    CHECK(!ubpf_object_line(obj, 2));
    CHECK_EQ(ubpf_object_line(obj, 4)->line, 9);
    CHECK(!ubpf_object_line(obj, 4)->file);
    ubpf_object_free(obj);
    lines[2].insn = 1;
    refuse(&w, EINVAL, "record 2 of section \"p4rt.lines\" is out of order");
    lines[2].insn = N_CODE;
    refuse(&w, EINVAL, "or beyond the program");
    w.sections[4].header.sh_size = 7;
    refuse(&w, EINVAL, "has 7 bytes, not a multiple of 8");
}

/* A record for map "routes": key of 8 bytes, value of 12, 2 of padding. */
static uint8_t init[] = "\6\0\0\0\x8\0\0\0\xc\0\0\0\0\0\0\0"
                        "routesKKKKKKKKVVVVVVVVVVVV\0\0\0\0\0";
#define INIT_SIZE 48

static void
reads_initial_entries(void)
{
    struct elf_writer w = right_object();
    unsigned int section =
        writer_section(&w, UBPF_SEC_INIT, SHT_PROGBITS, 0, init, INIT_SIZE);
    struct ubpf_object *obj = read_object(&w);

    CHECK_EQ(obj->n_inits, 1);
    CHECK_EQ(obj->inits[0].map, 1);
    CHECK_BYTES(obj->inits[0].key, "KKKKKKKK", 8);
    CHECK_BYTES(obj->inits[0].value, "VVVVVVVVVVVV", 12);
    ubpf_object_free(obj);

    for (size_t size = 1; size < INIT_SIZE; size++) {
        w.sections[section].header.sh_size = size;
        refuse(&w, EINVAL, "record 0 of section \"ubpf.init\" is truncated");
    }
    w.sections[section].header.sh_size = INIT_SIZE;
    init[INIT_SIZE - 1] = 1;
    refuse(&w, EINVAL, "nonzero padding");
    init[INIT_SIZE - 1] = 0;
    init[8] = 11;
    refuse(&w, EINVAL, "does not fit map \"routes\"");
    init[8] = 12;
    init[12] = 1;
    refuse(&w, EINVAL, "does not fit map \"routes\"");
    init[12] = 0;
    init[16] = 'R';
    refuse(&w, EINVAL, "for a map \"Routes\" that does not exist");
    init[16] = 'r';
    memset(init, 0xff, 4);
    refuse(&w, EINVAL, "is truncated");
    memcpy(init, "\6\0\0\0", 4);
}

static void
refuses_what_is_not_elf(void)
{
    refuse_bytes("", 0, EINVAL, "not an ELF file");
    refuse_bytes("\x7f"
                 "EL",
                 3, EINVAL, "not an ELF file");
    refuse_bytes("#!/bin/sh", 9, EINVAL, "not an ELF file");
    refuse_bytes("\x7f"
                 "ELF",
                 4, EINVAL,
                 "truncated: 4 bytes are too few for an ELF header");
}

static void
refuses_other_kinds_of_elf(void)
{
    static const struct {
        size_t offset;
        uint8_t value;
        const char *part;
    } cases[] = {
        {EI_CLASS, ELFCLASS32, "not a 64-bit ELF file"},
        {EI_DATA, ELFDATA2MSB, "big-endian"},
        {EI_VERSION, 2, "unknown version"},
        {offsetof(Elf64_Ehdr, e_type), ET_DYN, "not a relocatable ELF file"},
        {offsetof(Elf64_Ehdr, e_machine), EM_X86_64,
         "machine 62, not for BPF (247)"},
        {offsetof(Elf64_Ehdr, e_shentsize), 63, "headers of 63 bytes, not 64"},
        {offsetof(Elf64_Ehdr, e_shstrndx), 250, "has no section names"},
        {offsetof(Elf64_Ehdr, e_shoff) + 7, 0xff, "truncated"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct elf_writer w = right_object();
        size_t len;
        uint8_t *elf = writer_finish(&w, &len);

        elf[cases[i].offset] = cases[i].value;
        refuse_bytes(elf, len, EINVAL, cases[i].part);
        free(elf);
    }
}

/* Every part of the file that is cut off is missed. */
static void
refuses_every_truncation(void)
{
    struct elf_writer w = right_object();
    struct ubpf_object *obj;
    size_t len;
    uint8_t *elf = writer_finish(&w, &len);

    for (size_t cut = 0; cut < len; cut++) {
        char *error = NULL;

        CHECK_EQ(
            ubpf_object_read(&faulty_host, elf, cut, &limits, &obj, &error),
            EINVAL);
        CHECK(error);
        ubpf_error_free(error);
    }
    free(elf);
}

/* Whatever one byte is changed to, the reader says yes or no; the sanitizers
 * see to the rest. */
static void
survives_every_changed_byte(void)
{
    static const uint8_t changes[] = {0x01, 0x80, 0xff, 0x7f};
    struct elf_writer w = right_object();
    Elf64_Rel rel = {0, ELF64_R_INFO(3, R_64_64)};
    size_t len;
    uint8_t *elf;

    writer_relocations(&w, 1, &rel, 1);
    writer_section(&w, UBPF_SEC_INIT, SHT_PROGBITS, 0, init, INIT_SIZE);
    writer_section(&w, ".rodata", SHT_PROGBITS, SHF_ALLOC, "abc", 3);
    elf = writer_finish(&w, &len);
    for (size_t i = 0; i < len; i++) {
        for (size_t j = 0; j < sizeof changes; j++) {
            struct ubpf_object *obj;
            char *error = NULL;

            elf[i] ^= changes[j];
            if (ubpf_object_read(&faulty_host, elf, len, &limits, &obj,
                                 &error)) {
                CHECK(!obj && error);
            }
            ubpf_error_free(error);
            ubpf_object_free(obj);
            elf[i] ^= changes[j];
        }
    }
    free(elf);
}

static void
refuses_other_abis(void)
{
    static const uint32_t version = 1;
    struct elf_writer w = right_object();

    w.sections[2].data = &version;
    refuse(&w, EINVAL, "for ABI version 1, this engine has version 2");
    w.sections[2].header.sh_size = 2;
    refuse(&w, EINVAL, "section \"ubpf.abi\" has 2 bytes, not 4");
    w.sections[2].name = "license";
    refuse(&w, EINVAL, "no section \"ubpf.abi\": it was not made for this");
}

static void
refuses_wrong_code(void)
{
    struct elf_writer w = right_object();

    w.sections[1].header.sh_size = 12;
    refuse(&w, EINVAL, "\"prog\" has 12 bytes, which is no number");
    w.sections[1].header.sh_size = 0;
    refuse(&w, EINVAL, "\"prog\" has 0 bytes");
    w = right_object();
    w.sections[1].header.sh_type = SHT_NOBITS;
    refuse(&w, EINVAL, "section \"prog\" has ELF type 8, not PROGBITS");
    w = right_object();
    w.sections[1].name = "xdp";
    ubpf_object_free(read_object(&w));
    w.sections[1].name = ".text";
    refuse(&w, EINVAL, "the object has no program");
    w.sections[1].header.sh_flags = 0;
    refuse(&w, EINVAL, "the object has no program");
}

static void
refuses_too_many_instructions(void)
{
    static struct ubpf_insn insns[17];
    struct elf_writer w;

    writer_program(&w, insns, 17);
    refuse(&w, E2BIG, "17 instructions, more than 16");
}

static void
takes_the_one_program(void)
{
    struct elf_writer w = right_object();
    struct ubpf_object *obj;

    writer_symbol(&w, "second", STB_GLOBAL, STT_FUNC, 1, 16, 8);
    refuse(&w, EINVAL, "several programs (\"entry\", \"second\"): say which");
    w = right_object();
    writer_symbol(&w, "alias", STB_GLOBAL, STT_FUNC, 1, 0, 0);
    ubpf_object_free(read_object(&w));
    w = right_object();
    writer_symbol(&w, "inner", STB_LOCAL, STT_FUNC, 1, 16, 8);
    obj = read_object(&w);
    CHECK_EQ(obj->n_insns, 2);
    ubpf_object_free(obj);
    w = right_object();
    w.symbols[1].sym.st_value = 8;
    refuse(&w, EINVAL, "\"entry\" does not lie in its section");
    w.symbols[1].sym.st_size = 12;
    refuse(&w, EINVAL, "\"entry\" does not lie in its section");
    w = right_object();
    w.symbols[1].sym.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE);
    refuse(&w, EINVAL, "no global function");
}

static void
refuses_sections_that_it_cannot_give(void)
{
    struct elf_writer w = right_object();

    writer_section(&w, ".tdata", SHT_PROGBITS, SHF_ALLOC | SHF_TLS, code, 8);
    refuse(&w, EINVAL, "thread-local data is not supported");
    w = right_object();
    writer_section(&w, UBPF_SEC_MAPS, SHT_PROGBITS, SHF_ALLOC, defs, 28);
    refuse(&w, EINVAL, "two sections named \"maps\"");
    w = right_object();
    writer_section(&w, ".rodata", SHT_PROGBITS, SHF_ALLOC,
                   calloc(1, UBPF_MAX_GLOBAL_SIZE + 1),
                   UBPF_MAX_GLOBAL_SIZE + 1);
    refuse(&w, E2BIG, "more than 1048576 bytes of constants");
    free((void *) w.sections[w.n_sections - 1].data);
}

/* 'changed' in place of the map "flows" is refused. */
static void
refuse_map(struct ubpf_map_def changed, const char *part)
{
    struct ubpf_map_def two[2] = {changed, defs[1]};
    struct elf_writer w = right_object();

    w.sections[3].data = two;
    refuse(&w, EINVAL, part);
}

static void
refuses_wrong_maps(void)
{
    const uint32_t hash = UBPF_MAP_TYPE_HASH;

    refuse_map((struct ubpf_map_def) {3, 4, 8, 16, 0},
               "map \"flows\" has unknown type 3");
    refuse_map((struct ubpf_map_def) {0, 0, 0, 0, 0}, "unknown type 0");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 8, 16},
               "is an array of maps with values of 8 bytes, not 4");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_ARRAY_OF_MAPS, 8, 4, 16},
               "is an array of maps with keys of 8 bytes, not 4");
    refuse_map(
        (struct ubpf_map_def) {UBPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 16, 0, 0, 2},
        "the elements of map \"flows\" look like map 2, of 2 maps");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 16},
               "the elements of map \"flows\" would be arrays of maps");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 16,
                                      UBPF_MAP_F_GROW, 0, 1},
               "is an array of maps with unknown flags 0x4");
    refuse_map((struct ubpf_map_def) {hash, 4, 8, 16, 0x20},
               "map \"flows\" is a hash with unknown flags 0x20");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_LPM, 8, 8, 16, 4},
               "map \"flows\" is an LPM map with unknown flags 0x4");
    refuse_map((struct ubpf_map_def) {hash, 0, 8, 16, 0},
               "map \"flows\" has keys of 0 bytes, not 1 to 512");
    refuse_map((struct ubpf_map_def) {hash, 513, 8, 16, 0},
               "keys of 513 bytes");
    refuse_map((struct ubpf_map_def) {hash, 4, 0, 16, 0},
               "values of 0 bytes, not 1 to 65536");
    refuse_map((struct ubpf_map_def) {hash, 4, 65537, 16, 0},
               "values of 65537 bytes");
    refuse_map((struct ubpf_map_def) {hash, 4, 8, 0, 0},
               "has room for no entries");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_ARRAY, 8, 8, 16, 0},
               "is an array with keys of 8 bytes, not 4");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_LPM, 4, 8, 16, 0},
               "is an LPM map with keys of 4 bytes, fewer than 5");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_METER, 4, 56, 16, 0},
               "is an array of meters with values of 56 bytes, not 64");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_THREAD_ARRAY, 4, 12, 1},
               "is an array per thread with values of 12 bytes, not a mult");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_RING, 8, 100, 12},
               "is a ring of 12 records, not a power of 2");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_RING, 4, 100, 16},
               "is a ring with keys of 4 bytes, not 8");
}

static void
refuses_wrong_state(void)
{
    const uint32_t hash = UBPF_MAP_TYPE_HASH, aging = UBPF_MAP_F_AGING;

    refuse_map((struct ubpf_map_def) {hash, 4, 16, 16, 0, 12},
               "12 bytes of state in values of 16: both must be multiples");
    refuse_map((struct ubpf_map_def) {hash, 4, 20, 16, 0, 8},
               "8 bytes of state in values of 20");
    refuse_map((struct ubpf_map_def) {hash, 4, 8, 16, 0, 16},
               "16 bytes of state in values of 8");
    refuse_map((struct ubpf_map_def) {UBPF_MAP_TYPE_RING, 8, 16, 16, 0, 8},
               "is a ring with 8 bytes of state, which it cannot have");
    refuse_map((struct ubpf_map_def) {hash, 4, 24, 16, aging, 8},
               "age, but have 8 bytes of state, fewer than 16");
    refuse_map((struct ubpf_map_def) {hash, 4, 24, 16, UBPF_MAP_F_EXPIRE, 16},
               "the entries of map \"flows\" expire, but do not age");
    refuse_map((struct ubpf_map_def) {hash, 4, 8, 16, 0, 0, 1},
               "is a hash, and has 1 where there must be 0");
    refuse_map(
        (struct ubpf_map_def) {UBPF_MAP_TYPE_TERNARY, 15, 8, 16, 0, 0, 2},
        "has 2 ranges in keys of 15 bytes");
}

static void
refuses_wrong_names_of_maps(void)
{
    struct elf_writer w = right_object();

    w.symbols[3].name = "flows";
    refuse(&w, EINVAL, "two maps named \"flows\"");
    w.symbols[3].name = ".rodata";
    refuse(&w, EINVAL, "\".rodata\" is not a name for a map");
    w.symbols[3].name = "a\nb";
    refuse(&w, EINVAL, "\"a?b\" is not a name for a map");
    w.symbols[3].name = "";
    refuse(&w, EINVAL, "\"\" is not a name for a map");
    w = right_object();
    w.symbols[3].sym.st_value = 0;
    refuse(&w, EINVAL, "a map has two names, \"flows\" and \"routes\"");
    w.symbols[3].sym.st_value = 10;
    refuse(&w, EINVAL, "\"routes\" is not one whole map of 28 bytes");
    w.symbols[3].sym.st_value = 56;
    refuse(&w, EINVAL, "\"routes\" is not one whole map of 28 bytes");
    w.n_symbols--;
    refuse(&w, EINVAL, "map 1 has no name");
    w = right_object();
    w.sections[3].header.sh_size = 55;
    refuse(&w, EINVAL, "\"maps\" has 55 bytes, not up to 1024 maps of 28");
}

static void
refuse_relocation(Elf64_Rel rel, const char *part)
{
    struct elf_writer w = right_object();

    writer_symbol(&w, "outside", STB_GLOBAL, STT_NOTYPE, SHN_UNDEF, 0, 0);
    writer_relocations(&w, 1, &rel, 1);
    refuse(&w, EINVAL, part);
}

static void
refuses_wrong_relocations(void)
{
    Elf64_Rel debug = {0, ELF64_R_INFO(1, 3)};
    struct elf_writer w = right_object();

    refuse_relocation((Elf64_Rel) {0, ELF64_R_INFO(2, 2)},
                      "the relocation of instruction 0 has unsupported type");
    refuse_relocation(
        (Elf64_Rel) {16, ELF64_R_INFO(1, R_64_32)},
        "the relocation of instruction 2 has unsupported type 10");
    refuse_relocation((Elf64_Rel) {0, ELF64_R_INFO(4, R_64_64)},
                      "refers to \"outside\", which the object does not");
    refuse_relocation((Elf64_Rel) {0, ELF64_R_INFO(1, R_64_64)},
                      "\"entry\", which is neither a map nor data");
    refuse_relocation((Elf64_Rel) {4, ELF64_R_INFO(2, R_64_64)},
                      "byte 4 of the code, where no instruction starts");
    refuse_relocation((Elf64_Rel) {40, ELF64_R_INFO(2, R_64_64)},
                      "byte 40 of the code");
    refuse_relocation((Elf64_Rel) {16, ELF64_R_INFO(2, R_64_64)},
                      "instruction 2 is not on a plain lddw");
    refuse_relocation((Elf64_Rel) {0, ELF64_R_INFO(99, R_64_64)},
                      "the relocation of instruction 0 has no symbol");

    writer_relocations(&w, 3, &debug, 1);
    refuse(&w, EINVAL, "relocations in section \"maps\" are not supported");
    w.sections[4].header.sh_info = 99;
    refuse(&w, EINVAL, "relocates a section that does not exist");
    w.sections[4].header.sh_info = 1;
    w.sections[4].header.sh_type = SHT_RELA;
    refuse(&w, EINVAL, "not a table of REL relocations");
}

static void
ignores_relocations_of_debug_information(void)
{
    struct elf_writer w = right_object();
    Elf64_Rel rel = {0, ELF64_R_INFO(1, 3)};
    unsigned int debug =
        writer_section(&w, ".debug_line", SHT_PROGBITS, 0, code, 8);

    writer_relocations(&w, debug, &rel, 1);
    ubpf_object_free(read_object(&w));
}

int
main(void)
{
    reads_code_and_maps();
    relocates_maps();
    relocates_maps_by_section();
    joins_constants();
    reads_lines();
    reads_initial_entries();
    refuses_what_is_not_elf();
    refuses_other_kinds_of_elf();
    refuses_every_truncation();
    survives_every_changed_byte();
    refuses_other_abis();
    refuses_wrong_code();
    refuses_too_many_instructions();
    takes_the_one_program();
    refuses_sections_that_it_cannot_give();
    refuses_wrong_maps();
    refuses_wrong_state();
    refuses_wrong_names_of_maps();
    refuses_wrong_relocations();
    ignores_relocations_of_debug_information();
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}
