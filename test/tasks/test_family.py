# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Family auto: right where the model tells enough, and a list of candidates where it does not."""

from itertools import product

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks import ModelCard, MODELS, recognise
from faster_deploy_ros.tasks.card import InputCard, OutputCard
from faster_deploy_ros.tasks.recognition.depth_nets import DEPTH_NETS
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from tensor_cores import core_with, tensor

ULTRALYTICS = {'author': 'Ultralytics', 'task': 'detect', 'names': "{0: 'a', 1: 'b'}"}


def image(width=640, height=640, name='images', dtype=np.float32):
    return tensor(name, (1, 3, height, width), True, dtype)


def sizes(dtype=np.int64, shape=(1, 2)):
    return tensor('orig_target_sizes', shape, True, dtype)


def finished(*, batch=(1,), names=('labels', 'boxes', 'scores')):
    return [tensor(names[0], (*batch, 300), dtype=np.int64),
            tensor(names[1], (*batch, 300, 4)), tensor(names[2], (*batch, 300))]


def guess(*specs, metadata=None, card=None, labels=()):
    with core_with(*specs, metadata=metadata) as core:
        return recognise(core, card or ModelCard(), labels)


OPEN = tensor('images', (-1, 3, -1, -1), True)


@pytest.mark.parametrize(('specs', 'family'), [
    # As the projects' own scripts export them; no metadata.
    ([image(416, 416), tensor('output', (1, 3549, 85))], 'yolox'),
    ([image(416, 416), tensor('output', (-1, 3549, 85))], 'yolox'),
    ([image(), tensor('output0', (1, 84, 8400))], 'yolov8'),
    ([image(), tensor('output0', (1, 8400, 84))], 'yolov8'),
    ([image(1280, 1280), tensor('output0', (1, 84, 34000))], 'yolov8'),
    ([image(), tensor('output0', (1, 7, 8400))], 'yolov8'),
    ([OPEN, tensor('output0', (-1, 84, -1))], 'yolov8'),
    ([image(), tensor('output0', (1, 25200, 85))], 'yolov5'),
    ([image(), tensor('output0', (1, 25200, 7))], 'yolov5'),
    ([image(), tensor('output', (1, 25200, 85)), tensor('345', (1, 3, 80, 80, 85)),
      tensor('403', (1, 3, 40, 40, 85)), tensor('461', (1, 3, 20, 20, 85))], 'yolov5'),
    ([image(), tensor('output0', (1, 300, 6))], 'yolo_end2end'),
    ([image(), tensor('output0', (300, 6))], 'yolo_end2end'),
    ([image(), tensor('output0', (-1, 6))], 'yolo_end2end'),
    ([image(), sizes(), *finished()], 'rtdetr'),
    ([image(), sizes(np.int32, (2,)), *finished(batch=())], 'rtdetr'),
    ([image(), sizes(), *finished(names=('out0', 'out1', 'out2'))], 'rtdetr'),
    ([image(), tensor('logits', (1, 300, 80)), tensor('pred_boxes', (1, 300, 4))], 'rtdetr'),
    ([image(), tensor('pred_logits', (1, 300, 4)), tensor('pred_boxes', (1, 300, 4))], 'rtdetr'),
    ([image(), tensor('output0', (1, 300, 84))], 'rtdetr'),
    ([image(518, 518), tensor('depth', (1, 1, 518, 518))], 'depth_anything'),
    ([image(518, 518), tensor('predicted_depth', (1, 518, 518))], 'depth_anything'),
    ([image(518, 518), tensor('output', (1, 518, 518))], 'depth_anything'),
    ([image(686, 350), tensor('depth', (1, 350, 686))], 'depth_anything'),
    ([image(640, 192), tensor('disp', (1, 1, 192, 640))], 'lite_mono'),
    ([image(640, 192), tensor('disp_0', (1, 1, 192, 640)), tensor('disp_1', (1, 1, 96, 320)),
      tensor('disp_2', (1, 1, 48, 160))], 'lite_mono'),
    ([image(640, 192), tensor('depth', (1, 1, 48, 160))], 'metric_depth'),
    ([image(256, 192), tensor('depth', (96, 128))], 'metric_depth'),
    # NHWC, as RKNN and TensorFlow have images.
    ([tensor('images', (1, 416, 416, 3), True, np.uint8), tensor('o', (1, 3549, 85))], 'yolox'),
])
def test_the_tensors_tell(specs, family):
    found, why = guess(*specs)
    assert found == family
    assert why.startswith('by its tensors (')


