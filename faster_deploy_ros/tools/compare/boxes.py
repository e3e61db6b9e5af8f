# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which detections of two models are the same object, and how well they agree."""

from dataclasses import dataclass

from faster_deploy_ros.tasks import Detections
from faster_deploy_ros.tools.compare.tolerance import Tolerance
import numpy as np
from numpy.typing import NDArray

REFERENCE, CANDIDATE = 'reference', 'candidate'
LEAST_IOU = 0.5   # less overlap is another object (the usual line, of PASCAL VOC)
# Two boxes whose overlap is so near to the threshold of the suppression may both stay on one
# runtime and not on another: 1 pixel in 50.
EDGE_IOU = 0.02


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What one model says about one image.

    :param found: the detections, also those somewhat under the confidence threshold.
    :param before: the same before the suppression: every box that the model itself proposes.
    """

    found: Detections
    before: Detections


@dataclass(frozen=True, slots=True)
class Pair:
    """One object that both models have found."""

    iou: float
    score_difference: float
    agrees: bool


@dataclass(frozen=True, slots=True)
class Lone:
    """
    One object that only one of the models has found.

    :param side: REFERENCE or CANDIDATE.
    :param xyxy: in pixels of the image.
    """

    side: str
    class_id: int
    score: float
    xyxy: tuple[float, float, float, float]
    image: int = 0


@dataclass(frozen=True, slots=True)
class ImageFigures:
    """How two models agree on one image; ``ties`` objects are judged neither way."""

    pairs: tuple[Pair, ...]
    lone: tuple[Lone, ...]
    ties: int = 0

    @property
    def disagreeing(self) -> int:
        """How many detections have no equal."""
        return 2 * sum(not pair.agrees for pair in self.pairs) + len(self.lone)


@dataclass(frozen=True, slots=True)
class BoxFigures:
    """
    How the detections of two models agree over all images.

    :param images: how many were looked at.
    :param pairs: objects that both have found.
    :param min_iou: of the pairs; 1 where there are none.
    :param max_score_difference: of the pairs; 0 where there are none.
    :param agreement: the share of the detections of both sides that have an equal: the same class,
        IoU and score within the tolerance; 1 where there are none.
    :param ties: objects left out because two equal choices were resolved differently.
    :param lone: objects of one side only, the surest first.
    """

    images: int
    pairs: int
    min_iou: float
    max_score_difference: float
    agreement: float
    ties: int
    lone: tuple[Lone, ...]

    @property
    def objects(self) -> int:
        """How many objects there are to judge by."""
        return self.pairs + len(self.lone)


def overlaps(some: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return ``(n, m)`` intersection over union of ``(n, 4)`` and ``(m, 4)`` corners."""
    one, two = some[:, None].astype(np.float64), others[None].astype(np.float64)
    sides = np.minimum(one[..., 2:], two[..., 2:]) - np.maximum(one[..., :2], two[..., :2])
    shared = np.maximum(sides, 0).prod(axis=-1)
    areas = (one[..., 2:] - one[..., :2]).prod(axis=-1) + (two[..., 2:] - two[..., :2]).prod(-1)
    union = areas - shared
    iou: NDArray[np.float64] = np.divide(
        shared, union, out=np.zeros_like(shared), where=union > 0)
    return iou


def match(reference: Detections, candidate: Detections) -> list[tuple[int, int, float]]:
    """
    Pair detections of the same class: the largest overlap first, each taken once.

    Greedy is enough: boxes of one class overlap each other by the suppression's threshold at most,
    so that hardly ever two of them want the same partner. Equal overlaps: the nearer score first.

    :return: index in the reference, index in the candidate, IoU; LEAST_IOU at least.
    """
    iou = overlaps(reference.xyxy, candidate.xyxy)
    iou[reference.class_id[:, None] != candidate.class_id[None]] = 0
    apart = np.abs(reference.score[:, None] - candidate.score[None])
    rows, columns = np.nonzero(iou >= LEAST_IOU)
    order = np.lexsort((apart[rows, columns], -iou[rows, columns]))
    taken: tuple[set[int], set[int]] = set(), set()
    pairs = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist()):
        if row not in taken[0] and column not in taken[1]:
            taken[0].add(row)
            taken[1].add(column)
            pairs.append((row, column, float(iou[row, column])))
    return pairs


