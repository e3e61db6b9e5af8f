# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One frame from pixels to boxes: laps, failures, many threads, the mock detector."""

import threading

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.mock_models import FAKE_BOXES
from faster_deploy_ros.errors import InferFailed
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import open_model
import numpy as np
import pytest

SIZES = [(640, 480), (480, 640), (416, 416), (1280, 720), (100, 50)]


def frame_of(size):
    return Frame(0, 'camera', np.zeros((size[1], size[0], 3), np.uint8))


def test_the_mock_detector_finds_its_boxes_in_the_image():
    size = (832, 832)
    with open_core('mock.0://yolox?size=416x416&classes=80') as core:
        found = open_model('auto', core)(frame_of(size), Stopwatch())
    wanted = sorted(FAKE_BOXES, key=lambda box: -box.score)
    np.testing.assert_allclose(
        found.xyxy, np.array([box[:4] for box in wanted]) * size[0], atol=1e-3)
    np.testing.assert_allclose(found.score, [box.score for box in wanted])
    assert found.class_id.tolist() == [box.class_id for box in wanted]


def test_a_frame_leaves_one_lap_for_each_stage_in_order():
    laps = Stopwatch()
    with open_core('mock.0://yolox') as core:
        open_model('yolox', core)(frame_of((64, 48)), laps)
    assert [lap.name for lap in laps.laps] == ['lease', 'preprocess', 'infer', 'postprocess']
    assert all(one.end_ns == two.begin_ns for one, two in zip(laps.laps, laps.laps[1:]))


def test_a_failed_frame_gives_its_seat_back():
    with open_core('mock.0://yolox?fail_every=2', seats=1) as core:
        model = open_model('auto', core)
        results = []
        for _ in range(6):
            try:
                results.append(len(model(frame_of((64, 48)), Stopwatch())))
            except InferFailed as error:
                results.append(type(error))
    assert results == [3, InferFailed] * 3


def test_a_model_that_says_how_its_boxes_are_is_opened_without_an_inference():
    with open_core('mock.0://yolox?hang_every=1') as core:
        assert open_model('auto', core).is_decoded is False


def test_many_threads_on_two_seats_each_get_the_boxes_of_their_own_image():
    wrong, start = [], threading.Barrier(4)
    with open_core('mock.0://yolox?size=416x416', seats=2) as core:
        model = open_model('yolox', core)
        alone = {size: model(frame_of(size), Stopwatch()).xyxy for size in SIZES}

        def work(number):
            start.wait(10)
            for turn in range(40):
                size = SIZES[(number + turn) % len(SIZES)]
                found = model(frame_of(size), Stopwatch())
                if not np.array_equal(found.xyxy, alone[size]):
                    wrong.append((number, turn, size))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not wrong
    assert len({boxes.tobytes() for boxes in alone.values()}) == len(SIZES)


@pytest.mark.parametrize('size', SIZES)
def test_boxes_stay_inside_their_image(size):
    with open_core('mock.0://yolox?size=416x416') as core:
        found = open_model('yolox', core)(frame_of(size), Stopwatch())
    assert len(found) > 0
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= [*size, *size]).all()
