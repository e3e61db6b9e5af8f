# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Real models find in real photographs what their authors' own tools find."""

import cv2
from faster_deploy_ros.cores import open_core, open_group
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DetectionOptions, ModelCard, open_model
from faster_deploy_ros.tasks.card import InputCard
from faster_deploy_ros.tools.convert.job import ConvertJob
from faster_deploy_ros.tools.convert.to_mnn import convert
import numpy as np
import pytest
from tensor_cores import core_saying

# From the data folder's README, made with other programs: label, score, box in pixels.
EXPECTED = {
    ('yolox_nano', 'bus'): [
        ('bus', 0.903, (14, 231, 801, 733)), ('person', 0.858, (50, 395, 216, 898)),
        ('person', 0.808, (220, 402, 347, 855)), ('person', 0.696, (685, 454, 810, 874))],
    ('yolox_nano', 'dog'): [
        ('dog', 0.855, (133, 207, 326, 543)), ('bicycle', 0.803, (52, 137, 572, 424)),
        ('car', 0.798, (466, 78, 692, 171))],
    ('yolov8n_dequant_fp32', 'bus'): [
        ('person', 0.914, (672, 374, 810, 879)), ('person', 0.898, (50, 397, 243, 904)),
        ('person', 0.897, (221, 408, 343, 857)), ('bus', 0.834, (35, 230, 798, 775))],
    ('deimv2_atto_coco_fp32', 'bus'): [
        ('person', 0.844, (55, 387, 211, 905)), ('person', 0.818, (222, 398, 345, 856)),
        ('person', 0.718, (689, 339, 810, 876)), ('bus', 0.614, (34, 234, 797, 717)),
        ('train', 0.499, (34, 234, 797, 717))],
}
COARSE = 'deimv2_atto_coco_fp32'
pytestmark = pytest.mark.core


@pytest.fixture(scope='module')
def models(shared_data):
    pytest.importorskip('onnxruntime')
    cores = {name: open_core(f"onnxruntime.0://{shared_data / 'models' / name}.onnx")
             for name in {name for name, _ in EXPECTED}}
    yield {name: open_model('auto', core) for name, core in cores.items()}
    for core in cores.values():
        core.unload()


def photograph(shared_data, name):
    image = cv2.imread(str(shared_data / 'images' / f'{name}.jpg'))
    assert image is not None
    return image


@pytest.mark.parametrize(('name', 'photo'), EXPECTED)
def test_boxes_agree_within_3_pixels_and_scores_within_2_hundredths(
        shared_data, models, name, photo):
    model = models[name]
    found = model(Frame(0, '', photograph(shared_data, photo)), Stopwatch())
    expected = EXPECTED[name, photo]
    assert len(found) >= len(expected)
    for index, (label, score, box) in enumerate(expected):
        assert model.labels[found.class_id[index]] == label
        assert found.score[index] == pytest.approx(score, abs=0.02)
        np.testing.assert_allclose(found.xyxy[index], box, atol=3)


@pytest.mark.parametrize('name', sorted({name for name, _ in EXPECTED}))
def test_rgb_and_bgr_frames_of_one_photograph_give_the_same_boxes(shared_data, models, name):
    image = photograph(shared_data, 'bus')
    bgr = models[name](Frame(0, '', image), Stopwatch())
    rgb = models[name](
        Frame(0, '', cv2.cvtColor(image, cv2.COLOR_BGR2RGB), 'rgb8'), Stopwatch())
    np.testing.assert_array_equal(bgr.xyxy, rgb.xyxy)
    np.testing.assert_array_equal(bgr.score, rgb.score)


@pytest.mark.parametrize('name', sorted({name for name, _ in EXPECTED}))
def test_boxes_move_with_the_photograph_when_it_is_enlarged(shared_data, models, name):
    image = photograph(shared_data, 'bus')
    double = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    one = models[name](Frame(0, '', image), Stopwatch())
    two = models[name](Frame(0, '', double), Stopwatch())
    # The small one sees 320 pixels: how the image was resized moves its boxes.
    np.testing.assert_allclose(two.xyxy[:4] / 2, one.xyxy[:4], atol=12 if name == COARSE else 4)


def test_the_models_say_what_they_see_and_how_it_was_decided(models):
    assert models['yolox_nano'].summary == (
        'yolox: 416x416 bgr 0 to 255, corner letterbox, 80 classes (person, bicycle, car, ...), '
        'raw boxes (by a probe)')
    assert models['yolov8n_dequant_fp32'].summary == (
        'yolov8: 640x640 rgb 0 to 1, center letterbox, 80 classes (person, bicycle, car, ...)')
    assert models['deimv2_atto_coco_fp32'].summary == (
        'rtdetr: 320x320 rgb 0 to 1, stretched, 80 classes (person, bicycle, car, ...), taken to '
        "be COCO's as nothing names them, boxes finished by the model")


def test_only_the_wanted_class_is_reported(shared_data):
    pytest.importorskip('onnxruntime')
    path = shared_data / 'models' / 'yolox_nano.onnx'
    with open_core(f'onnxruntime.0://{path}') as core:
        model = open_model('yolox', core, DetectionOptions(classes=('bus',)))
        found = model(Frame(0, '', photograph(shared_data, 'bus')), Stopwatch())
    assert [model.labels[index] for index in found.class_id] == ['bus']


