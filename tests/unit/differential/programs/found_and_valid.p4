// SPDX-License-Identifier: Apache-2.0
//
// clang joined the test of the table's entry with that of a header's validity,
// to one comparison of a number made of the pointer and the bit.

#include <ubpf_externs.p4>
header h0_t { bit<3> f0; bit<32> f1; bit<96> f2; bit<29> f3; }
header h1_t { bit<16> f0; bit<33> f1; int<47> f2; }
header h2_t { bit<40> f0; }
header h3_t { int<39> f0; bool f1; }
header e_t { bit<1> last; bit<8> f0; bit<7> pad; }
header v_t { bit<8> n; varbit<320> data; bit<8> end; }
struct headers_t { h0_t h0; h1_t h1; h2_t h2; h3_t h3; e_t[2] st; v_t v; v_t v2; }
struct s_t { bit<17> s0; }
struct metadata_t { int<63> m0; bit<31> m1; bit<32> m2; bit<32> w; bool flag; s_t a; s_t b; }
int<160> fun0(in e_t p0, in bit<10> p1, inout bit<7> p2) { 
return ((int<160>) ((int<52>) ((bit<52>) (p0.isValid() ? p0.pad : 7w0x63)))); }
parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
state start { pkt.extract(hdr.h0);
transition select(((int<11>) 28s1[14:4]), (75w1 ^ ((bit<75>) hdr.h0.f3)), (((int<57>) ((bit<57>) std.packet_length)) |+| ((int<57>) ((bit<57>) (hdr.h1.isValid() ? hdr.h1.f0 : 16w65535))))) { (11s318 .. 11s759, 75w0x0 &&& 75w0x1, 57s0): accept;
_: s1; } }
state s1 { pkt.extract(hdr.h2);
pkt.extract(hdr.v, ((bit<32>) pkt.lookahead<bit<8>>() & 7) << 3);
transition loop; }
state loop { pkt.extract(hdr.st.next);
transition select(hdr.st.last.last) { 1: accept; default: loop; } }
}
control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
InternetChecksum() obj0;
action act0(in bit<72> a0, in bit<32> a1, bit<72> a2) {  }
DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS) dir1;
action acty0(bit<109> a0) { }
action acty1(in bit<160> a0, in bit<6> a1, int<90> a2) { }
table tab1 { key = { 31w2147483647: exact @name("k0"); (((int<62>) ((int<29>) hdr.h0.f3)) & ((int<62>) ((bit<62>) (hdr.h2.isValid() ? hdr.h2.f0 : 40w0x8000000000)))): exact @name("k1"); ((hdr.h1.isValid() ? hdr.h1.f0 : 16w32767) * (hdr.h1.isValid() ? hdr.h1.f0 : 16w65535)): lpm @name("k2"); } actions = { acty1((160w0x8 << (hdr.h2.isValid() ? hdr.h2.f0 : 40w549755813888)[37:6]), (meta.m1[26:21] * 6w31)); act0((((bit<72>) hdr.h0.f1) - 72w0x0), ((bit<32>) (hdr.h2.isValid() ? hdr.h2.f0 : 40w0x0)[37:10])); acty0; NoAction; } psa_direct_counter = dir1; const entries = { (31w3, (-62s2049457330135913591), 16w65535 &&& 16w65472): act0(72w0); (31w2, 62s1, 16w0x1 &&& 16w64512): acty0(109w649037107316853453566312041152511); (31w6, 62s2305843009213693951, _): acty0(109w0x1); } }
apply { if (tab1.apply().hit) { if (hdr.h2.isValid()) { hash(meta.m2, HashAlgorithm.lookup3, { fun0({ last = 1w1, f0 = 8w2, pad = ((bit<7>) hdr.h0.f3) }, 10w0x0, meta.b.s0[10:4])[95:24], (((int<121>) ((int<1>) ((bit<1>) (hdr.h3.isValid() ? hdr.h3.f1 : false)))) |+| ((int<121>) ((int<29>) hdr.h0.f3))), (((int<68>) ((bit<68>) hdr.h0.f3)) + ((int<68>) ((int<32>) meta.w))), (((bit<28>) hdr.h0.f2) + ((bit<28>) hdr.st[8w39 & 1].f0)) }); return; } } else { if (hdr.h1.isValid()) {
obj0.add({ (((bit<127>) ((bit<1>) meta.flag)) & ((bit<127>) hdr.h0.f1)), (hdr.st[0].last - (hdr.h2.isValid() ? hdr.h2.f0 : 40w0xffffffffff)[31:31]) }); } else { obj0.add({ (((int<128>) ((bit<128>) (hdr.h1.isValid() ? hdr.h1.f0 : 16w1))) | ((int<128>) ((bit<128>) (hdr.h1.isValid() ? hdr.h1.f1 : 33w4889139157)))) }); } }
hdr.v2 = hdr.v; }
}
control dprs(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr.h0); if (((((int<7>) ((int<33>) (hdr.h1.isValid() ? hdr.h1.f1 : 33w0))) <= ((int<7>) ((int<32>) (hdr.h0.isValid() ? hdr.h0.f1 : 32w0x1)))) != hdr.h3.f1)) { pkt.emit(hdr.v2); } for (bit<8> i in 0 .. 1) { pkt.emit(hdr.st[i]); } } }
ubpf(prs(), pipe(), dprs()) main;
