# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth maps of a run laid one after another into a file, each thinned to what a film needs."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 320   # longest side of a kept map
MM = np.float32(0.001)
TYPES = {'32FC1': 'f4', '16UC1': 'u2'}


class Kept(NamedTuple):
    """Where a map lies in the file: ``(rows, columns)`` float32 in the machine's byte order."""

    offset: int
    rows: int
    columns: int
    step: int   # every step-th pixel of every step-th row, the first one at step // 2


class MapFile:
    """
    Append-only file of depth maps.

    A pixel is kept as it was published or not at all: whoever judges the maps judges real values.
    Every ``every``-th map is kept, which bounds the file of a long run.

    :raises OSError: the file cannot be made.
    """

    def __init__(self, path: Path, every: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open('wb')
        self._every = every
        self._seen = 0

    def add(self, depth: NDArray[np.float32]) -> Kept | None:
        """
        Keep one map of ``(h, w)``, or leave it out.

        :raises OSError: the disk is full.
        """
        self._seen += 1
        if (self._seen - 1) % self._every:
            return None
        step = -(-max(depth.shape) // SIDE)
        thin = np.ascontiguousarray(depth[step // 2::step, step // 2::step])
        offset = self._file.tell()
        self._file.write(thin.data)
        self._file.flush()   # whoever reads of it may look at once
        return Kept(offset, thin.shape[0], thin.shape[1], step)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def depth_of(message: Any) -> NDArray[np.float32]:
    """
    Read a depth image: 32FC1 as it is, 16UC1 from millimetres with 0 for unknown.

    :returns: (h, w) float32, NaN where unknown; a view where that is possible.
    :raises ValueError: another encoding.
    """
    if message.encoding not in TYPES:
        raise ValueError(f"depth image: got encoding '{message.encoding}', expected "
                         f"{' or '.join(TYPES)}")
    dtype = np.dtype(('>' if message.is_bigendian else '<') + TYPES[message.encoding])
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    values = rows[:, :message.width * dtype.itemsize].view(dtype)
    if dtype.kind == 'f':
        return values.astype(np.float32, copy=False)
    return np.where(values == 0, np.float32(np.nan), values * MM)
