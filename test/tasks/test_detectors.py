# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The families of dense predictions say what their published definitions say."""

from pathlib import Path

from faster_deploy_ros.errors import BlobMismatch, InferFailed, UnknownName
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DetectionOptions, ModelCard, open_model
from faster_deploy_ros.tasks.card import InputCard, OutputCard
from faster_deploy_ros.tasks.detection.grid import cells
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden_detectors import CONFIDENCE, INPUT, LIMIT, OVERLAP, SOURCE
import numpy as np
import pytest
from tensor_cores import core_saying

GOLDEN = np.load(Path(__file__).with_name('golden_detectors.npz'))
AS_GOLDEN = {
    'confidence_threshold': CONFIDENCE, 'nms_threshold': OVERLAP, 'max_detections': LIMIT}
CASES = {
    'yolox raw': ('yolox', GOLDEN['raw'], {'decoded': False}, 'yolox'),
    'yolox decoded': ('yolox', GOLDEN['decoded'], {'decoded': True}, 'yolox'),
    'yolov8': ('yolov8', GOLDEN['columns'], {}, 'yolov8'),
    'yolov8 transposed': ('yolov8', GOLDEN['columns'].transpose(0, 2, 1), {}, 'yolov8'),
    'yolov5': ('yolov5', GOLDEN['anchored'], {}, 'yolov5'),
    'yolov5 transposed': ('yolov5', GOLDEN['anchored'].transpose(0, 2, 1), {}, 'yolov5'),
}
PICTURE = Frame(0, '', np.zeros((SOURCE[1], SOURCE[0], 3), np.uint8))


def detect(family, output, frame=PICTURE, size=INPUT, decoded=None, **options):
    card = ModelCard(output=OutputCard(decoded=decoded))
    with core_saying(output, size) as core:
        return open_model(family, core, DetectionOptions(**options), card=card)(frame, Stopwatch())


@pytest.mark.parametrize('case', CASES)
def test_the_boxes_are_those_of_the_golden_file(case):
    family, output, more, key = CASES[case]
    found = detect(family, output, **AS_GOLDEN, **more)
    golden = GOLDEN[key]
    assert len(golden) > 5
    np.testing.assert_allclose(found.xyxy, golden[:, :4], atol=2e-4)
    np.testing.assert_allclose(found.score, golden[:, 4], atol=1e-6)
    np.testing.assert_array_equal(found.class_id, golden[:, 5])


@pytest.mark.parametrize('case', CASES)
def test_nothing_over_the_threshold_is_an_empty_result(case):
    family, output, more, _ = CASES[case]
    found = detect(family, output, confidence_threshold=1.0, **more)
    assert len(found) == 0
    assert found.xyxy.shape == (0, 4)


@pytest.mark.parametrize('case', CASES)
def test_a_threshold_of_zero_reports_the_best_and_no_more_than_asked(case):
    family, output, more, _ = CASES[case]
    found = detect(
        family, output, confidence_threshold=0.0, nms_threshold=1.0, max_detections=20, **more)
    assert 0 < len(found) <= 20
    assert (np.diff(found.score) <= 0).all()


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_one_number_that_is_none_fails_the_frame(case, value):
    family, output, more, _ = CASES[case]
    rng = np.random.default_rng(0)
    for place in rng.integers(0, output.size, 25):
        bad = output.copy()
        bad.flat[place] = value
        with pytest.raises(InferFailed, match=f"{family}: output 'out' holds NaN or infinity"):
            detect(family, bad, **more)


@pytest.mark.parametrize('case', CASES)
def test_only_the_wanted_classes_are_reported(case):
    family, output, more, _ = CASES[case]
    every = detect(family, output, **more)
    some = detect(
        family, output, classes=('cat', '2'), labels=('dog', 'cat', 'cow'), **more)
    kept = np.isin(every.class_id, (1, 2))
    assert 0 < kept.sum() < len(every)
    np.testing.assert_array_equal(some.xyxy, every.xyxy[kept])


def test_class_agnostic_suppression_never_keeps_more():
    family, output = CASES['yolov8'][:2]
    one = detect(family, output, nms_threshold=0.2, class_agnostic=True)
    each = detect(family, output, nms_threshold=0.2)
    assert 0 < len(one) < len(each)


@pytest.mark.parametrize('case', CASES)
def test_the_suppression_looks_at_the_best_candidates_only(case):
    family, output, more, _ = CASES[case]
    few = detect(family, output, nms_threshold=1.0, max_candidates=3, **more)
    many = detect(family, output, nms_threshold=1.0, **more)
    np.testing.assert_array_equal(few.score, many.score[:len(few)])
    assert len(few) <= 3 < len(many)


def test_a_result_holds_no_memory_of_the_seat():
    with core_saying(GOLDEN['columns'], INPUT) as core:
        model = open_model('yolov8', core)
        with core.lease() as blobs:
            geometry = model.preprocess(PICTURE, blobs)
            core.sync_infer(blobs)
            found = model.postprocess(blobs, geometry)
            before = found.xyxy.copy()
            blobs['out'].data[:] = 0
            np.testing.assert_array_equal(found.xyxy, before)


@pytest.mark.parametrize(('key', 'decoded', 'word'), [
    ('raw', False, 'raw boxes (by a probe)'), ('decoded', True, 'decoded boxes (by a probe)')])