def test_outputs_without_the_batch_axis_are_boxes_too(shared_data):
    pytest.importorskip('onnxruntime')
    path = shared_data / 'models' / 'deimv2_atto_coco_int8.onnx'   # coarse, and two persons right
    with open_core(f'onnxruntime.0://{path}') as core:
        assert len(core.specs['labels'].shape) == 1
        model = open_model('rtdetr', core, DetectionOptions(classes=('person',)))
        found = model(Frame(0, '', photograph(shared_data, 'bus')), Stopwatch())
    assert len(found) == 2
    np.testing.assert_allclose(found.xyxy[0], (207, 389, 358, 853), atol=20)


@pytest.mark.parametrize('scheme', ['openvino', 'mnn'])
def test_queries_say_the_same_boxes_on_other_runtimes(shared_data, models, tmp_path, scheme):
    path = shared_data / 'models' / 'deimv2_atto_coco_fp32.onnx'
    if scheme == 'mnn':    # sizes and labels become int32 there
        pytest.importorskip('MNN')
        path = in_mnn(path, tmp_path)
    else:
        pytest.importorskip('openvino')
    frame = Frame(0, '', photograph(shared_data, 'bus'))
    expected = models['deimv2_atto_coco_fp32'](frame, Stopwatch())
    with open_core(f'{scheme}.0://{path}') as core:
        found = open_model('rtdetr', core)(frame, Stopwatch())
    np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=0.5)
    np.testing.assert_allclose(found.score, expected.score, atol=0.005)
    np.testing.assert_array_equal(found.class_id, expected.class_id)


def in_mnn(path, folder):
    """Convert a model as ``faster-deploy convert`` does, for one image."""
    onnx = pytest.importorskip('onnx')
    model = onnx.load(str(path))
    for each in model.graph.input:
        each.type.tensor_type.shape.dim[0].dim_value = 1
    closed = folder / 'closed.onnx'
    onnx.save(model, str(closed))
    return convert(ConvertJob(
        model=closed, output=folder / 'closed.mnn', precision='fp32', card=ModelCard(),
        calibration=None, scratch=folder, report=lambda *_: None)).files[0]


def test_a_group_of_two_runtimes_serves_queries(shared_data):
    for package in ('onnxruntime', 'openvino'):
        pytest.importorskip(package)
    path = shared_data / 'models' / 'deimv2_atto_coco_fp32.onnx'
    frames = [Frame(0, '', photograph(shared_data, name)) for name in ('bus', 'dog')]
    with open_group([f'onnxruntime.0://{path}', f'openvino.0://{path}'], seats=1) as group:
        model = open_model('rtdetr', group)
        for frame in frames:
            found = []
            for index in range(2):
                with group.lease_of(index) as blobs:
                    geometry = model.preprocess(frame, blobs)
                    group.sync_infer(blobs)
                    found.append(model.postprocess(blobs, geometry))
            assert len(found[0]) > 3
            np.testing.assert_allclose(found[0].xyxy, found[1].xyxy, atol=0.5)


def written_as(family, columns):
    """Return the real output ``(84, 8400)`` of yolov8n as another family would write it."""
    boxes, scores = columns[:4].T, columns[4:].T
    if family == 'yolov5':     # each cell's first box is the real one, its others hold nothing
        output = np.zeros((1, 3 * len(boxes), 85), np.float32)
        output[0, ::3] = np.concatenate((boxes, np.ones((len(boxes), 1)), scores), axis=1)
        return output
    best = np.argsort(-scores.max(axis=1))[:300]
    boxes, scores = boxes[best], scores[best]
    if family == 'rtdetr':
        return np.concatenate((boxes / 640, scores), axis=1)[None].astype(np.float32)
    half = boxes[:, 2:] / 2
    return np.concatenate((
        boxes[:, :2] - half, boxes[:, :2] + half, scores.max(axis=1)[:, None],
        scores.argmax(axis=1)[:, None]), axis=1)[None].astype(np.float32)


@pytest.mark.parametrize('family', ['yolov5', 'yolo_end2end', 'rtdetr'])
def test_a_real_output_means_the_same_in_every_familys_writing(shared_data, models, family):
    model = models['yolov8n_dequant_fp32']
    frame = Frame(0, '', photograph(shared_data, 'bus'))
    with model.core.lease() as blobs:
        geometry = model.preprocess(frame, blobs)
        model.core.sync_infer(blobs)
        expected = model.postprocess(blobs, geometry)
        output = written_as(family, blobs.outputs[0].data[0])
    options = DetectionOptions(class_agnostic=family != 'yolov5')   # these have no other NMS
    with core_saying(output, (640, 640)) as core:
        found = open_model(
            family, core, options, card=ModelCard(input=InputCard(letterbox='center')))(
                frame, Stopwatch())
    assert len(expected) == len(found) > 3
    np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=0.01)
    np.testing.assert_allclose(found.score, expected.score, atol=1e-6)
    np.testing.assert_array_equal(found.class_id, expected.class_id)
