#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the patched Open vSwitch, with libubpf in it, into a private prefix.
#
#   build.sh [--flavour release|asan] [--print] [--check]
#
#   --print   says on stdout where it is (progress is on stderr)
#   --check   runs this project's tests in Open vSwitch's own test suite
#
# What is built is found again by a key: a hash over everything that goes into
# it.  A prefix of that key that exists is complete, so that any number of
# checkouts share one cache, and a second run has nothing to do.  Otherwise
# the work tree of the flavour, which remembers its objects, is brought up to
# date file by file and made; only what changed is compiled again.
#
#   .build/ovs, .build/ovs-asan   links to the prefix of each flavour
#   .build/libubpf                link to the prefix that has libubpf.so
#
#   $P4RT_CACHE    the cache (default: ${XDG_CACHE_HOME:-~/.cache}/p4rt)
#   $OVS_TARBALL   the upstream tarball, instead of looking for it
#   $JOBS          parallel compilations (default: the number of processors)

set -euo pipefail
export LC_ALL=C

OVS_VERSION=4.0.0
OVS_SHA256=2b4d75ed077e94bc649ffbc9be5f9f822db82cf266c920cb3060f94db9d6d796
TARBALL=openvswitch_$OVS_VERSION.orig.tar.xz

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(dirname "$here")
cache=${P4RT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/p4rt}
jobs=${JOBS:-$(nproc)}
flavour=release
print=false
check=false

say() { printf 'ovs (%s): %s\n' "$flavour" "$*" >&2; }
die() { say "$*"; exit 1; }
usage() { echo "usage: build.sh [--flavour release|asan] [--print] [--check]" >&2; exit 2; }

while [ $# -gt 0 ]; do
    case $1 in
        --flavour) [ $# -ge 2 ] || usage; flavour=$2; shift ;;
        --flavour=*) flavour=${1#*=} ;;
        --print) print=true ;;
        --check) check=true ;;
        -h | --help) sed -n '3,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) usage ;;
    esac
    shift
done

# The flags of each flavour.  A finding of either sanitizer halts the program.
case $flavour in
    release)
        link=ovs
        cflags="-O2 -g"
        ldflags=""
        ubpf_options=(-DCMAKE_BUILD_TYPE=RelWithDebInfo) ;;
    asan)
        link=ovs-asan
        cflags="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined"
        cflags+=" -fno-sanitize-recover=undefined"
        ldflags="-fsanitize=address,undefined"
        ubpf_options=(-DCMAKE_BUILD_TYPE=Debug "-DUBPF_SANITIZE=address,undefined") ;;
    *) die "no such flavour (release and asan exist)" ;;
esac

# Runs "$@" with its output in the log; on failure says what failed ('$1'), and
# shows where the log is and how it ends.
step() {
    local what=$1
    shift
    say "$what"
    # In the background, for bash forgets 'set -e' inside of a condition.
    "$@" >>"$log" 2>&1 &
    if ! wait $!; then
        say "failed: $what; log: $log"
        tail -n 20 "$log" | cut -c 1-200 | sed 's/^/    /' >&2
        exit 1
    fi
}

# Everything that goes into a build, as file names relative to the checkout.
inputs() {
    cd "$checkout"
    find ovs-patches/overlay ubpf -type f -not -path 'ubpf/tests/*' -not -path 'ubpf/fuzz/*' \
        -not -path 'ubpf/python/*' | sort
    echo ovs-patches/build.sh
    echo ovs-patches/series
    patches
}

patches() { sed -e 's/#.*//' -e '/^ *$/d' -e 's,^,ovs-patches/,' "$here/series"; }

build_key() {
    {
        echo "$OVS_SHA256 $flavour $(${CC:-cc} --version | head -n 1) $(uname -m)"
        # Without it there is no compiler to native code in what is built.
        llvm-config-19 --version 2>/dev/null || echo "no LLVM"
        (cd "$checkout" && inputs | xargs sha256sum)
    } | sha256sum | cut -c 1-16
}

sum_is_right() { echo "$OVS_SHA256  $1" | sha256sum --check --status 2>/dev/null; }

# Sets 'tarball' to a verified upstream tarball.
fetch() {
    local candidate
    if [ -n "${OVS_TARBALL:-}" ]; then
        sum_is_right "$OVS_TARBALL" ||
            die "OVS_TARBALL=$OVS_TARBALL is not $TARBALL (SHA-256 $OVS_SHA256)"
        tarball=$OVS_TARBALL
        return
    fi
    for candidate in "$checkout/../shared/distfiles/$TARBALL" "$cache/distfiles/$TARBALL"; do
        if [ -f "$candidate" ] && sum_is_right "$candidate"; then
            tarball=$candidate
            return
        fi
    done
    mkdir -p "$cache/distfiles"
    step "fetching Open vSwitch $OVS_VERSION from the Debian mirror" fetch_with_apt
    tarball=$cache/distfiles/$TARBALL
}

