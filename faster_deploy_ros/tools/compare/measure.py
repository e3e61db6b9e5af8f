# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Shows images to two models and keeps what the figures need."""

from collections.abc import Callable, Sequence

from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks import DepthMap
from faster_deploy_ros.tools.compare.boxes import Answer, ImageFigures, judge_image, total
from faster_deploy_ros.tools.compare.depths import DepthFigures, judge_depth, total_depth
from faster_deploy_ros.tools.compare.reading import Threshold
from faster_deploy_ros.tools.compare.side import Seen, Side
from faster_deploy_ros.tools.compare.tensors import TensorTally
from faster_deploy_ros.tools.compare.tolerance import LOOSEST, Tolerance
from faster_deploy_ros.tools.compare.verdict import Figures

NOTHING_FITS = 2.0   # the distance of two depth maps that have nothing in common


class Measured:
    """
    What two models have said about the same images; detections are kept, all else is summed up.

    :param threshold: confidence from which a detection counts, overlap of the suppression.
    """

    def __init__(self, threshold: Threshold) -> None:
        """Begin with no image."""
        self._threshold = threshold
        self._tallies: dict[str, TensorTally] = {}
        self._answers: list[tuple[Answer, Answer]] = []
        self._depths: list[DepthFigures] = []
        self.failure = ''
        self.lies_the_same = True

    def add(self, reference: Seen, candidate: Seen) -> None:
        """Count one image in."""
        if reference.lies != candidate.lies:
            self.lies_the_same = False
        for name, tensor in reference.parts.items():
            other = candidate.parts.get(name)
            if other is None or other.shape != tensor.shape:
                self.lies_the_same = False
            elif self.lies_the_same:
                self._tallies.setdefault(name, TensorTally(name)).add(tensor, other)
        one, two = reference.answer, candidate.answer
        if isinstance(one, Answer) and isinstance(two, Answer):
            self._answers.append((one, two))
        elif isinstance(one, DepthMap) and isinstance(two, DepthMap):
            self._depths.append(judge_depth(one, two))
        elif not self.failure:
            self.failure = (
                f'the reference fails: {reference.failure}' if reference.failure
                else f'the candidate fails: {candidate.failure}')

    def images(self, tolerance: Tolerance) -> list[ImageFigures]:
        """Judge the boxes of each image."""
        return [
            judge_image(reference, candidate, tolerance, *self._threshold)
            for reference, candidate in self._answers]

    def figures(self, tolerance: Tolerance) -> Figures:
        """Return all figures, boxes judged by a tolerance."""
        tensors = tuple(
            tally.figures() for tally in self._tallies.values()) if self.lies_the_same else ()
        if self.failure:
            return Figures(tensors, None, self.failure)
        if self._depths:
            return Figures(tensors, None, depth=total_depth(self._depths))
        return Figures(tensors, total(self.images(tolerance)))

    def worst_first(self, tolerance: Tolerance) -> list[int]:
        """Return the numbers of all images, those first on which the two differ most."""
        if self._depths:
            return sorted(
                range(len(self._depths)), key=lambda index: -self._depths[index].nearly_all)
        images = self.images(tolerance)
        return sorted(
            range(len(images)),
            key=lambda index: (-images[index].disagreeing, -len(images[index].pairs)))

    def distance(self) -> float:
        """
        Return how far the two are apart: 0 where they are the same, about 1 where nothing fits.

        The mean over all objects of what is missing of the overlap plus the difference of the
        scores, 1 for an object of one side only; without objects what the tensors' worst cosine
        lacks of 1. Of depth, what the correlation lacks of 1 plus the mean difference.
        """
        if self._depths:
            depth = total_depth(self._depths)
            return min(NOTHING_FITS, 1 - depth.correlation + depth.mean)
        images = self.images(LOOSEST)
        parts = [1 - pair.iou + pair.score_difference for image in images for pair in image.pairs]
        parts += [1.0 for image in images for _ in image.lone]
        if parts:
            return sum(parts) / len(parts)
        cosines = [each.cosine for each in self.figures(LOOSEST).tensors]
        return 1 - min(cosines, default=0.0)


def measure(
        reference: Side, candidate: Side, frames: Sequence[Frame], threshold: Threshold,
        report: Callable[[int], None] = lambda done: None) -> Measured:
    """Show all frames to both, each frame to one after the other."""
    measured = Measured(threshold)
    for index, frame in enumerate(frames):
        report(index)
        measured.add(reference.see(frame), candidate.see(frame))
    return measured
