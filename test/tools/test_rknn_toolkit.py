# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The NPU's toolkit is given the same network; and the toolkit itself, where it is asked for."""

from importlib.util import module_from_spec, spec_from_file_location
import json
import os
from pathlib import Path
import shutil
import sys
from types import ModuleType

from faster_deploy_ros.cores.rknn.file import read_rknn
import numpy as np
import pytest

onnx = pytest.importorskip('onnx', reason='needs the package onnx')
onnxruntime = pytest.importorskip('onnxruntime', reason='needs the package onnxruntime')

from faster_deploy_ros.tools.cli import main  # noqa: E402
from faster_deploy_ros.tools.convert import to_rknn  # noqa: E402
from faster_deploy_ros.tools.convert.onnx_dfl import replace_dfl  # noqa: E402

NOISE = np.random.default_rng(2)


@pytest.fixture
def script(monkeypatch):
    """Return the toolkit's program as a module, with an empty toolkit under it."""
    package, api = ModuleType('rknn'), ModuleType('rknn.api')
    api.RKNN = None
    monkeypatch.setitem(sys.modules, 'rknn', package)
    monkeypatch.setitem(sys.modules, 'rknn.api', api)
    spec = spec_from_file_location('toolkit_program', to_rknn.TOOLKIT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tail_ends_at_weights_of_the_model_and_not_at_those_of_the_toolkit(script):
    node = onnx.helper.make_node
    graph = onnx.helper.make_graph([
        node('Conv', ['x', 'w1'], ['a']), node('Relu', ['a'], ['b']),
        node('Conv', ['b', 'w2'], ['c']), node('Sigmoid', ['c'], ['d']),
        node('Conv', ['d', 'made_up'], ['e']), node('MatMul', ['b', 'w3'], ['f']),
        node('Concat', ['e', 'f'], ['y'], axis=1)], 'g', [],
        [onnx.helper.make_tensor_value_info('y', onnx.TensorProto.FLOAT, None)])
    assert sorted(script.tail(graph, {'w1', 'w2', 'w3'})) == ['d', 'e', 'y']


def test_both_programs_agree_on_how_they_speak(script):
    assert script.SAID == to_rknn.SAID


def test_the_expected_value_as_a_sum_is_what_the_convolution_was(shared_data):
    path = shared_data / 'models' / 'yolov8n_dequant_fp32.onnx'
    model = onnx.load(path)
    assert replace_dfl(model) == 1
    assert replace_dfl(model) == 0
    onnx.checker.check_model(model)
    image = NOISE.random((1, 3, 640, 640), np.float32)
    one, two = (
        onnxruntime.InferenceSession(each).run(None, {'images': image})[0]
        for each in (str(path), model.SerializeToString()))
    assert np.abs(one - two).max() < 1e-3   # of 640 pixels


@pytest.mark.parametrize('opset', [11, 13])
@pytest.mark.parametrize(('filters', 'bias', 'shape', 'count'), [
    (1, False, [1, 4, 10], 1), (1, True, [1, 4, 10], 0), (2, False, [1, 8, 10], 0),
    (1, False, [1, 40], 0)])
def test_only_a_convolution_that_sums_its_channels_is_rewritten(
        opset, filters, bias, shape, count):
    helper, floats, array = (
        onnx.helper, onnx.TensorProto.FLOAT, onnx.numpy_helper.from_array)
    weights = [array(NOISE.random((filters, 16, 1, 1), np.float32), 'w'),
               array(np.array(shape, np.int64), 'shape')]
    inputs = ['x', 'w']
    if bias:
        weights.append(array(np.ones(filters, np.float32), 'bias'))
        inputs.append('bias')
    graph = helper.make_graph(
        [helper.make_node('Conv', inputs, ['c'], name='dfl'),
         helper.make_node('Reshape', ['c', 'shape'], ['r']),
         helper.make_node('Neg', ['r'], ['y'])], 'g',
        [helper.make_tensor_value_info('x', floats, [1, 16, 4, 10])],
        [helper.make_tensor_value_info('y', floats, shape)], weights)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)
    before = model.SerializeToString()
    assert replace_dfl(model) == count
    onnx.checker.check_model(model)
    x = NOISE.random((1, 16, 4, 10), np.float32)
    one, two = (onnxruntime.InferenceSession(each).run(None, {'x': x})[0]
                for each in (before, model.SerializeToString()))
    assert np.allclose(one, two, atol=1e-4)


# -- the real toolkit -------------------------------------------------------------------------

def photographs(shared_data):
    """Return the folder of the COCO images, wherever in there they lie."""
    return next((shared_data / 'coco_subset').rglob('*.jpg')).parent


@pytest.mark.core
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    os.environ.get('FASTER_DEPLOY_RKNN') != '1',
    reason='FASTER_DEPLOY_RKNN=1 uses the toolkit of Rockchip (scripts/side_venv rknn)')
@pytest.mark.parametrize(('name', 'precision'), [
    ('models/shapes_yolox.onnx', 'fp16'), ('models/shapes_yolox.onnx', 'int8'),
    ('models/yolov8n_dequant_fp32.onnx', 'int8')])
def test_the_real_toolkit_makes_a_model_that_is_still_the_original(
        name, precision, checkout, shared_data, tmp_path, capsys):
    source = checkout / name if (checkout / name).is_file() else shared_data / name
    for path in (source, source.with_suffix('.yaml')):
        if path.is_file():
            shutil.copy(path, tmp_path)
    images = [] if precision == 'fp16' else [
        '--images', 'scene' if 'shapes' in name else str(photographs(shared_data))]
    assert main([
        'convert', str(tmp_path / source.name), '--to', 'rknn', '--precision', precision,
        '--option', 'target=rk3588', *images, '--max-images', '40', '--json']) == 0
    page = json.loads(capsys.readouterr().out)
    print(*page['notes'], sep='\n')
    described = read_rknn('test', Path(page['files'][0]))
    assert described.targets == ('rk3588',)
    scale = 255.0 if 'yolov8' in name else 1.0
    assert set(described.inputs[0].std or ()) == {scale}