# Takes the tarball from Debian's source package, through package lists of our
# own made from the machine's mirror setting; the system's are not touched.
# The archive's signature is not needed, since the tarball's sum is pinned, nor
# its freshness, which a mirror that was frozen at a date does not have.
fetch_with_apt() {
    local apt=$cache/apt mirror suite version
    mirror=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed -nE 's|^URIs: *([a-z]+://[^ ]*/debian)/?( .*)?$|\1|p' | head -n 1)
    [ -n "$mirror" ] ||
        mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
            sed -nE 's|^deb .*\b([a-z]+://[^ ]*/debian)/? .*|\1|p' | head -n 1)
    if [ -z "$mirror" ]; then
        echo "apt's sources name no Debian mirror; set OVS_TARBALL to a copy of $TARBALL"
        return 1
    fi
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/get"
    for suite in sid forky; do
        echo "deb-src [trusted=yes] $mirror $suite main"
    done >"$apt/sources.list"
    local options=(-o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt" -o "Dir::Cache::Archives=$apt/archives"
        -o Acquire::Check-Valid-Until=false -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o APT::Get::List-Cleanup=0)
    apt-get "${options[@]}" update
    version=$(apt-cache "${options[@]}" showsrc openvswitch |
        sed -n "s/^Version: \($OVS_VERSION-.*\)/\1/p" | head -n 1)
    if [ -z "$version" ]; then
        echo "$mirror has no openvswitch $OVS_VERSION in sid or forky;" \
            "set OVS_TARBALL to a copy of $TARBALL"
        return 1
    fi
    (cd "$apt/get" && apt-get "${options[@]}" source --download-only --tar-only "openvswitch=$version")
    if ! sum_is_right "$apt/get/$TARBALL"; then
        echo "the mirror's $TARBALL does not have SHA-256 $OVS_SHA256"
        return 1
    fi
    mv "$apt/get/$TARBALL" "$cache/distfiles/$TARBALL"
    rm -rf "$apt"
}

