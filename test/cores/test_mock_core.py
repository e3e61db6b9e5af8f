# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The simulated core does what its URI says."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
import time

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import CoreContract, refused
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.cores.mock_models import FAKE_BOXES
from faster_deploy_ros.errors import BadValue, InferFailed, TimedOut, UnknownName
import numpy as np
import pytest


class TestMockContract(CoreContract):
    """The simulated core keeps the promises of all cores."""

    @pytest.fixture
    def identity(self):
        return 'mock.1://identity?shape=1,3,4,5&devices=4'

    @pytest.fixture
    def dynamic_identity(self):
        return 'mock.0://identity?shape=-1,3,-1,-1'

    @pytest.fixture
    def identity_bytes(self):
        return b'anything: a simulated model is not read'

    @pytest.fixture
    def failing(self):
        return 'mock.0://identity?fail_every=1'


def frames_per_second(devices, frames, delay_ms=7):
    uri = f'mock.0://identity?delay_ms={delay_ms}&devices={devices}'
    with open_core(uri, seats=2 * devices) as core, ThreadPoolExecutor(2 * devices) as threads:

        def one(_):
            with core.lease() as blobs:
                core.sync_infer(blobs)

        list(threads.map(one, range(2 * devices)))
        begin = time.perf_counter()
        list(threads.map(one, range(frames)))
        return frames / (time.perf_counter() - begin)


def test_several_simulated_devices_work_side_by_side():
    one = frames_per_second(1, 40)
    assert one <= 1000 / 7
    assert frames_per_second(4, 160) > 3 * one


def test_one_simulated_device_serves_its_seats_one_after_another():
    with open_core('mock.0://identity?delay_ms=10', seats=4) as core:
        with ThreadPoolExecutor(4) as threads:

            def one(_):
                with core.lease() as blobs:
                    core.sync_infer(blobs)

            begin = time.perf_counter()
            list(threads.map(one, range(8)))
            assert time.perf_counter() - begin >= 0.080


def test_every_third_inference_fails_where_that_is_asked_for():
    with open_core('mock.0://identity?fail_every=3') as core, core.lease() as blobs:
        for number in range(1, 8):
            if number % 3:
                core.sync_infer(blobs)
            else:
                with refused(InferFailed, 'simulated device 0 fails', str(number)):
                    core.sync_infer(blobs)


def test_a_hanging_inference_holds_its_seat_until_it_is_mended():
    core = MockCore('mock.0://identity?hang_every=1', seats=1)
    core.load()
    with ThreadPoolExecutor(1) as thread:

        def one():
            with core.lease() as blobs:
                taken.set()
                core.sync_infer(blobs)
            return 'done'

        taken = Event()
        job = thread.submit(one)
        assert taken.wait(10)
        with refused(TimedOut, 'still leased'):
            core.unload(timeout_s=0.05)
        assert not job.done()
        core.mended.set()
        assert job.result(10) == 'done'
    core.unload()


def test_a_gate_holds_all_inferences_back():
    gate = Event()
    core = MockCore(gate=gate)
    core.load()
    with core.lease() as blobs:
        future = core.async_infer(blobs)
        assert not future.done()
        gate.set()
        future.result(10)
    core.unload()


def test_a_script_answers_in_place_of_a_model():
    specs = [BlobSpec('a', np.dtype('i4'), (2,), True), BlobSpec('b', np.dtype('f4'), (2,), False)]

    def script(blobs):
        blobs['b'].data[...] = blobs['a'].data / 2

    core = MockCore(specs=specs, script=script, metadata={'names': 'left, right'})
    core.load()
    with core, core.lease() as blobs:
        blobs['a'].data[...] = 3, 5
        core.sync_infer(blobs)
        assert blobs['b'].data.tolist() == [1.5, 2.5]
    assert core.metadata == {'names': 'left, right'}


@pytest.mark.parametrize(('size', 'classes'), [('416x416', 80), ('640x480', 3), ('64x32', 1)])
def test_the_fake_detector_says_its_boxes_in_the_layout_of_yolox(size, classes):
    width, height = map(int, size.split('x'))
    with open_core(f'mock.0://yolox?size={size}&classes={classes}') as core:
        assert core.specs['images'].shape == (1, 3, height, width)
        with core.lease() as blobs:
            core.sync_infer(blobs)
            rows = blobs['output'].data[0]
    cells = width // 8
    assert len(rows) == sum((width // s) * (height // s) for s in (8, 16, 32))
    found = []
    for index in np.flatnonzero(rows[:, 4]):
        x, y = (rows[index, :2] + (index % cells, index // cells)) * 8
        w, h = np.exp(rows[index, 2:4]) * 8
        found.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2, rows[index, 4],
                      rows[index, 5:].argmax()))
    expected = [(b.left * width, b.top * height, b.right * width, b.bottom * height, b.score,
                 b.class_id % classes) for b in FAKE_BOXES]
    assert np.allclose(sorted(found), sorted(expected), atol=1e-3)


def test_an_unknown_simulated_model_is_refused_with_the_known_ones():
    with refused(UnknownName, 'yolo99', 'identity', 'yolox'):
        open_core('mock.0://yolo99')


@pytest.mark.parametrize('options', [
    'size=416', 'size=417x416', 'size=0x0', 'classes=0', 'delay_ms=fast', 'delay_ms=-1'])
def test_an_impossible_setting_is_refused_by_its_name(options):
    with refused(BadValue, options.partition('=')[0], options.partition('=')[2]):
        open_core(f'mock.0://yolox?{options}')


@pytest.mark.parametrize('options', ['shape=1,a', 'dtype=float33'])
def test_an_impossible_tensor_is_refused_by_its_name(options):
    with refused(BadValue, options.partition('=')[0]):
        open_core(f'mock.0://identity?{options}')
