# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime keeps the promises of all cores, and copies nothing."""

from timeit import repeat
import tracemalloc
from types import SimpleNamespace

from faster_deploy_ros.cores import devices, open_core
from faster_deploy_ros.cores.contract import CoreContract, refused
from faster_deploy_ros.errors import BadValue
import numpy as np
import pytest

onnxruntime = pytest.importorskip('onnxruntime', reason='needs the package onnxruntime')
pytest.importorskip('onnx', reason='needs the package onnx to make its models')

pytestmark = pytest.mark.core


class TestOnnxRuntimeContract(CoreContract):
    """ONNX Runtime keeps the promises of all cores."""

    @pytest.fixture
    def identity(self, tiny_models):
        return str(tiny_models('identity'))

    @pytest.fixture
    def dynamic_identity(self, tiny_models):
        return str(tiny_models('dynamic_identity'))

    @pytest.fixture
    def identity_bytes(self, tiny_models):
        return tiny_models('identity').read_bytes()

    @pytest.fixture
    def failing(self, tiny_models):
        return str(tiny_models('gather'))


def test_the_runtime_reads_and_writes_the_blobs_own_memory(tiny_models):
    with open_core(tiny_models('two_inputs'), seats=1) as core, core.lease() as blobs:
        core.sync_infer(blobs)
        bound = blobs.request.bound
        for name in ('left', 'right', 'total', 'product'):
            value = onnxruntime.OrtValue.ortvalue_from_numpy(bound[name])
            assert value.data_ptr() == blobs[name].data.ctypes.data
        outputs = {value.data_ptr() for value in blobs.request.binding.get_outputs()}
        assert outputs == {blobs['total'].data.ctypes.data, blobs['product'].data.ctypes.data}


def test_nothing_is_bound_again_while_shapes_and_memory_stay(tiny_models):
    with open_core(tiny_models('two_inputs'), seats=1) as core:
        with core.lease() as blobs:
            core.sync_infer(blobs)
            blobs.request.binding = OnlyRuns(blobs.request.binding)
        for number in range(5):
            with core.lease() as blobs:
                blobs['left'].data[...] = number
                blobs['right'].data[...] = 3
                core._session, session = OnlyRunsSession(core._session), core._session
                core.sync_infer(blobs)
                core._session = session
                assert (blobs['product'].data == 3 * number).all()
                assert (blobs['total'].data == 3 + number).all()


class OnlyRuns:
    """A binding that can be run and not changed."""

    def __init__(self, real):
        self.real = real

    def bind_ortvalue_input(self, *_):
        raise AssertionError('bound again')

    bind_ortvalue_output = bind_output = bind_ortvalue_input


class OnlyRunsSession:
    """Runs the binding that ``OnlyRuns`` guards."""

    def __init__(self, real):
        self.real = real

    def run_with_iobinding(self, guarded):
        self.real.run_with_iobinding(guarded.real)


def test_an_inference_allocates_no_tensor(tiny_models):
    import make_models
    size = (1, 3, 256, 256)
    with open_core(
            'onnxruntime://big', source=make_models.identity(size), seats=1) as core:
        with core.lease() as blobs:
            core.sync_infer(blobs)
        tracemalloc.start()
        try:
            for _ in range(10):
                with core.lease() as blobs:
                    core.sync_infer(blobs)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 64 * 1024 < 4 * np.prod(size)


def test_an_output_of_open_shape_is_as_large_as_what_was_found(tiny_models):
    with open_core(tiny_models('nonzero'), seats=1) as core, core.lease() as blobs:
        for found in ([1, 4], [], [0, 1, 2, 3, 4, 5, 6, 7], [7]):
            blobs['x'].data[...] = 0
            blobs['x'].data[found] = 1
            core.sync_infer(blobs)
            assert blobs['where'].data.tolist() == [found]
            assert blobs['where'].shape == (1, len(found))


def test_an_output_of_open_shape_can_be_bound_to_the_callers_memory(tiny_models):
    with open_core(tiny_models('dynamic_identity'), seats=1) as core, core.lease() as blobs:
        external = np.zeros((1, 3, 2, 2), np.float32)
        blobs['y'].bind(external)
        blobs['x'].reshape((1, 3, 2, 2))
        blobs['x'].data[...] = 5
        core.sync_infer(blobs)
        assert (external == 5).all()
        blobs['y'].reset()
        blobs['x'].reshape((1, 3, 1, 2))
        blobs['x'].data[...] = 6
        core.sync_infer(blobs)
        assert blobs['y'].shape == (1, 3, 1, 2)
        assert (blobs['y'].data == 6).all()
        assert (external == 5).all()


