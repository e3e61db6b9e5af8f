# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong with an ncnn model is said in one line; ncnn alone would end the process."""

import random
import subprocess
import sys
from types import SimpleNamespace

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.ncnn.param import read_param, write_param
from faster_deploy_ros.cores.ncnn.trial import check_arity
from faster_deploy_ros.cores.source import pack
from faster_deploy_ros.errors import FasterDeployError, LoadFailed, Unsupported
from ncnn_texts import convolution, FAILING, IMAGE, packed, param, write
import numpy as np
import pytest

pytest.importorskip('ncnn', reason='needs the package ncnn')


pytestmark = pytest.mark.core

IMAGE_32 = 'Input x 0 1 x 0=32 1=32 2=3'


def small_net():
    """Return layers and weights of a net with branches, a residual and a dense end."""
    rng = np.random.default_rng(0)

    def weights(*shape):
        return rng.standard_normal(shape, np.float32)

    first, first_data = convolution('first', 'x', 'a', weights(8, 3, 3, 3), stride=2, pad=1)
    second, second_data = convolution('second', 'a1', 'b', weights(8, 8, 3, 3), pad=1)
    dense = weights(10, 16)
    return (
        IMAGE_32, first, 'Split fork 1 2 a a0 a1', second, 'ReLU relu 1 1 b c',
        'Concat join 2 1 a0 c d 0=0', 'Pooling mean 1 1 d e 0=1 4=1',
        'InnerProduct dense 1 1 e y 0=10 1=0 2=160'), (
            first_data + second_data + b'\0\0\0\0' + dense.tobytes())


def test_the_small_net_is_a_whole_one():
    lines, weights = small_net()
    with open_core('ncnn://m', source=packed(*lines, weights=weights)) as core:
        assert core.specs['y'].shape == (1, 10)


@pytest.mark.parametrize(('text', 'words'), [
    (b'\x08\x08model', ('7767517', 'faster-deploy convert')),
    (b'\xff\xfe\x00', ('7767517',)),
    (b'7767517\n', ('line 2', 'layers')),
    (b'7767517\n1 x\nInput x 0 1 x\n', ('line 2', "'1 x'")),
    ((7767517).to_bytes(4, 'little') + b'\1\0\0\0', ('binary param', 'text')),
    (b'7767517\n3 2\nInput x 0 1 x\nNoop n 1 1 x y\n', ('2 layers', 'expected 3', 'cut short')),
    (b'7767517\n2 1\nInput x 0 1 x\nNoop n 1 1 x y\n', ('2 blobs', 'expected 1')),
    (param(IMAGE, 'Noop n 1 2 x y'), ('line 4', 'Noop n')),
    (param(IMAGE, 'Noop n 1 1 q y'), ("reads 'q'", 'Noop')),
    (param(IMAGE, 'Noop n 1 1 x x'), ("'x' is made by", 'expected one')),
    (param(IMAGE, 'Noop n 1 1 x y', 'Noop m 1 1 x z'), ("'x' is read by", 'Split')),
    (param(IMAGE, 'Noop n 1 1 x y 0='), ("'0='", 'id=value')),
    (param(IMAGE, 'Noop n 1 1 x y 99=1'), ("'99=1'",)),
    (param(IMAGE, 'Noop n 1 1 x y -23300=3,1,2'), ('expected 3 values',)),
    (param(IMAGE, 'Noop n 1 1 x y -23300=999999999'), ('999999999 values',)),
    (param(IMAGE, 'Noop n 1 1 x y 0=1.2.3'), ("'1.2.3'", 'number')),
    (param('MemoryData x 0 1 x 0=3', 'Noop n 1 1 x y'), ('no Input layer',)),
    (param(IMAGE), ('no output',)),
    (param(IMAGE, 'YoloV9Focus f 1 1 x y', 'Tensor.slice s 1 1 y z'),
     ('no layer', 'YoloV9Focus', 'Tensor.slice', 'convert')),
])
def test_a_text_that_is_wrong_is_refused_before_ncnn_sees_it(text, words, capfd):
    with refused(LoadFailed, *words):
        open_core('ncnn://m', source=pack(text, b''))
    assert not capfd.readouterr().err


@pytest.mark.parametrize(('second', 'words'), [
    ('Convolution c 1 1 x y 0=4 1=3 5=0 6=100', ('100 weights', '4 outputs')),
    ('Convolution c 1 1 x y 0=4 1=3 3=0 5=0 6=108', ('stride', 'below 1')),
    ('Convolution c 1 1 x y 0=0 1=3 5=0 6=108', ('outputs', 'below 1')),
    ('ConvolutionDepthWise c 1 1 x y 0=4 1=1 5=0 6=4 7=0', ('group below 1',)),
    ('Pooling p 1 1 x y 0=0 1=2 2=0', ('stride', 'below 1')),
    ('InnerProduct d 1 1 x y 0=0 2=100', ('100 weights', '0 outputs'))])
