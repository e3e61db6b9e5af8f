# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The depth maps that the recorder kept, read back from its file."""

from collections.abc import Sequence
from pathlib import Path

from faster_deploy_ros.tools.demo.record import KeptMap, Published
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


class DepthMaps:
    """
    The maps in the recorder's file; any of them can be read at any time.

    :param path: of the file; it need not be there when no map was kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getitem__(self, kept: KeptMap) -> FloatArray:
        """Return one map, (rows, columns) float32, NaN where nothing is known."""
        values = np.fromfile(
            self._path, np.float32, kept.rows * kept.columns, offset=kept.offset)
        return values.reshape(kept.rows, kept.columns)

    def spread(self, messages: Sequence[Published], count: int) -> FloatArray:
        """Return the known values of some maps spread over the run, in one row."""
        kept = [message.depth.kept for message in messages
                if message.depth is not None and message.depth.kept is not None]
        some = kept[::max(1, len(kept) // count)]
        values = np.concatenate([self[place].ravel() for place in some]) if some else (
            np.empty(0, np.float32))
        known: FloatArray = values[np.isfinite(values)]
        return known


def sampled(truth: FloatArray, message: Published, kept: KeptMap) -> FloatArray:
    """
    Read a truth of any size at the pixels of the published map that were kept.

    :param truth: (h, w) of the whole picture.
    :returns: (rows, columns), as the kept map.
    """
    assert message.depth is not None
    rows, columns = (
        ((np.arange(count) * kept.step + kept.step // 2 + 0.5) * full / published).astype(int)
        for count, full, published in (
            (kept.rows, truth.shape[0], message.depth.height),
            (kept.columns, truth.shape[1], message.depth.width)))
    at: FloatArray = truth[np.ix_(rows, columns)]
    return at
