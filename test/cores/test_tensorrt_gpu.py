# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT on a real GPU: what the stand-in can only claim; runs wherever there is one."""

from concurrent.futures import ThreadPoolExecutor
import gc
from threading import Barrier

from faster_deploy_ros.blobs import Location
from faster_deploy_ros.cores import CORES, open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import BlobMismatch, FasterDeployError, LoadFailed, Unsupported
import numpy as np
from onnx_contract import OnnxContract
import pytest

make_models = pytest.importorskip('make_models', reason='needs the package onnx')
try:
    FOUND = CORES.resolve('tensorrt').devices()
except FasterDeployError as missing:
    pytest.skip(f'needs TensorRT and a GPU: {missing}', allow_module_level=True)

pytestmark = [pytest.mark.core, pytest.mark.slow, pytest.mark.timeout(900)]
VERSION = FOUND[0].capabilities.versions['tensorrt']
RANGE = 'shapes=x:1x3x1x1..1x3x8x8..4x3x32x32'
X = np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5)


@pytest.fixture(scope='module', autouse=True)
def cache(tmp_path_factory):
    """Keep the engines of these tests apart from the user's, and build each once."""
    folder = tmp_path_factory.mktemp('cache')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(folder))
        yield folder / 'faster_deploy_ros' / 'engines'


class TestTensorRtContractOnAGpu(OnnxContract):
    """The real TensorRT keeps the promises of all cores."""

    scheme = 'tensorrt'
    open_shape = f'?{RANGE}'

    @pytest.fixture
    def failing(self):
        return None   # the real one clamps an index that is out of range


def test_two_inputs_and_two_outputs_keep_their_places_on_a_gpu(tiny_models):
    with open_core(f"tensorrt://{tiny_models('two_inputs')}") as core, core.lease() as blobs:
        for number in range(3):
            blobs['left'].data[...] = number
            blobs['right'].data[...] = 3
            core.sync_infer(blobs)
            assert (blobs['total'].data == number + 3).all()
            assert (blobs['product'].data == number * 3).all()


def test_an_output_whose_shape_depends_on_the_data_is_as_large_as_it_is_on_a_gpu(tiny_models):
    with open_core(f"tensorrt://{tiny_models('nonzero')}", seats=1) as core:
        with core.lease() as blobs:
            for found in ([1, 4], [], [0, 1, 2, 3, 4, 5, 6, 7], [7]):
                blobs['x'].data[...] = 0
                blobs['x'].data[found] = 1
                core.sync_infer(blobs)
                assert blobs['where'].data.tolist() == [found]


def test_a_shape_outside_the_profile_is_refused_and_the_seat_lives_on_a_gpu(tiny_models):
    uri = f"tensorrt://{tiny_models('dynamic_identity')}?shapes=2x3x4x4..4x3x8x8"
    with open_core(uri, seats=1) as core, core.lease() as blobs:
        blobs['x'].reshape((1, 3, 8, 8))
        with refused(BlobMismatch, '(1, 3, 8, 8)', '(2, 3, 4, 4)'):
            core.sync_infer(blobs)
        blobs['x'].reshape((2, 3, 8, 8))
        blobs['x'].data[...] = 4
        core.sync_infer(blobs)
        assert (blobs['y'].data == 4).all()


class DeviceArray:
    """Memory of the device as another library would hand it over."""

    def __init__(self, memory, array):
        self.memory = memory
        self.like = array
        self.block = memory.allocate(array.nbytes)
        memory.upload(self.block, array)

    @property
    def __cuda_array_interface__(self):
        return {'data': (int(self.block), False), 'shape': self.like.shape, 'strides': None,
                'typestr': self.like.dtype.str, 'version': 3}

    def read(self):
        back = np.empty_like(self.like)
        self.memory.download(self.block, back)
        return back

    def free(self):
        self.memory.free(self.block)


def test_device_arrays_of_others_are_read_and_written_in_place_on_a_gpu(tiny_models):
    with open_core(f"tensorrt://{tiny_models('identity')}", seats=1) as core:
        with core.lease() as blobs:
            memory = blobs.request.device
            x, y = DeviceArray(memory, X), DeviceArray(memory, 0 * X)
            blobs['x'].bind(x)
            blobs['y'].bind(y)
            core.sync_infer(blobs)
            assert np.array_equal(y.read(), X)
            memory.upload(x.block, 2 * X)
            core.sync_infer(blobs)
            assert np.array_equal(y.read(), 2 * X)
            blobs.reset()
            x.free()
            y.free()


