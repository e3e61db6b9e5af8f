# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The suppression is the textbook's, to the last box."""

import cv2
from faster_deploy_ros.tasks import boxes as boxes_module
from faster_deploy_ros.tasks.boxes import best_first, corners, suppress
from hypothesis import given, HealthCheck, settings
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


def textbook_of_many(xyxy, threshold, limit, class_id):
    """Do the same for thousands: one box against all the kept ones at once, as plainly."""
    boxes = xyxy.astype(np.float64)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    for index, box in enumerate(boxes):
        others = boxes[kept]
        width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
        height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        over = shared > threshold * (area[index] + area[kept] - shared)
        if not (over & (class_id[kept] == class_id[index])).any():
            kept.append(index)
            if len(kept) == limit:
                break
    return kept


def clutter(count, objects, classes, seed=0):
    """Boxes as detectors give them: many around each object, of about its size."""
    rng = np.random.default_rng(seed)
    centre, size = rng.random((objects, 2)) * 640, np.exp(rng.normal(3.7, 0.6, (objects, 2)))
    of = rng.integers(0, objects, count)
    centre = centre[of] + rng.normal(0, 0.06, (count, 2)) * size[of]
    half = size[of] * np.exp(rng.normal(0, 0.1, (count, 2))) / 2
    xyxy = np.concatenate((centre - half, centre + half), axis=1).astype(np.float32)
    return xyxy, rng.integers(0, classes, objects)[of]


SAME_FOR_EACH_EXAMPLE = [HealthCheck.function_scoped_fixture]
THRESHOLDS = st.one_of(st.sampled_from([0.0, 0.45, 0.5, 1.0]), st.floats(0, 1))


@pytest.fixture(params=[(64, 384), (0, 384), (0, 1), (0, 7), (0, 64)], ids=str)
def few_and_group(request, monkeypatch):
    """Take every way through the suppression, whatever the number of boxes."""
    few, group = request.param
    monkeypatch.setattr(boxes_module, '_FEW', few)
    monkeypatch.setattr(boxes_module, '_GROUP', group)


@settings(max_examples=50, deadline=None, suppress_health_check=SAME_FOR_EACH_EXAMPLE)
@given(crowds(), THRESHOLDS, st.sampled_from([1, 2, 7, 300]))
def test_suppression_by_class_keeps_what_the_textbook_keeps(
        few_and_group, crowd, threshold, limit):
    xyxy, class_id = crowd
    kept = suppress(xyxy, threshold, limit, class_id)
    assert kept.tolist() == textbook(xyxy, threshold, limit, class_id)


@settings(max_examples=40, deadline=None, suppress_health_check=SAME_FOR_EACH_EXAMPLE)
@given(crowds(), THRESHOLDS, st.sampled_from([1, 3, 64, 65, 300]))
def test_class_agnostic_suppression_keeps_what_the_textbook_keeps(
        few_and_group, crowd, threshold, limit):
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


@pytest.mark.parametrize('count', [63, 64, 65, 128, 129, 383, 384, 385, 500])
def test_a_crowd_of_any_size_around_the_limits_is_suppressed_alike(count):
    rng = np.random.default_rng(count)
    corner = rng.random((count, 2)) * 30
    xyxy = np.concatenate((corner, corner + 5), axis=1).astype(np.float32)
    assert suppress(xyxy, 0.3, 400).tolist() == textbook(xyxy, 0.3, 400)


@pytest.mark.parametrize('classes', [1, 80])
@pytest.mark.parametrize('limit', [1, 300, 10_000])
@pytest.mark.parametrize(('count', 'objects'), [(1000, 30), (3000, 1000), (10_000, 200)])
def test_thousands_of_boxes_in_clutter_are_suppressed_as_one_by_one(
        count, objects, limit, classes):
    xyxy, class_id = clutter(count, objects, classes)
    kept = suppress(xyxy, 0.45, limit, class_id)
    assert kept.tolist() == textbook_of_many(xyxy, 0.45, limit, class_id)


def test_of_ten_thousand_equal_boxes_the_first_of_each_class_stays():
    xyxy = np.tile(np.array([[3, 4, 50, 60]], np.float32), (10_000, 1))
    class_id = np.arange(10_000) // 3000
    assert suppress(xyxy, 0.45, 300, class_id).tolist() == [0, 3000, 6000, 9000]
    assert suppress(xyxy, 0.45, 300).tolist() == [0]
    assert suppress(xyxy, 1.0, 300, class_id).tolist() == list(range(300))


def test_in_a_chain_of_overlaps_every_second_box_stays():
    left = np.arange(2000, dtype=np.float32) * 4
    chain = np.stack((left, left * 0, left + 10, left * 0 + 10), axis=1)
    assert suppress(chain, 0.4, 5000).tolist() == list(range(0, 2000, 2))


def test_boxes_of_no_area_neither_go_nor_send_others_away():
    point, line, box = [5, 5, 5, 5], [0, 5, 9, 5], [0, 0, 9, 9]
    xyxy = np.array([point, box, line, point, line] * 40, np.float32)
    kept = suppress(xyxy, 0.0, 500)
    assert kept.tolist() == [index for index in range(200) if index % 5 != 1 or index == 1]


@pytest.mark.parametrize('far', [1e8, 1e9, 3e9, 1e20, 3e38])
def test_boxes_far_out_keep_to_their_class(few_and_group, far):
    xyxy = np.array([[-far, 0, far, 9], [0, 0, far, 9], [0, 0, 9, 9]] * 30, np.float32)
    class_id = np.arange(90) // 3
    assert suppress(xyxy, 0.4, 100, class_id).tolist() == textbook(xyxy, 0.4, 100, class_id)


@pytest.mark.parametrize('order', [[2, 1, 0, 3], [0, 3, 2, 1], [2, 3, 0, 1]])
def test_a_box_inside_out_neither_goes_nor_sends_others_away(few_and_group, order):
    xyxy, class_id = clutter(200, 20, 3)
    wrong = np.arange(0, 200, 7)
    xyxy[wrong] = xyxy[wrong][:, order]
    right = np.setdiff1d(np.arange(200), wrong)
    expected = right[textbook(xyxy[right], 0.45, 300, class_id[right])]
    kept = suppress(xyxy, 0.45, 300, class_id)
    assert kept.tolist() == sorted([*wrong, *expected])


@pytest.mark.parametrize('limit', [1, 10, 999, 1000, 1001, 5000])
def test_the_best_of_many_are_the_first_of_all_in_order(limit):
    score = np.random.default_rng(limit).integers(0, 300, 4000).astype(np.float32) / 300
    everyone = np.argsort(-score, kind='stable')
    np.testing.assert_array_equal(best_first(score, limit), everyone[:limit])
