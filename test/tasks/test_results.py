# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Detections are whole, read-only and their own."""

import dataclasses

from faster_deploy_ros.tasks import Detections
import numpy as np
import pytest

BOX = [[1.0, 2.0, 3.0, 4.0]]


def test_detections_keep_no_memory_of_what_they_are_made_from():
    xyxy = np.array(BOX, np.float32)
    found = Detections(xyxy, np.array([0.5], np.float32), np.array([3], np.int32))
    xyxy[:] = 9
    assert found.xyxy.tolist() == BOX


def test_detections_cannot_be_changed():
    found = Detections(np.array(BOX), np.array([0.5]), np.array([3]))
    for name in ('xyxy', 'score', 'class_id'):
        with pytest.raises(ValueError, match='read-only'):
            getattr(found, name)[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.score = None


def test_the_dtypes_are_always_the_same():
    found = Detections(np.array(BOX), [1], np.array([3], np.int64))
    assert (found.xyxy.dtype, found.score.dtype, found.class_id.dtype) == (
        np.float32, np.float32, np.int32)
    assert len(found) == 1


def test_nothing_found_has_the_shapes_of_nothing():
    nothing = Detections.empty()
    assert len(nothing) == 0
    assert (nothing.xyxy.shape, nothing.score.shape, nothing.class_id.shape) == (
        (0, 4), (0,), (0,))


@pytest.mark.parametrize(('xyxy', 'score', 'class_id', 'message'), [
    (BOX, [0.5, 0.4], [1, 2], r'xyxy: got shape \(1, 4\), expected \(2, 4\)'),
    (BOX, [0.5], [1, 2], r'class_id: got shape \(2,\), expected \(1,\)'),
    (BOX[0], [0.5], [1], r'xyxy: got shape \(4,\)'),
    (BOX, 0.5, [1], 'got shape'),
    ([[1, 2, float('nan'), 4]], [0.5], [1], 'NaN'),
    (BOX, [float('inf')], [1], 'infinite'),
    ([[3, 2, 1, 4]], [0.5], [1], 'ends before it begins'),
    (BOX, [0.5], [-1], 'class_id: got -1, expected 0 or more'),
])
def test_what_is_no_list_of_boxes_is_refused(xyxy, score, class_id, message):
    with pytest.raises(ValueError, match=message):
        Detections(xyxy, score, class_id)
