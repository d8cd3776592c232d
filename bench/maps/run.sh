#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
#   bench/maps/run.sh [MOST-ENTRIES [WHAT]]
#
# Builds libubpf and times its maps, beside DPDK's tables where DPDK is installed
# (Debian's libdpdk-dev).  WHAT is some of "hash lpm ternary acl updates threads".
set -euo pipefail
cd "$(dirname "$0")/../.."
build=.build/bench-maps
cmake -S ubpf -B "$build" -DUBPF_JIT=OFF >/dev/null
cmake --build "$build" -j "$(nproc)" --target ubpf_static >/dev/null
dpdk=()
if pkg-config --exists libdpdk; then
    read -ra cflags <<<"$(pkg-config --cflags libdpdk)"
    dpdk=(-DHAVE_DPDK "${cflags[@]}")
    libs=(-lrte_acl -lrte_hash -lrte_lpm -lrte_rcu -lrte_ring -lrte_eal)
else
    echo "maps: DPDK is not installed, so there is nothing to compare with" >&2
    libs=()
fi
gcc -O2 -std=gnu11 -Wall -Wextra -fno-strict-aliasing "${dpdk[@]}" -march=native \
    -Iubpf/include -Iubpf/src -o "$build/maps" bench/maps/*.c "$build/libubpf.a" \
    "${libs[@]}" -lpthread
"$build/maps" "$@"
