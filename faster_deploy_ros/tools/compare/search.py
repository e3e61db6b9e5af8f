# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks for the reading under which a candidate that differs would agree."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tools.compare.boxes import Answer
from faster_deploy_ros.tools.compare.measure import Measured
from faster_deploy_ros.tools.compare.mistakes import double_trials, Trial, trials
from faster_deploy_ros.tools.compare.reading import Reading, Threshold
from faster_deploy_ros.tools.compare.side import Seen, Side, side_of
from faster_deploy_ros.tools.compare.tolerance import LOOSEST, Tolerance, TOLERANCES
from faster_deploy_ros.tools.compare.verdict import agrees

TRIED_ON = 3       # images
SEARCHED = 12      # images among which to find them where the candidate has said nothing
CURED = 1 / 3      # a right reading leaves less than this share of the distance

Evidence = Sequence[tuple[Frame, Seen]]


@dataclass(frozen=True, slots=True)
class Found:
    """
    A reading under which the candidate agrees.

    :param trial: the reading and what it means.
    :param limit: the tightest preset within which it agrees.
    :param measured: on the images that it was tried on.
    :param distance: what is left, as ``Measured.distance``.
    """

    trial: Trial
    limit: Tolerance
    measured: Measured
    distance: float

    @property
    def rank(self) -> tuple[int, float]:
        """How good it is, the best first: the preset, then the distance."""
        return list(TOLERANCES).index(self.limit.name), self.distance


class Patient:
    """
    A candidate that differs, and what it can be tried on.

    :param reference: what it should be like.
    :param core: the candidate's.
    :param reading: how it was read when it differed.
    :param frames: all images.
    """

    def __init__(
            self, reference: Side, core: InferCore, reading: Reading, frames: Sequence[Frame],
            threshold: Threshold) -> None:
        """Keep all; nothing is run yet."""
        self._reference, self._core, self._reading = reference, core, reading
        self._frames, self._threshold = frames, threshold

    def search(self, measured: Measured | None, tolerance: Tolerance) -> Found | None:
        """
        Try every single mistake, then two at a time; None where no other reading is right.

        Right is a reading that brings the candidate within a tolerance, and much nearer than it
        was: what an 8-bit model is off by must not be taken for a mistake that it has not.

        :param measured: of all images; None where the candidate could not be read.
        """
        evidence, limit = self._prepare(measured, tolerance)
        single = self._best(self._singles(), evidence, limit)
        if single is not None and single.rank[0] <= list(TOLERANCES).index(tolerance.name):
            return single
        double = self._best(double_trials(self._reading, self._core), evidence, limit)
        if single is None or double is None:
            return single or double
        is_better = double.rank[0] < single.rank[0] or double.distance < CURED * single.distance
        return double if is_better else single

    def search_single(self, measured: Measured, tolerance: Tolerance) -> Found | None:
        """Try every single mistake only, for a candidate that is not really suspected."""
        evidence, limit = self._prepare(measured, tolerance)
        return self._best(self._singles(), evidence, limit)

    def _singles(self) -> Iterator[Trial]:
        return trials(self._reading, self._core, self._reference.reading.family)

    def _prepare(
            self, measured: Measured | None, tolerance: Tolerance) -> tuple[Evidence, float]:
        """Return the images to try on, and the distance that a right reading is below."""
        evidence = self._telling(measured, tolerance)
        before = self._measure(self._reading, evidence, lambda so_far: True)
        if before is None or before.failure:
            return evidence, float('inf')
        return evidence, CURED * before.distance()

    def _best(self, ways: Iterator[Trial], evidence: Evidence, limit: float) -> Found | None:
        """Return the best of some readings that is less than a distance away."""
        good = []
        for trial in ways:
            measured = self._measure(trial.reading, evidence, _is_convincing)
            if measured is not None and measured.distance() < limit:
                good.append(Found(trial, _tightest(measured), measured, measured.distance()))
        return min(good, key=lambda found: found.rank, default=None)

    def _measure(
            self, reading: Reading, evidence: Evidence,
            is_worth_it: Callable[[Measured], bool]) -> Measured | None:
        """Show the images to the candidate; None if it cannot be read so or is not worth it."""
        measured = Measured(self._threshold)
        try:
            side = side_of(reading.open(self._core, self._threshold))
        except (FasterDeployError, ValueError):
            return None
        for frame, seen in evidence:
            measured.add(seen, side.see(frame))
            if not is_worth_it(measured):
                return None
        return measured

    def _telling(self, measured: Measured | None, tolerance: Tolerance) -> Evidence:
        """Choose the images that show the difference best, with what the reference says."""
        if measured is not None and not measured.failure:
            worst = measured.worst_first(tolerance)[:TRIED_ON]
            return [(self._frames[index], self._reference.see(self._frames[index]))
                    for index in worst]
        seen = [(frame, self._reference.see(frame)) for frame in self._frames[:SEARCHED]]
        seen.sort(key=lambda each: -_objects(each[1]))
        return seen[:TRIED_ON]


def _objects(seen: Seen) -> int:
    return len(seen.answer.found) if isinstance(seen.answer, Answer) else 0


def _is_convincing(measured: Measured) -> bool:
    """Whether models agree at all, and there was something to agree on."""
    figures = measured.figures(LOOSEST)
    if not agrees(figures, LOOSEST):
        return False
    return figures.boxes is None or bool(figures.boxes.objects or figures.tensors)


def _tightest(measured: Measured) -> Tolerance:
    """Return the tightest preset that holds; one does."""
    return next(
        (each for each in TOLERANCES.values() if agrees(measured.figures(each), each)), LOOSEST)
