/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines from ".debug_line", written by hand: versions, forms, and nonsense. */

#include <string.h>

#include "check.h"
#include "elf/object.h"
#include "elf_writer.h"
#include "faulty_host.h"

#define R_64_ABS64 2

static const struct ubpf_limits limits = {
    .max_insns = 16, .max_visited = 1000, .max_map_bytes = 1 << 20};

/* Five times r0 = 2, and exit. */
static struct ubpf_insn code[] = {
    {.opcode = 0xb7, .imm = 2}, {.opcode = 0xb7, .imm = 2},
    {.opcode = 0xb7, .imm = 2}, {.opcode = 0xb7, .imm = 2},
    {.opcode = 0xb7, .imm = 2}, {.opcode = 0x95},
};

/* A section that is being written. */
struct bytes {
    uint8_t data[256];
    size_t n;
    size_t unit, header; /* Where their contents start. */
    size_t address;      /* Of the bytes that are relocated. */
};

static void
put(struct bytes *b, const void *data, size_t n)
{
    memcpy(b->data + b->n, data, n);
    b->n += n;
}
#define PUT(B, ...) \
    put(B, (const uint8_t[]) {__VA_ARGS__}, sizeof(uint8_t[]){__VA_ARGS__})

/* Starts a unit, up to its tables of files. */
static void
start_unit(struct bytes *b, uint8_t version)
{
    PUT(b, 0, 0, 0, 0);
    b->unit = b->n;
    PUT(b, version, 0);
    if (version == 5) {
        PUT(b, 8, 0);
    }
    PUT(b, 0, 0, 0, 0);
    b->header = b->n;
    PUT(b, 8); /* Bytes of an instruction. */
    if (version >= 4) {
        PUT(b, 1);
    }
    PUT(b, 1, (uint8_t) -5, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1);
}

static void
end_header(struct bytes *b)
{
    b->data[b->header - 4] = (uint8_t) (b->n - b->header);
}

/* Lines 7 of file 1 from instruction 0, 9 of file 'second' from 2, 6 from 3,
 * and ends the unit. */
static void
put_lines(struct bytes *b, uint8_t second)
{
    PUT(b, 0, 9, 2); /* Address: */
    b->address = b->n;
    PUT(b, 0, 0, 0, 0, 0, 0, 0, 0);
    PUT(b, 3, 6, 1);               /* Line += 6; here. */
    PUT(b, 2, 2, 4, second, 20);   /* 2 instructions; file; line += 2; here. */
    PUT(b, 9, 8, 0, 3, 0x7c, 1);   /* 8 bytes; line -= 4; here. */
    PUT(b, 5, 30, 6, 10, 3, 1, 1); /* Column...; line += 1; here again. */
    PUT(b, 0, 1, 1);               /* The end. */
    b->data[b->unit - 4] = (uint8_t) (b->n - b->unit);
}

/* Reads an object with '.debug_line' and two sections of strings. */
static struct ubpf_object *
read_lines(const struct bytes *b, const char *strings, size_t n_strings)
{
    Elf64_Rel rel = {b->address, ELF64_R_INFO(1, R_64_ABS64)};
    struct ubpf_object *obj;
    struct elf_writer w;
    char *error = NULL;
    unsigned int section;
    uint8_t *elf;
    size_t len;

    writer_program(&w, code, sizeof code / sizeof code[0]);
    writer_section(&w, ".debug_line_str", SHT_PROGBITS, 0, strings, n_strings);
    writer_section(&w, ".debug_str", SHT_PROGBITS, 0, strings, n_strings);
    section =
        writer_section(&w, ".debug_line", SHT_PROGBITS, 0, b->data, b->n);
    writer_relocations(&w, section, &rel, 1);
    elf = writer_finish(&w, &len);
    if (ubpf_object_read(&faulty_host, elf, len, &limits, &obj, &error)) {
        FAIL("%s", error);
    }
    free(elf);
    return obj;
}

static void
check_line(const struct ubpf_object *obj, uint32_t insn, const char *where)
{
    const struct ubpf_object_line *line = ubpf_object_line(obj, insn);
    char text[100] = "";

    if (line) {
        ubpf_object_line_text(line, text, sizeof text);
    }
    CHECK_HAS(text, where);
}

static void
reads_old_versions(void)
{
    for (uint8_t version = 2; version <= 4; version++) {
        struct bytes b = {.n = 0};
        struct ubpf_object *obj;

        start_unit(&b, version);
        put(&b, "src\0\0one.c\0\1\0\0dir/two.c\0\0\0\0", 27);
        end_header(&b);
        put_lines(&b, 2);
        obj = read_lines(&b, "", 1);
        check_line(obj, 0, "one.c:7");
        check_line(obj, 1, "one.c:7");
        check_line(obj, 2, "two.c:9");
        check_line(obj, 3, "two.c:6");
        check_line(obj, 5, "two.c:6");
        ubpf_object_free(obj);
    }
}