def test_settings_that_no_input_is_right_for_are_refused(second, words, capfd):
    with refused(LoadFailed, second.split()[0], *words, 'damaged'):
        open_core('ncnn://m', source=packed(IMAGE, second))
    assert not capfd.readouterr().err


@pytest.mark.parametrize(('second', 'words'), [
    ('Convolution c 1 1 x y 0=4 1=3 5=0 6=72', ('gets 3 channels', 'expected 2')),
    ('Convolution c 1 1 x y 0=4 1=9 5=0 6=972', ('3x4x5', 'smaller than its kernel')),
    ('ConvolutionDepthWise c 1 1 x y 0=4 1=1 5=0 6=4 7=2', ('gets 3 channels', 'expected 2')),
    ('InnerProduct d 1 1 x y 0=2 2=100', ('3x4x5', 'expected 50 values')),
    ('BatchNorm b 1 1 x y 0=7', ('gets 3 channels', 'expected 7')),
    ('PReLU p 1 1 x y 0=2', ('gets 3 channels', 'expected 2')),
    ('LayerNorm l 1 1 x y 0=3 2=0', ()),
    ('LayerNorm l 1 1 x y 0=3', ('3x4x5', 'rows of 3')),
    ('Slice s 1 2 x y z -23300=2,2,2 1=0', ('cuts 3x4x5', '[2, 2]')),
    ('Slice s 1 2 x y z -23300=2,1,-233 1=0', ()),
    ('BinaryOp b 1 1 x y 0=0', ('gets 1 blobs', 'expected 2'))])
def test_a_layer_that_would_read_beyond_is_named_and_not_run(second, words):
    model = packed(IMAGE, second, weights=bytes(_takes(second)))
    if not words:   # the neighbour that is right
        open_core('ncnn://m', source=model).unload()
        return
    with refused(LoadFailed, second.split()[0], *words, '?input='):
        open_core('ncnn://m', source=model)


@pytest.mark.parametrize(('second', 'third', 'words'), [
    ('BinaryOp b 2 1 x z y 0=0', '0=5 1=4 2=2', ('3x4x5 and 2x4x5', 'do not match')),
    ('BinaryOp b 2 1 x z y 0=0', '0=5 1=4 2=1', ()),
    ('Concat c 2 1 x z y 0=0', '0=6 1=4 2=3', ('3x4x5 and 3x4x6', 'axis 0')),
    ('Concat c 2 1 x z y 0=-1', '0=6 1=4 2=3', ()),
    ('Concat c 2 1 x z y 0=9', '0=6 1=4 2=3', ('along axis 9',)),
    ('Eltwise e 2 1 x z y 0=1', '0=4 1=4 2=3', ('3x4x5 and 3x4x4', 'same size')),
    ('MatMul m 2 1 x z y', '0=4 1=4 2=3', ('3x4x5 and 3x4x4', 'do not match')),
    ('MatMul m 2 1 x z y 0=1', '0=5 1=6 2=3', ())])
def test_blobs_that_do_not_go_together_are_refused(second, third, words):
    model = packed(IMAGE, f'Input z 0 1 z {third}', second)
    if not words:
        open_core('ncnn://m', source=model).unload()
        return
    with refused(LoadFailed, second.split()[0], *words):
        open_core('ncnn://m', source=model)


def test_layers_behind_a_detector_are_refused():
    """Of an empty blob Flatten divides by zero and UnaryOp reads at zero: no error, the end."""
    for line in ('Flatten f 1 1 y z', 'UnaryOp u 1 1 y z 0=1', 'Permute p 1 1 y z 0=1'):
        with refused(Unsupported, line.split()[0], 'Yolov3DetectionOutput', 'last layers'):
            open_core('ncnn://m', source=packed(*FAILING, line))


def test_several_blobs_for_a_layer_of_one_are_refused():
    layers = read_param(param(IMAGE, 'ReLU both 1 2 x y z'))
    own = [SimpleNamespace(one_blob_only=True)] * 2
    with refused(LoadFailed, "'both' (ReLU)", 'expected one and one'):
        check_arity('ncnn', SimpleNamespace(layers=lambda: own), layers)
    with refused(LoadFailed):   # this ncnn says so itself, or we do
        open_core('ncnn://m', source=packed(IMAGE, 'ReLU both 1 2 x y z'))