PLAIN = [image(416, 416), tensor('o', (1, 3549, 7))]        # yolox of 2 classes or yolov8 of 3
FEW = [image(), tensor('o', (1, 300, 6))]
ANY = [image(), tensor('o', (1, -1, 6))]                     # finished, or one for each cell
MAP = [image(256, 256), tensor('797', (1, 256, 256))]       # MiDaS' own export: no word of depth
DEPTH = [image(256, 256), tensor('depth', (1, 1, 256, 256))]


@pytest.mark.parametrize(('specs', 'metadata', 'card', 'labels', 'family'), [
    (PLAIN, {}, None, ('a', 'b'), 'yolox'),
    (PLAIN, {}, None, ('a', 'b', 'c'), 'yolov8'),
    (PLAIN, {'names': "['a', 'b']"}, None, (), 'yolox'),
    (PLAIN, {}, ModelCard(labels=('a', 'b', 'c')), (), 'yolov8'),
    (PLAIN, {'decoded': 'true'}, None, (), 'yolox'),
    (PLAIN, {'description': 'YOLOX-tiny of ours'}, None, (), 'yolox'),
    (PLAIN, ULTRALYTICS, None, (), 'yolov8'),
    (PLAIN, {'family': 'yolox'}, None, ('a', 'b', 'c'), 'yolox'),
    (PLAIN, {'family': 'yolox'}, ModelCard('yolov8'), (), 'yolov8'),
    (FEW, ULTRALYTICS, None, (), 'yolo_end2end'),
    (FEW, {**ULTRALYTICS, 'end2end': 'True'}, None, (), 'yolo_end2end'),
    (FEW, {**ULTRALYTICS, 'args': "{'nms': True}"}, None, (), 'yolo_end2end'),
    (FEW, {'names': "['a', 'b']"}, None, (), 'yolo_end2end'),
    (ANY, {**ULTRALYTICS, 'end2end': 'True'}, None, (), 'yolo_end2end'),
    (ANY, {**ULTRALYTICS, 'args': "{'nms': True}"}, None, (), 'yolo_end2end'),
    (ANY, {**ULTRALYTICS, 'end2end': 'False'}, None, (), 'yolov8'),
    (FEW, {**ULTRALYTICS, 'description': 'Ultralytics rtdetr-l model'}, None, (), 'rtdetr'),
    ([image(), tensor('o', (1, 300, 20))], {'description': 'Ultralytics RT-DETR-l'}, None, (),
     'rtdetr'),
    ([image(), tensor('o', (1, 300, 20))], {}, None, tuple('abcdefghijklmnop'), 'rtdetr'),
    ([OPEN, tensor('o', (1, -1, 85))], {'author': 'Ultralytics'}, None, (), 'yolov5'),
    ([OPEN, tensor('o', (1, 8400, 7))], {'imgsz': '[640, 640]'}, None, ('a', 'b'), 'yolox'),
    ([OPEN, tensor('o', (1, 8400, 7))], {}, ModelCard(input=InputCard((640, 640))),
     ('a', 'b', 'c'), 'yolov8'),
    (MAP, {'description': 'MiDaS v2.1 small'}, None, (), 'midas'),
    (MAP, {}, ModelCard(output=OutputCard(kind='disparity')), (), 'lite_mono'),
    (MAP, {'task': 'depth', 'unit': 'm'}, None, (), 'metric_depth'),
    (MAP, {'unit': 'm'}, None, (), 'metric_depth'),
    (DEPTH, {}, ModelCard(output=OutputCard(unit='cm')), (), 'metric_depth'),
    (DEPTH, {}, ModelCard(output=OutputCard(kind='relative')), (), 'midas'),
    ([image(448, 448), tensor('depth', (1, 448, 448))], {'model_name': 'depth_anything_v2_vits'},
     None, (), 'depth_anything'),
    ([image(518, 518), tensor('depth', (1, 518, 518))], {'unit': 'm'}, None, (),
     'depth_anything'),
])
def test_metadata_card_and_labels_tell_what_the_tensors_do_not(
        specs, metadata, card, labels, family):
    assert guess(*specs, metadata=metadata, card=card, labels=labels).family == family