/* Files of version 5: path, by reference, and a checksum; then folders of all
 * forms. */
static void
put_tables(struct bytes *b, uint8_t form)
{
    static const uint8_t sum[16] = {1, 2, 3};

    PUT(b, 8, 1, 0x08, 2, 0x0b, 3, 0x05, 4, 0x06, 5, 0x07, 6, 0x0f, 7, 0x09, 8,
        0x1e, 1);
    put(b, "src", 4);
    PUT(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, 2, 9, 9);
    put(b, sum, 16);
    PUT(b, 2, 1, form, 5, 0x1e, 2);
    PUT(b, 0, 0, 0, 0);
    put(b, sum, 16);
    PUT(b, 7, 0, 0, 0);
    put(b, sum, 16);
}

static void
reads_version_5(void)
{
    static const uint8_t forms[] = {0x1f, 0x0e};

    for (int i = 0; i < 2; i++) {
        struct bytes b = {.n = 0};
        struct ubpf_object *obj;

        start_unit(&b, 5);
        put_tables(&b, forms[i]);
        end_header(&b);
        put_lines(&b, 0);
        obj = read_lines(&b, "three.c", 8);
        check_line(obj, 2, "three.c:9");
        ubpf_object_free(obj);
        obj = read_lines(&b, "three.ctwo.c", 13);
        check_line(obj, 0, "two.c:7");
        ubpf_object_free(obj);
        /* Strings that do not end. */
        obj = read_lines(&b, "three.c two.c", 13);
        CHECK(!ubpf_object_line(obj, 0));
        ubpf_object_free(obj);
    }
}

/* A second unit counts, too; one of a version to come ends it all. */
static void
reads_all_units(void)
{
    struct bytes b = {.n = 0};
    struct ubpf_object *obj;
    size_t second;

    start_unit(&b, 4);
    put(&b, "\0\0", 2);
    end_header(&b);
    b.data[b.unit - 4] = (uint8_t) (b.n - b.unit);
    start_unit(&b, 4);
    second = b.unit;
    put(&b, "\0one.c\0\0\0\0\0", 11);
    end_header(&b);
    put_lines(&b, 1);
    obj = read_lines(&b, "", 1);
    check_line(obj, 2, "one.c:9");
    ubpf_object_free(obj);
    b.data[second] = 6;
    obj = read_lines(&b, "", 1);
    CHECK(!ubpf_object_line(obj, 2));
    ubpf_object_free(obj);
}

/* Lines of the P4 program are those of its own section. */
static void
prefers_p4_lines(void)
{
    static const struct ubpf_line p4 = {0, 42};
    struct bytes b = {.n = 0};
    struct ubpf_object *obj;
    struct elf_writer w;
    char *error = NULL;
    uint8_t *elf;
    size_t len;

    start_unit(&b, 4);
    put(&b, "\0one.c\0\0\0\0\0", 11);
    end_header(&b);
    put_lines(&b, 1);
    writer_program(&w, code, sizeof code / sizeof code[0]);
    writer_section(&w, ".debug_line", SHT_PROGBITS, 0, b.data, b.n);
    writer_section(&w, UBPF_SEC_LINES, SHT_PROGBITS, 0, &p4, sizeof p4);
    elf = writer_finish(&w, &len);
    CHECK_EQ(ubpf_object_read(&faulty_host, elf, len, &limits, &obj, &error),
             0);
    check_line(obj, 2, "P4 line 42");
    ubpf_object_free(obj);
    free(elf);
}

/* Each byte that is wrong in each of some ways, and each end that comes too
 * early, leaves an object with other lines or none. */
static void
survives_nonsense(void)
{
    static const uint8_t wrong[] = {0, 1, 0x7f, 0x80, 0xff};
    struct bytes b = {.n = 0}, bad;

    start_unit(&b, 5);
    put_tables(&b, 0x1f);
    end_header(&b);
    put_lines(&b, 0);
    for (size_t i = 0; i < b.n; i++) {
        bad = b;
        bad.n = i;
        ubpf_object_free(read_lines(&bad, "one.c\0x.c", 10));
        for (size_t k = 0; k < sizeof wrong; k++) {
            bad = b;
            bad.data[i] = wrong[k];
            ubpf_object_free(read_lines(&bad, "one.c\0x.c", 10));
        }
    }
}

int
main(void)
{
    reads_old_versions();
    reads_version_5();
    reads_all_units();
    prefers_p4_lines();
    survives_nonsense();
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}
