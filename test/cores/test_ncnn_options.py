# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What an ncnn URI can ask for, and how large the inputs are."""

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import BadValue, LoadFailed, Unavailable, UnknownName, Unsupported
from ncnn_texts import answer, convolution, IDENTITY, IMAGE, noise, packed, write
import numpy as np
import pytest

ncnn = pytest.importorskip('ncnn', reason='needs the package ncnn')

from faster_deploy_ros.cores import ncnn_core  # noqa: E402  # the runtime is there

pytestmark = pytest.mark.core

OPEN = 'Input x 0 1 x'


def test_the_shape_comes_from_the_option_the_param_or_the_card(tmp_path):
    line, data = convolution('conv', 'x', 'y', noise(4, 3, 3, 3), stride=2, pad=1)
    model = write(tmp_path, 'm', OPEN, line, weights=data)
    with open_core(f'{model}?input=1x3x6x8') as core:
        assert (core.specs['x'].shape, core.specs['y'].shape) == ((1, 3, 6, 8), (1, 4, 3, 4))
        assert core.specs['x'].layout == 'NCHW'
    model.with_suffix('.yaml').write_text('family: yolox\ninput: {size: [16, 8]}\n')
    with open_core(model) as core:
        assert core.specs['x'].shape == (1, 3, 8, 16)
    with open_core(f'{model}?input=x:1x3x4x4') as core:
        assert core.specs['x'].shape == (1, 3, 4, 4)


def test_a_shape_that_nobody_says_is_asked_for(tmp_path):
    with refused(LoadFailed, "'x'", '?input=1x3x416x416', 'size: [width, height]'):
        open_core(write(tmp_path, 'm', OPEN, 'Noop n 1 1 x y'))
    two = (OPEN, 'Input z 0 1 z 0=3', 'Concat c 2 1 x z y')
    with refused(LoadFailed, "'x'", '?input=x:1x3x416x416'):
        open_core(write(tmp_path, 'm', *two))
    with open_core(f"{tmp_path / 'm.param'}?input=x:1x2,z:1x1") as core:
        assert core.specs['y'].shape == (1, 3)


@pytest.mark.parametrize(('text', 'error', 'word'), [
    ('1x3', BadValue, 'x, z'), ('q:1x3', UnknownName, 'x, z'), ('x:1x3,x:1x4', BadValue, 'twice'),
    ('x:3', BadValue, '1x3x416x416'), ('x:1x3x4x5x6x7', BadValue, '1x3x416x416'),
    ('x:ax3', BadValue, '1x3x416x416'), ('x:2x3', Unsupported, 'batch of 1'),
    ('x:1x0', Unsupported, 'above 0'), ('x:1x?', Unsupported, 'open')])
def test_a_shape_that_cannot_be_is_refused(text, error, word):
    two = packed(OPEN, 'Input z 0 1 z', 'Concat c 2 1 x z y')
    with refused(error, word):
        open_core(f'ncnn://m?input={text}', source=two)


# -- options -------------------------------------------------------------------------------------

HALF = ('use_fp16_packed', 'use_fp16_storage', 'use_fp16_arithmetic')
BRAIN = ('use_bf16_packed', 'use_bf16_storage')


@pytest.mark.parametrize(('precision', 'on'), [('fp32', ()), ('fp16', HALF), ('bf16', BRAIN)])
def test_another_precision_is_computed_only_when_asked_for_and_then_really(precision, on):
    line, data = convolution('c', 'x', 'y', noise(16, 16, 3, 3))
    model = packed('Input x 0 1 x 0=8 1=8 2=16', line, weights=data)
    x = noise(1, 16, 8, 8)
    with open_core('ncnn://m', source=model) as core:
        exact = answer(core, x=x)['y']
    try:
        core = open_core(f'ncnn://m?precision={precision}', source=model)
    except Unavailable:
        if precision == 'fp32':
            raise
        pytest.skip(f'this processor does not compute in {precision}')
    with core:
        options = core._net.opt
        own = [name for name in HALF + BRAIN if getattr(options, name, False)]
        assert own == [name for name in on if hasattr(options, name)]
        assert np.array_equal(answer(core, x=x)['y'], exact) == (precision == 'fp32')


def test_a_precision_that_ncnn_would_ignore_is_refused(monkeypatch):
    monkeypatch.setattr(ncnn_core, '_computes', lambda precision, gpu: False)
    with refused(Unavailable, 'does not compute in fp16', 'CPU'):
        open_core('ncnn://m?precision=fp16', source=packed(*IDENTITY))
    with refused(BadValue, 'int4', 'bf16'):
        open_core('ncnn://m?precision=int4', source=packed(*IDENTITY))


@pytest.mark.parametrize(('threads', 'expected'), [('', 1), ('threads=2', 2), ('threads=0', None)])
def test_the_threads_reach_the_net(threads, expected):
    with open_core(f'ncnn://m?{threads}', source=packed(*IDENTITY)) as core:
        assert core._net.opt.num_threads == (expected or ncnn.get_cpu_count())
        assert np.array_equal(answer(core, x=noise(1, 3, 4, 5))['y'], noise(1, 3, 4, 5))


def test_the_weights_may_lie_elsewhere(tmp_path):
    line, data = convolution('conv', 'x', 'y', noise(4, 3, 1, 1))
    model = write(tmp_path, 'x.ncnn', IMAGE, line, weights=data)
    with open_core(model) as core:
        expected = answer(core, x=1)['y']
    (tmp_path / 'x.ncnn.bin').rename(tmp_path / 'elsewhere')
    with refused(LoadFailed, 'x.ncnn.bin', '?weights='):
        open_core(model)
    with open_core(f"{model}?weights={tmp_path / 'elsewhere'}") as core:
        assert np.array_equal(answer(core, x=1)['y'], expected)