@pytest.mark.parametrize(('specs', 'words'), [
    (PLAIN, 'more than one fits .*yolox with 2 classes .*; yolov8 with 3 .*, or labels'),
    ([OPEN, tensor('o', (1, -1, 85))], 'more than one fits .*yolox with 80 .*; yolov5 with 80'),
    ([OPEN, tensor('o', (-1, -1, -1))], 'more than one fits .*depth_anything .*; midas'),
    ([image(64, 64), tensor('o', (1, 84, 85))],   # 84 cells, and 84 = 4 + 80
     'more than one fits .*yolox with 80 .*; yolov8 with 80'),
    (DEPTH, r'more than one fits .*midas \(.*; metric_depth .*family in the model card$'),
    (MAP, 'more than one fits .*midas .*; lite_mono .*; metric_depth'),
    ([image(448, 448), tensor('depth', (1, 448, 448))],
     'more than one fits .*depth_anything .*; midas .*; metric_depth'),
    ([image(), tensor('mask', (1, 1, 160, 160))],
     'it may be metric_depth .*1/4 of the input.*, and nothing says that it is'),
    # Networks that are none of ours.
    ([tensor('x', (1, 3, 224, 224), True), tensor('y', (1, 1000))], 'no known family'),
    ([image(224, 224), tensor('y', (1, 196, 768))],
     'it may be rtdetr with 764 classes .*, and nothing says that it is'),
    ([image(224, 224), tensor('y', (1, 21, 224, 224))], 'no known family'),
    ([image(), tensor('boxes', (-1, 4)), tensor('labels', (-1,), dtype=np.int64),
      tensor('scores', (-1,))], 'no known family'),               # torchvision's
    ([image(), tensor('logits', (1, 100, 92)), tensor('pred_boxes', (1, 100, 4))],
     'it may be rtdetr with 92 classes .*logits and boxes of 100 queries'),   # the first DETR
    ([image(), tensor('o', (1, 116, 8400)), tensor('protos', (1, 32, 160, 160))], 'no known'),
    ([image(), tensor('o', (1, 25200, 117)), tensor('protos', (1, 32, 160, 160))], 'no known'),
    ([image(), tensor('left', (1, 3, 640, 640), True), tensor('disp', (1, 1, 640, 640))],
     'no known family'),                                          # stereo
    ([image(), tensor('scale_factor', (1, 2), True), tensor('o', (100, 6))], 'no known'),
    ([tensor('x', (1, 16), True), tensor('y', (1, 300, 6))], 'no known family'),
    ([image(560, 560), tensor('dets', (1, 300, 4)), tensor('labels', (1, 300, 91))],
     "it may be rtdetr with 91 classes .*as RF-DETR's, which wants the mean and std of ImageNet"),
    ([image(), tensor('logits', (1, 300, 91)), tensor('pred_boxes', (1, 300, 4))],
     'it may be rtdetr with 91 classes'),                         # Deformable DETR
    ([image(), tensor('outputs', (1, 8400, 85))],
     "it may be yolox with 80 classes .*named as YOLOv6's, which is of no family here"),
    ([image(320, 320), tensor('o', (1, 2125, 112))],              # NanoDet-Plus
     'more than one fits .*yolox with 107 .*; yolov8 with 108'),
    ([image(), tensor('num_dets', (1, 1), dtype=np.int32), tensor('det_boxes', (1, 100, 4)),
      tensor('det_scores', (1, 100)), tensor('det_classes', (1, 100), dtype=np.int32)],
     'no known family'),                                          # YOLOv7 with a TensorRT plug-in
    ([image()], 'no known family'),
    ([image(), tensor('o', (1, 5000, 6))], 'no known family'),
    ([image(256, 192), tensor('depth', (1, 1, 6, 8))], 'no known family'),      # features
    ([image(64, 64), tensor('a', (1, 1, 64, 64)), tensor('b', (1, 1, 64, 64))],
     'no known family'),
    ([image(98, 70), tensor('797', (1, 1, 70, 98))], 'it may be depth_anything '),
    ([OPEN, tensor('o', (2, 84, 8400))], "output 'o' .* is for 2 images, expected 1; export the "),
    ([tensor('images', (4, 3, 640, 640), True), tensor('o', (4, 84, 8400))],
     "input 'images' .* is for 4 images, expected 1; export the model for batch 1"),
])
def test_what_is_not_clear_is_an_error_with_the_candidates_and_the_remedy(specs, words):
    with pytest.raises(BlobMismatch, match=f"^family 'auto': {words}") as caught:
        guess(*specs)
    assert 'et the parameter family' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_map_that_is_called_depth_is_no_disparity():
    with pytest.raises(BlobMismatch, match=r'more than one fits .*midas .*metric_depth') as caught:
        guess(*DEPTH)
    assert 'lite_mono' not in str(caught.value)