def _takes(line):
    """Return how many bytes of weights the layer will read."""
    kind, *words = line.split()
    numbers = dict(word.split('=') for word in words if '=' in word and not word.startswith('-'))
    key = {'InnerProduct': '2', 'BatchNorm': '0', 'PReLU': '0'}.get(kind, '6')
    floats = int(numbers.get(key, 0))
    if kind == 'LayerNorm':
        return 0 if numbers.get('2') == '0' else 8 * int(numbers['0'])
    return {'BatchNorm': 16 * floats, 'PReLU': 4 * floats}.get(kind, floats and 4 + 4 * floats)


@pytest.mark.parametrize(('size', 'words'), [
    ('1x3x400x400', ('Concat_202', '128x26x26', '128x25x25', 'multiples of 32')),
    ('1x4x416x416', ('Conv_41', 'gets 16 channels', 'expected 12')),
    ('1x3x1x1', ('focus', '?input='))])
def test_an_image_size_that_the_model_is_not_for_is_refused(shared_data, size, words):
    path = shared_data / 'models' / 'yolox_nano_ncnn' / 'yolox_nano.param'
    with refused(LoadFailed, *words):
        open_core(f'ncnn://{path}?input={size}')


def test_weights_that_are_not_the_params_are_refused(tmp_path, capfd):
    lines, weights = small_net()
    model = write(tmp_path, 'm', *lines, weights=weights)
    for wrong, words in (
            (weights[:-1], ('end after', 'cut short')), (b'', ('end after 0 bytes',)),
            (weights[:3], ('end after 3 bytes',)), (weights + b'\0', ('take', 'bytes'))):
        model.with_suffix('.bin').write_bytes(wrong)
        with refused(LoadFailed, *words):
            open_core(model)
    model.with_suffix('.bin').unlink()
    with refused(LoadFailed, 'm.bin', 'no such file'):
        open_core(model)
    assert not capfd.readouterr().err


def test_a_model_of_another_runtime_is_told_how_to_become_one_for_this(shared_data):
    with refused(LoadFailed, 'yolox_nano.onnx', 'faster-deploy convert MODEL.onnx --to ncnn'):
        open_core(f"ncnn://{shared_data / 'models' / 'yolox_nano.onnx'}")


@pytest.mark.parametrize('name', ['yolox_nano_ncnn/yolox_nano', 'yolov8n_ncnn/yolov8n.ncnn'])
def test_a_param_that_is_read_and_written_is_the_same(shared_data, name):
    text = (shared_data / 'models' / f'{name}.param').read_bytes()
    layers = read_param(text)
    assert read_param(write_param(layers)) == layers
    assert write_param(layers).split() == text.decode().split()


def spoilt(lines, weights, seed, count):
    """Yield that many models with one thing wrong each: cut, changed, doubled or left out."""
    rng, text = random.Random(seed), param(*lines)
    for number in range(count):
        if number % 5 == 0:
            yield pack(text[:rng.randrange(len(text))], weights)
        elif number % 5 == 1:
            yield pack(text, weights[:rng.randrange(len(weights))])
        elif number % 5 == 2:
            rows = text.split(b'\n')
            place = rng.randrange(2, len(rows))
            rows[place:place + 1] = [] if rng.random() < 0.5 else [rng.choice(rows)] * 2
            yield pack(b'\n'.join(rows), weights)
        else:
            changed = bytearray(text)
            places = range(16, len(text)) if number % 5 == 3 else [
                place for place in range(16, len(text)) if text[place:place + 1].isdigit()]
            changed[rng.choice(places)] = rng.choice(b'0123456789 =,-x')
            yield pack(bytes(changed), weights)


def load_spoilt_models(count):
    """Load and run them all; print how many were refused. What ncnn cannot stand ends us."""
    done = 0
    for model in spoilt(*small_net(), seed=2, count=count):
        try:
            with open_core('ncnn://m', source=model) as core, core.lease() as blobs:
                core.sync_infer(blobs)
        except FasterDeployError:
            done += 1
    print(done)


def test_damaged_models_never_end_the_process():
    code = f'import test_ncnn_refusals as here; here.load_spoilt_models({COUNT})'
    ended = subprocess.run(
        [sys.executable, '-c', code], check=False, timeout=100, capture_output=True, text=True,
        cwd=__file__.rpartition('/')[0])
    assert ended.returncode == 0, f'ended with {ended.returncode}: {ended.stderr[-500:]}'
    # A changed name does no harm, nor does a last digit here and there.
    assert 0.8 * COUNT < int(ended.stdout) < COUNT


COUNT = 300