def test_a_probe_tells_raw_from_decoded_boxes_and_the_summary_says_so(key, decoded, word):
    with core_saying(GOLDEN[key], INPUT) as core:
        model = open_model('yolox', core)
        assert model.is_decoded is decoded
        assert model.summary.endswith(word)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(64, 64), (416, 416), (640, 384)]),
       st.floats(0.1, 3))
def test_the_probe_is_right_for_any_plausible_boxes(seed, size, spread):
    places, stride = cells(size)
    rng = np.random.default_rng(seed)
    raw = np.zeros((1, len(places), 6), np.float32)
    raw[0, :, :2] = 0.5 + rng.standard_normal((len(places), 2)) * spread
    decoded = raw.copy()
    decoded[0, :, :2] = (raw[0, :, :2] + places) * stride[:, None]
    for output, expected in ((raw, False), (decoded, True)):
        with core_saying(output, size) as core:
            assert open_model('yolox', core).is_decoded is expected


def test_card_and_metadata_settle_it_without_a_probe():
    said = {}
    for who, card, metadata in (
            ('model card', ModelCard(output=OutputCard(decoded=True)), {'decoded': 'false'}),
            ('metadata', ModelCard(), {'decoded': 'true'})):
        with core_saying(np.full((1, 126, 8), np.nan, np.float32), INPUT, metadata) as core:
            model = open_model('yolox', core, card=card)
            said[who] = model.is_decoded, model.summary.endswith(f'decoded boxes (by {who})')
    assert set(said.values()) == {(True, True)}


def test_decoded_boxes_read_as_raw_fail_with_the_remedy():
    with pytest.raises(InferFailed, match=r'looks decoded already.*output: \{decoded: true\}'):
        detect('yolox', GOLDEN['decoded'], decoded=False)


@pytest.mark.parametrize('case', CASES)
def test_scores_without_a_sigmoid_are_refused(case):
    family, output, more, _ = CASES[case]
    logits = output.copy()
    logits[..., 5:] = logits[..., 5:] * 30   # of classes, or of boxes in columns: both above 1
    if case == 'yolov8':
        logits = output * np.array([1, 1, 1, 1, 30, 30, 30], np.float32)[:, None]
    with pytest.raises(InferFailed, match='expected 0 to 1; the model was exported without'):
        detect(family, logits, **more)


def test_a_probe_that_sees_logits_refuses_the_model():
    output = GOLDEN['raw'].copy()
    output[..., 4:] = -5
    with core_saying(output, INPUT) as core:
        with pytest.raises(BlobMismatch, match='reach from -5 to -5, expected 0 to 1'):
            open_model('yolox', core)


def test_boxes_in_the_padding_are_not_reported():
    output = np.zeros((1, 5, 126), np.float32)
    output[0, :, 0] = 48, 60, 6, 4, 0.9       # below the picture, which ends at y = 53
    output[0, :, 1] = 48, 50, 6, 10, 0.8      # half in it
    found = detect('yolov8', output)
    assert found.score.tolist() == [np.float32(0.8)]
    assert found.xyxy[0, 3] == SOURCE[1]


def test_both_orders_of_the_channels_fill_the_input_alike():
    image = np.random.default_rng(1).integers(0, 256, (90, 200, 3), np.uint8)
    for family, output, _, _ in CASES.values():
        with core_saying(output, INPUT) as core:
            model = open_model(family, core)
            with core.lease() as blobs:
                model.preprocess(Frame(0, '', image), blobs)
                bgr = blobs['in'].data.copy()
                model.preprocess(Frame(0, '', image[..., ::-1], 'rgb8'), blobs)
                np.testing.assert_array_equal(blobs['in'].data, bgr)


def test_the_two_generations_of_yolox_see_their_own_pixels():
    seen = {}
    image = np.zeros((64, 96, 3), np.uint8)
    image[:] = 255, 128, 0    # blue, green, red
    for family in ('yolox', 'yolox_legacy'):
        with core_saying(GOLDEN['raw'], INPUT) as core:
            model = open_model(family, core)
            with core.lease() as blobs:
                model.preprocess(Frame(0, '', image), blobs)
                seen[family] = blobs['in'].data[0, :, 5, 5].tolist()
    assert seen['yolox'] == [255, 128, 0]
    np.testing.assert_allclose(seen['yolox_legacy'], [
        (0 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225], rtol=1e-6)


def test_a_model_of_open_size_takes_the_size_of_card_or_metadata():
    for card, metadata in (
            ({'size': INPUT}, {'imgsz': '[640, 640]'}), ({}, {'imgsz': '[64, 96]'})):
        with core_saying(
                GOLDEN['columns'], metadata=metadata, input_shape=(-1, 3, -1, -1),
                output_shape=(-1, 7, -1)) as core:
            model = open_model('yolov8', core, card=ModelCard(input=InputCard(**card)))
            assert model.input_size == INPUT
            for _ in range(2):    # the seat forgets its shape in between
                assert len(model(PICTURE, Stopwatch())) > 0


def test_an_unknown_class_is_said_when_the_model_is_opened():
    with core_saying(GOLDEN['columns'], INPUT) as core:
        with pytest.raises(UnknownName, match=r"no class 'class_9'.*Did you mean 'class_"):
            open_model('yolov8', core, DetectionOptions(classes=('class_9',)))


def test_an_image_of_one_pixel_is_an_image():
    for family, output, more, _ in CASES.values():
        tiny = Frame(0, '', np.zeros((1, 1, 3), np.uint8))
        found = detect(family, output, tiny, **more)
        assert (found.xyxy <= 1).all()
