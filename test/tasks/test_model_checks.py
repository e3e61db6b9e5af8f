# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A model that is of another kind is refused when it is opened, with what would help."""

from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import BlobMismatch, LoadFailed, UnknownName, Unsupported
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DetectionOptions, ModelCard, MODELS, open_model
from faster_deploy_ros.tasks.card import InputCard, OutputCard
from faster_deploy_ros.tasks.card_check import DETECTORS
from faster_deploy_ros.tasks.recognition.depth_nets import DEPTH_NETS
import numpy as np
import pytest
from tensor_cores import core_saying, core_with, tensor

IMAGE = tensor('images', (1, 3, 416, 416), is_input=True)
RAW = tensor('output', (1, 3549, 85))
COLUMNS = tensor('output0', (1, 84, 3549))


@pytest.mark.parametrize(('family', 'specs', 'message'), [
    ('yolox', [IMAGE, COLUMNS],
     (r"got output 'output0' float32 \[1, 84, 3549\], expected float32 \[1, 3549, 5 \+ classes\] "
      'for an input of 416x416; classes before boxes is the layout of family yolov8')),
    ('yolov8', [IMAGE, RAW, tensor('protos', (1, 32, 104, 104))],
     "the model has 2 outputs .output 'output' .*, expected 1 output.*set the parameter family"),
    ('yolox', [IMAGE, tensor('output', (1, 8400, 85))], 'or exported for another size'),
    ('yolox', [IMAGE, tensor('output', (1, 3549, 5))], 'expected float32'),
    ('yolox', [IMAGE, tensor('output', (3549, 85))], 'expected float32'),
    ('yolox', [IMAGE, tensor('output', (2, 3549, 85))], 'expected float32'),
    ('yolov8', [IMAGE, tensor('output0', (1, 300, 6))],
     'suppression inside: that is family yolo_end2end'),
    ('yolov8', [IMAGE, tensor('output0', (1, 4, 3549))], 'expected float32'),
    ('yolov8', [IMAGE, tensor('output0', (1, 84, 8400))], r'4 \+ classes, 3549. or transposed'),
    ('yolov8', [IMAGE, tensor('output0', (1, 84, 3549), dtype=np.float16)],
     'expected float32; export'),
    ('yolov8', [tensor('images', (1, 3, 416, 416), True, np.float16), COLUMNS],
     "got input 'images' float16"),
    ('yolov8', [tensor('images', (1, 3, 416, 416), True, np.int8), COLUMNS],
     "got input 'images' int8"),
    ('yolov8', [tensor('images', (1, 416, 416, 4), True), COLUMNS], '1, height, width, 3'),
    ('yolov8', [tensor('images', (4, 3, 416, 416), True), COLUMNS], 'for one image'),
    ('yolov8', [tensor('images', (1, 3, 416), True), COLUMNS], 'expected .1, 3, height'),
    ('yolov8', [tensor('images', (1, 3, 400, 416), True), COLUMNS], 'multiples of 32'),
    ('yolov8', [tensor('images', (1, 3, -1, -1), True), COLUMNS],
     'leaves the size open; set the parameter card.input.size'),
    ('yolov8', [IMAGE, tensor('size', (1, 2), True), COLUMNS], 'the model has 2 inputs'),
    ('yolov8', [IMAGE], r'the model has 0 outputs \(none\)'),
])
def test_wrong_tensors_are_named_with_what_was_expected(family, specs, message):
    with core_with(*specs) as core:
        with pytest.raises(BlobMismatch, match=message):
            open_model(family, core)


def test_sizes_that_contradict_the_model_are_refused():
    with core_with(IMAGE, COLUMNS) as core:
        with pytest.raises(BlobMismatch, match='has the size 416x416, expected 640x640'):
            open_model('yolov8', core, card=ModelCard(input=InputCard(size=(640, 640))))
        with pytest.raises(BlobMismatch, match='has the size 416x416, expected 320x416'):
            open_model('yolov8', core, card=ModelCard(input=InputCard(size=(320, 416))))


def test_a_layout_that_contradicts_the_shape_is_refused_and_one_that_agrees_is_not():
    with core_with(IMAGE, COLUMNS) as core:
        with pytest.raises(BlobMismatch, match='is NCHW, expected NHWC as the model card'):
            open_model('yolov8', core, card=ModelCard(input=InputCard(layout='NHWC')))
        open_model('yolov8', core, card=ModelCard(input=InputCard(layout='NCHW')))


