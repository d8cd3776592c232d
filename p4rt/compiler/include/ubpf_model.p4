// SPDX-License-Identifier: Apache-2.0
//
// The architecture "ubpf": a parser, one control and a deparser, run once for
// each packet.
//
// There are two versions.  20200515 (the default) gives the blocks a
// 'standard_metadata' parameter; 20200304 does not, and verdicts are given by
// mark_to_drop() and mark_to_pass() alone.  To have the older one:
//
//     #define UBPF_MODEL_VERSION 20200304
//     #include <ubpf_model.p4>
//
// What the parser rejects is dropped with the verdict ABORT.  To have it in the
// pipeline instead, with the reason in 'parser_error' of the standard metadata:
//
//     #define UBPF_PARSER_ERRORS
//     #include <ubpf_model.p4>

#ifndef P4RT_UBPF_MODEL_P4
#define P4RT_UBPF_MODEL_P4

#ifndef UBPF_MODEL_VERSION
#define UBPF_MODEL_VERSION 20200515
#endif

#if UBPF_MODEL_VERSION != 20200304 && UBPF_MODEL_VERSION != 20200515
#error "UBPF_MODEL_VERSION must be 20200304 or 20200515"
#endif

#include <core.p4>

#if UBPF_MODEL_VERSION < 20200515 && defined(UBPF_PARSER_ERRORS)
#error "UBPF_PARSER_ERRORS needs UBPF_MODEL_VERSION 20200515"
#endif

const bit<32> __ubpf_model_version = UBPF_MODEL_VERSION;

#if UBPF_MODEL_VERSION >= 20200515

// What becomes of the packet.
enum ubpf_action {
    ABORT,      // Something went wrong: dropped, and counted as aborted.
    DROP,       // Dropped.
    PASS,       // Goes on with the actions after the program.
    REDIRECT    // Goes to 'output_port'.
}

struct standard_metadata {
    bit<32>     input_port;     // OpenFlow port that received the packet.
    bit<32>     packet_length;  // Bytes.
    ubpf_action output_action;  // PASS unless changed.
    bit<32>     output_port;    // OpenFlow port for REDIRECT.
    bool        clone;          // Also send a copy to 'clone_port'.
    bit<32>     clone_port;
#ifdef UBPF_PARSER_ERRORS
    error       parser_error;   // Why the parser rejected the packet, if it did.
#endif
}

#endif

// What core.p4 has no match kind for.
match_kind {
    range,      // From one value to another.
    optional    // Equal, or anything.
}

// Drop the packet.
extern void mark_to_drop();
// Let the packet pass; that is what happens when nothing else is said.
extern void mark_to_pass();

// 'size' elements that outlive the packet, zero at first unless there is an
// 'initial_value'.  An index outside reads zero and writes nothing.
extern Register<T, S> {
    Register(bit<32> size);
    Register(bit<32> size, T initial_value);
    T read(in S index);
    void write(in S index, in T value);
}

// Monotonic clock, nanoseconds.
extern bit<48> ubpf_time_get_ns();

// Cut the packet to 'len' bytes when it leaves.
extern void truncate(in bit<32> len);

enum HashAlgorithm {
    lookup3,            // Bob Jenkins, 32 bits.
    crc16,              // CRC-16/ARC.
    crc32,              // CRC-32 of Ethernet.
    crc32c,             // CRC-32 of iSCSI and SCTP.
    xxhash,             // XXH64, seed 0: its lower half.
    ones_complement16,  // The Internet checksum.
    identity            // The last 32 bits of the data.
}

// Hash of the fields of 'data', packed in order, most significant bit first.
extern void hash<D>(out bit<32> result, in HashAlgorithm algo, in D data);

// An Internet checksum after a 16-bit word (or two) of the data changed
// (RFC 1624).
extern bit<16> csum_replace2(in bit<16> csum, in bit<16> old, in bit<16> new);
extern bit<16> csum_replace4(in bit<16> csum, in bit<32> old, in bit<32> new);

#if UBPF_MODEL_VERSION >= 20200515

parser parse<H, M>(packet_in packet, out H headers, inout M meta,
                   inout standard_metadata std);
control pipeline<H, M>(inout H headers, inout M meta,
                       inout standard_metadata std);

#else

parser parse<H, M>(packet_in packet, out H headers, inout M meta);
control pipeline<H, M>(inout H headers, inout M meta);

#endif

@deparser
control deparser<H>(packet_out b, in H headers);

package ubpf<H, M>(parse<H, M> prs, pipeline<H, M> p, deparser<H> dprs);

#endif
