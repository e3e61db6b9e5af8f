# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How far the depth maps of two models are apart."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

from faster_deploy_ros.tasks import DepthMap
from faster_deploy_ros.tasks.results import METRIC
import numpy as np
from numpy.typing import NDArray

SAMPLED = 250_000   # pixels of an image that are looked at, evenly spread
NEARLY_ALL = 99     # percent of the pixels: edges may lie a pixel further


@dataclass(frozen=True, slots=True)
class DepthFigures:
    """
    How two depth maps agree, of one image or of the worst of several.

    Differences are shares: of the reference's depth where that is metric, for a metre matters less
    far away; of the range of the reference's map where it is not.

    :param images: how many were looked at.
    :param known: share of the pixels that both know.
    :param apart: share of the pixels that one of them knows only.
    :param mean: of the differences, over all images.
    :param nearly_all: 99 of 100 pixels differ by less; of the worst image.
    :param correlation: Pearson's, of the worst image; 0 where only one map is flat.
    :param factor: the candidate's numbers by the reference's, median of the pixels.
    :param reference_range: least and largest number.
    :param candidate_range: least and largest number.
    """

    images: int
    known: float
    apart: float
    mean: float
    nearly_all: float
    correlation: float
    factor: float
    reference_range: tuple[float, float]
    candidate_range: tuple[float, float]

    @property
    def spread(self) -> float:
        """The candidate's range by the reference's; 1 where neither moves."""
        own, other = (high - low for low, high in (self.candidate_range, self.reference_range))
        return own / other if other > 0 else 1.0 if own == 0 else math.inf


def judge_depth(reference: DepthMap, candidate: DepthMap) -> DepthFigures:
    """Compare the maps of one image, which have the same size."""
    one, two = _sample(reference.depth), _sample(candidate.depth)
    is_known, is_there = np.isfinite(one), np.isfinite(two)
    both = is_known & is_there
    apart = float(np.mean(is_known != is_there))
    if not both.any():
        return DepthFigures(1, 0.0, apart, math.inf, math.inf, 0.0, math.nan, (0, 0), (0, 0))
    one, two = one[both], two[both]
    scale = one if reference.kind == METRIC else _span(one)
    off = np.abs(two - one) / scale
    moves = one != 0
    factor = float(np.median(two[moves] / one[moves])) if moves.any() else math.nan
    return DepthFigures(
        1, float(np.mean(both)), apart, float(off.mean()),
        float(np.percentile(off, NEARLY_ALL)), _correlation(one, two), factor, _ends(one),
        _ends(two))


def total_depth(images: Sequence[DepthFigures]) -> DepthFigures:
    """Take the worst of all images, and the mean of what is a mean; there is one at least."""
    factors = [each.factor for each in images if math.isfinite(each.factor)]
    return DepthFigures(
        len(images), min(each.known for each in images), max(each.apart for each in images),
        sum(each.mean for each in images) / len(images),
        max(each.nearly_all for each in images), min(each.correlation for each in images),
        float(np.median(factors)) if factors else math.nan,
        _widest([each.reference_range for each in images]),
        _widest([each.candidate_range for each in images]))


def _sample(depth: NDArray[np.float32]) -> NDArray[np.float64]:
    step = max(1, math.ceil(math.sqrt(depth.size / SAMPLED)))
    return depth[::step, ::step].astype(np.float64)


def _span(values: NDArray[np.float64]) -> float:
    """Return the range of a map; of a flat one its size, of one that is zero 1."""
    return float(values.max() - values.min()) or float(np.abs(values).max()) or 1.0


def _correlation(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    first, second = one - one.mean(), two - two.mean()
    size = math.sqrt(float(first @ first) * float(second @ second))
    if size == 0:
        return 1.0 if not first.any() and not second.any() else 0.0
    return float(first @ second) / size


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _widest(ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(low for low, _ in ranges), max(high for _, high in ranges)
