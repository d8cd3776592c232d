// SPDX-License-Identifier: Apache-2.0
//
// The core library of P4_16 1.2.5: what every architecture has.

#ifndef P4RT_CORE_P4
#define P4RT_CORE_P4

// What a parser may report; a program adds its own with 'error { ... }'.
error {
    NoError,                // Nothing went wrong.
    PacketTooShort,         // The packet ends inside what is extracted.
    NoMatch,                // No case of a select matched.
    StackOutOfBounds,       // A header stack has no such element.
    HeaderTooShort,         // A varbit field is too small for what is extracted.
    ParserTimeout,          // The parser took too long.
    ParserInvalidArgument   // An operation got an argument it cannot take.
}

// The packet as a parser sees it: a cursor that moves on.
extern packet_in {
    // Reads a header of fixed size at the cursor and makes it valid.
    void extract<T>(out T hdr);
    // The same for a header with one varbit field, which gets that many bits.
    void extract<T>(out T variableSizeHeader, in bit<32> variableFieldSizeInBits);
    // Reads at the cursor without moving it.
    T lookahead<T>();
    // Skips bits.
    void advance(in bit<32> sizeInBits);
    // Length of the packet in bytes; not every target knows it.
    bit<32> length();
}

// The packet that a deparser puts together.
extern packet_out {
    // Appends a header if it is valid; of a struct or stack, each of its headers.
    void emit<T>(in T hdr);
}

// In a parser: when 'check' is false, stop with error 'toSignal'.
extern void verify(in bool check, in error toSignal);

// The action that does nothing.
@noWarn("unused")
action NoAction() { }

// How an element of a table's key is compared.
match_kind {
    exact,      // Equal.
    ternary,    // Equal under a mask.
    lpm         // Longest prefix wins.
}

// Checks at compile time; returns true.
extern bool static_assert(bool check, string message);
extern bool static_assert(bool check);

#endif
