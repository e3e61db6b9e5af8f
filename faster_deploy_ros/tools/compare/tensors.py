# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How far two tensors are apart: figures that say how much, and of what kind."""

from dataclasses import dataclass
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Range = tuple[float, float]
_FLAT = 1e-6   # a channel that moves by less than this share of the reference's does not move


@dataclass(frozen=True, slots=True)
class TensorFigures:
    """
    The difference between two tensors over all images, r the reference's, c the candidate's.

    :param name: of the tensor, or of its part: ``'output boxes'``.
    :param max_abs: largest ``|c - r|``.
    :param mean_abs: mean of ``|c - r|``.
    :param relative: ``max_abs`` as a share of the reference's whole range; infinite where the
        reference never moves and the candidate differs.
    :param cosine: ``sum(r * c) / sqrt(sum(r * r) * sum(c * c))`` over all images: 1 where they
        differ by a factor at most; 1 where both are zero, 0 where one is.
    :param bad: numbers of the candidate that are NaN or infinite; no other figure counts them.
    :param reference_range: least and largest value.
    :param candidate_range: least and largest value.
    :param channels: columns of the tensor.
    :param flat: channels that move in the reference and are constant in the candidate.
    :param peak: the candidate's spread (largest less least) as a share of the reference's, median
        over the channels that move in the reference; 1 where none does.
    :param levels: distinct values of the candidate in one image: 256 at most speak of 8 bits.
    """

    name: str
    max_abs: float
    mean_abs: float
    relative: float
    cosine: float
    bad: int
    reference_range: Range
    candidate_range: Range
    channels: int
    flat: int
    peak: float
    levels: int


class TensorTally:
    """
    Sums the differences of one tensor up, image by image.

    :param name: of the tensor.
    """

    def __init__(self, name: str) -> None:
        """Begin with no image."""
        self.name = name
        self._count = 0
        self._sum_abs = self._max_abs = 0.0
        self._products = np.zeros(3)   # r * r, c * c, r * c
        self._bad = self._levels = 0
        self._reference: _Spread | None = None
        self._candidate: _Spread | None = None

    def add(self, reference: NDArray[Any], candidate: NDArray[Any]) -> None:
        """
        Count one image in.

        :param reference: ``(n, channels)``.
        :param candidate: the same shape.
        :raises ValueError: the shapes differ.
        """
        if reference.shape != candidate.shape:
            raise ValueError(
                f'TensorTally {self.name}: got {candidate.shape}, expected {reference.shape}')
        fine = np.isfinite(candidate)
        self._bad += int(candidate.size - np.count_nonzero(fine))
        if not fine.all():
            reference, candidate = np.where(fine, reference, 0), np.where(fine, candidate, 0)
        one, two = reference.astype(np.float64), candidate.astype(np.float64)
        if self._reference is None or self._candidate is None:
            self._reference, self._candidate = _Spread(one), _Spread(two)
            self._levels = np.unique(candidate).size
        self._reference.widen(one)
        self._candidate.widen(two)
        self._products += (one * one).sum(), (two * two).sum(), (one * two).sum()
        apart = np.abs(two - one)
        self._count += int(np.count_nonzero(fine))
        self._sum_abs += float(apart.sum())
        self._max_abs = max(self._max_abs, float(apart.max(initial=0.0)))

    def figures(self) -> TensorFigures:
        """
        Return the figures of all images so far.

        :raises ValueError: there was none.
        """
        if self._reference is None or self._candidate is None:
            raise ValueError(f'TensorTally {self.name}: no image was added')
        reference, candidate = self._reference, self._candidate
        whole = reference.high.max() - reference.low.min()
        moves = reference.width > 0
        share = candidate.width[moves] / reference.width[moves]
        return TensorFigures(
            self.name, self._max_abs, self._sum_abs / max(self._count, 1),
            _share(self._max_abs, float(whole)), _cosine(*self._products.tolist()), self._bad,
            reference.range, candidate.range, int(reference.low.size),
            int(np.count_nonzero(share <= _FLAT)),
            float(np.median(share)) if share.size else 1.0, self._levels)


class _Spread:
    """Least and largest value of each channel."""

    def __init__(self, rows: NDArray[np.float64]) -> None:
        self.low, self.high = rows.min(axis=0), rows.max(axis=0)

    def widen(self, rows: NDArray[np.float64]) -> None:
        """Count more rows in."""
        np.minimum(self.low, rows.min(axis=0), out=self.low)
        np.maximum(self.high, rows.max(axis=0), out=self.high)

    @property
    def width(self) -> NDArray[np.float64]:
        width: NDArray[np.float64] = self.high - self.low
        return width

    @property
    def range(self) -> Range:
        return float(self.low.min()), float(self.high.max())


def _share(part: float, whole: float) -> float:
    if whole > 0:
        return part / whole
    return math.inf if part > 0 else 0.0


def _cosine(squares: float, other_squares: float, products: float) -> float:
    if squares == 0 or other_squares == 0:
        return 1.0 if squares == other_squares else 0.0
    return products / math.sqrt(squares) / math.sqrt(other_squares)
