# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX models become ncnn models that say the same: same names, order, shapes and numbers."""

from importlib.util import find_spec
from pathlib import Path
import sys

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import ConvertFailed, Unavailable, Unsupported
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import ModelCard, open_model
import numpy as np
import pytest

onnx = pytest.importorskip('onnx', reason='needs the package onnx')
for needed in ('onnxruntime', 'ncnn'):
    pytest.importorskip(needed, reason=f'needs the package {needed}')
if find_spec('pnnx') is None:
    pytest.skip('needs the package pnnx', allow_module_level=True)


from faster_deploy_ros.tools.convert import to_ncnn  # noqa: E402  # what it needs is there
from faster_deploy_ros.tools.convert.job import ConvertJob  # noqa: E402
from faster_deploy_ros.tools.convert.onnx_focus import replace_focus  # noqa: E402
import make_models  # noqa: E402
from make_models import helper, numpy_helper, tensor  # noqa: E402

pytestmark = pytest.mark.core

RNG = np.random.default_rng(0)
WEIGHTS = numpy_helper.from_array(RNG.standard_normal((4, 3, 3, 3)).astype(np.float32), 'w')
CONV = helper.make_node('Conv', ['x', 'w'], ['c'], pads=[1, 1, 1, 1])
IMAGE = (1, 3, 8, 10)


@pytest.fixture
def convert(tmp_path):
    """Return a function that converts a model, from its path or its bytes."""
    def run(model, precision='fp32'):
        if isinstance(model, bytes):
            (tmp_path / 'tiny.onnx').write_bytes(model)
            model = tmp_path / 'tiny.onnx'
        scratch, folder = tmp_path / 'scratch', tmp_path / 'out'
        scratch.mkdir()
        folder.mkdir()
        made = to_ncnn.convert(ConvertJob(
            Path(model), folder / 'made.param', precision, ModelCard(), None, scratch,
            lambda *_: None))
        assert sorted(folder.iterdir()) == sorted(made.files)
        return made, model

    return run


def both(made, original, scale=1.0):
    """Run both on the same noise; return specs and outputs of each."""
    results, inputs = [], {}
    for uri in (original, made.files[0]):
        with open_core(uri) as core, core.lease() as blobs:
            for blob in blobs.inputs:
                noise = np.random.default_rng(1).random(blob.shape, np.float32) * scale
                blob.data[...] = inputs.setdefault(blob.spec.name, noise)
            core.sync_infer(blobs)
            results.append((
                [(name, spec.shape) for name, spec in core.specs.items()],
                {blob.spec.name: blob.data.copy() for blob in blobs.outputs}))
    return results


def assert_same(made, original, tolerance=1e-5, scale=1.0):
    """Expect the same tensors in the same order, and numbers within the tolerance."""
    (specs, expected), (own_specs, found) = both(made, original, scale)
    assert own_specs == specs
    for name, value in expected.items():
        assert np.abs(found[name] - value).max() <= tolerance, name


REAL = {   # model, what white is, the largest difference of any number
    'yolox_nano': ('{data}/models/yolox_nano.onnx', 255.0, 2e-4),
    'yolov8n': ('{data}/models/yolov8n_dequant_fp32.onnx', 1.0, 1e-2),   # pixels, up to 640
    'shapes': ('{checkout}/models/shapes_yolox.onnx', 1.0, 2e-5)}


@pytest.mark.parametrize('name', REAL)
def test_a_real_detector_gives_the_numbers_and_the_boxes_of_its_original(
        convert, shared_data, checkout, name):
    cv2 = pytest.importorskip('cv2')
    text, scale, tolerance = REAL[name]
    made, original = convert(Path(text.format(data=shared_data, checkout=checkout)))
    assert_same(made, original, tolerance, scale)
    assert bool(made.notes) == (name == 'yolox_nano')   # its Focus was replaced
    card = None if name == 'shapes' else ModelCard()
    with open_core(original) as one, open_core(made.files[0]) as other:
        if card is None:
            card = open_model('auto', one).card
        models = [open_model('auto', core, card=card) for core in (one, other)]
        for path in ('bus.jpg', 'dog.jpg', 'zidane.jpg'):
            image = cv2.imread(str(shared_data / 'images' / path))
            a, b = (model(Frame(0, 'camera', image, 'bgr8'), Stopwatch()) for model in models)
            assert len(a) == len(b)
            assert len(a) or name == 'shapes'
            assert a.class_id.tolist() == b.class_id.tolist()
            assert np.allclose(a.xyxy, b.xyxy, atol=0.1)   # pixels
            assert np.allclose(a.score, b.score, atol=1e-4)


def test_half_precision_makes_the_weights_smaller_and_is_said(convert, checkout):
    made, original = convert(checkout / 'models' / 'shapes_yolox.onnx', 'fp16')
    assert made.files[1].stat().st_size < 0.65 * original.stat().st_size
    assert any('?precision=fp16' in note for note in made.notes)
    assert_same(made, original, 0.02)


