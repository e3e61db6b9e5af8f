# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Arithmetic on many boxes at once: corners, the best k, non-maximum suppression."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_FEW = 64      # boxes that are simply all compared with each other
_GROUP = 384   # boxes settled at once: most images are one group, and the pairs stay in the cache
_FAR = 1e9     # pixels: no coordinate of an image is as far out

Indices = NDArray[np.intp]
Pairs = tuple[Indices, Indices]   # boxes that overlap: the better one and the worse one of each


def corners(cxcywh: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn ``(n, 4)`` centres and sizes into left, top, right, bottom."""
    half = cxcywh[:, 2:] * np.float32(0.5)
    return np.concatenate((cxcywh[:, :2] - half, cxcywh[:, :2] + half), axis=1)


def best_first(score: NDArray[np.float32], limit: int) -> Indices:
    """Return the indices of the ``limit`` highest scores, best first, ties in their order."""
    if score.size > limit:   # sorting all of many is slow, finding the last of the best is not
        high = np.flatnonzero(score >= np.partition(score, -limit)[-limit])
        return high.take(best_first(score.take(high), high.size)[:limit])
    return np.argsort(-score, kind='stable')


def suppress(
        xyxy: NDArray[np.float32], threshold: float, limit: int,
        class_id: NDArray[np.integer] | None = None) -> Indices:
    """
    Greedy non-maximum suppression of boxes that come best first.

    A box goes when it overlaps a kept one by more than ``threshold``. Computed in float64, so
    that the answer is the textbook's to the last box.

    :param xyxy: ``(n, 4)`` corners, best first; a box inside out overlaps nothing.
    :param threshold: intersection over union, 0 to 1.
    :param limit: how many are kept at most.
    :param class_id: ``(n,)``; boxes of different classes leave each other alone. None: they
        do not.
    :return: indices of the kept boxes, best first.
    """
    sides = np.empty((5, xyxy.shape[0]))
    sides[:4] = xyxy.T
    extent = np.maximum(sides[2:4] - sides[:2], 0.0)
    sides[4] = extent[0] * extent[1]   # the area
    alive = np.ones(xyxy.shape[0], np.bool_)
    if alive.size <= _FEW:
        _settle(_overlaps_of_few(sides, threshold, class_id), alive)
        return np.flatnonzero(alive)[:limit]
    crowd = _Crowd(sides, threshold, class_id)
    everyone = np.arange(alive.size)
    kept = everyone[:0]
    for start in range(0, alive.size, _GROUP):
        group = everyone[start:start + _GROUP]
        if start:
            for some, others in ((kept, group), (group, kept)):
                _, worse = crowd.overlaps_between(some, others)
                alive[worse] = False
            group = group[alive[group]]
        _settle(crowd.overlaps_within(group), alive)
        kept = np.concatenate((kept, group[alive[group]]))
        if kept.size >= limit:
            break
    return kept[:limit]


def _settle(pairs: Pairs, alive: NDArray[np.bool_]) -> None:
    """
    Decide which boxes of overlapping pairs go.

    In each turn those that no better one disputes are safe, and what they overlap goes: the same
    as one by one from the best, in as many turns as the longest chain of overlaps has links.
    """
    better, worse = pairs
    while better.size:
        disputed = np.zeros(alive.size, np.bool_)
        disputed[worse] = True
        is_open = disputed.take(better)
        alive[worse[~is_open]] = False
        is_open &= alive.take(better)
        left = np.flatnonzero(is_open)
        better, worse = better.take(left), worse.take(left)


def _is_over(
        sides: NDArray[np.float64], one: Indices, other: Indices, threshold: float
) -> NDArray[np.bool_]:
    """
    Tell of each pair whether the two overlap by more than the threshold.

    :param sides: ``(5, n)``: left, top, right, bottom, area.
    """
    box, rival = sides.take(one, axis=1), sides.take(other, axis=1)
    extent = np.minimum(box[2:4], rival[2:4])
    extent -= np.maximum(box[:2], rival[:2])
    np.maximum(extent, 0.0, out=extent)
    shared = extent[0] * extent[1]
    union = box[4] + rival[4]
    union -= shared
    union *= threshold   # compared by multiplication: two boxes of no area divide by zero
    over: NDArray[np.bool_] = shared > union
    return over


def _overlaps_of_few(
        sides: NDArray[np.float64], threshold: float, class_id: NDArray[np.integer] | None
) -> Pairs:
    """Look at all pairs of one class."""
    better, worse = _all_pairs(sides.shape[1])
    if class_id is not None:
        same = np.flatnonzero(class_id.take(better) == class_id.take(worse))
        better, worse = better.take(same), worse.take(same)
    over = np.flatnonzero(_is_over(sides, better, worse, threshold))
    return better.take(over), worse.take(over)


@lru_cache(maxsize=_FEW + 1)
def _all_pairs(count: int) -> Pairs:
    better, worse = np.triu_indices(count, 1)
    return better, worse


class _Crowd:
    """
    Finds the boxes that overlap among many by looking at neighbours only.

    All lie on one line from their left to their right side, each class on a stretch of its own:
    two can overlap only where one begins within the other. Inside they are known by their places
    along the line, outside by their ranks.

    :param sides: ``(5, n)``: left, top, right, bottom, area; best first.
    """

    def __init__(
            self, sides: NDArray[np.float64], threshold: float,
            class_id: NDArray[np.integer] | None) -> None:
        # Cutting and rounding keep the order of any two points: neighbours stay neighbours.
        line = np.minimum(np.maximum(sides[0:3:2], -_FAR), _FAR)
        if class_id is not None:
            line += class_id * (4 * _FAR)
        self._rank = line[0].argsort()
        self._place = np.empty_like(self._rank)
        self._place[self._rank] = np.arange(self._rank.size)
        self._begin, self._end = line.take(self._rank, axis=1)
        self._sides = sides.take(self._rank, axis=1)
        self._threshold = threshold

    def overlaps_within(self, group: Indices) -> Pairs:
        """Return all pairs of the group that overlap."""
        places = self._along(group)
        return self._overlaps(places, places, np.arange(1, places.size + 1))

    def overlaps_between(self, some: Indices, others: Indices) -> Pairs:
        """Return the pairs that overlap and of which one of the others begins within some."""
        places, other_places = self._along(some), self._along(others)
        first = self._begin.take(other_places).searchsorted(self._begin.take(places))
        return self._overlaps(places, other_places, first)

    def _along(self, ranks: Indices) -> Indices:
        places: Indices = self._place.take(ranks)
        places.sort()
        return places

    def _overlaps(self, some: Indices, others: Indices, first: Indices) -> Pairs:
        """Look at each of some and the others, from ``first`` on, that begin before it ends."""
        last = self._begin.take(others).searchsorted(self._end.take(some), 'right')
        count = np.maximum(last - first, 0)
        runs = (last - count.cumsum()).repeat(count)
        runs += np.arange(runs.size)   # first, first + 1, ... last - 1: one run after the other
        one, other = some.repeat(count), others.take(runs)
        over = np.flatnonzero(_is_over(self._sides, one, other, self._threshold))
        rank, other_rank = self._rank.take(one.take(over)), self._rank.take(other.take(over))
        return np.minimum(rank, other_rank), np.maximum(rank, other_rank)
