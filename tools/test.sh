#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs every test, part by part and two parts at a time, goes on after a part that
# fails, and ends with one line per part.  `tools/test.sh PART...` runs only those;
# see 'parts'.  Everything was built by tools/setup.sh before.
set -uo pipefail
cd "$(dirname "$0")/.."
# Longest first, and those that mostly wait beside those that mostly compute.
parts=(unit e2e-asan e2e switch-asan engine-asan switch engine engine-tsan lint)
[ $# -gt 0 ] && parts=("$@")
bin=$PWD/.venv/bin
export PATH=$bin:$PATH

c_files() { git ls-files 'ubpf/*.c' 'ubpf/*.h'; }

# Builds libubpf with its tests in .build/engine-$1, with sanitizers $2, and runs
# those whose names match $3.  What sanitizers add takes long to optimise: with them,
# it is optimised less, and assertions are on.
engine() {
    local dir=.build/engine-$1 options=(-DUBPF_SANITIZE="$2")
    [ -z "$2" ] || options+=(-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O1)
    cmake -S ubpf -B "$dir" -DUBPF_TESTS=ON "${options[@]}" >"$dir.log" 2>&1 \
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
        engine-tsan) engine tsan thread '^(threads|races|prog|maps|kinds)$' ;;
        unit) pytest -q -n "$(nproc)" --dist worksteal tests/unit ;;
        switch) ovs-patches/build.sh --flavour release --check ;;
        switch-asan) ovs-patches/build.sh --flavour asan --check ;;
        e2e) P4RT_TEST_FLAVOUR=release pytest -q tests/e2e ;;
        e2e-asan) P4RT_TEST_FLAVOUR=asan pytest -q tests/e2e ;;
        *) echo "no such part: $1" >&2; return 2 ;;
    esac
}

# Takes parts from the queue, longest first, until none is left.  Each has its output
# in a file of its own, which is shown when the part ends, and its line in the summary.
worker() {
    local part start verdict log
    while part=$(next_part) && [ -n "$part" ]; do
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

# Removes the first line of the queue and prints it.
next_part() {
    (
        flock 8
        head -n 1 "$queue"
        sed -i 1d "$queue"
    ) 8>"$queue.lock"
}

queue=.build/test-queue
summary=.build/test-summary
printf '%s\n' "${parts[@]}" >"$queue"
: >"$summary"
for _ in 1 2; do
    worker &
done
wait
printf '== summary\n'
cat "$summary"
passed=$(grep -c ' passed ' "$summary")
printf 'parts: %d passed, %d failed\n' "$passed" $((${#parts[@]} - passed))
[ "$passed" -eq ${#parts[@]} ]