def test_int8_is_refused_with_what_to_do(convert, tiny_models_path):
    with refused(Unsupported, 'ncnn2int8', 'fp16'):
        convert(tiny_models_path('two_inputs'), 'int8')


@pytest.fixture
def tiny_models_path(tmp_path):
    """Return a function from the name of a tiny ONNX model to its path."""
    return lambda name: make_models.write(tmp_path, name)


def test_names_and_order_of_inputs_and_outputs_are_the_originals(convert):
    """The order in ncnn is that of the file, where 'early' comes before 'sum'."""
    made, original = convert(make_models.model([
        helper.make_node('Conv', ['x', 'w'], ['a'], pads=[1, 1, 1, 1]),
        helper.make_node('Conv', ['before', 'w'], ['b'], pads=[1, 1, 1, 1]),
        helper.make_node('Sigmoid', ['a'], ['early']),
        helper.make_node('Add', ['early', 'b'], ['sum']),
        helper.make_node('GlobalAveragePool', ['sum'], ['p']),
        helper.make_node('Flatten', ['p'], ['last'])],
        [tensor('before', IMAGE), tensor('x', IMAGE)],
        [tensor('sum', (1, 4, 8, 10)), tensor('last', (1, 4)), tensor('early', (1, 4, 8, 10))],
        weights=[WEIGHTS]))
    assert_same(made, original)


def test_names_that_pnnx_uses_itself_are_kept_too(convert):
    made, original = convert(make_models.model([
        helper.make_node('Conv', ['1', 'w'], ['a'], pads=[1, 1, 1, 1]),
        helper.make_node('Relu', ['a'], ['b']),
        helper.make_node('Sigmoid', ['b'], ['in0']), helper.make_node('Add', ['b', 'in0'], ['2'])],
        [tensor('1', IMAGE)], [tensor('2', (1, 4, 8, 10)), tensor('in0', (1, 4, 8, 10))],
        weights=[WEIGHTS]))
    assert_same(made, original)


def test_tensors_without_a_batch_axis_keep_their_shapes(convert, tiny_models_path):
    made, original = convert(tiny_models_path('two_inputs'))   # (2, 3) in and out
    assert_same(made, original)


def test_an_output_that_loses_the_batch_axis_has_lost_it_in_ncnn_as_well(convert):
    axes = numpy_helper.from_array(np.array([0]), 'axes')
    made, original = convert(make_models.model(
        [CONV, helper.make_node('Squeeze', ['c', 'axes'], ['y'])],
        [tensor('x', IMAGE)], [tensor('y', (4, 8, 10))], weights=[WEIGHTS, axes]))
    assert_same(made, original)


def test_an_open_batch_becomes_one(convert):
    made, _ = convert(make_models.model(
        [CONV], [tensor('x', ('n', 3, 8, 10))], [tensor('c', ('n', 4, 8, 10))],
        weights=[WEIGHTS]))
    with open_core(made.files[0]) as core:
        assert core.specs['x'].shape == IMAGE


# -- Focus ---------------------------------------------------------------------------------------

FAR = 2 ** 31 - 1
ORDER = ((0, 0), (1, 0), (0, 1), (1, 1))


def focus(order=ORDER, *, step=2, joined=False, columns_first=False, axis=1, end=FAR):
    """Return a model of four strided slices on channels, behind them a convolution."""
    nodes, numbers = [], {}

    def number(*values):
        name = 'n' + '_'.join(map(str, values)).replace('-', 'm')
        numbers[name] = numpy_helper.from_array(np.array(values), name)
        return name

    def cut(source, starts, axes, name):
        count = len(axes)
        nodes.append(helper.make_node('Slice', [
            source, number(*starts), number(*[end] * count), number(*axes),
            number(*[step] * count)], [name]))

    for place, (row, column) in enumerate(order):
        if joined:
            cut('x', (row, column), (2, -1), f'part{place}')
        else:
            first, second = ((column, 3), (row, -2)) if columns_first else ((row, 2), (column, 3))
            cut('x', first[:1], first[1:], f'half{place}')
            cut(f'half{place}', second[:1], second[1:], f'part{place}')
    size = [1, 12, 4, 5] if axis == 1 else [1, 3, 16, 5]
    nodes.append(helper.make_node('Concat', [f'part{n}' for n in range(4)], ['y'], axis=axis))
    return make_models.model(
        nodes, [tensor('x', IMAGE)], [tensor('y', size)], weights=numbers.values())


@pytest.mark.parametrize('how', [
    {}, {'joined': True}, {'columns_first': True}, {'axis': -3},
    {'order': ((0, 0), (0, 1), (1, 0), (1, 1))}, {'order': ORDER[::-1]}])
