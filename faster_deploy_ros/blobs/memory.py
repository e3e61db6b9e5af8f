# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where tensors can lie, and how bytes get there and back."""

from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64  # a cache line, and what the runtimes' vector units like


class Location(Enum):
    """Which side of the bus a tensor lies on."""

    HOST = 'host'
    DEVICE = 'device'


class Memory(Protocol):
    """
    One kind of memory; a block is whatever ``allocate`` returns, and only its memory reads it.

    A host memory's blocks are uint8 arrays (pinned ones too), so that numpy can view them.
    """

    @property
    def location(self) -> Location:
        """Which side of the bus its blocks lie on."""

    def allocate(self, nbytes: int) -> Any:
        """Return a block of at least ``nbytes``."""

    def free(self, block: Any) -> None:
        """Give a block back; it is not used afterwards."""

    def upload(self, block: Any, array: NDArray[Any]) -> None:
        """Copy a contiguous array into the start of the block."""

    def download(self, block: Any, array: NDArray[Any]) -> None:
        """Fill a contiguous array from the start of the block."""


class HostMemory:
    """Plain memory of this process, in blocks that begin on a cache line."""

    location = Location.HOST

    def allocate(self, nbytes: int) -> NDArray[np.uint8]:
        """Return ``(nbytes,)`` zeros; the array keeps its memory alive by itself."""
        raw = np.zeros(nbytes + ALIGNMENT, np.uint8)
        start = -raw.ctypes.data % ALIGNMENT
        return raw[start:start + nbytes]

    def free(self, block: NDArray[np.uint8]) -> None:
        """Do nothing: the last view of the block frees it."""

    def upload(self, block: NDArray[np.uint8], array: NDArray[Any]) -> None:
        """Copy a contiguous array into the start of the block."""
        block[:array.nbytes] = array.reshape(-1).view(np.uint8)

    def download(self, block: NDArray[np.uint8], array: NDArray[Any]) -> None:
        """Fill a contiguous array from the start of the block."""
        array.reshape(-1).view(np.uint8)[:] = block[:array.nbytes]


HOST_MEMORY = HostMemory()
