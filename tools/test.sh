#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs every test, part by part, goes on after a part that fails, and ends with
# one line per part.  `tools/test.sh PART...` runs only those; see 'parts'.
# Everything was built by tools/setup.sh before.
set -uo pipefail
cd "$(dirname "$0")/.."
parts=(lint engine engine-asan engine-tsan unit switch switch-asan e2e e2e-asan)
[ $# -gt 0 ] && parts=("$@")
bin=$PWD/.venv/bin
export PATH=$bin:$PATH

c_files() { git ls-files 'ubpf/*.c' 'ubpf/*.h'; }

# Builds libubpf with its tests in .build/engine-$1, with sanitizers $2, and runs
# those whose names match $3.
engine() {
    local dir=.build/engine-$1
    cmake -S ubpf -B "$dir" -DUBPF_TESTS=ON -DUBPF_SANITIZE="$2" >"$dir.log" 2>&1 \
        && cmake --build "$dir" -j "$(nproc)" >>"$dir.log" 2>&1 \
        || { tail -n 40 "$dir.log"; return 1; }
    ctest --test-dir "$dir" --output-on-failure -j "$(nproc)" -R "$3"
}

run_part() {
    case $1 in
        lint)
            ruff check p4rt ubpf/python tests tools examples bench && mypy \
                && c_files | xargs -r clang-format-19 --dry-run -Werror ;;
        engine) engine release "" . ;;
        engine-asan) engine asan address,undefined . ;;
        engine-tsan) engine tsan thread '^(threads|prog|lpm|maps)$' ;;
        unit) pytest -q -n "$(nproc)" --dist loadfile tests/unit ;;
        switch) ovs-patches/build.sh --flavour release --check ;;
        switch-asan) ovs-patches/build.sh --flavour asan --check ;;
        e2e) P4RT_TEST_FLAVOUR=release pytest -q tests/e2e ;;
        e2e-asan) P4RT_TEST_FLAVOUR=asan pytest -q tests/e2e ;;
        *) echo "no such part: $1" >&2; return 2 ;;
    esac
}

failed=0
summary=()
for part in "${parts[@]}"; do
    printf '== %s\n' "$part"
    start=$SECONDS
    if run_part "$part"; then verdict=passed; else verdict=FAILED; failed=$((failed + 1)); fi
    summary+=("$(printf '%-12s %s (%d s)' "$part" "$verdict" $((SECONDS - start)))")
done
printf '== summary\n'
printf '%s\n' "${summary[@]}"
printf 'parts: %d passed, %d failed\n' $((${#parts[@]} - failed)) "$failed"
[ "$failed" -eq 0 ]
