# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The room that Fast DDS has in shared memory, and what killed processes left in it."""

from contextlib import suppress
import fcntl
import os
from pathlib import Path
import re
import shutil
import time

FOLDER = Path('/dev/shm')
SEGMENT = re.compile(r'fast(dds|rtps)_[0-9a-f]{16}')
NEWBORN_S = 10.0   # a process makes its lock file first and locks it a moment later


def free_bytes(folder: Path = FOLDER) -> int:
    """Return how much room is left; 0 where there is no such folder."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def remove_leftovers(folder: Path = FOLDER) -> int:
    """
    Remove the segments of processes that were killed; Fast DDS itself leaves them for ever.

    A living process holds a lock on ``<segment>_el``: where the lock can be had, nobody lives.
    That is also how ``fastdds shm clean`` tells. Other users' files are left alone.

    :return: the bytes freed.
    """
    freed = 0
    with suppress(OSError):
        for segment in folder.iterdir():
            if SEGMENT.fullmatch(segment.name):
                with suppress(OSError):
                    freed += _remove_if_dead(segment)
    return freed


def _remove_if_dead(segment: Path) -> int:
    lock = segment.with_name(f'{segment.name}_el')
    about = segment.stat()
    if about.st_uid != os.getuid() or time.time() - lock.stat().st_mtime < NEWBORN_S:
        return 0
    with lock.open('rb') as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        segment.unlink()
        lock.unlink()
    return about.st_size