def judge_image(
        reference: Answer, candidate: Answer, tolerance: Tolerance, confidence: float,
        nms: float) -> ImageFigures:
    """
    Match the detections of one image and judge each.

    Judged is what has a score of ``confidence`` or more on one side at least. Its partner may
    lie below: both answers reach below the threshold, so that an object at 0.251 here and at 0.249
    there is one object whose scores differ by 0.002, and not one that is missing.
    """
    first, second = reference.found, candidate.found
    matched = match(first, second)
    pairs, ties = [], 0
    for row, column, iou in matched:
        scores = float(first.score[row]), float(second.score[column])
        if max(scores) < confidence:
            continue
        apart = abs(scores[0] - scores[1])
        agrees = iou >= tolerance.iou and apart <= tolerance.score
        if (not agrees and _is_tie(first, row, candidate, tolerance, nms)
                and _is_tie(second, column, reference, tolerance, nms)):
            ties += 1
        else:
            pairs.append(Pair(iou, apart, agrees))
    lone = []
    for side, mine, other, known in (
            (REFERENCE, first, candidate, {row for row, _, _ in matched}),
            (CANDIDATE, second, reference, {column for _, column, _ in matched})):
        for index in np.flatnonzero(mine.score >= confidence).tolist():
            if index in known:
                continue
            if _is_tie(mine, index, other, tolerance, nms):
                ties += 1
            else:
                lone.append(_lone(side, mine, index))
    return ImageFigures(tuple(pairs), tuple(lone), ties)


def _lone(side: str, found: Detections, index: int) -> Lone:
    left, top, right, bottom = found.xyxy[index].tolist()
    return Lone(
        side, int(found.class_id[index]), float(found.score[index]), (left, top, right, bottom))


def _is_tie(
        mine: Detections, index: int, other: Answer, tolerance: Tolerance, nms: float) -> bool:
    """
    Tell whether the other model proposes this very box too, and lost it to an equal one.

    Equal is a box that the suppression preferred for a score so little higher, or for an overlap
    so near to its threshold, that the smallest rounding decides. Nothing else is excused.
    """
    before, kept = other.before, other.found
    box = mine.xyxy[index:index + 1]
    iou = overlaps(box, before.xyxy)[0]
    twins = np.flatnonzero(
        (iou >= tolerance.iou) & (before.class_id == mine.class_id[index])
        & (np.abs(before.score - mine.score[index]) <= tolerance.score))
    for twin in twins.tolist():
        overlap = overlaps(before.xyxy[twin:twin + 1], kept.xyxy)[0]
        rivals = kept.class_id == before.class_id[twin]
        near = kept.score - before.score[twin] <= tolerance.score
        if (rivals & (overlap > nms) & (overlap < 1) & near).any():
            return True
        if (rivals & (np.abs(overlap - nms) <= EDGE_IOU)).any():
            return True
    return False


def total(images: list[ImageFigures]) -> BoxFigures:
    """Sum the figures of all images up."""
    pairs = [pair for image in images for pair in image.pairs]
    lone = [
        Lone(each.side, each.class_id, each.score, each.xyxy, index)
        for index, image in enumerate(images) for each in image.lone]
    detections = 2 * len(pairs) + len(lone)
    disagreeing = sum(image.disagreeing for image in images)
    return BoxFigures(
        len(images), len(pairs), min((pair.iou for pair in pairs), default=1.0),
        max((pair.score_difference for pair in pairs), default=0.0),
        1 - disagreeing / detections if detections else 1.0,
        sum(image.ties for image in images),
        tuple(sorted(lone, key=lambda each: -each.score)))