@pytest.mark.parametrize('layout', ['NCHW', 'NHWC'])
def test_where_no_shape_tells_the_layout_the_card_does(layout):
    anything = tensor('images', (-1, -1, -1, -1), is_input=True)
    card = ModelCard(input=InputCard((64, 32), layout=layout))
    with core_with(anything, tensor('o', (1, 7, -1))) as core:
        model = open_model('yolov8', core, card=card)
        with core.lease() as blobs:
            model.preprocess(Frame(0, '', np.full((32, 64, 3), 255, np.uint8)), blobs)
            assert blobs['images'].data.shape == (
                (1, 3, 32, 64) if layout == 'NCHW' else (1, 32, 64, 3))
            assert (blobs['images'].data == 1).all()


@pytest.mark.parametrize('channels', [1, 4])
def test_an_input_of_other_than_three_colours_is_refused_by_their_number(channels):
    grey = tensor('images', (1, channels, 416, 416), True)
    with core_with(grey, COLUMNS) as core:
        with pytest.raises(BlobMismatch, match=f'takes {channels} channels, expected 3'):
            open_model('yolov8', core)


DEPTH = [tensor('image', (1, 3, 64, 64), True), tensor('depth', (1, 1, 64, 64))]
ENDED = [IMAGE, tensor('o', (1, 300, 6))]


@pytest.mark.parametrize(('family', 'specs', 'card', 'message'), [
    ('yolov8', [IMAGE, COLUMNS], ModelCard(output=OutputCard(unit='m')),
     "yolov8: card.output.unit is 'm' for a detector, expected nothing.*only depth nets"),
    ('yolov8', [IMAGE, COLUMNS], ModelCard(output=OutputCard(scale=2.0)), 'card.output.scale'),
    ('yolov8', [IMAGE, COLUMNS], ModelCard(output=OutputCard(kind='metric')), 'card.output.kind'),
    ('yolov8', [IMAGE, COLUMNS], ModelCard(output=OutputCard(decoded=False)),
     'yolov8: card.output.decoded is false, expected true or nothing: boxes of this family'),
    ('yolo_end2end', ENDED, ModelCard(output=OutputCard(decoded=False)), 'decoded is false'),
    ('metric_depth', DEPTH, ModelCard(output=OutputCard(decoded=True)),
     'metric_depth: card.output.decoded is True for a depth net, expected nothing: only detect'),
    ('metric_depth', DEPTH, ModelCard(labels=('wall',)), r"card.labels is .'wall',. for a depth"),
])
def test_a_card_that_says_what_the_family_cannot_mean_is_refused(family, specs, card, message):
    with core_with(*specs) as core:
        with pytest.raises(BlobMismatch, match=message):
            open_model(family, core, card=card)
        with pytest.raises(BlobMismatch, match=message):
            open_model(family, core, card=ModelCard(family), over=card)


def test_card_and_parameters_that_contradict_each_other_are_refused():
    with core_with(*DEPTH) as core:
        with pytest.raises(BlobMismatch, match=r"unit is 'm' and kind is 'relative'.*parameters"):
            open_model('midas', core, card=ModelCard(output=OutputCard(kind='relative')),
                       over=ModelCard(output=OutputCard(unit='m')))


def test_the_model_tells_why_it_is_of_its_family_where_nobody_had_said_it():
    with core_with(IMAGE, COLUMNS) as core:
        assert open_model('yolov8', core).chosen == ''
        by_card = open_model('auto', core, card=ModelCard('yolov8'))
        assert by_card.introduction == f'{by_card.summary}; family yolov8 by its card'


def test_the_families_that_cards_are_checked_for_are_those_of_the_table():
    assert sorted((*DETECTORS, *DEPTH_NETS)) == list(MODELS)


@pytest.mark.parametrize(('options', 'metadata', 'message'), [
    ({'labels': ('a', 'b')}, {}, 'the parameter labels has 2, expected 80'),
    ({}, {'names': "{0: 'a'}"}, "the model's metadata has 1, expected 80"),
])
def test_a_wrong_number_of_labels_is_refused(options, metadata, message):
    with core_with(IMAGE, COLUMNS, metadata=metadata) as core:
        with pytest.raises(BlobMismatch, match=message):
            open_model('yolov8', core, DetectionOptions(**options))


def test_a_model_of_another_task_is_refused():
    with core_with(IMAGE, COLUMNS, metadata={'task': 'pose'}) as core:
        with pytest.raises(Unsupported, match="task 'pose', expected 'detect'"):
            open_model('yolov8', core)