def test_a_focus_becomes_one_convolution_of_the_same_values(how, tmp_path):
    if how.get('axis') == -3:
        model = onnx.load_from_string(focus())
        model.graph.node[-1].attribute[0].i = -3
    else:
        model = onnx.load_from_string(focus(**how))
    before = model.SerializeToString()
    assert replace_focus(model) == 1
    assert [node.op_type for node in model.graph.node] == ['Conv']
    answers = []
    x = np.random.default_rng(0).standard_normal(IMAGE, np.float32)
    for source in (before, model.SerializeToString()):
        with open_core('onnxruntime://focus', source=source) as core, core.lease() as blobs:
            blobs['x'].data[...] = x
            core.sync_infer(blobs)
            answers.append(blobs['y'].data.copy())
    assert np.array_equal(*answers)


@pytest.mark.parametrize('how', [
    {'order': ((0, 0), (0, 0), (0, 1), (1, 1))}, {'axis': 2}, {'step': 3}, {'end': 7}])
def test_slices_that_are_no_focus_are_left_alone(how):
    model = onnx.load_from_string(focus(**how))
    before = model.SerializeToString()
    assert replace_focus(model) == 0
    assert model.SerializeToString() == before


def test_a_focus_runs_in_ncnn(convert):
    made, original = convert(focus())
    assert_same(made, original, 0.0)
    assert 'Focus' in made.notes[0]


# -- what cannot be converted --------------------------------------------------------------------

def test_operators_that_pnnx_leaves_are_named(convert):
    with refused(ConvertFailed, 'Tensor.slice', 'no layer'):
        convert(focus(((0, 0), (0, 0), (0, 1), (1, 1))))


def test_what_pnnx_has_not_understood_is_not_called_a_damaged_file(convert, shared_data):
    with refused(ConvertFailed, 'pnnx has not understood the model', 'onnxsim'):
        convert(shared_data / 'models' / 'yolov8n_int8.onnx')


def test_operators_that_pnnx_passes_on_under_a_name_of_ncnns_are_named(convert):
    with refused(ConvertFailed, 'ArgMax', 'no layer'):
        convert(make_models.model(
            [CONV, helper.make_node('ArgMax', ['c'], ['a'], axis=1),
             helper.make_node('Cast', ['a'], ['y'], to=onnx.TensorProto.FLOAT)],
            [tensor('x', IMAGE)], [tensor('y', (1, 1, 8, 10))], weights=[WEIGHTS]))


@pytest.mark.parametrize(('name', 'words'), [
    ('gather', ("input 'x'", 'int64', 'float32')), ('nonzero', ("output 'where'", 'int64')),
    ('unknown_operator', ('pnnx refuses', 'Teleport')),
    ('future_opset', ('pnnx refuses', 'opset')),
    ('dynamic_identity', ("input 'x'", '1x3x?x?', '--shape x=')),
    ('identity', ('pnnx refuses',))])
def test_what_cannot_be_converted_is_said_in_one_line(convert, tiny_models_path, name, words):
    with refused(ConvertFailed, *words):
        convert(tiny_models_path(name))


@pytest.mark.parametrize(('name', 'shape', 'words'), [
    ('x', (2, 3, 8, 10), ('2 images', 'no batch')), ('my x', IMAGE, ("'my x'", 'blank'))])
def test_an_input_that_ncnn_cannot_have_is_refused(convert, name, shape, words):
    conv = helper.make_node('Conv', [name, 'w'], ['c'], pads=[1, 1, 1, 1])
    with refused(ConvertFailed, *words):
        convert(make_models.model(
            [conv], [tensor(name, shape)], [tensor('c', (shape[0], 4, 8, 10))],
            weights=[WEIGHTS]))


def test_without_pnnx_it_is_said_how_to_get_it(convert, tiny_models_path, monkeypatch, tmp_path):
    monkeypatch.setattr(to_ncnn, 'find_spec', lambda name: None)
    monkeypatch.setattr(sys, 'executable', str(tmp_path / 'python'))
    monkeypatch.setenv('PATH', '')
    with refused(Unavailable, 'pnnx', 'pip install --no-deps pnnx'):
        convert(tiny_models_path('two_inputs'))


def test_without_ncnn_the_model_is_written_and_said_to_be_untried(
        convert, tiny_models_path, monkeypatch):
    def absent(*_, **__):
        raise Unavailable('ncnn is not installed')

    monkeypatch.setattr(to_ncnn, 'open_core', absent)
    made, _ = convert(tiny_models_path('two_inputs'))
    assert any('not tried' in note for note in made.notes)


def test_a_model_that_ncnn_cannot_run_is_a_failed_conversion(
        convert, tiny_models_path, monkeypatch):
    write = to_ncnn.write_param
    monkeypatch.setattr(
        to_ncnn, 'write_param', lambda layers: write(layers).replace('BinaryOp', 'Teleport'))
    with refused(ConvertFailed, 'Teleport', 'ncnn cannot run'):
        convert(tiny_models_path('two_inputs'))
