# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Keep the memory of one image for the next one."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3   # malloc.h of glibc
LARGEST_MMAP = 32 << 20       # the largest that glibc takes on 64 bits
KEPT = 256 << 20              # what may lie idle before it goes back to the kernel


def keep_large_blocks() -> bool:
    """
    Let glibc reuse blocks of image size; return whether this C library could be told.

    By default glibc maps each large block afresh and unmaps it when it is freed, or trims its heap
    after it. An image is copied two or three times on its way through the middleware, and each
    page of each copy then costs a page fault, more than the copies themselves: see docs/adr/0005.
    Both limits have to be set: setting one turns off the library's own adaption of the other.

    Thread: any, before the threads whose memory it is about
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):   # musl, macOS
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP) and mallopt(M_TRIM_THRESHOLD, KEPT))
