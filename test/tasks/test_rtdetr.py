# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every form in which detection transformers say their boxes gives the same boxes."""

from faster_deploy_ros.cores import CoreGroup
from faster_deploy_ros.errors import BlobMismatch, InferFailed
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DetectionOptions, ModelCard, open_model
from faster_deploy_ros.tasks.card import InputCard
from make_golden_detectors import CONFIDENCE, INPUT, LIMIT, SOURCE
import numpy as np
import pytest
from query_cores import (
    BOXES,
    finished,
    FORMS,
    GOLDEN,
    IMAGE,
    joined,
    loaded,
    LOGITS,
    PAIRS,
    raw,
    SCORES,
)
from tensor_cores import core_with, tensor

AS_GOLDEN = {'confidence_threshold': CONFIDENCE, 'max_detections': LIMIT}
CENTER = ModelCard(input=InputCard(letterbox='center'))
PICTURE = Frame(0, '', np.zeros((SOURCE[1], SOURCE[0], 3), np.uint8))


def detect(core, frame=PICTURE, card=None, **options):
    with core:
        return open_model('rtdetr', core, DetectionOptions(**options), card=card)(
            frame, Stopwatch())


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize(('card', 'key'), [(None, 'rtdetr'), (CENTER, 'rtdetr_center')])
def test_the_boxes_are_those_of_the_golden_file_stretched_or_letterboxed(form, card, key):
    found = detect(FORMS[form](), card=card, **AS_GOLDEN)
    golden = GOLDEN[key]
    assert len(golden) > 5
    np.testing.assert_allclose(found.xyxy, golden[:, :4], atol=5e-4)
    np.testing.assert_allclose(found.score, golden[:, 4], atol=1e-6)
    np.testing.assert_array_equal(found.class_id, golden[:, 5])


@pytest.mark.parametrize('form', ['finished', 'logits', 'joined'])
def test_frames_of_any_size_each_get_their_own_boxes(form):
    with FORMS[form]() as core:
        model = open_model('rtdetr', core, DetectionOptions(**AS_GOLDEN))
        small = model(PICTURE, Stopwatch())
        large = model(
            Frame(0, '', np.zeros((3 * SOURCE[1], 2 * SOURCE[0], 3), np.uint8)), Stopwatch())
    np.testing.assert_allclose(large.xyxy, small.xyxy * [2, 3, 2, 3], rtol=1e-5)


def test_a_model_that_is_given_no_sizes_says_pixels_of_its_input():
    pixels = PAIRS[:, :4] * np.array(INPUT * 2, np.float32)

    def answer(blobs):
        blobs['labels'].data[...], blobs['boxes'].data[...] = PAIRS[:, 5], pixels
        blobs['scores'].data[...] = PAIRS[:, 4]

    found = detect(loaded([
        IMAGE, tensor('labels', (1, 75), dtype=np.int64), tensor('boxes', (1, 75, 4)),
        tensor('scores', (1, 75))], answer), **AS_GOLDEN)
    np.testing.assert_allclose(found.xyxy, GOLDEN['rtdetr'][:, :4], atol=5e-4)


@pytest.mark.parametrize('form', ['finished', 'logits', 'joined'])
def test_one_object_under_several_classes_is_several_boxes(form):
    box = np.array([[[0.5, 0.5, 0.2, 0.2]]], np.float32)
    values = np.array([[[3.0, 2.0, -4.0]]], np.float32)
    scores = 1 / (1 + np.exp(-values))
    core = {
        'finished': lambda: finished(pairs=np.array([
            [0.4, 0.4, 0.6, 0.6, scores[0, 0, label], label] for label in range(3)], np.float32)),
        'logits': lambda: raw(box, values), 'joined': lambda: joined(box, scores)}[form]()
    with core:
        model = open_model('rtdetr', core, DetectionOptions(nms_threshold=0.1))
        found = model(PICTURE, Stopwatch())
        assert found.class_id.tolist() == [0, 1]
        assert np.array_equal(found.xyxy[0], found.xyxy[1])
        model = open_model('rtdetr', core, DetectionOptions(class_agnostic=True))
        assert model(PICTURE, Stopwatch()).class_id.tolist() == [0], 'unless one asks for the best'


@pytest.mark.parametrize('count', [0, 1, 5000])
@pytest.mark.parametrize('form', ['finished', 'logits', 'joined'])
def test_none_one_or_thousands_of_boxes(form, count):
    rng = np.random.default_rng(count)
    boxes = np.full((1, count, 4), 0.5, np.float32)
    values = rng.uniform(-1, 3, (1, count, 2)).astype(np.float32)
    values[..., 1] = -5
    scores = 1 / (1 + np.exp(-values))
    pairs = np.zeros((count, 6), np.float32)
    pairs[:, 2:4], pairs[:, 4] = 0.5, scores[0, :, 0]
    core = {
        'finished': lambda: finished(pairs=pairs), 'logits': lambda: raw(boxes, values),
        'joined': lambda: joined(boxes, scores)}[form]()
    found = detect(core)
    assert len(found) == min(count, 300)
    np.testing.assert_allclose(found.score, np.sort(scores[0, :, 0])[::-1][:300], rtol=1e-5)


