# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rows of finished boxes are carried to the image as they are, or refused: never suppressed."""

from pathlib import Path

from faster_deploy_ros.errors import BlobMismatch, InferFailed, UnknownName, Unsupported
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DetectionOptions, ModelCard, open_model
from make_golden_detectors import CONFIDENCE, INPUT, LIMIT, SOURCE
import numpy as np
import pytest
from tensor_cores import core_saying, core_with, tensor

GOLDEN = np.load(Path(__file__).with_name('golden_detectors.npz'))
ROWS = GOLDEN['finished']
FORMS = {
    'rows': ROWS, 'rows without a batch': ROWS[0], 'columns': ROWS.transpose(0, 2, 1),
    'columns without a batch': ROWS[0].T}
PICTURE = Frame(0, '', np.zeros((SOURCE[1], SOURCE[0], 3), np.uint8))
SAME_SIZE = Frame(0, '', np.zeros((INPUT[1], INPUT[0], 3), np.uint8))
IMAGE = tensor('images', (1, 3, 640, 640), is_input=True)


def detect(output, frame=PICTURE, shape=None, card=None, **options):
    with core_saying(output, INPUT, output_shape=shape) as core:
        return open_model('yolo_end2end', core, DetectionOptions(**options), card=card)(
            frame, Stopwatch())


def rows(*boxes):
    return np.array([boxes], np.float32)


@pytest.mark.parametrize('form', FORMS)
def test_the_boxes_are_those_of_the_golden_file(form):
    found = detect(FORMS[form], confidence_threshold=CONFIDENCE, max_detections=LIMIT)
    golden = GOLDEN['yolo_end2end']
    assert len(golden) > 5
    np.testing.assert_allclose(found.xyxy, golden[:, :4], atol=2e-4)
    np.testing.assert_allclose(found.score, golden[:, 4], atol=1e-6)
    np.testing.assert_array_equal(found.class_id, golden[:, 5])


@pytest.mark.parametrize(('form', 'shape'), [
    ('rows', (-1, -1, -1)), ('rows', (1, -1, 6)), ('rows without a batch', (-1, 6)),
    ('rows without a batch', (-1, -1)), ('columns', (-1, 6, -1))])
def test_shapes_may_be_open_until_the_boxes_come(form, shape):
    assert len(detect(FORMS[form], shape=shape)) == len(detect(ROWS)) > 5


def test_boxes_over_each_other_all_stay():
    same = rows((10, 10, 40, 40, 0.8, 2), (10, 10, 40, 40, 0.9, 1), (50, 10, 80, 40, 0.7, 1))
    assert len(detect(same, nms_threshold=0.1)) == 3
    found = detect(same, class_agnostic=True, max_detections=2)
    assert found.class_id.tolist() == [1, 1], 'one for each object, where one asks for it'


@pytest.mark.parametrize('count', [0, 1, 5000])
def test_none_one_or_thousands_of_boxes(count):
    rng = np.random.default_rng(count)
    output = np.zeros((1, count, 6), np.float32)
    output[0, :, :2] = rng.uniform(0, 30, (count, 2))
    output[0, :, 2:4] = output[0, :, :2] + 30
    output[0, :, 4] = rng.uniform(0.3, 1, count)
    found = detect(output, SAME_SIZE, shape=(1, -1, 6))
    assert len(found) == min(count, 300)
    best = np.sort(output[0, :, 4])[::-1][:300]
    np.testing.assert_array_equal(found.score, best)


def test_six_boxes_of_six_numbers_are_rows():
    boxes = [(10 * number, 10, 10 * number + 8, 40, 0.9 - 0.1 * number, 1) for number in range(6)]
    found = detect(rows(*boxes))
    np.testing.assert_allclose(found.score, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], rtol=1e-6)


def test_rows_of_score_0_are_padding_even_at_a_threshold_of_0():
    found = detect(ROWS, confidence_threshold=0.0)
    assert 0 < len(found) <= 30
    assert found.score.min() > 0


def test_classes_of_padding_are_not_looked_at():
    found = detect(rows((10, 10, 40, 40, 0.9, 1), (0, 0, 0, 0, 0, -1)), confidence_threshold=0.0)
    assert found.class_id.tolist() == [1]


def test_nothing_over_the_threshold_is_an_empty_result():
    found = detect(ROWS, confidence_threshold=1.0)
    assert (len(found), found.xyxy.shape) == (0, (0, 4))


def test_only_the_wanted_classes_are_reported_and_then_the_best_of_them():
    every = detect(ROWS, SAME_SIZE)
    some = detect(
        ROWS, SAME_SIZE, classes=('cat', '2'), labels=('dog', 'cat', 'cow'), max_detections=4)
    kept = np.flatnonzero(np.isin(every.class_id, (1, 2)))
    assert 4 < len(kept) < len(every)
    np.testing.assert_array_equal(some.xyxy, every.xyxy[kept[:4]])
    assert len(detect(ROWS, classes=(3,), labels=('a', 'b', 'c', 'd'))) == 0


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_one_number_that_is_none_fails_the_frame(form, value):
    rng = np.random.default_rng(0)
    for place in rng.integers(0, ROWS.size, 25):
        bad = FORMS[form].copy()
        bad.flat[place] = value
        with pytest.raises(InferFailed, match="yolo_end2end: output 'out' holds NaN or infinity"):
            detect(bad)