def test_tensors_can_stay_on_the_device_between_two_models_on_a_gpu(tiny_models):
    uri = f"tensorrt://{tiny_models('identity')}"
    with open_core(uri) as first, open_core(uri) as second:
        with first.lease() as one, second.lease() as two:
            one['x'].data[...] = X
            one['y'].place(Location.DEVICE)
            first.sync_infer(one)

            class Between:
                """The first model's output, typed."""

                __cuda_array_interface__ = {
                    **one['y'].device_block().__cuda_array_interface__,
                    'shape': X.shape, 'typestr': '<f4'}

            two['x'].bind(Between())
            second.sync_infer(two)
            assert np.array_equal(two['y'].data, X)


def detector(shared_data):
    return shared_data / 'models' / 'yolox_nano.onnx'


def image(seed=0):
    return np.random.default_rng(seed).random((1, 3, 416, 416), np.float32) * 255


@pytest.fixture(scope='module')
def expected(shared_data):
    """Return what onnxruntime says to the images."""
    with open_core(detector(shared_data)) as core, core.lease() as blobs:
        answers = []
        for seed in range(4):
            blobs['images'].data[...] = image(seed)
            core.sync_infer(blobs)
            answers.append(blobs['output'].data.copy())
    return answers


def test_a_detector_gives_what_onnxruntime_gives_on_a_gpu(shared_data, expected):
    with open_core(f'tensorrt://{detector(shared_data)}') as core, core.lease() as blobs:
        for seed, answer in enumerate(expected):
            blobs['images'].data[...] = image(seed)
            core.sync_infer(blobs)
            np.testing.assert_allclose(blobs['output'].data, answer, rtol=1e-3, atol=1e-3)


def test_two_seats_in_two_threads_keep_their_answers_apart_on_a_gpu(shared_data, expected):
    together = Barrier(2, timeout=100)
    with open_core(f'tensorrt://{detector(shared_data)}', seats=2) as core:

        def work(number):
            with core.lease(100) as blobs:
                together.wait()
                for k in range(50):
                    seed = (number + k) % len(expected)
                    blobs['images'].data[...] = image(seed)
                    core.sync_infer(blobs)
                    np.testing.assert_allclose(
                        blobs['output'].data, expected[seed], rtol=1e-3, atol=1e-3)
            return True

        with ThreadPoolExecutor(2) as threads:
            assert all(threads.map(work, range(2)))


def test_half_precision_is_near_and_not_the_same_or_refused_on_a_gpu(shared_data, expected):
    uri = f'tensorrt://{detector(shared_data)}?precision=fp16'
    if int(VERSION.partition('.')[0]) >= 11:
        with refused(Unsupported, 'fp16', 'autocast'):
            open_core(uri)
        return
    with open_core(uri) as core, core.lease() as blobs:
        blobs['images'].data[...] = image()
        core.sync_infer(blobs)
        got, answer = blobs['output'].data.ravel(), expected[0].ravel()
        cosine = got @ answer / (np.linalg.norm(got) * np.linalg.norm(answer))
        assert cosine > 0.999
        assert not np.allclose(got, answer, rtol=1e-6, atol=1e-6)


def test_an_engine_is_built_once_and_a_spoilt_one_again_on_a_gpu(tiny_models, cache, caplog):
    uri = f"tensorrt://{tiny_models('with_metadata')}"

    def opened():
        caplog.clear()
        with open_core(uri) as core, core.lease() as blobs:
            core.sync_infer(blobs)
        return 'can take minutes' in caplog.text

    assert [opened(), opened()] == [True, False]
    kept, = cache.glob('with_metadata-*.engine')
    kept.write_bytes(kept.read_bytes()[:-100])
    assert [opened(), opened()] == [True, False]


def test_what_is_no_engine_is_refused_and_is_no_crash_on_a_gpu(tmp_path):
    path = tmp_path / 'm.engine'
    for data in (b'no engine at all', b'ftrt' + bytes(1000)):
        path.write_bytes(data)
        with refused(LoadFailed, 'm.engine', 'convert'):
            open_core(path)


def test_opening_and_closing_gives_all_memory_back_on_a_gpu(tiny_models):
    core_class = CORES.resolve('tensorrt')
    from faster_deploy_ros.cores.cuda_device import context_of
    import pycuda.driver as cuda

    def free_bytes():
        gc.collect()
        with context_of(0):
            return cuda.mem_get_info()[0]

    def cycle():
        core = core_class(f"tensorrt://{tiny_models('two_inputs')}", seats=4)
        core.load()
        with core.lease() as one, core.lease() as two:
            core.sync_infer(one)
            core.sync_infer(two)
        core.unload()

    for _ in range(3):      # the libraries take theirs once
        cycle()
    before = free_bytes()
    for _ in range(20):
        cycle()
    assert before - free_bytes() < 8 << 20
