# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ncnn keeps the promises of all cores, and does not take the process with it."""

import os
import subprocess
import sys
import threading
from time import perf_counter
from types import SimpleNamespace

from faster_deploy_ros.cores import devices, open_core
from faster_deploy_ros.cores.contract import CoreContract, refused
from faster_deploy_ros.errors import InferFailed, Unavailable
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import open_model
from ncnn_texts import answer, convolution, FAILING, IDENTITY, IMAGE, noise, packed, write
import numpy as np
import pytest

ncnn = pytest.importorskip('ncnn', reason='needs the package ncnn')

from faster_deploy_ros.cores import ncnn_core  # noqa: E402  # the runtime is there

pytestmark = pytest.mark.core

SQUARE = 'Input x 0 1 x 0=3 1=3 2=3'   # 9 numbers a channel: ncnn leaves a gap behind them


class TestNcnnContract(CoreContract):
    """ncnn keeps the promises of all cores."""

    @pytest.fixture
    def identity(self, tmp_path):
        return str(write(tmp_path, 'identity', *IDENTITY))

    @pytest.fixture
    def dynamic_identity(self, identity):
        return f'{identity}?input=1x3x-1x-1'

    @pytest.fixture
    def identity_bytes(self):
        return packed(*IDENTITY)

    @pytest.fixture
    def failing(self, tmp_path):
        return str(write(tmp_path, 'failing', *FAILING))


def test_a_convolution_gives_what_numpy_gives():
    weights, x = noise(8, 3, 3, 3), noise(1, 3, 6, 7, seed=1)
    line, data = convolution('conv', 'x', 'y', weights)
    windows = np.lib.stride_tricks.sliding_window_view(x[0], (3, 3), axis=(1, 2))
    expected = np.einsum('chwij,ocij->ohw', windows, weights)
    with open_core('ncnn://conv', source=packed(
            'Input x 0 1 x 0=7 1=6 2=3', line, weights=data)) as core:
        y = answer(core, x=x)['y']
    assert y.shape == (1, 8, 4, 5)
    assert np.abs(y[0] - expected).max() < 1e-5


@pytest.mark.parametrize(('second', 'clones'), [
    ('Convolution c 1 1 x y 0=4 1=1 5=0 6=12', 0), ('ReLU r 1 1 x y', 1),
    ('Split s 1 2 x y z', 1)])
def test_the_input_is_lent_where_ncnn_only_reads_it(monkeypatch, second, clones):
    weights = bytes(52) if 'Convolution' in second else b''
    cloned = []

    class Mat(ncnn.Mat):

        def clone(self):
            cloned.append(self)
            return super().clone()

    with open_core('ncnn://m', source=packed(IMAGE, second, weights=weights)) as core:
        monkeypatch.setattr(ncnn_core.ncnn, 'Mat', Mat)
        answer(core, x=1)
        assert len(cloned) == clones


def test_a_layer_in_place_does_not_write_into_the_callers_memory():
    """With borrowed memory such a layer ends the process: ncnn looks for a count that is not."""
    x = noise(1, 3, 4, 5)
    for second in ('ReLU r 1 1 x y', 'UnaryOp a 1 1 x y 0=0', 'Noop n 1 1 x y'):
        with open_core('ncnn://m', source=packed(IMAGE, second)) as core, core.lease() as blobs:
            mine = x.copy()
            blobs['x'].bind(mine)
            core.sync_infer(blobs)
            assert np.array_equal(mine, x)


def test_channels_that_ncnn_pads_come_without_gaps():
    x = noise(1, 3, 3, 3)
    with open_core('ncnn://m', source=packed(SQUARE, 'Noop n 1 1 x y')) as core:
        with core.lease() as blobs:
            mine = np.zeros((1, 3, 3, 3), np.float32)
            blobs['x'].data[...] = x
            core.sync_infer(blobs)
            assert np.array_equal(blobs['y'].data, x)
            blobs['y'].bind(mine)
            core.sync_infer(blobs)
            assert np.array_equal(mine, x)


def test_an_answer_outlives_its_core():
    x = noise(1, 3, 4, 5)
    core = open_core('ncnn://m', source=packed(*IDENTITY))
    with core.lease() as blobs:
        blobs['x'].data[...] = x
        core.sync_infer(blobs)
        y = blobs['y'].data
    core.unload()
    assert np.array_equal(y, x)


