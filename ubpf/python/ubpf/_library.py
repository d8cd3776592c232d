# SPDX-License-Identifier: Apache-2.0
"""The shared library: what it declares, where it is, and the lock that its host needs."""

from __future__ import annotations

import functools
import os
import threading
from pathlib import Path
from typing import Any

import cffi

from .errors import Error

# ubpf.h and abi.h as far as the binding uses them; tests/unit/ubpf/test_layout.py compares them.
DECLARATIONS = """
struct ubpf_prog;
struct ubpf_map;
struct ubpf_account;
struct ubpf_host {
    void *(*alloc)(size_t size);
    void (*free)(void *);
    void (*postpone)(void (*fn)(void *arg), void *arg);
    uint64_t (*now_ns)(void);
    struct ubpf_account *account;
};
extern struct ubpf_host ubpf_host_single_threaded;

struct ubpf_limits {
    uint32_t max_insns;
    uint32_t max_visited;
    uint64_t max_map_bytes;
};
struct ubpf_map_def {
    uint32_t type;
    uint32_t key_size;
    uint32_t value_size;
    uint32_t max_entries;
    uint32_t flags;
    uint32_t state_size;
    uint32_t extra;
};
struct ubpf_map_info {
    const char *name;
    struct ubpf_map_def def;
    uint64_t n_entries;
    uint64_t bytes;
    uint32_t entry_key_size;
    uint32_t entry_value_size;
    uint64_t n_dropped;
};
struct ubpf_ctx {
    uint64_t data;
    uint64_t data_end;
    uint32_t input_port;
    uint32_t packet_length;
    uint32_t rss_hash;
    uint32_t pkt_mark;
    uint64_t tunnel_id;
    uint32_t output_port;
    uint32_t clone_port;
    uint32_t clone;
    uint32_t truncate_len;
};
struct ubpf_run {
    struct ubpf_ctx ctx;
    int (*adjust_head)(struct ubpf_run *run, int32_t delta);
    void *packet;
};
struct ubpf_buffer {
    uint8_t *base;
};

struct ubpf_prog *ubpf_prog_load(const struct ubpf_host *host, const void *elf, size_t len,
                                 const struct ubpf_limits *limits, int *errp, char **error);
void ubpf_prog_destroy(struct ubpf_prog *prog);
uint64_t ubpf_prog_memory_used(const struct ubpf_prog *prog);
const char *ubpf_prog_verifier_summary(const struct ubpf_prog *prog);
uint32_t ubpf_prog_n_insns(const struct ubpf_prog *prog);
const void *ubpf_prog_section(const struct ubpf_prog *prog, const char *name, size_t *len);
size_t ubpf_prog_adopt_maps(struct ubpf_prog *prog, struct ubpf_prog *old);
int ubpf_prog_compile(struct ubpf_prog *prog, char **error);
_Bool ubpf_prog_is_native(const struct ubpf_prog *prog);
uint64_t ubpf_prog_compile_ns(const struct ubpf_prog *prog);
int ubpf_prog_run(const struct ubpf_prog *prog, struct ubpf_run *run);
int ubpf_prog_count(const struct ubpf_prog *prog, struct ubpf_run *run, uint64_t *n_insns);
int ubpf_buffer_adjust_head(struct ubpf_run *run, int32_t delta);
size_t ubpf_prog_n_maps(const struct ubpf_prog *prog);
struct ubpf_map *ubpf_prog_map(const struct ubpf_prog *prog, size_t index);
void ubpf_map_get_info(const struct ubpf_map *map, struct ubpf_map_info *info);
int ubpf_map_lookup(const struct ubpf_map *map, const void *key, void *value);
int ubpf_map_update(struct ubpf_map *map, const void *key, const void *value, uint64_t flags);
int ubpf_map_delete(struct ubpf_map *map, const void *key);
int ubpf_map_update_batch(struct ubpf_map *map, const void *entries, size_t n, uint64_t flags,
                          size_t *n_done);
int ubpf_map_delete_batch(struct ubpf_map *map, const void *keys, size_t n, size_t *n_done);
size_t ubpf_map_dump(const struct ubpf_map *map, uint64_t *cursor, void *entries, size_t max);
uint32_t ubpf_map_expire(struct ubpf_map *map);
void ubpf_set_memory_limit(uint64_t bytes);
uint64_t ubpf_memory_used(void);
char *ubpf_prog_disassemble(const struct ubpf_prog *prog);
void ubpf_error_free(char *);
const char *ubpf_version(void);
"""

# Releases of the library whose declarations are those above.
COMPATIBLE = "0.1."

ffi: Any = cffi.FFI()
ffi.cdef(DECLARATIONS)

# cffi lets other threads run during a call, and the library's single-threaded host does not: whoever
# touches a program or a map holds this lock.
lock = threading.RLock()


def _candidates() -> list[str]:
    """Return where the library may be, best first."""
    named = os.environ.get("UBPF_LIBRARY")
    if named:
        return [named]
    checkout = Path(__file__).resolve().parents[3]
    return [str(checkout / ".build/libubpf/lib/libubpf.so"), "libubpf.so.0"]


def _why_not(path: str, error: Exception) -> str:
    """Say in a few words why ``path`` could not be loaded."""
    if "/" in path and not os.path.exists(path):
        return f"{path} does not exist"
    if "cannot open shared object file" in str(error):
        return f"the system has no {path}"
    return str(error).splitlines()[0]


@functools.cache
def library() -> Any:
    """Return the loaded library; raise Error, saying where it was sought, when there is none."""
    tried = []
    for path in _candidates():
        try:
            lib = ffi.dlopen(path)
            version = ffi.string(lib.ubpf_version()).decode()
        except (OSError, AttributeError) as error:
            tried.append(_why_not(path, error))
            continue
        if not version.startswith(COMPATIBLE):
            raise Error(0, f"{path} is version {version} of libubpf; this binding needs {COMPATIBLE}x")
        return lib
    raise Error(0, f"cannot load libubpf ({', '.join(tried)}); `make setup` builds it, UBPF_LIBRARY names it")


def set_memory_limit(n_bytes: int) -> None:
    """Bound the memory that the maps of all programs take together; 0 lifts the bound."""
    library().ubpf_set_memory_limit(n_bytes)


def memory_used() -> int:
    """Return the bytes that the maps of all programs take together."""
    return int(library().ubpf_memory_used())


def take_text(text: Any) -> str:
    """Return the C string ``text`` that the library allocated, and free it; "" for NULL."""
    if text == ffi.NULL:
        return ""
    try:
        return str(ffi.string(text).decode("utf-8", "replace"))
    finally:
        library().ubpf_error_free(text)
