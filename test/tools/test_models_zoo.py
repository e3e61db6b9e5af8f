# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The table of models: every row can be fetched, read and believed as far as a test can tell."""

import re
from urllib.parse import urlsplit

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import UnknownName
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DepthMap, Detections, MODELS, open_model
from faster_deploy_ros.tasks.card import read_card
from faster_deploy_ros.tools.models.cache import write_card
from faster_deploy_ros.tools.models.model import DEPTH, DETECTION
from faster_deploy_ros.tools.models.zoo import find, known_by, ZOO
import numpy as np
import pytest

PERMISSIVE = ('Apache-2.0', 'MIT', 'BSD-3-Clause')
FETCHABLE = [name for name, row in ZOO.items() if row.asset]
IMAGE = ('b', 3, 'h', 'w')
# What the published files take and give, as their makers and users write it down:
# name -> input, outputs with the shape for one image of the card's size.
INTERFACES = {
    'yolox_nano': (('images', (1, 3, 416, 416)), [('output', (1, 3549, 85))]),
    'yolox_tiny': (('images', (1, 3, 416, 416)), [('output', (1, 3549, 85))]),
    'yolox_s': (('images', (1, 3, 640, 640)), [('output', (1, 8400, 85))]),
    **dict.fromkeys(('dfine_n', 'dfine_s', 'rtdetr_v2_r18'), (
        ('pixel_values', IMAGE), [('logits', (1, 300, 80)), ('pred_boxes', (1, 300, 4))])),
    'depth_anything_v2_small': (
        ('pixel_values', IMAGE), [('predicted_depth', (1, 518, 518))]),
    'depth_anything_v2_small_indoor': (('image', IMAGE), [('depth', (1, 518, 518))]),
    'midas_small': (('0', (1, 3, 256, 256)), [('797', (1, 256, 256))]),
    'yolov8n': (('images', (1, 3, 640, 640)), [('output0', (1, 84, 8400))]),
    'yolov10n': (('images', (1, 3, 640, 640)), [('output0', (1, 300, 6))]),
}


@pytest.mark.parametrize('name', ZOO)
def test_a_row_says_what_is_needed(name):
    row = ZOO[name]
    assert re.fullmatch(r'[a-z0-9_]+', name)
    assert row.file == f'{name}.onnx'
    assert row.task in (DETECTION, DEPTH)
    assert row.card.family in MODELS
    assert row.licence in PERMISSIVE or row.is_copyleft
    assert urlsplit(row.source).scheme == 'https'
    assert (row.asset is None) == bool(row.export), 'either a file, or how to make it'


@pytest.mark.parametrize('name', FETCHABLE)
def test_an_address_cannot_change_its_content(name):
    asset = ZOO[name].asset
    parts = urlsplit(asset.url)
    assert parts.scheme == 'https'
    assert not parts.username
    assert not parts.query
    assert parts.path.endswith('.onnx')
    if parts.hostname == 'huggingface.co':
        assert re.search(r'/resolve/[0-9a-f]{40}/', parts.path), 'a branch moves on'
    else:
        assert parts.hostname == 'github.com'
        assert '/releases/download/' in parts.path
    assert re.fullmatch('[0-9a-f]{64}', asset.sha256)
    assert asset.size is None or asset.size > 1e6
    assert asset.vouched
    assert known_by(asset.sha256) is ZOO[name], 'no two rows are the same file'


def test_known_facts_of_yolox_nano():
    asset = find('yolox_nano').asset
    assert asset.url.startswith('https://github.com/Megvii-BaseDetection/YOLOX/releases/')
    assert asset.size == 3_659_407
    assert asset.sha256 == 'c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d'


@pytest.mark.parametrize('name', ZOO)
def test_the_card_that_is_written_says_all_that_the_row_knows(name, tmp_path):
    row = ZOO[name]
    text = write_card(row, tmp_path / row.file).read_text()
    card = read_card(tmp_path / f'{name}.yaml')
    assert (card.family, card.labels) == (row.card.family, row.card.labels)
    assert (card.input, card.output) == (row.card.input, row.card.output)
    assert card.sha256 == ((row.asset.sha256,) if row.asset else ())
    assert f'licence: {row.licence}' in text
    assert f'source: {row.source}' in text


@pytest.mark.core
@pytest.mark.parametrize('name', FETCHABLE)
def test_the_card_fits_the_interface_of_the_published_file(name, tmp_path):
    """A model of those tensors and no content opens by the card and gives what a node takes."""
    pytest.importorskip('onnxruntime')
    row, (image, outputs) = ZOO[name], INTERFACES[name]
    path = tmp_path / 'm.onnx'   # another name: the card is of the real file
    # Depth of 1 everywhere; logits or scores of nothing.
    fill = 1 if row.task == DEPTH else -9 if row.card.family == 'rtdetr' else 0
    path.write_bytes(hollow(image, outputs, fill))
    picture = np.full((480, 640, 3), 90, np.uint8)
    with open_core(f'onnxruntime.0://{path}', seats=1) as core:
        model = open_model('auto', core, card=row.card)
        result = model(Frame(0, 'camera', picture, 'bgr8'), Stopwatch())
    if row.task == DETECTION:
        assert isinstance(result, Detections)
        assert len(result) == 0
    else:
        assert isinstance(result, DepthMap)
        assert result.depth.shape == (480, 640)
        assert result.kind == row.card.output.kind


def test_every_published_interface_is_tried():
    assert INTERFACES.keys() == set(FETCHABLE)


def test_an_unknown_name_is_refused_with_a_guess():
    with pytest.raises(UnknownName, match=r"named 'yolox_nono'.*Did you mean 'yolox_nano'\?"):
        find('yolox_nono')


def hollow(image, outputs, fill):
    """Return an ONNX model whose outputs are one number everywhere."""
    make_models = pytest.importorskip('make_models', reason='needs the package onnx')
    onnx = make_models.helper
    name, shape = image
    nodes = [onnx.make_node('ReduceMean', [name], ['mean'], axes=[0, 1, 2, 3], keepdims=0),
             onnx.make_node('Sub', ['mean', 'mean'], ['nothing'])]
    weights = []
    for output, size in outputs:
        weights += [make_models.numpy_helper.from_array(np.array(size, np.int64), f'{output}_s')]
        nodes += [
            onnx.make_node(
                'ConstantOfShape', [f'{output}_s'], [f'{output}_c'],
                value=make_models.numpy_helper.from_array(np.array([fill], np.float32))),
            onnx.make_node('Add', [f'{output}_c', 'nothing'], [output])]
    declared = [make_models.tensor(output, open_shape(shape, size)) for output, size in outputs]
    return make_models.model(
        nodes, [make_models.tensor(name, shape)], declared, weights=weights)


def open_shape(image, shape):
    """Return an output's shape with open dimensions where the input has them."""
    if image[0] != 'b':
        return shape
    return ('b', 'oh', 'ow') if shape[-1] == shape[-2] else ('b', *shape[1:])