@pytest.mark.parametrize('threshold', [0.0, 1.0])
@pytest.mark.parametrize('form', FORMS)
def test_the_threshold_may_be_at_either_end(form, threshold):
    found = detect(FORMS[form](), confidence_threshold=threshold)
    assert len(found) == (75 if threshold == 0 else 0)


def test_a_score_at_the_threshold_is_over_it():
    assert len(detect(finished(pairs=one(score=0.25)), confidence_threshold=0.25)) == 1


@pytest.mark.parametrize('form', FORMS)
def test_only_the_wanted_classes_are_reported_and_then_the_best_of_them(form):
    every = detect(FORMS[form](), confidence_threshold=0.0)
    some = detect(
        FORMS[form](), confidence_threshold=0.0, classes=('cat', '2'),
        labels=('dog', 'cat', 'cow'), max_detections=7)
    kept = np.flatnonzero(np.isin(every.class_id, (1, 2)))
    assert 7 < len(kept) < len(every)
    np.testing.assert_array_equal(some.xyxy, every.xyxy[kept[:7]])


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(('form', 'output'), [
    (finished, 'boxes'), (finished, 'scores'),
    (lambda: finished(labels=np.float32), 'labels'), (raw, 'pred_boxes'), (raw, 'logits'),
    (joined, 'output0')])
def test_one_number_that_is_none_fails_the_frame(form, output, value):
    rng = np.random.default_rng(0)
    with form() as core:
        model = open_model('rtdetr', core)
        with core.lease() as blobs:
            geometry = model.preprocess(PICTURE, blobs)
            for _ in range(10):
                core.sync_infer(blobs)
                data = blobs[output].data
                data.flat[rng.integers(data.size)] = value
                with pytest.raises(
                        InferFailed, match=f"rtdetr: output '{output}' holds NaN or infinity"):
                    model.postprocess(blobs, geometry)


def one(box=(0.1, 0.1, 0.5, 0.5), score=0.9, label=1.0):
    return np.array([[*box, score, label]], np.float32)


@pytest.mark.parametrize(('core', 'message'), [
    (lambda: finished(pairs=one(score=1.5)), 'a score is 1.5, expected 0 to 1'),
    (lambda: finished(pairs=one(score=-3)), 'a score is -3, expected 0 to 1'),
    (lambda: finished(pairs=one((0.5, 0.1, 0.1, 0.5))), 'a box ends 38.4 pixels before it begins'),
    (lambda: finished(pairs=one((0.001, 0.001, 0.01, 0.01))), 'expected pixels; export the model'),
    (lambda: finished(pairs=one(label=80)), 'class 80, expected 0 to 79.*parameter labels'),
    (lambda: finished(pairs=one(label=-1)), 'class -1'),
    (lambda: finished(pairs=one(label=0.5), labels=np.float32), 'a class is 0.5, expected'),
    (lambda: raw(values=SCORES), "'logits' has nothing below 0, expected logits; the sigmoid is"),
    (lambda: raw(names=('boxes', 'scores')), 'expected 0 to 1; the model was exported without'),
    (lambda: joined(scores=LOGITS), 'expected 0 to 1; the model was exported without its sigmoid'),
    (lambda: finished(pairs=one((0.5, 0.1, 0.47, 0.5))), 'a box ends 2.88 pixels before it'),
    (lambda: raw(BOXES * 6), 'expected fractions of the image, 0 to 1; the model says its'),
    (lambda: raw(BOXES * 320), 'expected fractions of the image, 0 to 1; the model says its'),
    (lambda: joined(BOXES * 320), 'expected fractions of the image'),
    (lambda: raw(BOXES * np.array([1, 1, -1, 1], np.float32)), 'pixels before it begins'),
])
def test_outputs_that_mean_something_else_fail_the_frame(core, message):
    with pytest.raises(InferFailed, match=f'rtdetr: .*{message}'):
        detect(core())


def test_labels_say_how_many_classes_finished_boxes_may_have():
    assert len(detect(finished(), labels=('a', 'b', 'c'))) > 5
    with pytest.raises(InferFailed, match='found class 2, expected 0 to 1, as there are 2 labels'):
        detect(finished(), card=ModelCard(labels=('a', 'b')))


@pytest.mark.parametrize('core', [raw, joined])
def test_labels_of_another_number_than_the_scores_have_are_refused(core):
    with pytest.raises(BlobMismatch, match='the parameter labels has 2, expected 3'):
        detect(core(), labels=('a', 'b'))


