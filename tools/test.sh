#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs every test, part by part and two parts at a time, goes on after a part that
# fails, and ends with one line per part.  `tools/test.sh PART...` runs only those;
# see 'parts'.  Everything was built by tools/setup.sh before.
set -uo pipefail
cd "$(dirname "$0")/.."
parts=(lint engine engine-asan engine-tsan unit switch switch-asan e2e e2e-asan)
[ $# -gt 0 ] && parts=("$@")
switch_parts=()
other_parts=()
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
        engine-tsan) engine tsan thread '^(threads|races|prog|lpm|maps)$' ;;
        unit) pytest -q -n "$(nproc)" --dist loadfile tests/unit ;;
        switch) ovs-patches/build.sh --flavour release --check ;;
        switch-asan) ovs-patches/build.sh --flavour asan --check ;;
        e2e) P4RT_TEST_FLAVOUR=release pytest -q tests/e2e ;;
        e2e-asan) P4RT_TEST_FLAVOUR=asan pytest -q tests/e2e ;;
        *) echo "no such part: $1" >&2; return 2 ;;
    esac
}

# Runs the parts named, one after the other, each with its output in a file of its
# own, which is shown when the part ends; adds a line for each to the summary.
lane() {
    local part start verdict log
    for part in "$@"; do
        log=.build/test-$part.log
        start=$SECONDS
        if run_part "$part" >"$log" 2>&1; then verdict=passed; else verdict=FAILED; fi
        {
            flock 9
            printf '== %s\n' "$part"
            cat "$log"
            printf '%-12s %s (%d s)\n' "$part" "$verdict" $((SECONDS - start)) >>"$summary"
        } 9>>"$summary"
    done
}

summary=.build/test-summary
: >"$summary"
for part in "${parts[@]}"; do
    case $part in
        switch*|e2e*) switch_parts+=("$part") ;;
        *) other_parts+=("$part") ;;
    esac
done
# Tests of the switch mostly wait; the others mostly compute.
lane "${switch_parts[@]}" &
lane "${other_parts[@]}" &
wait
printf '== summary\n'
cat "$summary"
passed=$(grep -c ' passed ' "$summary")
printf 'parts: %d passed, %d failed\n' "$passed" $((${#parts[@]} - passed))
[ "$passed" -eq ${#parts[@]} ]
