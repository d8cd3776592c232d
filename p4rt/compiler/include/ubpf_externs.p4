// SPDX-License-Identifier: Apache-2.0
//
// Externs beyond ubpf_model.p4.  Names and signatures are those of the
// Portable Switch Architecture (PSA 1.2), so that programs can be moved;
// docs/externs.md says how each behaves here.

#ifndef P4RT_UBPF_EXTERNS_P4
#define P4RT_UBPF_EXTERNS_P4

#include <ubpf_model.p4>

// ---- Counters

enum PSA_CounterType_t {
    PACKETS,
    BYTES,
    PACKETS_AND_BYTES
}

// An array of counters.  'W' tells how wide the control plane shows them;
// each counts to 64 bits.  An index outside counts nothing.
@noWarn("unused")
extern Counter<W, S> {
    Counter(bit<32> n_counters, PSA_CounterType_t type);
    void count(in S index);
}

// A counter for each entry of the table whose property 'psa_direct_counter'
// names it; its actions count.
@noWarn("unused")
extern DirectCounter<W> {
    DirectCounter(PSA_CounterType_t type);
    void count();
}

// ---- Meters (RFC 2698)

enum PSA_MeterType_t {
    PACKETS,
    BYTES
}

enum PSA_MeterColor_t {
    GREEN,
    YELLOW,
    RED
}

// An array of meters, which do nothing until the control plane sets them.
// Without 'color' a packet counts as green.  An index outside is red.
extern Meter<S> {
    Meter(bit<32> n_meters, PSA_MeterType_t type);
    PSA_MeterColor_t execute(in S index, in PSA_MeterColor_t color);
    PSA_MeterColor_t execute(in S index);
}

// A meter for each entry of the table whose property 'psa_direct_meter' names
// it; its actions execute it.
extern DirectMeter {
    DirectMeter(PSA_MeterType_t type);
    PSA_MeterColor_t execute(in PSA_MeterColor_t color);
    PSA_MeterColor_t execute();
}

// ---- Numbers

// From 'min' to 'max', both included.
extern Random<T> {
    Random(T min, T max);
    T read();
}

enum PSA_HashAlgorithm_t {
    IDENTITY,           // The last bits of the data.
    CRC16,              // CRC-16/ARC.
    CRC32,              // CRC-32 of Ethernet.
    CRC32C,             // CRC-32 of iSCSI and SCTP.
    ONES_COMPLEMENT16,  // The Internet checksum.
    LOOKUP3,            // Bob Jenkins, 32 bits.
    XXHASH,             // XXH64, seed 0.
    TARGET_DEFAULT      // LOOKUP3 here.
}

// A hash of the fields of 'data', packed in order, most significant bit first.
// The second form gives base + hash % max.
extern Hash<O> {
    Hash(PSA_HashAlgorithm_t algo);
    O get_hash<D>(in D data);
    O get_hash<T, D>(in T base, in D data, in T max);
}

// ---- Checksums

// A CRC, or the Internet checksum, of data that comes bit by bit.
extern Checksum<W> {
    Checksum(PSA_HashAlgorithm_t hash);
    void clear();
    void update<T>(in T data);
    W get();
}

// The Internet checksum (RFC 1071), also of data that changes (RFC 1624).
// 'data' has a multiple of 16 bits.
extern InternetChecksum {
    InternetChecksum();
    void clear();
    void add<T>(in T data);
    void subtract<T>(in T data);
    bit<16> get();
    bit<16> get_state();
    void set_state(in bit<16> checksum_state);
}

// ---- Actions of tables

// The hash of fields of this match kind picks a member of a group; they take
// no part in the match.
match_kind { selector }

// Actions with their arguments, 'size' of them, that entries of the tables
// with the property 'psa_implementation' name by number.
@noWarn("unused")
extern ActionProfile {
    ActionProfile(bit<32> size);
}

// The same, and groups of them: 'size' of each, with @max_group_size(N) members
// at most (128).  Of the hash of a packet's selector fields the last
// 'outputWidth' bits, modulo the number of members, pick one.  The table's
// property 'psa_empty_group_action' is for groups without any.
@noWarn("unused")
extern ActionSelector {
    ActionSelector(PSA_HashAlgorithm_t algo, bit<32> size, bit<32> outputWidth);
}

// For the property 'psa_idle_timeout': what becomes of entries that no packet
// used for their timeout.
enum PSA_IdleTimeout_t {
    NO_TIMEOUT,
    NOTIFY_CONTROL,     // They stay; the control plane can ask for how long.
    AUTO_DELETE         // The switch deletes them.
}

// ---- The control plane and the switch

// Sends records to the control plane: 'p4rt-ctl monitor'.
@noWarn("unused")
extern Digest<T> {
    Digest();
    void pack(in T data);
}

// The packet, as the program leaves it, goes to an OpenFlow table of the same
// bridge; the actions after the program do not apply.  A verdict given later
// takes its place.
extern void resubmit(in bit<8> table_id);

#endif
