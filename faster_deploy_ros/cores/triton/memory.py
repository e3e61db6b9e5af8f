# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""System shared memory between this process and a server on the same machine."""

from collections.abc import Callable
from contextlib import suppress
import fcntl
import mmap
import os
from pathlib import Path
from secrets import token_hex
from typing import Any

from faster_deploy_ros.blobs.memory import HostMemory
from faster_deploy_ros.errors import Unavailable
from faster_deploy_ros.shared_memory import free_bytes
import numpy as np
from numpy.typing import NDArray

FOLDER = Path('/dev/shm')  # where shm_open looks, here and in the server
PREFIX = 'faster_deploy_triton_'


class Region:
    """
    One shared-memory file, mapped here; the server maps it when it is registered.

    Its name is never used twice. A lock tells other processes that we live: it goes with the
    last reference to the memory, however the process ends. Only this user may open it.

    :raises Unavailable: there is no room, or no such memory on this machine.
    """

    def __init__(self, nbytes: int, folder: Path = FOLDER) -> None:
        """Make the file, reserve all of it, and map it."""
        self.nbytes = max(1, -(-nbytes // mmap.PAGESIZE)) * mmap.PAGESIZE
        self.is_offered = False      # the server may have it mapped
        self.is_registered = False   # it has
        self._folder = folder
        try:
            self.name, descriptor = _create(folder)
        except OSError as error:
            raise Unavailable(
                f'triton: no shared memory in {folder}: {error.strerror}; use the option '
                'shared_memory=off') from error
        try:
            # Reserved, not only promised: a full file system would end us by SIGBUS later on.
            os.posix_fallocate(descriptor, 0, self.nbytes)
            memory = mmap.mmap(descriptor, self.nbytes)  # keeps the descriptor, and so the lock
        except OSError as error:
            self.unlink()
            raise Unavailable(
                f'triton: {self.nbytes} bytes of shared memory cannot be had in {folder}, which '
                f'has {free_bytes(folder)} free: {error.strerror}; enlarge it (docker: '
                '--shm-size), or use the option shared_memory=off') from error
        finally:
            os.close(descriptor)
        self.array: NDArray[np.uint8] = np.frombuffer(memory, np.uint8)

    @property
    def key(self) -> str:
        """What the server opens."""
        return f'/{self.name}'

    def unlink(self) -> None:
        """Take the name away; the memory goes with the last who has it mapped."""
        with suppress(FileNotFoundError):
            (self._folder / self.name).unlink()


class RegionMemory(HostMemory):
    """
    The memory of one blob, as shared memory; the blob has one block of it at a time.

    :param retire: is given each region that the blob has left, its name already gone.
    """

    def __init__(self, retire: Callable[[Region], None]) -> None:
        """Take no memory yet."""
        self.region: Region | None = None
        self._retire = retire

    def allocate(self, nbytes: int) -> NDArray[np.uint8]:
        """Return at least ``(nbytes,)`` zeros on whole pages."""
        self.region = Region(nbytes)
        return self.region.array

    def free(self, block: NDArray[Any]) -> None:
        """Leave the region; it is not used by the blob afterwards."""
        region, self.region = self.region, None
        if region is not None:
            region.unlink()
            self._retire(region)


def remove_leftovers(folder: Path = FOLDER) -> int:
    """
    Remove the files of processes that were killed; those of other users are left alone.

    :return: how many there were.
    """
    removed = 0
    with suppress(OSError):
        for path in folder.glob(f'{PREFIX}*'):
            with suppress(OSError):
                removed += _remove_if_dead(path)
    return removed


def _create(folder: Path) -> tuple[str, int]:
    """Return the name and the locked descriptor of a new, empty file."""
    while True:
        name = f'{PREFIX}{os.getpid()}_{token_hex(8)}'
        descriptor = os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if os.fstat(descriptor).st_nlink:
            return name, descriptor
        os.close(descriptor)  # another start took it for a leftover before it was locked


def _remove_if_dead(path: Path) -> bool:
    if path.stat().st_uid != os.getuid():
        return False
    with path.open('rb') as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an OSError where somebody lives
        path.unlink()
    return True
