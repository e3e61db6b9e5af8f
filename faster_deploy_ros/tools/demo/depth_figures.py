# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How far away things are on depth maps, and how wrong that is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from faster_deploy_ros.tools.evaluate.depth_errors import errors
import numpy as np
from numpy.typing import NDArray

NEAREST, FARTHEST = 5, 95   # percentiles: a single pixel says nothing


@dataclass(frozen=True, slots=True)
class MapFigures:
    """
    One depth map in numbers, or the mean of several; in metres where the kind is metric.

    :ivar median: of the known pixels; NaN where none is known.
    :ivar low: their 5th percentile.
    :ivar high: their 95th percentile.
    :ivar known: share of the pixels that are known.
    :ivar abs_rel: mean of |depth - truth| / truth over the pixels where both are known.
    """

    median: float
    low: float
    high: float
    known: float
    abs_rel: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain numbers, rounded; None for what is not known."""
        return {name: None if value is None or np.isnan(value) else round(value, 4)
                for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class DepthFigures:
    """
    The depth maps of a run in numbers.

    :ivar kind: metric, relative or disparity.
    :ivar maps: how many were looked at.
    :ivar mean: over these maps.
    """

    kind: str
    maps: int
    mean: MapFigures

    @classmethod
    def of(cls, kind: str, figures: Sequence[MapFigures]) -> 'DepthFigures':
        """Take the mean of one map or more; each counts the same."""
        judged = [one.abs_rel for one in figures if one.abs_rel is not None]
        known = [one for one in figures if one.known]
        low, median, high = (
            float(np.mean([getattr(one, name) for one in known])) if known else float('nan')
            for name in ('low', 'median', 'high'))
        return cls(kind, len(figures), MapFigures(
            median, low, high, float(np.mean([one.known for one in figures])),
            float(np.mean(judged)) if judged else None))

    def as_json(self) -> dict[str, Any]:
        """Return the public keys."""
        return {'kind': self.kind, 'maps': self.maps, **self.mean.as_json()}


def measured(depth: NDArray[np.float32], truth: NDArray[np.float32] | None) -> MapFigures:
    """
    Measure one map.

    :param depth: (h, w), NaN where unknown.
    :param truth: of the same shape, or None where nobody knows.
    """
    valid = np.isfinite(depth)
    if not valid.any():
        return MapFigures(float('nan'), float('nan'), float('nan'), 0.0)
    low, median, high = np.percentile(depth[valid], (NEAREST, 50, FARTHEST)).tolist()
    abs_rel = None
    if truth is not None:
        both = valid & np.isfinite(truth) & (truth > 0)
        if both.any():
            abs_rel = errors(*(one[both].astype(np.float64) for one in (depth, truth))).abs_rel
    return MapFigures(median, low, high, float(valid.mean()), abs_rel)
