"""Sets the C library's allocator to give freed memory back to the system, so that a large request leaves none behind.

glibc raises the size from which a block is a mapping of its own (``mmap``) up to 32 MiB as soon as such a block is
freed, and keeps an arena for each thread, so that hundreds of megabytes of freed bodies and pictures stay in the
process. Fixed values end both. Other C libraries (musl, macOS, Windows) have no ``mallopt`` and need none.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_TRIM_THRESHOLD: Final = (-1, 12 * 1024 * 1024)
"""``M_TRIM_THRESHOLD`` of malloc.h: bytes that may stay free at the end of the heap. With 1 MiB every
answer of 1 MB has its memory mapped anew, which is a fifth of its CPU time (bench/gateway.py).
"""
_MMAP_THRESHOLD: Final = (-3, 512 * 1024)
"""``M_MMAP_THRESHOLD``: bytes from which a block is a mapping of its own, which is unmapped when it is freed. The event
loop reads 256,000 bytes at once, which are in the heap, to be used again.
"""
_ARENA_MAX: Final = (-8, 2)
"""``M_ARENA_MAX``: heaps of all threads together."""


def return_freed_memory() -> bool:
    """For the whole process. Returns whether the C library took the values."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    taken = [mallopt(*option) == 1 for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX)]
    return all(taken)