def test_read_only_memory_can_be_an_input(tiny_models):
    frozen = np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5)
    frozen.flags.writeable = False
    with open_core(tiny_models('identity')) as core, core.lease() as blobs:
        blobs['x'].bind(frozen)
        core.sync_infer(blobs)
        assert np.array_equal(blobs['y'].data, frozen)


@pytest.mark.parametrize('dtype', [
    'float32', 'float64', 'float16', 'int8', 'uint8', 'int32', 'int64', 'bool'])
def test_every_dtype_goes_through_unchanged(dtype):
    import make_models
    x = np.arange(6).reshape(2, 3).astype(dtype)
    with open_core(
            'onnxruntime://tiny', source=make_models.identity((2, 3), dtype)) as core:
        with core.lease() as blobs:
            blobs['x'].data[...] = x
            core.sync_infer(blobs)
            assert blobs['y'].data.dtype == x.dtype
            assert np.array_equal(blobs['y'].data, x)


def test_a_scalar_goes_through(tiny_models):
    import make_models
    with open_core('onnxruntime://scalar', source=make_models.identity(())) as core:
        with core.lease() as blobs:
            blobs['x'].data[...] = 2.5
            core.sync_infer(blobs)
            assert blobs['y'].data.shape == ()
            assert blobs['y'].data == 2.5


def test_the_models_metadata_is_told(tiny_models):
    with open_core(tiny_models('with_metadata')) as core:
        assert core.metadata == {'names': "{0: 'cone', 1: 'ball'}", 'stride': '32'}
    with open_core(tiny_models('identity')) as core:
        assert core.metadata == {}


def test_the_layout_of_an_image_input_is_told(tiny_models):
    import make_models
    for shape, layout in (((1, 3, 8, 9), 'NCHW'), ((1, 8, 9, 3), 'NHWC'), ((4, 4), '')):
        with open_core('onnxruntime://m', source=make_models.identity(shape)) as core:
            assert core.specs['x'].layout == layout


def test_the_options_reach_the_session(tiny_models):
    path = tiny_models('identity')
    with open_core(path) as core:
        options = core._session.get_session_options()
        assert options.intra_op_num_threads == 1
        assert options.get_session_config_entry('session.intra_op.allow_spinning') == '0'
    with open_core(
            f'onnxruntime://{path}?threads=2&spinning=1&inter_op_threads=2'
            '&optimize=basic&providers=cpu') as core:
        options = core._session.get_session_options()
        assert options.intra_op_num_threads == 2
        assert options.inter_op_num_threads == 2
        assert options.execution_mode == onnxruntime.ExecutionMode.ORT_PARALLEL
        assert options.get_session_config_entry('session.intra_op.allow_spinning') == '1'
        level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        assert options.graph_optimization_level == level
    with refused(BadValue, 'optimize', 'extended'):
        open_core(f'{path}?optimize=most')


def test_the_runtime_is_among_the_devices_with_its_version():
    found = [device for device in devices() if device.scheme == 'onnxruntime']
    assert [str(device) for device in found] == ['onnxruntime.0 (CPU)']
    assert found[0].capabilities.versions == {'onnxruntime': onnxruntime.__version__}


def test_accelerators_that_the_runtime_finds_are_told_beside_the_cpu(monkeypatch):
    names = ('CUDAExecutionProvider', 'CPUExecutionProvider', 'CUDAExecutionProvider')
    monkeypatch.setattr(
        onnxruntime, 'get_ep_devices', lambda: [SimpleNamespace(ep_name=name) for name in names],
        raising=False)
    found = [str(device) for device in devices() if device.scheme == 'onnxruntime']
    assert found == ['onnxruntime.0 (CPU)', 'onnxruntime.0 (CUDA)', 'onnxruntime.1 (CUDA)']


def test_the_door_costs_microseconds(tiny_models):
    """Compare the least times of many runs: what other processes take away is not in them."""
    with open_core(tiny_models('identity'), seats=1) as core:
        with core.lease() as blobs:
            core.sync_infer(blobs)
            session, binding = core._session, blobs.request.binding

        def through_the_door():
            with core.lease() as seat:
                core.sync_infer(seat)

        ours = min(repeat(through_the_door, number=20, repeat=100)) / 20
        raw = min(repeat(lambda: session.run_with_iobinding(binding), number=20, repeat=100)) / 20
    assert ours - raw < 50e-6  # about 4 us on a quiet machine


def test_a_real_detector_gives_what_the_plain_session_gives(shared_data):
    path = shared_data / 'models' / 'yolox_nano.onnx'
    image = np.random.default_rng(0).random((1, 3, 416, 416), np.float32) * 255
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(path), options, providers=['CPUExecutionProvider'])
    expected, = session.run(None, {'images': image})
    with open_core(path) as core, core.lease() as blobs:
        blobs['images'].data[...] = image
        core.sync_infer(blobs)
        assert np.array_equal(blobs['output'].data, expected)