@pytest.mark.parametrize(('core', 'words'), [
    (finished, ("80 classes (person, bicycle, car, ...), taken to be COCO's as nothing names "
                'them, boxes finished by the model')),
    (raw, '3 classes (class_0, class_1, class_2), boxes and logits of queries'),
    (joined, '3 classes (class_0, class_1, class_2), boxes and scores of queries'),
])
def test_the_summary_says_the_form_and_whose_labels_they_are(core, words):
    with core() as loaded_core:
        assert open_model('rtdetr', loaded_core).summary == (
            f'rtdetr: 96x64 rgb 0 to 1, stretched, {words}')


@pytest.mark.parametrize(('specs', 'message'), [
    ([tensor('size', (1, 4), True), tensor('o', (1, 25, 7))], 'expected an image and'),
    ([tensor('size', (1, 2), True, np.uint8), tensor('o', (1, 25, 7))], 'orig_target_sizes int64'),
    ([tensor('im_shape', (1, 2), True), tensor('scale_factor', (1, 2), True),
      tensor('o', (300, 6))], "input 'im_shape'.*expected an image"),
    ([tensor('o', (1, 25, 4))], r'got output .o.*expected labels \[1, n\], boxes \[1, n, 4\]'),
    ([tensor('o', (2, 25, 84))], 'expected labels'),
    ([], 'got no outputs'),
    ([tensor('x', (1, 25, 4)), tensor('y', (1, 25, 4))], 'name the outputs so'),
    ([tensor('boxes', (1, 25, 4)), tensor('scores', (1, 25))], 'expected labels'),
    ([tensor('labels', (1, 25)), tensor('boxes', (1, 25, 5)), tensor('scores', (1, 25))],
     'expected labels'),
    ([tensor('x', (1, 25)), tensor('y', (1, 25, 4)), tensor('z', (1, 25))], 'name the outputs so'),
    ([tensor('num_dets', (1, 1), dtype=np.int32), tensor('det_boxes', (1, 100, 4)),
      tensor('det_scores', (1, 100)), tensor('det_classes', (1, 100), dtype=np.int32)],
     'expected labels'),
    ([tensor('logits', (1, 25, 3), dtype=np.float16), tensor('pred_boxes', (1, 25, 4))],
     'expected float32'),
])
def test_tensors_of_others_are_refused_with_what_was_expected(specs, message):
    with core_with(IMAGE, *specs) as core:
        with pytest.raises(BlobMismatch, match=f'RtDetr: .*{message}'):
            open_model('rtdetr', core)


def test_a_backbone_with_patches_of_14_may_have_its_own_size():
    image = tensor('images', (1, 3, 42, 70), is_input=True)
    with core_with(image, tensor('dets', (1, 25, 4)), tensor('labels', (1, 25, 3))) as core:
        assert open_model('rtdetr', core).input_size == (70, 42)


def test_a_model_of_four_classes_has_its_boxes_told_by_name():
    values = np.full((1, 25, 4), -5, np.float32)
    values[0, 3, 2] = 2
    for names in (('pred_boxes', 'pred_logits'), ('dets', 'labels')):
        found = detect(raw(BOXES, values, names))
        assert found.class_id.tolist() == [2]


@pytest.mark.parametrize('shapes', [
    {'labels': (1, 4), 'boxes': (1, 5, 4), 'scores': (1, 5)},
    {'labels': (1, 5), 'boxes': (1, 5, 6), 'scores': (1, 5)},
    {'labels': (1, 5), 'boxes': (2, 5, 4), 'scores': (1, 5)}])
def test_open_shapes_that_come_as_others_fail_the_frame(shapes):
    def answer(blobs):
        for name, shape in shapes.items():
            blobs[name].reshape(shape)
            blobs[name].data[...] = 0

    core = loaded([
        IMAGE, tensor('labels', (-1, -1), dtype=np.int64), tensor('boxes', (-1, -1, -1)),
        tensor('scores', (-1, -1))], answer)
    with pytest.raises(BlobMismatch, match="rtdetr: output 'boxes' came as"):
        detect(core)


@pytest.mark.parametrize('is_open', [False, True])
def test_either_core_of_a_group_gives_the_same_boxes(is_open):
    with CoreGroup([finished(is_open=is_open), finished(order=(1, 0, 2))]) as group:
        model = open_model('rtdetr', group, DetectionOptions(**AS_GOLDEN))
        for index in range(2):
            with group.lease_of(index) as blobs:
                geometry = model.preprocess(PICTURE, blobs)
                group.sync_infer(blobs)
                found = model.postprocess(blobs, geometry)
            np.testing.assert_allclose(found.xyxy, GOLDEN['rtdetr'][:, :4], atol=5e-4)


def test_a_result_holds_no_memory_of_the_seat():
    for form in ('finished', 'logits', 'joined'):
        with FORMS[form]() as core:
            model = open_model('rtdetr', core)
            with core.lease() as blobs:
                geometry = model.preprocess(PICTURE, blobs)
                core.sync_infer(blobs)
                found = model.postprocess(blobs, geometry)
                before = found.xyxy.copy()
                for blob in blobs.outputs:
                    blob.data[...] = 0
                np.testing.assert_array_equal(found.xyxy, before)