def test_an_unknown_family_is_named_with_a_near_one():
    with core_with(IMAGE, COLUMNS) as core:
        with pytest.raises(UnknownName, match=r"model family 'yolo8'.*Did you mean 'yolov8'"):
            open_model('yolo8', core)


def test_the_table_knows_the_families():
    assert list(MODELS) == [
        'depth_anything', 'lite_mono', 'metric_depth', 'midas', 'rtdetr', 'yolo_end2end', 'yolov5',
        'yolov8', 'yolox', 'yolox_legacy']


@pytest.mark.parametrize(('output', 'labels', 'metadata', 'card', 'family'), [
    (RAW, (), {'decoded': 'false'}, ModelCard(), 'yolox'),
    (COLUMNS, (), {}, ModelCard(), 'yolov8'),
    (tensor('o', (1, 3549, 84)), (), {}, ModelCard(), 'yolov8'),
    (tensor('o', (1, 3549, 7)), ('a', 'b'), {'decoded': 'false'}, ModelCard(), 'yolox'),
    (tensor('o', (1, 3549, 7)), ('a', 'b', 'c'), {}, ModelCard(), 'yolov8'),
    (tensor('o', (1, 3549, 7)), (), {'names': "['a', 'b', 'c']"}, ModelCard(), 'yolov8'),
    (tensor('o', (1, 3549, 7)), (), {},
     ModelCard('yolox', output=OutputCard(decoded=True)), 'yolox'),
    (tensor('o', (1, 3549, 7)), (), {'author': 'Ultralytics'}, ModelCard(), 'yolov8'),
    (tensor('o', (1, 3549, 7)), (), {'family': 'yolov8'}, ModelCard(), 'yolov8'),
    (tensor('o', (1, 7, -1)), (), {}, ModelCard(), 'yolov8'),
])
def test_auto_tells_the_family_by_card_metadata_or_shape(
        output, labels, metadata, card, family):
    with core_with(IMAGE, output, metadata=metadata) as core:
        model = open_model('auto', core, DetectionOptions(labels=labels), card=card)
        assert model.family == family
        assert model.summary.startswith(f'{family}: 416x416')


def test_auto_counts_the_cells_where_there_are_more_classes_than_boxes():
    small = tensor('images', (1, 3, 64, 96), is_input=True)
    many = DetectionOptions(labels=tuple(map(str, range(145))))
    raw = ModelCard(output=OutputCard(decoded=False))
    with core_with(small, tensor('o', (1, 126, 150))) as core:
        assert open_model('auto', core, many, card=raw).family == 'yolox'


@pytest.mark.parametrize(('specs', 'message'), [
    ([IMAGE, tensor('o', (1, 3549, 7))],
     'yolox with 2 classes .*; yolov8 with 3 classes .*family, or .* labels'),
    ([IMAGE, RAW, COLUMNS], 'no known family has these tensors: .*output0.*parameter family'),
    ([IMAGE, tensor('depth', (1, 1, 48, 160))], 'no known family'),
])
def test_auto_lists_the_families_when_it_cannot_tell(specs, message):
    with core_with(*specs) as core:
        with pytest.raises(BlobMismatch, match=f"family 'auto': .*{message}"):
            open_model('auto', core)


def test_the_card_beside_the_models_file_is_read(tmp_path):
    (tmp_path / 'tiny.yaml').write_text(
        'family: yolox\nlabels: [ball, cone, box]\noutput: {decoded: false}\n')
    core = MockCore(
        f'mock.0://{tmp_path}/tiny.onnx', specs=[IMAGE, tensor('o', (1, 3549, 8))],
        script=lambda blobs: None)
    core.load()
    with core:
        model = open_model('auto', core)
        assert (model.family, model.labels) == ('yolox', ('ball', 'cone', 'box'))
        (tmp_path / 'tiny.yaml').write_text('famly: yolox')
        with pytest.raises(LoadFailed, match=r"tiny.yaml': .*'famly'"):
            open_model('auto', core)


def test_an_output_of_open_shape_that_comes_in_another_shape_fails_the_frame():
    wrong = np.zeros((1, 7, 5), np.float32)
    with core_saying(wrong, (96, 64), output_shape=(1, 7, -1)) as core:
        model = open_model('yolov8', core)
        with pytest.raises(BlobMismatch, match=r'came as \(1, 7, 5\), expected \(1, 7, 126\)'):
            model(Frame(0, '', np.zeros((4, 4, 3), np.uint8)), Stopwatch())
