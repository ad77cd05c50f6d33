#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/install/test_install.sh - `make install` into a fresh prefix gives a library that pkg-config
# and CMake both find, shared and static, also after the whole tree was moved; programs in C and C++
# build against it; `pbt` and its files are there; nothing is written outside of the prefix.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

first=$work/first
prefix="$work/moved here"
cmake --install "$PBT_BUILD_DIR" --prefix "$first" >"$work/install.log" 2>&1 \
    || { cat "$work/install.log"; fail "install"; }
grep -o -- '-- \(Installing\|Up-to-date\): .*' "$work/install.log" | sed 's/^[^:]*: //' \
    | grep -v "^$first/" && fail "installed outside of the prefix"
mv "$first" "$prefix"
library=$(dirname "$(find "$prefix" -name libpbt.a)")

# -------- files --------

for file in bin/pbt include/pbt/status.h share/pbt/clients/pbt/__init__.py \
    share/pbt/clients/pbt_client.h share/pbt/clients/pbt_client.c \
    share/pbt/examples share/doc/pbt/LICENSE; do
    [ -e "$prefix/$file" ] || fail "$file is not installed"
done
for file in libpbt.so libpbt.so.0 pkgconfig/pbt.pc cmake/pbt/pbtConfig.cmake; do
    [ -e "$library/$file" ] || fail "lib/$file is not installed"
done
objdump -p "$library/libpbt.so" | grep -q 'SONAME *libpbt\.so\.0$' || fail "soname"
! objdump -p "$prefix/bin/pbt" | grep -E 'RPATH|RUNPATH' || fail "pbt has a path of the build in it"
if grep -rlE "$PBT_BUILD_DIR|$work/first" "$library/pkgconfig" "$library/cmake"; then
    fail "a path of this machine is in the package files"
fi
"$prefix/bin/pbt" --help >/dev/null || fail "pbt --help"

# -------- a consumer --------

mkdir "$work/consumer"
cat >"$work/consumer/consumer.c" <<'END'
#include <pbt/status.h>
#include <stdio.h>

int main(void)
{
    return puts(pbt_status_name(PBT_EIO)) < 0;
}
END
cp "$work/consumer/consumer.c" "$work/consumer/consumer.cc"
expect() {
    local said
    said=$(LD_LIBRARY_PATH=$library "$@") || fail "$* left with $?"
    [ "$said" = PBT_EIO ] || fail "$* said \"$said\""
}

export PKG_CONFIG_PATH=$library/pkgconfig
version=$(pkg-config --modversion pbt)
grep -q "VERSION $version " "$PBT_SOURCE_DIR/CMakeLists.txt" || fail "version $version"
cd "$work/consumer"
# The prefix has a blank in it on purpose; pkg-config escapes it, eval takes the escape away.
eval "cc -std=c17 -pedantic -Werror consumer.c -o by-pc $(pkg-config --cflags --libs pbt)"
expect ./by-pc
ldd ./by-pc | grep -q libpbt.so.0 || LD_LIBRARY_PATH=$library ldd ./by-pc | grep -q libpbt.so.0 \
    || fail "by-pc is not linked with the shared library"
eval "cc -std=c17 consumer.c -o by-pc-static $(pkg-config --cflags pbt)" \
    "-Wl,-Bstatic -L'$library' -lpbt -Wl,-Bdynamic $(pkg-config --static --libs pbt)"
expect ./by-pc-static
! ldd ./by-pc-static | grep -q libpbt || fail "by-pc-static still asks for libpbt.so"
if command -v g++ >/dev/null; then
    for header in "$prefix"/include/pbt/*.h; do
        echo "#include <pbt/$(basename "$header")>" >>all.cc
    done
    cat consumer.cc >>all.cc
    eval "g++ -std=c++17 -Wall -Wextra -Werror all.cc -o by-cxx $(pkg-config --cflags --libs pbt)"
    expect ./by-cxx
fi

cat >CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.21)
project(consumer LANGUAGES C)
find_package(pbt $version REQUIRED)
add_executable(shared consumer.c)
target_link_libraries(shared pbt::pbt)
add_executable(static consumer.c)
target_link_libraries(static pbt::pbt_static)
END
if ! { cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix" && cmake --build build; } >log 2>&1; then
    cat log
    fail "find_package(pbt)"
fi
expect build/shared
expect build/static
! ldd build/static | grep -q libpbt || fail "pbt::pbt_static is not static"
echo "installed, moved and used with pkg-config and CMake"
