# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""YOLOX's Focus: what others write a custom layer for is made of built-in ones, to the bit."""

from contextlib import ExitStack
from pathlib import Path
import subprocess
import sys

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.ncnn.layers import without_focus
from faster_deploy_ros.cores.ncnn.param import read_param
from ncnn_texts import answer, noise, param, write
import numpy as np
import pytest

pytest.importorskip('ncnn', reason='needs the package ncnn')

pytestmark = pytest.mark.core

SIZES = ((3, 8, 10), (3, 7, 9), (1, 2, 2), (4, 6, 6), (3, 32, 34))


@pytest.fixture(scope='module')
def custom(tmp_path_factory, request):
    """Run ncnn's custom layer in a process of its own; return models, inputs and its answers."""
    folder = tmp_path_factory.mktemp('focus')
    models, orders = {}, {}
    for number, (channels, height, width) in enumerate(SIZES):
        line = f'Input x 0 1 x 0={width} 1={height} 2={channels}'
        path = write(folder, f'focus{number}', line, 'YoloV5Focus f 1 1 x y')
        models[str(number)] = (str(path), 'y')
        orders[f'x_{number}'] = noise(channels, height, width, seed=number)
    shared = Path(request.config.rootpath).parent / 'shared' / 'data' / 'models'
    nano = shared / 'yolox_nano_ncnn' / 'yolox_nano.param'
    if nano.is_file():
        models['nano'] = (f'ncnn://{nano}?input=1x3x416x416', 'output')
        orders['x_nano'] = np.random.default_rng(0).random((3, 416, 416), np.float32) * 255
    for end, (uri, output) in models.items():
        path = Path(uri.removeprefix('ncnn://').partition('?')[0])
        orders |= {f'param_{end}': str(path), f'weights_{end}': str(path.with_suffix('.bin')),
                   f'output_{end}': output}
    np.savez(folder / 'orders.npz', **orders)
    script = Path(__file__).with_name('ncnn_custom_focus.py')
    subprocess.run(
        [sys.executable, script, folder / 'orders.npz', folder / 'answers.npz'], check=True,
        timeout=60)
    return models, orders, np.load(folder / 'answers.npz')


@pytest.mark.parametrize('number', range(len(SIZES)))
def test_built_in_layers_give_what_the_custom_layer_gives(custom, number):
    models, orders, answers = custom
    uri, _ = models[str(number)]
    with open_core(uri) as core:
        y = answer(core, x=orders[f'x_{number}'])['y']
    channels, height, width = SIZES[number]
    assert y.shape == (1, 4 * channels, height // 2, width // 2)
    assert np.array_equal(y[0], answers[f'y_{number}'])


def test_the_channels_are_top_left_bottom_left_top_right_bottom_right(tmp_path):
    model = write(tmp_path, 'm', 'Input x 0 1 x 0=2 1=2 2=1', 'YoloV5Focus f 1 1 x y')
    with open_core(model) as core:
        y = answer(core, x=np.array([[[[1, 2], [3, 4]]]]))['y']
    assert y.ravel().tolist() == [1, 3, 2, 4]


def test_a_yolox_of_others_gives_the_same_to_the_bit(custom, shared_data):
    models, orders, answers = custom
    uri, output = models['nano']
    with open_core(uri) as core:
        y = answer(core, images=orders['x_nano'])[output]
    assert y.shape == (1, 3549, 85)
    assert np.array_equal(y[0], answers['y_nano'])


def test_any_number_of_models_with_a_focus_can_be_open_at_once(tmp_path):
    """Custom layers cannot: the binding of mid 2026 takes ten in the life of a process."""
    model = write(tmp_path, 'm', 'Input x 0 1 x 0=4 1=4 2=1', 'YoloV5Focus f 1 1 x y')
    with ExitStack() as stack:
        cores = [stack.enter_context(open_core(model)) for _ in range(12)]
        assert all(answer(core, x=1)['y'].shape == (1, 4, 2, 2) for core in cores)


def test_other_layers_are_left_as_they_are():
    layers = read_param(param('Input x 0 1 x 0=4', 'ReLU r 1 1 x y'))
    assert without_focus(layers) == layers