@pytest.mark.parametrize('task', ['segment', 'pose', 'obb', 'classify'])
def test_a_model_of_another_task_is_refused_by_its_own_word(task):
    with pytest.raises(BlobMismatch, match=f"says task '{task}', expected detect or depth"):
        guess(image(), tensor('output0', (1, 84, 8400)), metadata={'task': task})


def test_the_task_in_the_metadata_bars_families_of_the_other():
    with pytest.raises(BlobMismatch, match='yolov8'):
        guess(*PLAIN, metadata={'task': 'depth'})
    assert guess(*DEPTH, metadata={'task': 'detect', 'unit': 'm'}).family == 'metric_depth'


def test_the_families_of_depth_are_those_of_the_table():
    depth = {name for name, entry in MODELS.entries.items() if '.tasks.depth.' in entry.target}
    assert depth == set(DEPTH_NETS)


REAL = [
    ('yolox_nano.onnx', 'onnxruntime', 'yolox', ''), ('yolox_nano.mnn', 'mnn', 'yolox', ''),
    ('yolox_nano_ncnn/yolox_nano.param', 'ncnn', 'yolox', '?input=1x3x416x416'),
    ('yolov8n_int8.onnx', 'onnxruntime', 'yolov8', ''),
    ('yolov8n_dequant_fp32.onnx', 'openvino', 'yolov8', ''),
    ('yolov8n_ncnn/yolov8n.ncnn.param', 'ncnn', 'yolov8', '?input=1x3x640x640'),
    ('deimv2_atto_coco_fp32.onnx', 'onnxruntime', 'rtdetr', ''),
    ('deimv2_atto_coco_fp32.onnx', 'openvino', 'rtdetr', ''),
    ('deimv2_atto_coco_int8.onnx', 'onnxruntime', 'rtdetr', ''),
    ('meter_xxs_kitti_192x640.onnx', 'onnxruntime', 'metric_depth', ''),
    ('meter_xxs_nyu_192x256.onnx', 'onnxruntime', 'metric_depth', ''),
    ('meter_xxs_nyu_192x256.onnx', 'openvino', 'metric_depth', '')]