def test_several_inputs_and_outputs_keep_their_names_and_order():
    lines = (
        'Input right 0 1 right 0=3 1=2', 'Input left 0 1 left 0=3 1=2',
        'Split l 1 2 left l0 l1', 'Split r 1 2 right r0 r1',
        'BinaryOp mul 2 1 l0 r0 product 0=2', 'BinaryOp sub 2 1 l1 r1 difference 0=1')
    left, right = noise(1, 2, 3), noise(1, 2, 3, seed=1)
    with open_core('ncnn://m', source=packed(*lines)) as core:
        assert list(core.specs) == ['right', 'left', 'product', 'difference']
        found = answer(core, left=left, right=right)
    assert np.array_equal(found['product'], left * right)
    assert np.array_equal(found['difference'], left - right)


def test_a_tensor_without_batch_axis_keeps_its_own_axes():
    lines = ('Input x 0 1 x 0=5 1=4 2=3 29=1', 'Split s 1 2 x a b',
             'Noop whole 1 1 a whole 29=1', 'Noop plain 1 1 b plain')
    with open_core('ncnn://m', source=packed(*lines)) as core:
        assert core.specs['x'].shape == core.specs['whole'].shape == (3, 4, 5)
        assert core.specs['plain'].shape == (1, 3, 4, 5)
        assert np.array_equal(answer(core, x=noise(3, 4, 5))['whole'], noise(3, 4, 5))


# -- devices -------------------------------------------------------------------------------------

def test_the_cpu_is_a_device_and_its_version_is_told(capfd):
    found = [device for device in devices() if device.scheme == 'ncnn']
    assert (found[0].index, found[0].name) == (0, 'CPU')
    assert found[0].capabilities.versions == {'ncnn': ncnn.__version__}
    assert not capfd.readouterr().err, 'ncnn complained about a machine without Vulkan'


def test_only_vulkan_devices_that_give_right_answers_are_claimed(monkeypatch):
    monkeypatch.setattr(ncnn_core, '_can_open', lambda library: True)
    monkeypatch.setattr(ncnn_core, '_gpu_works', lambda index: index != 1)
    monkeypatch.setattr(ncnn, 'get_gpu_count', lambda: 3)
    monkeypatch.setattr(ncnn, 'get_gpu_info', lambda index: SimpleNamespace(
        device_name=lambda: f'Card {index}'))
    ncnn_core._vulkan_devices.cache_clear()
    try:
        assert [str(device) for device in ncnn_core.NcnnCore.devices()] == [
            'ncnn.0 (CPU)', 'ncnn.1 (Vulkan Card 0)', 'ncnn.3 (Vulkan Card 2)']
    finally:
        ncnn_core._vulkan_devices.cache_clear()


def test_a_gpu_that_ncnn_leaves_is_no_silent_cpu(monkeypatch):
    card = ncnn_core.Device('ncnn', 1, 'Vulkan Card', ncnn_core.CPU.capabilities)
    monkeypatch.setattr(ncnn_core, '_vulkan_devices', lambda: (card,))
    if ncnn_core.VULKAN_LIBRARIES and any(map(ncnn_core._can_open, ncnn_core.VULKAN_LIBRARIES)):
        pytest.skip('this machine has Vulkan: ncnn would not leave it')
    monkeypatch.setattr(ncnn_core, '_new_net', lambda *_: ncnn.Net())
    with refused(Unavailable, 'Vulkan Card', 'ncnn.0'):
        open_core('ncnn.1://m', source=packed(*IDENTITY))


def test_each_vulkan_device_gives_the_cpus_answer():
    cards = ncnn_core.NcnnCore.devices()[1:]
    if not cards:
        pytest.skip('this machine has no Vulkan device that works')
    line, data = convolution('conv', 'x', 'y', noise(4, 3, 3, 3), pad=1)
    model, x = packed(IMAGE, line, weights=data), noise(1, 3, 4, 5)
    with open_core('ncnn://m', source=model) as core:
        expected = answer(core, x=x)['y']
    for card in cards:
        with open_core(f'ncnn.{card.index}://m', source=model) as core:
            assert np.abs(answer(core, x=x)['y'] - expected).max() < 1e-4


# -- the runtime ---------------------------------------------------------------------------------