# Makes a patched source tree in $1.
make_source() {
    local tree=$1 patch
    rm -rf "$tree"
    mkdir -p "$tree"
    tar -xJf "$tarball" -C "$tree" --strip-components=1
    # What the release was generated with; boot.sh makes it anew.
    (cd "$tree" && rm -rf autom4te.cache configure aclocal.m4 Makefile.in config.h.in \
        build-aux/{compile,config.guess,config.sub,depcomp,install-sh,ltmain.sh,missing})
    # Debian's tarball leaves its own packaging out, which Makefile.am includes.
    mkdir -p "$tree/debian"
    : >"$tree/debian/automake.mk"
    cp -R "$here/overlay/." "$tree/"
    for patch in $(patches); do
        echo "== $patch"
        patch -d "$tree" -p1 --no-backup-if-mismatch --fuzz=0 <"$checkout/$patch"
    done
    (cd "$tree" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$tree.sums"
}

# Copies what differs between the source tree $1 and the one that the build
# tree $2 was last brought to, so that make sees only that as changed.
update_tree() {
    local source=$1 build=$2 file
    if [ ! -f "$build.sums" ]; then
        rm -rf "$build"
        cp -R "$source" "$build"
    else
        comm -23 <(sort "$source.sums") <(sort "$build.sums") | cut -c 67- | while read -r file; do
            mkdir -p "$(dirname "$build/$file")"
            cp "$source/$file" "$build/$file"
        done
        comm -13 <(cut -c 67- "$source.sums" | sort) <(cut -c 67- "$build.sums" | sort) |
            (cd "$build" && xargs -r rm -f)
    fi
    cp "$source.sums" "$build.sums"
}

build_ubpf() {
    # A build folder of CMake's knows one source folder.
    grep -sqxF "CMAKE_HOME_DIRECTORY:INTERNAL=$checkout/ubpf" "$work/ubpf-build/CMakeCache.txt" ||
        rm -rf "$work/ubpf-build"
    cmake -S "$checkout/ubpf" -B "$work/ubpf-build" "${ubpf_options[@]}" -DUBPF_TESTS=OFF \
        -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib
    cmake --build "$work/ubpf-build" --parallel "$jobs"
    DESTDIR=$stage cmake --install "$work/ubpf-build"
    # For linking: the static library and headers, where no key is in the name.
    rm -rf "$work/ubpf.new"
    mkdir -p "$work/ubpf.new/lib"
    cp -R "$stage$prefix/include" "$work/ubpf.new/"
    # One object without the library's inner names, some of which are Open
    # vSwitch's as well.
    ld -r -o "$work/ubpf.new/ubpf.o" --whole-archive "$stage$prefix/lib/libubpf.a"
    objcopy --localize-hidden "$work/ubpf.new/ubpf.o"
    ar rcsD "$work/ubpf.new/lib/libubpf.a" "$work/ubpf.new/ubpf.o"
    rm "$work/ubpf.new/ubpf.o"
    if cmp -s "$work/ubpf.new/lib/libubpf.a" "$work/ubpf/lib/libubpf.a" &&
        diff -rq "$work/ubpf.new/include" "$work/ubpf/include" >/dev/null 2>&1; then
        return
    fi
    mkdir -p "$work/ubpf"
    cp -R "$work/ubpf.new/." "$work/ubpf/"
    # Programs do not depend on the library in make's eyes.
    rm -f "$work/ovs/vswitchd/ovs-vswitchd" "$work/ovs/utilities/ovs-ofctl" \
        "$work/ovs/tests/ovstest"
}

# What else a program has to be linked with when it has libubpf.a in it.
ubpf_libs() {
    PKG_CONFIG_PATH=$stage$prefix/lib/pkgconfig pkg-config --static --libs-only-l libubpf
}

configure_ovs() {
    cd "$work/ovs"
    ./boot.sh
    ./configure --prefix="$cache/$link" CFLAGS="$cflags" LDFLAGS="$ldflags -L$work/ubpf/lib" \
        CPPFLAGS="-I$work/ubpf/include" LIBS="$(ubpf_libs)"
}

# Directories are make variables, so a new prefix needs no new configuration:
# only what has one written into it is made again.
make_ovs() {
    cd "$work/ovs"
    local directories=(prefix="$prefix" sysconfdir="$prefix/etc" localstatedir="$prefix/var")
    if [ "$(cat "$work/made-for" 2>/dev/null)" != "$prefix" ]; then
        rm -f lib/dirs.c
    fi
    make -j"$jobs" V=0 "${directories[@]}" all
    echo "$prefix" >"$work/made-for"
}

install_ovs() {
    cd "$work/ovs"
    make "prefix=$prefix" "sysconfdir=$prefix/etc" "localstatedir=$prefix/var" \
        "DESTDIR=$stage" install
    # Nobody links with Open vSwitch's own libraries.
    find "$stage$prefix/lib" \( -name '*.a' -o -name '*.la' \) ! -name libubpf.a -delete
}

# Runs the tests of tests/p4rt*.at, all of which have the keyword p4rt.  They
# wait more than they compute, so more of them run than there are processors.
check_ovs() {
    cd "$work/ovs"
    make "prefix=$prefix" "sysconfdir=$prefix/etc" "localstatedir=$prefix/var" \
        P4RT_INCLUDE="$work/ubpf/include" check TESTSUITEFLAGS="-j$((3 * jobs)) -k p4rt"
}

publish() {
    rm -rf "$prefix"
    mv "$stage$prefix" "$prefix"
}

make_link() {
    mkdir -p "$checkout/.build"
    ln -sfn "$1" "$checkout/.build/.$2.$$"
    mv -T "$checkout/.build/.$2.$$" "$checkout/.build/$2"
}

build() {
    local configuration
    stage=$work/stage
    rm -rf "$stage"
    fetch
    step "patching Open vSwitch $OVS_VERSION" make_source "$work/source"
    configuration="$cache $cflags $ldflags ${ubpf_options[*]} $(${CC:-cc} --version | head -n 1)"
    if [ "$(cat "$work/configured" 2>/dev/null)" != "$configuration" ]; then
        rm -rf "$work/ovs" "$work/ovs.sums" "$work/ubpf-build" "$work/ubpf" "$work/configured"
    fi
    step "building libubpf" build_ubpf
    step "updating the source tree" update_tree "$work/source" "$work/ovs"
    if [ ! -f "$work/configured" ]; then
        step "configuring" configure_ovs
        echo "$configuration" >"$work/configured"
    fi
    step "compiling" make_ovs
    step "installing" install_ovs
    step "publishing" publish
    say "built $prefix"
}

key=$(build_key)
prefix=$cache/$link-$key
work=$cache/work/$flavour
log=$work/log
if [ ! -d "$prefix" ] || $check; then
    mkdir -p "$work"
    exec 9>"$work/lock"
    flock -n 9 || { say "waiting for another build"; flock 9; }
    if [ ! -d "$prefix" ] || { $check && [ "$(cat "$work/made-for" 2>/dev/null)" != "$prefix" ]; }; then
        : >"$log"
        build
    fi
fi
# Prefixes that nobody asked for in a week are forgotten.
touch "$prefix"
find "$cache" -maxdepth 1 -name 'ovs-*' -type d -mtime +7 -exec rm -rf {} +
make_link "$prefix" "$link"
[ "$flavour" != release ] || make_link "$prefix" libubpf
if $check; then
    : >"$log"
    step "running the switch's tests" check_ovs
    say "$(grep -E '^(All )?[0-9]+ tests? (were|was|behaved|successful)|^All [0-9]+ tests' "$log" | tail -n 1)"
fi
! $print || echo "$prefix"
