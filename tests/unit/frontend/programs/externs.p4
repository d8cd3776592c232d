// SPDX-License-Identifier: Apache-2.0
// Counters, hashes and checksums of all kinds over whatever a packet holds.
#include <ubpf_externs.p4>

header numbers_t { bit<8> what; bit<4> low; bit<12> high; bit<16> word; bit<80> wide; int<24> sign; }
header result_t { bit<64> first; bit<32> second; bit<16> third; }

struct headers_t { numbers_t one; numbers_t two; result_t result; }
struct metadata_t { bit<16> sum; bool again; }
struct pair_t { bit<8> what; bit<16> word; }

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    InternetChecksum() seen;

    state start {
        packet.extract(hdr.one);
        seen.add({ hdr.one.low, hdr.one.high, hdr.one.word });
        transition select(hdr.one.what) {
            0x80 &&& 0x80: two;
            default: done;
        }
    }
    state two {
        packet.extract(hdr.two);
        seen.subtract({ hdr.two.wide, hdr.two.low, hdr.two.high });
        meta.again = true;
        transition done;
    }
    state done {
        meta.sum = seen.get();
        packet.extract(hdr.result);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    Counter<bit<32>, bit<8>>(100, PSA_CounterType_t.PACKETS_AND_BYTES) by_kind;
    Counter<bit<32>, pair_t>(300, PSA_CounterType_t.BYTES) by_pair;
    Meter<bit<16>>(9, PSA_MeterType_t.PACKETS) limits;
    Register<pair_t, bit<4>>(8, { 7, 0x1234 }) pairs;
    Hash<bit<16>>(PSA_HashAlgorithm_t.CRC16) crc16;
    Hash<bit<40>>(PSA_HashAlgorithm_t.CRC32) crc32;
    Hash<bit<32>>(PSA_HashAlgorithm_t.CRC32C) crc32c;
    Hash<bit<64>>(PSA_HashAlgorithm_t.XXHASH) xxhash;
    Hash<bit<24>>(PSA_HashAlgorithm_t.LOOKUP3) lookup3;
    Hash<bit<16>>(PSA_HashAlgorithm_t.ONES_COMPLEMENT16) ones;
    Hash<bit<20>>(PSA_HashAlgorithm_t.IDENTITY) identity;
    Checksum<bit<32>>(PSA_HashAlgorithm_t.CRC32) pieces;
    Checksum<bit<16>>(PSA_HashAlgorithm_t.CRC16) short_pieces;
    InternetChecksum() sum;
    Digest<pair_t>() pairs_seen;

    apply {
        by_kind.count(hdr.one.what);
        by_pair.count({ hdr.one.what & 1, hdr.one.word & 0xff });
        if (limits.execute((bit<16>) hdr.one.low) == PSA_MeterColor_t.RED) {
            hdr.result.second[7:0] = 0xee;
        }

        pair_t pair = pairs.read(hdr.one.low);
        pair.what = pair.what + 1;
        pair.word = pair.word ^ hdr.one.word;
        pairs.write(hdr.one.low, pair);
        pairs_seen.pack(pair);

        switch (hdr.one.what[3:0]) {
            0: { hdr.result.third = crc16.get_hash({ hdr.one, hdr.two }); }
            1: { hdr.result.first = (bit<64>) crc32.get_hash({ hdr.one.high, hdr.one.wide, hdr.one.sign }); }
            2: { hdr.result.second = crc32c.get_hash(hdr.one.wide); }
            3: { hdr.result.first = xxhash.get_hash({ hdr.one, hdr.two, hdr.result }); }
            4: { hdr.result.second = (bit<32>) lookup3.get_hash({ hdr.one.what, meta.again, pair }); }
            5: { hdr.result.third = ones.get_hash({ hdr.one.what, hdr.one.wide, hdr.one.high }); }
            6: { hdr.result.second = (bit<32>) identity.get_hash({ hdr.one.word, hdr.one.low, hdr.one.high }); }
            7: { hdr.result.third = crc16.get_hash(hdr.one.word, hdr.one.wide, 16w100); }
            8: { hdr.result.third = crc16.get_hash(16w7, hdr.one.wide, 16w64); }
            9: { hdr.result.third = ~sum.get_state(); }
            10: { hash(hdr.result.second, HashAlgorithm.crc32, hdr.one.wide); }
            11: { hash(hdr.result.second, HashAlgorithm.xxhash, { hdr.one.low, hdr.one.sign }); }
            default: { resubmit(hdr.one.wide[7:0]); }
        }

        pieces.update(hdr.one.wide);
        if (meta.again) {
            short_pieces.update(hdr.two.word);
            pieces.update({ hdr.two.low, hdr.two.high, hdr.two.sign });
        } else if (hdr.one.word[0:0] == 1) {
            pieces.clear();
        }
        pieces.update(hdr.result.third);
        short_pieces.update(hdr.one);
        hdr.result.first[31:0] = hdr.result.first[31:0] ^ pieces.get();
        hdr.result.third = hdr.result.third ^ short_pieces.get();

        sum.set_state(meta.sum);
        sum.subtract(hdr.one.word);
        sum.add({ hdr.result.first, hdr.result.second });
        hdr.one.word = sum.get();
    }
}

control dprs(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr); }
}

ubpf(prs(), pipe(), dprs()) main;