def test_other_threads_run_while_ncnn_computes_or_one_inference_at_a_time_is_said():
    weights = noise(64, 64, 3, 3)
    line, data = convolution('conv', 'x', 'y', weights, pad=1)
    with open_core('ncnn://m', source=packed(
            'Input x 0 1 x 0=256 1=256 2=64', line, weights=data)) as core, core.lease() as blobs:
        is_over = threading.Event()
        gaps = [0.0]

        def tick():
            last = perf_counter()
            while not is_over.is_set():
                now = perf_counter()
                gaps[0], last = max(gaps[0], now - last), now

        thread = threading.Thread(target=tick)
        thread.start()
        try:
            shares = []
            for _ in range(5):
                gaps[0] = 0.0
                start = perf_counter()
                core.sync_infer(blobs)
                shares.append(gaps[0] / (perf_counter() - start))
        finally:
            is_over.set()
            thread.join()
        is_free = core.device.capabilities.max_in_flight is None
    assert (min(shares) < 0.5) == is_free, f'the longest silence of another thread: {shares}'


def test_an_output_whose_size_depends_on_the_image_fails_and_the_next_inference_works():
    with open_core('ncnn://m', source=packed(*FAILING)) as core:
        assert answer(core, x=0)['y'].shape == (1, 4, 6)
        with refused(InferFailed, "'y'", '(4, 6)', 'depends on the image'):
            answer(core, x=100)
        assert answer(core, x=0)['y'].shape == (1, 4, 6)


def test_a_code_of_ncnns_is_a_failure_with_its_output():
    with open_core('ncnn://m', source=packed(*IDENTITY)) as core:
        net = core._net

        class OutOfMemory:

            def input(self, *_):
                return 0

            def extract(self, *_):
                return -100

        core._net = SimpleNamespace(create_extractor=OutOfMemory)
        with refused(InferFailed, '-100', "'y'", 'memory'):
            answer(core, x=0)
        core._net = net
        assert np.array_equal(answer(core, x=2)['y'], np.full((1, 3, 4, 5), 2))


def test_idle_threads_sleep_unless_the_user_says_otherwise():
    code = ('import os; from faster_deploy_ros.cores import CORES; CORES.resolve("ncnn"); '
            'print(os.environ.get("OMP_WAIT_POLICY"))')
    environ = {name: value for name, value in os.environ.items() if name != 'OMP_WAIT_POLICY'}
    for said, policy in (({}, 'PASSIVE'), ({'OMP_WAIT_POLICY': 'active'}, 'ACTIVE')):
        ended = subprocess.run(
            [sys.executable, '-c', code], check=True, timeout=60, capture_output=True, text=True,
            env={**environ, **said, 'OMP_DISPLAY_ENV': 'true'})
        assert f"OMP_WAIT_POLICY = '{policy}'" in ended.stderr
        assert ended.stdout.split() == [said.get('OMP_WAIT_POLICY', 'None')]


BUS = {   # the boxes that shared/data/README.md expects on images/bus.jpg
    'yolox': [(5, (14, 231, 801, 733)), (0, (50, 395, 216, 898)), (0, (220, 402, 347, 855)),
              (0, (685, 454, 810, 874))],
    'yolov8': [(0, (672, 374, 810, 879)), (0, (50, 397, 243, 904)), (0, (221, 408, 343, 857)),
               (5, (35, 230, 798, 775))]}


@pytest.mark.parametrize(('family', 'path', 'shape', 'iou'), [
    # The YOLOX of the ncnn files is another export than the ONNX whose boxes are known.
    ('yolox', 'yolox_nano_ncnn/yolox_nano.param', '1x3x416x416', 0.94),
    ('yolov8', 'yolov8n_ncnn/yolov8n.ncnn.param', '1x3x640x640', 0.99)])
def test_models_of_others_find_the_bus_and_its_people(shared_data, family, path, shape, iou):
    cv2 = pytest.importorskip('cv2')
    image = cv2.imread(str(shared_data / 'images' / 'bus.jpg'))
    with open_core(f"ncnn://{shared_data / 'models' / path}?input={shape}") as core:
        found = open_model('auto', core)(Frame(0, 'camera', image, 'bgr8'), Stopwatch())
    assert {label for label, _ in BUS[family]} <= set(found.class_id.tolist())
    for label, box in BUS[family]:
        best = max(overlap(box, other) for other, own in zip(found.xyxy, found.class_id)
                   if own == label)
        assert best > iou, (label, box, best)


def overlap(one, other):
    """Return the intersection over union of two boxes."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    common = np.prod(np.maximum(high - low, 0))
    return common / (sum(np.prod(np.subtract(box[2:], box[:2])) for box in (one, other)) - common)
