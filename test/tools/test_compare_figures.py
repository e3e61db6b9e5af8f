# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The figures of compare: how far tensors are apart, which detections are the same object."""

import math

from faster_deploy_ros.tasks import Detections
from faster_deploy_ros.tools.compare.boxes import (
    Answer,
    CANDIDATE,
    ImageFigures,
    judge_image,
    Lone,
    match,
    overlaps,
    Pair,
    REFERENCE,
    total,
)
from faster_deploy_ros.tools.compare.tensors import TensorTally
from faster_deploy_ros.tools.compare.tolerance import tolerance
from hypothesis import given, settings, strategies
import numpy as np
import pytest

FP32 = tolerance('fp32')
THRESHOLD = (0.25, 0.45)


def detections(*rows):
    """Make detections of (class, score, left, top, right, bottom)."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(table[:, 2:], table[:, 1], table[:, 0])


def judged(reference, candidate, before=None, limit=FP32):
    """Judge one image; the candidate may have proposed more than it kept."""
    first, second = detections(*reference), detections(*candidate)
    proposed = second if before is None else detections(*before)
    return judge_image(Answer(first, first), Answer(second, proposed), limit, *THRESHOLD)


def figures_of(*pairs):
    """Sum up pairs of (n, channels) arrays."""
    tally = TensorTally('t')
    for reference, candidate in pairs:
        tally.add(np.array(reference, np.float32), np.array(candidate, np.float32))
    return tally.figures()


# -- tensors -----------------------------------------------------------------------------------

def test_the_figures_are_those_that_a_pencil_gives():
    found = figures_of(([[0, 1, 0], [3, 4, 1]], [[0, 1, 0], [3, 2, 1]]))
    assert (found.max_abs, found.mean_abs, found.relative) == (2, 2 / 6, 0.5)
    assert found.cosine == pytest.approx(19 / math.sqrt(27 * 15))
    assert (found.reference_range, found.candidate_range) == ((0, 4), (0, 3))
    assert found.peak == 1     # the median of 1, 1/3, 1
    assert (found.channels, found.flat, found.bad, found.levels) == (3, 0, 0, 4)


@settings(max_examples=50, deadline=None)
@given(strategies.integers(0, 2 ** 32), strategies.integers(2, 5))
def test_image_by_image_or_all_at_once_is_the_same(seed, images):
    rng = np.random.default_rng(seed)
    pairs = [rng.normal(size=(2, 6, 3)).astype(np.float32) for _ in range(images)]
    split = figures_of(*pairs)
    whole = figures_of([np.concatenate(side) for side in zip(*pairs)])
    for name in ('max_abs', 'mean_abs', 'relative', 'cosine', 'peak'):
        assert getattr(split, name) == pytest.approx(getattr(whole, name), rel=1e-9)


def test_nan_and_infinity_are_counted_and_spoil_nothing_else():
    found = figures_of(([[1, 2], [3, 4]], [[2, np.nan], [np.inf, 4]]))
    assert found.bad == 2
    assert (found.max_abs, found.mean_abs) == (1, 0.5)      # of the two that are numbers
    assert found.cosine == pytest.approx(18 / math.sqrt(17 * 20))


def test_a_channel_that_stands_still_is_found():
    found = figures_of(([[0, 1, 5], [1, 2, 5]], [[7, 1, 5], [7, 2, 5]]))
    assert (found.flat, found.channels) == (1, 3)     # the third does not move in either


@pytest.mark.parametrize(('reference', 'candidate', 'cosine'), [
    ([[0.0]], [[0.0]], 1), ([[0.0]], [[1.0]], 0), ([[1.0]], [[0.0]], 0), ([[1.0]], [[-2.0]], -1)])
def test_a_cosine_with_nothing_is_defined(reference, candidate, cosine):
    assert figures_of((reference, candidate)).cosine == cosine


def test_a_reference_that_never_moves_makes_any_difference_infinite():
    assert figures_of(([[1.0], [1.0]], [[1.0], [1.5]])).relative == math.inf
    assert figures_of(([[1.0], [1.0]], [[1.0], [1.0]])).relative == 0


def test_tensors_of_two_shapes_and_no_tensor_at_all_are_refused():
    with pytest.raises(ValueError, match='expected'):
        figures_of(([[1, 2]], [[1]]))
    with pytest.raises(ValueError, match='no image'):
        TensorTally('t').figures()


# -- boxes -------------------------------------------------------------------------------------

def test_overlap_is_intersection_over_union():
    box, right, far, none = (0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30), (5, 5, 5, 5)
    found = overlaps(np.array([box, none]), np.array([box, right, far, none]))
    np.testing.assert_allclose(found, [[1, 1 / 3, 0, 0], [0, 0, 0, 0]])


def test_the_larger_overlap_is_paired_first_and_nobody_twice():
    reference = detections((0, 0.9, 0, 0, 100, 100), (0, 0.8, 0, 0, 100, 90))
    candidate = detections((0, 0.9, 0, 0, 100, 91), (0, 0.8, 0, 0, 100, 101))   # scores mislead
    assert [pair[:2] for pair in match(reference, candidate)] == [(0, 1), (1, 0)]
    assert [pair[:2] for pair in match(reference, candidate.__class__(
        candidate.xyxy[:1], candidate.score[:1], candidate.class_id[:1]))] == [(1, 0)]


def test_two_classes_are_never_one_object():
    assert match(detections((0, 0.9, 0, 0, 9, 9)), detections((1, 0.9, 0, 0, 9, 9))) == []


def test_of_equal_overlaps_the_nearer_score_is_the_partner():
    reference = detections((0, 0.5, 0, 0, 10, 10))
    candidate = detections((0, 0.9, 0, 0, 10, 10), (0, 0.51, 0, 0, 10, 10))
    assert match(reference, candidate) == [(0, 1, 1.0)]


@settings(max_examples=60, deadline=None)
@given(strategies.integers(0, 2 ** 32), strategies.integers(0, 40))
def test_shuffled_and_disturbed_detections_find_their_own_selves(seed, count):
    rng = np.random.default_rng(seed)
    corner = np.stack(np.divmod(np.arange(count), 7), axis=1) * 50.0
    boxes = np.concatenate((corner, corner + rng.uniform(20, 45, (count, 2))), axis=1)
    order = rng.permutation(count)
    near = boxes + rng.uniform(-0.4, 0.4, boxes.shape)
    score, class_id = rng.uniform(0.3, 1, count), rng.integers(0, 2, count)
    found = match(
        Detections(boxes, score, class_id),
        Detections(near[order], score[order], class_id[order]))
    assert sorted((row, int(order[column])) for row, column, _ in found) == [
        (index, index) for index in range(count)]


@pytest.mark.parametrize(('first', 'second', 'agrees'), [
    (0.251, 0.249, True),       # on two sides of the threshold, and yet one object
    (0.249, 0.251, True),
    (0.25, 0.2401, True),
    (0.26, 0.24, False),        # found on both sides, but too far apart
    (0.9, 0.8901, True), (0.9, 0.8899, False)])
def test_a_partner_below_the_threshold_is_a_partner(first, second, agrees):
    box = (0, 0, 50, 50)
    found = judged([(0, first, *box)], [(0, second, *box)])
    assert [pair.agrees for pair in found.pairs] == [agrees]
    assert found.lone == ()


def test_what_both_see_below_the_threshold_only_is_not_judged():
    found = judged([(0, 0.24, 0, 0, 9, 9)], [(0, 0.16, 0, 0, 9, 9)])
    assert found == ImageFigures((), ())


@pytest.mark.parametrize('side', [REFERENCE, CANDIDATE])
def test_an_object_that_one_side_has_not_at_all_is_no_matter_of_the_threshold(side):
    box = (0, 0.2501, 10, 20, 30, 40)
    found = judged([box], []) if side == REFERENCE else judged([], [box])
    assert found.pairs == ()
    assert [(each.side, each.class_id, each.xyxy) for each in found.lone] == [
        (side, 0, (10, 20, 30, 40))]


@pytest.mark.parametrize(('right', 'agrees'), [(100, True), (99, True), (98.9, False)])
def test_the_overlap_is_judged_at_its_edge(right, agrees):
    found = judged([(0, 0.9, 0, 0, 100, 100)], [(0, 0.9, 0, 0, right, 100)])
    assert found.pairs[0].agrees is agrees
    assert found.pairs[0].iou == pytest.approx(right / 100)


def test_two_equal_boxes_of_which_each_side_keeps_another_are_a_tie():
    # A and B overlap by 0.6, their scores differ by less than any rounding.
    first, second = (0, 0.8001, 0, 0, 100, 100), (0, 0.8, 25, 0, 125, 100)
    reference = Answer(detections(first), detections(first, second))
    candidate = Answer(detections(second), detections(second, first))
    found = judge_image(reference, candidate, FP32, *THRESHOLD)
    assert (found.pairs, found.lone, found.ties) == ((), (), 1)


def test_a_box_lost_at_the_edge_of_the_suppression_is_a_tie():
    strong, weak = (0, 0.9, 0, 0, 100, 100), (0, 0.5, 0, 55, 100, 100)   # they overlap by 0.45
    found = judged([strong, weak], [strong], before=[strong, weak])
    assert (len(found.pairs), found.lone, found.ties) == (1, (), 1)


STRONG, WEAK = (0, 0.9, 0, 0, 100, 100), (0, 0.5, 0, 51, 100, 100)   # they overlap by 0.49


NEARLY = (0, 0.505, *STRONG[2:])     # stronger than WEAK by a hair only
OTHER = (1, *NEARLY[1:])


def test_a_box_lost_by_a_hair_of_its_score_is_a_tie():
    found = judged([NEARLY, WEAK], [NEARLY], before=[NEARLY, WEAK])
    assert (len(found.pairs), found.lone, found.ties) == (1, (), 1)


@pytest.mark.parametrize(('kept', 'before'), [
    ([NEARLY], []),                               # it was never proposed
    ([NEARLY], [(0, 0.515, *WEAK[2:])]),          # proposed, with another score
    ([NEARLY, OTHER], [(1, 0.5, *WEAK[2:])]),     # as another class
    ([NEARLY], [(0, 0.5, 0, 52, 100, 100)]),      # elsewhere
    ([STRONG], [WEAK])])                          # and lost clearly: 0.9 to 0.5
def test_nothing_else_is_excused(kept, before):
    found = judged([*kept, WEAK], kept, before=kept + before)
    assert (len(found.pairs), len(found.lone), found.ties) == (len(kept), 1, 0)


def test_one_object_found_twice_is_no_tie():
    """The other side keeps this very box: nothing has suppressed it there."""
    found = judged([STRONG], [STRONG, STRONG])
    assert (len(found.pairs), [each.side for each in found.lone]) == (1, [CANDIDATE])
    assert found.ties == 0


def test_the_agreement_is_a_share_of_the_detections_of_both_sides():
    images = [
        ImageFigures((Pair(0.995, 0.001, True), Pair(0.9, 0.002, False)), ()),
        ImageFigures((), (
            Lone(CANDIDATE, 3, 0.3, (0, 0, 1, 1)), Lone(REFERENCE, 3, 0.7, (5, 5, 6, 6))), ties=2)]
    found = total(images)
    assert found.agreement == pytest.approx(2 / 6)
    assert (found.images, found.pairs, found.objects, found.ties) == (2, 2, 4, 2)
    assert (found.min_iou, found.max_score_difference) == (0.9, 0.002)
    assert [(each.score, each.image) for each in found.lone] == [(0.7, 1), (0.3, 1)]


def test_nothing_found_by_nobody_is_agreement():
    found = total([ImageFigures((), ())])
    assert (found.agreement, found.min_iou, found.objects) == (1, 1, 0)
