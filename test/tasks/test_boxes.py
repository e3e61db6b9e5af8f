# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The suppression is the textbook's, to the last box."""

import cv2
from faster_deploy_ros.tasks.boxes import best_first, corners, suppress
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest


def textbook(xyxy, threshold, limit, class_id=None):
    """One box at a time, in plain Python floats."""
    kept = []
    boxes = [tuple(map(float, box)) for box in xyxy]
    for index, box in enumerate(boxes):
        if len(kept) < limit and not any(
                (class_id is None or class_id[index] == class_id[other])
                and overlaps(box, boxes[other], threshold) for other in kept):
            kept.append(index)
    return kept


def overlaps(one, other, threshold):
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    shared = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared > threshold * (areas[0] + areas[1] - shared)


@st.composite
def crowds(draw, largest=200):
    """Boxes in few places, so that they overlap, touch, coincide and have no area."""
    count = draw(st.integers(0, largest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([1.0, 8.0, 40.0]))
    lattice = draw(st.booleans())
    corner = rng.random((count, 2)) * spread
    size = rng.random((count, 2)) * draw(st.sampled_from([0.0, 1.0, 10.0]))
    if lattice:
        corner, size = np.floor(corner), np.floor(size)
    xyxy = np.concatenate((corner, corner + size), axis=1).astype(np.float32)
    return xyxy, rng.integers(0, draw(st.integers(1, 4)), count)


THRESHOLDS = st.one_of(st.sampled_from([0.0, 0.45, 0.5, 1.0]), st.floats(0, 1))


@settings(max_examples=150, deadline=None)
@given(crowds(), THRESHOLDS, st.sampled_from([1, 2, 7, 300]))
def test_suppression_by_class_keeps_what_the_textbook_keeps(crowd, threshold, limit):
    xyxy, class_id = crowd
    kept = suppress(xyxy, threshold, limit, class_id)
    assert kept.tolist() == textbook(xyxy, threshold, limit, class_id)


@settings(max_examples=150, deadline=None)
@given(crowds(), THRESHOLDS, st.sampled_from([1, 3, 64, 65, 300]))
def test_class_agnostic_suppression_keeps_what_the_textbook_keeps(crowd, threshold, limit):
    kept = suppress(crowd[0], threshold, limit)
    assert kept.tolist() == textbook(crowd[0], threshold, limit)


@settings(max_examples=50, deadline=None)
@given(crowds(100), st.floats(0.05, 0.95))
def test_opencv_keeps_the_same_boxes(crowd, threshold):
    xyxy = crowd[0][(crowd[0][:, 2:] > crowd[0][:, :2]).all(axis=1)]   # it has its own idea of 0
    score = np.linspace(1, 0.5, len(xyxy), dtype=np.float32)
    xywh = np.concatenate((xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]), axis=1).astype(np.float64)
    theirs = cv2.dnn.NMSBoxes(xywh.tolist(), score.tolist(), 0.0, threshold)
    assert suppress(xyxy, threshold, 1000).tolist() == list(np.ravel(theirs))


def test_sub_pixel_differences_decide():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 4.999], [0, 0, 10, 5.001]], np.float32)
    assert suppress(boxes[[0, 1]], 0.5, 9).tolist() == [0, 1]
    assert suppress(boxes[[0, 2]], 0.5, 9).tolist() == [0]


def test_an_overlap_of_just_the_threshold_is_kept():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5]], np.float32)
    assert suppress(boxes, 0.5, 9).tolist() == [0, 1]


def test_nothing_in_is_nothing_out():
    kept = suppress(np.empty((0, 4), np.float32), 0.5, 10, np.empty(0, np.int32))
    assert kept.shape == (0,)
    assert kept.dtype == np.intp


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.1, 0.5, 0.9]), max_size=60), st.integers(1, 70))
def test_the_best_come_first_and_equals_in_their_order(scores, limit):
    order = best_first(np.array(scores, np.float32), limit)
    assert order.tolist() == sorted(
        range(len(scores)), key=lambda index: (-scores[index], index))[:limit]


def test_corners_are_half_a_size_from_the_centre():
    np.testing.assert_array_equal(
        corners(np.array([[10, 20, 4, 6]], np.float32)), [[8, 17, 12, 23]])
    assert corners(np.empty((0, 4), np.float32)).shape == (0, 4)


@pytest.mark.parametrize('count', [63, 64, 65, 128, 129, 500])
def test_a_crowd_of_any_size_around_the_block_is_suppressed_alike(count):
    rng = np.random.default_rng(count)
    corner = rng.random((count, 2)) * 30
    xyxy = np.concatenate((corner, corner + 5), axis=1).astype(np.float32)
    assert suppress(xyxy, 0.3, 400).tolist() == textbook(xyxy, 0.3, 400)
