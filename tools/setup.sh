#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Sets a Debian 12 machine up to build, run and test this project.  Each step
# does nothing when its result is there already, prints one line, and says in
# one line what failed.
#
#     tools/setup.sh packages    Debian packages (needs root when any is missing)
#     tools/setup.sh python      virtual environment .venv with the commands
#     tools/setup.sh release     libubpf and Open vSwitch, into .build/
#     tools/setup.sh asan        the same with ASan and UBSan, for tests
#
# Several steps may be named.  Packages come first; .venv, which mostly waits for
# the network, is made while Open vSwitch builds.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
if [ $# -eq 0 ]; then
    echo "usage: $0 packages|python|release|asan ..." >&2
    exit 2
fi
if [ ! -w . ] || ! mkdir -p .build 2>/dev/null || [ ! -w .build ]; then
    echo "setup: FAILED: no permission to write in $top; use a clone of your own" >&2
    exit 1
fi
log=.build/setup.log

# What each is for stands in docs/contributing.md.
packages=(
    autoconf automake libtool make gcc g++ cpp cmake pkg-config
    clang-19 llvm-19 llvm-19-dev clang-format-19 libclang-rt-19-dev
    libssl-dev libcap-ng-dev
    python3 python3-venv
    iproute2 ethtool procps patch rsync xz-utils ca-certificates
)

say() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup: FAILED: %s (log: %s)\n' "$1" "$log" >&2
    tail -n 15 "$log" >&2 || true
    exit 1
}

setup_packages() {
    local missing=() p
    for p in "${packages[@]}"; do
        dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    [ "$(id -u)" -eq 0 ] || die "these packages are missing and only root can install them: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >"$log" 2>&1 || die "apt-get update"
    apt-get install -q -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 \
        || die "apt-get install ${missing[*]}"
}

setup_python() {
    local python=${PYTHON:-python3} want
    : >"$log"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
        || die "$python is not Python 3.11 or later; set PYTHON"
    want=$({ "$python" -V; pwd; cat pyproject.toml; } | sha256sum | cut -c1-16)
    [ "$(cat .venv/stamp 2>/dev/null)" = "$want" ] || make_venv
    # As pip does for what is not editable; Python may be told to write no bytecode when it runs.
    .venv/bin/python -m compileall -q p4rt templates ubpf/python >>"$log" 2>&1 || die "compileall"
}

# For setup_python: $python makes it, $want is its stamp.
make_venv() {
    say "making the virtual environment .venv"
    rm -rf .venv
    "$python" -m venv .venv >"$log" 2>&1 || die "$python -m venv (Debian package python3-venv)"
    .venv/bin/pip install -q --disable-pip-version-check -e '.[dev]' >>"$log" 2>&1 || die "pip install -e .[dev]"
    # For `man`, which looks beside the folders of $PATH; an editable installation leaves them out.
    mkdir -p .venv/share/man/man1
    ln -sf "$top"/docs/man/*.1 .venv/share/man/man1/
    echo "$want" >.venv/stamp
}

for step in "$@"; do
    case $step in
        packages|python|release|asan) ;;
        *) echo "usage: $0 packages|python|release|asan ..." >&2; exit 2 ;;
    esac
done
asked() { [[ " $steps " == *" $1 "* ]]; }
steps=$*

if asked packages; then setup_packages; fi
python_pid=
if asked python; then
    log=.build/setup-python.log
    setup_python &
    python_pid=$!
    trap 'kill "$python_pid" 2>/dev/null || true' EXIT
fi
if asked release; then ovs-patches/build.sh --flavour release; fi
if asked asan; then ovs-patches/build.sh --flavour asan; fi
if [ -n "$python_pid" ]; then
    trap - EXIT
    wait "$python_pid"
fi