@pytest.mark.core
@pytest.mark.parametrize(('name', 'runtime', 'family', 'options'), REAL)
def test_the_family_of_a_real_model_is_told(shared_data, name, runtime, family, options):
    pytest.importorskip(runtime.upper() if runtime == 'mnn' else runtime,
                        reason=f'{runtime} is not installed')
    path = shared_data / 'models' / name
    with open_core(f'{runtime}.0://{path}{options}', seats=1) as core:
        assert recognise(core, ModelCard()).family == family


@pytest.mark.core
@pytest.mark.parametrize('model', ['shapes_yolox', 'rooms_depth'])
def test_the_family_of_a_shipped_model_is_told_without_its_card_too(checkout, model):
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    path = checkout / 'models' / f'{model}.onnx'
    if not path.is_file():
        pytest.skip(f'{path.name} is not there yet')
    with open_core(path, seats=1) as core:
        assert recognise(core, ModelCard()).family == (
            'yolox' if model == 'shapes_yolox' else 'metric_depth')


axes = st.sampled_from((-1, 1, 2, 3, 4, 5, 6, 7, 14, 32, 64, 80, 84, 85, 100, 126, 300, 378, 518))
shapes = st.lists(axes, min_size=0, max_size=5).map(tuple)
names = st.sampled_from((
    'output', 'boxes', 'scores', 'labels', 'logits', 'pred_boxes', 'dets', 'depth', 'disp', 'x'))
kinds = st.sampled_from((np.float32, np.int64, np.uint8))
outputs = st.lists(st.tuples(names, shapes, kinds), max_size=4, unique_by=lambda one: one[0])
inputs = st.lists(st.one_of(
    st.sampled_from(((1, 3, 64, 96), (-1, 3, -1, -1), (1, 64, 96, 3), (1, 3, 518, 518), (1, 2))),
    shapes), max_size=3)
tellings = st.dictionaries(
    st.sampled_from(('task', 'unit', 'names', 'author', 'description', 'end2end', 'args',
                     'imgsz', 'decoded')),
    st.sampled_from(('', 'depth', 'detect', 'm', "['a']", 'Ultralytics', 'midas', 'RT-DETR',
                     'True', 'False', "{'nms': True}", '[64, 96]', '[', 'yolox')))


@settings(max_examples=400, deadline=None)
@given(inputs=inputs, outputs=outputs, metadata=tellings,
       output=st.builds(OutputCard, kind=st.sampled_from((None, 'metric', 'disparity'))))
def test_whatever_tensors_there_are_the_answer_is_a_family_or_the_one_error(
        inputs, outputs, metadata, output):
    specs = [tensor(f'in{index}', shape, True) for index, shape in enumerate(inputs)]
    specs += [tensor(name, shape, dtype=dtype) for name, shape, dtype in outputs]
    try:
        found = guess(*specs, metadata=metadata, card=ModelCard(output=output))
    except BlobMismatch as error:
        said = str(error)
    else:
        said = found.family
    assert said in MODELS or said.startswith("family 'auto': ")


@pytest.mark.parametrize(('width', 'height', 'classes'), list(product(
    (96, 320, 416), (64, 640), (1, 2, 3, 5, 17, 80, 91, 365))))
def test_dense_detectors_of_any_size_are_told_by_the_number_of_their_labels(
        width, height, classes):
    cells = sum((width // stride) * (height // stride) for stride in (8, 16, 32))
    names = tuple(map(str, range(classes)))
    for family, shape in (
            ('yolox', (1, cells, 5 + classes)), ('yolov8', (1, 4 + classes, cells)),
            ('yolov8', (1, cells, 4 + classes)), ('yolov5', (1, 3 * cells, 5 + classes))):
        assert guess(image(width, height), tensor('o', shape), labels=names).family == family
