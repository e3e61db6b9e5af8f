# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What only YOLOv5's family has: three boxes a cell, an objectness, exports with raw maps."""

from pathlib import Path

from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import BlobMismatch, InferFailed
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DetectionOptions, open_model
from make_golden_detectors import CONFIDENCE, INPUT, LIMIT, OVERLAP, SOURCE
import numpy as np
import pytest
from tensor_cores import core_saying, core_with, tensor

GOLDEN = np.load(Path(__file__).with_name('golden_detectors.npz'))
PICTURE = Frame(0, '', np.zeros((SOURCE[1], SOURCE[0], 3), np.uint8))
IMAGE = tensor('images', (1, 3, 640, 640), is_input=True)
MAPS = [tensor(f'map{size}', (1, 3, size, size, 85)) for size in (80, 40, 20)]


def test_the_score_is_objectness_times_class():
    output = np.zeros((1, 378, 8), np.float32)
    output[0, 7] = 40, 30, 20, 10, 0.9, 0.1, 1.0, 0.2
    output[0, 9] = 70, 50, 10, 10, 0.9, 0.27, 0.1, 0.2   # sure of an object, of no class
    output[0, 200] = 20, 20, 10, 10, 0.2, 1.0, 0.0, 0.0  # sure of a class, of no object
    with core_saying(output, INPUT) as core:
        found = open_model('yolov5', core)(Frame(0, '', np.zeros((64, 96, 3), np.uint8)),
                                           Stopwatch())
    np.testing.assert_allclose(found.xyxy, [[30, 25, 50, 35]])
    assert (found.score.tolist(), found.class_id.tolist()) == ([np.float32(0.9)], [1])


@pytest.mark.parametrize(('size', 'strides', 'rows'), [
    ((640, 640), (8, 16, 32), 25200), ((1280, 1280), (8, 16, 32, 64), 102000)])
def test_variants_for_large_images_have_one_stride_more(size, strides, rows):
    assert 3 * sum((size[0] // stride) * (size[1] // stride) for stride in strides) == rows
    image = tensor('images', (1, 3, size[1], size[0]), is_input=True)
    for shape in ((1, rows, 85), (1, 85, rows)):
        with core_with(image, tensor('output0', shape)) as core:
            assert len(open_model('yolov5', core).labels) == 80


def test_thousands_of_boxes_come_down_to_what_was_asked_for():
    rng = np.random.default_rng(5)
    output = np.ones((1, 25200, 7), np.float32)
    output[0, :, :2] = rng.uniform(0, 640, (25200, 2))
    output[0, :, 2:4] = 5
    output[0, :, 4] = rng.uniform(0.5, 1, 25200)
    with core_saying(output, (640, 640)) as core:
        model = open_model('yolov5', core, DetectionOptions(max_candidates=2000))
        found = model(Frame(0, '', np.zeros((640, 640, 3), np.uint8)), Stopwatch())
    assert len(found) == 300
    assert (np.diff(found.score) <= 0).all()
    assert found.score[-1] > 0.9


def test_raw_maps_beside_the_decoded_boxes_are_left_alone():
    raw = [tensor(f'map{k}', (1, 3, size[1], size[0], 8))
           for k, size in enumerate(((12, 8), (6, 4), (3, 2)))]

    def answer(blobs):
        for spec in raw:
            blobs[spec.name].data[...] = np.nan    # nobody reads them
        np.copyto(blobs['output'].data, GOLDEN['anchored'])

    core = MockCore(script=answer, specs=[
        tensor('images', (1, 3, INPUT[1], INPUT[0]), True), raw[0],
        tensor('output', (1, 378, 8)), *raw[1:]])
    core.load()
    with core:
        found = open_model('yolov5', core, DetectionOptions(
            confidence_threshold=CONFIDENCE, nms_threshold=OVERLAP, max_detections=LIMIT))(
                PICTURE, Stopwatch())
    np.testing.assert_allclose(found.xyxy, GOLDEN['yolov5'][:, :4], atol=2e-4)


@pytest.mark.parametrize(('outputs', 'message'), [
    (MAPS, r"output 'map80' .*expected one output .1, n, 5 \+ classes.; these are the raw maps.*"),
    (MAPS, 'export it with its decoding inside .YOLOv5: export.py as it is, not --train'),
    ([tensor(f'out{size}', (1, 255, size, size)) for size in (80, 40, 20)], 'the raw maps'),
    ([tensor('o', (1, 25200, 85)), tensor('p', (1, 25200, 85))], 'the model has 2 outputs'),
    ([tensor('o', (1, 25200, 85)), tensor('count', (1, 1))], 'the model has 2 outputs'),
    ([tensor('o', (1, 8400, 85))], 'one box for each cell is the layout of families yolov8'),
    ([tensor('o', (1, 84, 8400))], 'one box for each cell'),
    ([tensor('o', (1, 300, 6))], 'that is family yolo_end2end'),
    ([tensor('o', (1, 25200, 5))], r'expected float32 .1, 25200, 5 \+ classes. or transposed'),
    ([tensor('o', (1, 6300, 85))], 'for an input of 640x640.*exported for another size'),
    ([tensor('o', (4, 25200, 85))], 'another family or task'),
    ([tensor('o', (1, 25200, 85), dtype=np.float16)], 'expected float32'),
])
def test_tensors_of_others_are_refused_with_what_would_help(outputs, message):
    with core_with(IMAGE, *outputs) as core:
        with pytest.raises(BlobMismatch, match=message):
            open_model('yolov5', core)


def test_labels_of_another_number_are_refused():
    with core_with(IMAGE, tensor('o', (1, 25200, 7))) as core:
        with pytest.raises(BlobMismatch, match='the parameter labels has 3, expected 2'):
            open_model('yolov5', core, DetectionOptions(labels=('a', 'b', 'c')))


def test_an_open_number_of_boxes_is_checked_when_they_come():
    with core_saying(GOLDEN['anchored'][:, :100], INPUT, output_shape=(1, -1, 8)) as core:
        with pytest.raises(BlobMismatch, match=r'came as \(1, 100, 8\), expected \(1, 378, 8\)'):
            open_model('yolov5', core)(PICTURE, Stopwatch())


def test_scores_above_one_fail_the_frame():
    output = GOLDEN['anchored'] * np.array([1, 1, 1, 1, 9, 1, 1, 1], np.float32)
    with core_saying(output, INPUT) as core:
        with pytest.raises(InferFailed, match='expected 0 to 1; the model was exported without'):
            open_model('yolov5', core)(PICTURE, Stopwatch())