@pytest.mark.parametrize(('row', 'message'), [
    ((10, 10, 40, 40, 1.3, 1), 'a score is 1.3, expected 0 to 1; the model was exported without'),
    ((10, 10, 40, 40, -4, 1), 'a score is -4, expected 0 to 1'),
    ((40, 10, 10, 40, 0.9, 1), 'a box ends 30 pixels before it begins, expected corners'),
    ((10, 40, 40, 10, 0.9, 1), 'a box ends 30 pixels before it begins'),
    ((0.1, 0.2, 0.5, 1.0, 0.9, 1), 'no box reaches further than 1, expected pixels'),
    ((10, 10, 40, 40, 0.9, 1.5), 'a class is 1.5, expected a whole number'),
    ((10, 10, 40, 40, 0.9, -1), 'found class -1, expected 0 to 79, as there are 80 labels'),
    ((10, 10, 40, 40, 0.9, 80), 'found class 80, .*set the parameter labels'),
    ((10, 10, 40, 40, 0.9, 1e30), 'found class 1'),
    ((10, 10, 40, 1, 0.9, 40), 'ends 9 pixels before it begins'),   # class and score swapped: y2
])
def test_rows_that_mean_something_else_fail_the_frame(row, message):
    with pytest.raises(InferFailed, match=f'yolo_end2end: .*{message}'):
        detect(rows(row))


def test_a_hair_inside_out_is_a_box_without_area_and_is_left_out():
    found = detect(rows((10, 10, 40, 40, 0.9, 1), (40, 10, 39.7, 40, 0.8, 1)))
    assert found.score.tolist() == [np.float32(0.9)]


def test_boxes_are_cut_at_the_image_and_those_in_the_padding_are_left_out():
    found = detect(rows((-9, 5, 200, 30, 0.9, 1), (10, 55, 20, 60, 0.8, 1)))
    np.testing.assert_allclose(found.xyxy, [[0, 0, 200, 20 * 90 / 43]], rtol=1e-6)


def test_labels_say_how_many_classes_there_are():
    known = ModelCard(labels=('a', 'b', 'c'))
    assert len(detect(ROWS, card=known)) > 5
    with pytest.raises(InferFailed, match='found class 2, expected 0 to 1, as there are 2 labels'):
        detect(ROWS, card=ModelCard(labels=('a', 'b')))


def test_without_labels_they_are_taken_to_be_cocos_and_the_summary_says_so():
    with core_with(IMAGE, tensor('o', (1, 300, 6))) as core:
        assert open_model('yolo_end2end', core).summary == (
            'yolo_end2end: 640x640 rgb 0 to 1, center letterbox, 80 classes (person, bicycle, '
            "car, ...), taken to be COCO's as nothing names them")
    with core_with(IMAGE, tensor('o', (1, 300, 6)), metadata={'names': "['a', 'b']"}) as core:
        model = open_model('yolo_end2end', core)
        assert model.summary.endswith('2 classes (a, b)')
        with pytest.raises(UnknownName, match="no class 'bus'"):
            open_model('yolo_end2end', core, DetectionOptions(classes=('bus',)))


@pytest.mark.parametrize(('outputs', 'message'), [
    ([tensor('o', (1, 300, 7))], 'seven numbers are those of a turned box'),
    ([tensor('o', (-1, 7))], 'begin with the image in a batch'),
    ([tensor('o', (1, 84, 8400))], 'without a suppression: that is family yolov8 or yolov5'),
    ([tensor('o', (1, 300, 57))], r'output .o. float32 \[1, 300, 57\], expected float32 .1, n,'),
    ([tensor('o', (2, 300, 6))], 'another family or task'),
    ([tensor('o', (6,))], 'another family or task'),
    ([tensor('o', (1, 300, 6), dtype=np.int64)], 'expected float32; export'),
    ([tensor('o', (1, 300, 6)), tensor('p', (1, 32, 160, 160))], 'the model has 2 outputs'),
])
def test_tensors_of_others_are_refused_with_what_would_help(outputs, message):
    with core_with(IMAGE, *outputs) as core:
        with pytest.raises(BlobMismatch, match=message):
            open_model('yolo_end2end', core)


def test_a_model_of_another_task_is_refused():
    with core_with(IMAGE, tensor('o', (1, 300, 6)), metadata={'task': 'obb'}) as core:
        with pytest.raises(Unsupported, match=r"YoloEnd2End: .*task 'obb', expected 'detect'"):
            open_model('yolo_end2end', core)


@pytest.mark.parametrize('came', [(1, 9, 7), (2, 9, 6)])
def test_an_open_shape_that_comes_as_another_fails_the_frame(came):
    with pytest.raises(BlobMismatch, match="output 'out' came as"):
        detect(np.zeros(came, np.float32), shape=(-1, -1, -1))


@pytest.mark.parametrize('corner', [1e9, 1e30, 3.4e38])
def test_a_box_that_reaches_into_nowhere_is_no_box_of_the_whole_image(corner):
    with pytest.raises(InferFailed, match=r'a box is at .* pixels, expected places in'):
        detect(rows((10, 10, 40, 40, 0.9, 1), (-corner, -corner, corner, corner, 0.8, 1)))
