# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT on the stand-in: the promises of all cores, in each version, and what is its own."""

from concurrent.futures import ThreadPoolExecutor
import gc
import logging
from threading import Barrier

from fake_pycuda import Machine
from fake_tensorrt import VERSIONS
from faster_deploy_ros.blobs import Location
from faster_deploy_ros.cores import devices, open_core
from faster_deploy_ros.cores.contract import CoreContract, refused
from faster_deploy_ros.errors import (
    BadValue,
    BlobMismatch,
    InferFailed,
    LoadFailed,
    Unavailable,
    Unsupported,
)
import numpy as np
from nvidia_stand_in import robot
import pytest

make_models = pytest.importorskip('make_models', reason='needs the package onnx')

RANGE = 'shapes=x:1x3x1x1..1x3x8x8..4x3x32x32'
X = np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'faster_deploy_ros' / 'engines'


@pytest.fixture(params=VERSIONS)
def each_version(request):
    """Return a robot with one of the versions; at the end nothing may be left over."""
    with robot(request.param) as made:
        yield made
        gc.collect()
        made.machine.assert_clean()


@pytest.fixture
def stand_in():
    """Return a robot with TensorRT 10; at the end nothing may be left over."""
    with robot('10.3.0') as made:
        yield made
        gc.collect()
        made.machine.assert_clean()


@pytest.mark.usefixtures('each_version')
class TestTensorRtContractOnTheStandIn(CoreContract):
    """TensorRT 8.6, 10 and 11 keep the promises of all cores, on the stand-in."""

    @pytest.fixture
    def identity(self, tiny_models):
        return f"tensorrt://{tiny_models('identity')}"

    @pytest.fixture
    def dynamic_identity(self, tiny_models):
        return f"tensorrt://{tiny_models('dynamic_identity')}?{RANGE}"

    @pytest.fixture
    def identity_bytes(self, tiny_models):
        return tiny_models('identity').read_bytes()

    @pytest.fixture
    def failing(self, tiny_models):
        return f"tensorrt://{tiny_models('gather')}"


# -- memory and copies ---------------------------------------------------------------------------


def test_two_inputs_and_two_outputs_keep_their_places_on_the_stand_in(each_version, tiny_models):
    with open_core(f"tensorrt://{tiny_models('two_inputs')}") as core, core.lease() as blobs:
        for number in range(3):
            blobs['left'].data[...] = number
            blobs['right'].data[...] = 3
            core.sync_infer(blobs)
            assert (blobs['total'].data == number + 3).all()
            assert (blobs['product'].data == number * 3).all()


def test_addresses_and_shapes_are_told_once_while_they_stay_on_the_stand_in(
        stand_in, tiny_models):
    with open_core(f"tensorrt://{tiny_models('dynamic_identity')}?{RANGE}", seats=1) as core:
        for size in (4, 4, 4, 8, 8):
            with core.lease() as blobs:
                blobs['x'].reshape((1, 3, size, size))
                core.sync_infer(blobs)
                counts = dict(blobs.request._execution._counts)
        assert counts['set_input_shape'] == 2
        assert counts['set_tensor_address'] == 4   # two tensors, whose memory grew once


def test_host_blobs_are_pinned_and_device_blobs_are_not_copied_on_the_stand_in(
        stand_in, tiny_models):
    machine = stand_in.machine
    with open_core(f"tensorrt://{tiny_models('identity')}", seats=1) as core:
        with core.lease() as blobs:
            assert machine.is_pinned(blobs['x'].data)
            assert machine.is_pinned(blobs['y'].data)
            blobs['x'].data[...] = X
            core.sync_infer(blobs)
            blobs['x'].place(Location.DEVICE)
            blobs['y'].place(Location.DEVICE)
            before = dict(machine.calls)
            core.sync_infer(blobs)
            assert machine.calls['executeAsyncV3'] == before['executeAsyncV3'] + 1
            for copy in ('cuMemcpyHtoDAsync', 'cuMemcpyDtoHAsync', 'cuMemAlloc'):
                assert machine.calls[copy] == before[copy], copy
            blobs['y'].place(Location.HOST)
            assert np.array_equal(blobs['y'].data, X)


def test_pageable_memory_can_be_bound_read_only_as_well_on_the_stand_in(stand_in, tiny_models):
    frozen = X.copy()
    frozen.flags.writeable = False
    with open_core(f"tensorrt://{tiny_models('identity')}") as core, core.lease() as blobs:
        blobs['x'].bind(frozen)
        core.sync_infer(blobs)
        assert np.array_equal(blobs['y'].data, X)


class DeviceArray:
    """An array of another library on the device."""

    def __init__(self, machine, array, *, read_only=False, stream=None, device=0):
        self.pointer = machine.allocate(array.nbytes, device)
        self.machine = machine
        self.bytes = machine.view(self.pointer, array.nbytes)
        self.array = self.bytes.view(array.dtype).reshape(array.shape)
        self.array[...] = array
        self.__cuda_array_interface__ = {
            'data': (self.pointer, read_only), 'shape': array.shape, 'strides': None,
            'typestr': array.dtype.str, 'version': 3, 'stream': stream}

    def free(self):
        del self.machine.blocks[self.pointer]


def test_pointers_of_others_on_the_device_are_read_and_written_in_place_on_the_stand_in(
        stand_in, tiny_models):
    machine = stand_in.machine
    x, y = DeviceArray(machine, X), DeviceArray(machine, 0 * X)
    with open_core(f"tensorrt://{tiny_models('identity')}", seats=1) as core:
        with core.lease() as blobs:
            blobs['x'].bind(x)
            blobs['y'].bind(y)
            core.sync_infer(blobs)
            assert np.array_equal(y.array, X)
            x.array[...] = 5
            core.sync_infer(blobs)
            assert (y.array == 5).all()
            assert machine.calls['cuMemcpyHtoDAsync'] == machine.calls['cuMemcpyDtoHAsync'] == 0
        with core.lease() as blobs:   # the next one has its own memory again
            blobs['x'].data[...] = 6
            core.sync_infer(blobs)
            assert (blobs['y'].data == 6).all()
            assert (y.array == 5).all()
    x.free()
    y.free()


def test_the_stream_of_a_pointer_of_others_is_waited_for_on_the_stand_in(stand_in, tiny_models):
    machine = stand_in.machine
    with open_core(f"tensorrt://{tiny_models('identity')}", seats=1) as core:
        with core.lease() as blobs:
            for stream, waits in ((None, 0), (1, 0), (2, 1), (0x1234, 1)):
                x = DeviceArray(machine, X, stream=stream)
                blobs['x'].bind(x)
                before = machine.calls['cuCtxSynchronize']
                core.sync_infer(blobs)
                assert machine.calls['cuCtxSynchronize'] - before == waits
                x.free()


def test_a_device_array_that_cannot_be_used_is_refused_on_the_stand_in(stand_in, tiny_models):
    machine = stand_in.machine
    with open_core(f"tensorrt://{tiny_models('identity')}", seats=1) as core:
        with core.lease() as blobs:
            fixed = DeviceArray(machine, X, read_only=True)
            blobs['y'].bind(fixed)
            with refused(BlobMismatch, "'y'", 'read-only'):
                core.sync_infer(blobs)
            blobs['y'].reset()
            blobs['x'].bind(fixed)
            core.sync_infer(blobs)
            fixed.__cuda_array_interface__['shape'] = (1, 3, 4, 4)
            with refused(BlobMismatch, "'x'", '(1, 3, 4, 4)', 'anew'):
                core.sync_infer(blobs)
            fixed.free()


@pytest.mark.parametrize('dtype', ['float32', 'float16', 'int8', 'uint8', 'int32', 'bool'])
def test_every_dtype_goes_through_unchanged_on_the_stand_in(each_version, dtype):
    if dtype == 'float16' and each_version.trt.__version__ == '11.4.0':
        option = '?precision=fp16'
    else:
        option = ''
    x = np.arange(6).reshape(2, 3).astype(dtype)
    with open_core(
            f'tensorrt://tiny.onnx{option}', source=make_models.identity((2, 3), dtype)) as core:
        with core.lease() as blobs:
            blobs['x'].data[...] = x
            core.sync_infer(blobs)
            assert blobs['y'].data.dtype == x.dtype
            assert np.array_equal(blobs['y'].data, x)


def test_int64_is_what_the_engine_says_it_is_on_the_stand_in(each_version, tiny_models):
    with open_core(f"tensorrt://{tiny_models('gather')}") as core, core.lease() as blobs:
        old = each_version.trt.__version__ == '8.6.1'
        assert core.specs['x'].dtype == ('int32' if old else 'int64')
        blobs['x'].data[...] = [2, 0, 1, 2]
        core.sync_infer(blobs)
        assert blobs['y'].data.tolist() == [20, 0, 10, 20]


def test_scalars_and_empty_tensors_go_through_on_the_stand_in(stand_in):
    for shape in ((), (0, 3)):
        with open_core('tensorrt://m.onnx', source=make_models.identity(shape)) as core:
            with core.lease() as blobs:
                blobs['x'].data[...] = 2.5
                core.sync_infer(blobs)
                assert blobs['y'].data.shape == shape
                assert (blobs['y'].data == 2.5).all()


# -- open shapes ---------------------------------------------------------------------------------


def test_a_shape_outside_the_profile_is_refused_with_the_range_on_the_stand_in(
        each_version, tiny_models):
    uri = f"tensorrt://{tiny_models('dynamic_identity')}?shapes=2x3x4x4..4x3x8x8"
    with open_core(uri) as core, core.lease() as blobs:
        with refused(BlobMismatch, "'x'", '(5, 3, 8, 8)', '(4, 3, 8, 8)'):
            blobs['x'].reshape((5, 3, 8, 8))
        blobs['x'].reshape((1, 3, 8, 8))
        with refused(BlobMismatch, "'x'", '(1, 3, 8, 8)', '(2, 3, 4, 4)', '(4, 3, 8, 8)'):
            core.sync_infer(blobs)
        blobs['x'].reshape((2, 3, 8, 8))
        blobs['x'].data[...] = 4
        core.sync_infer(blobs)
        assert (blobs['y'].data == 4).all()


def test_a_shape_that_tensorrt_refuses_fails_with_its_words_and_the_seat_lives_on_the_stand_in(
        stand_in, tiny_models):
    uri = f"tensorrt://{tiny_models('dynamic_identity')}?{RANGE}"
    with open_core(uri, seats=1) as core:
        stand_in.trt.stand_in.refused_shape = 'Error Code 3: no such luck'
        with core.lease() as blobs:
            blobs['x'].reshape((1, 3, 8, 8))
            with refused(InferFailed, "'x'", '(1, 3, 8, 8)', 'no such luck'):
                core.sync_infer(blobs)
        stand_in.trt.stand_in.refused_shape = ''
        with core.lease(1.0) as blobs:
            blobs['x'].reshape((1, 3, 8, 8))
            core.sync_infer(blobs)


def test_an_output_whose_shape_depends_on_the_data_is_as_large_as_it_is_on_the_stand_in(
        each_version, tiny_models):
    with open_core(f"tensorrt://{tiny_models('nonzero')}", seats=1) as core:
        with core.lease() as blobs:
            for found in ([1, 4], [], [0, 1, 2, 3, 4, 5, 6, 7], [7]):
                blobs['x'].data[...] = 0
                blobs['x'].data[found] = 1
                core.sync_infer(blobs)
                assert blobs['where'].data.tolist() == [found]
            with refused(Unsupported, "'where'", 'host'):
                blobs['where'].place(Location.DEVICE)
                core.sync_infer(blobs)


def test_no_memory_for_such_an_output_is_told_and_the_seat_lives_on_the_stand_in(tiny_models):
    machine = Machine(memory=1 << 12)
    with robot('10.3.0', machine=machine):
        with open_core(f"tensorrt://{tiny_models('nonzero')}", seats=1) as core:
            with core.lease() as blobs:
                blobs['x'].device_block()
                machine.memory = 32 + 10
                with refused(InferFailed, 'memory', 'MiB'):
                    core.sync_infer(blobs)
                machine.memory = 1 << 12
                core.sync_infer(blobs)
        del blobs, core
        gc.collect()
        machine.assert_clean()


def test_an_engine_with_several_profiles_runs_the_one_asked_for_on_the_stand_in(
        stand_in, tiny_models, tmp_path):
    path = saved_engine(tmp_path, tiny_models('dynamic_identity'), RANGE, profiles=2)
    with open_core(f'{path}?profile=1') as core, core.lease() as blobs:
        assert core.specs['x'].max_shape == (4, 3, 64, 64)
        blobs['x'].reshape((1, 3, 64, 64))
        blobs['x'].data[...] = 2
        core.sync_infer(blobs)
        assert (blobs['y'].data == 2).all()
    with refused(BadValue, 'profile', '2'):
        open_core(f'{path}?profile=2')


def saved_engine(folder, model, options='', **header):
    """Build an engine on the stand-in and write it as trtexec would, with other facts in it."""
    import json

    from faster_deploy_ros.cores.engine_cache import unwrap
    options = f'{options}&' if options else ''
    with open_core(f'tensorrt://{model}?{options}engine_cache_dir={folder}'):
        pass
    kept, = folder.glob('*.engine')
    head, _, rest = unwrap('', kept.read_bytes())[1].partition(b'\n')
    kept.unlink()
    path = folder / 'made_by_hand.engine'
    path.write_bytes(
        b'ftrt' + json.dumps({**json.loads(head[4:]), **header}).encode() + b'\n' + rest)
    return path


@pytest.mark.parametrize(('header', 'words'), [
    ({'shape tensors': ['x']}, ("'x'", 'shape tensor')),
    ({'format': 'CHW32'}, ("'x'", 'vectorised', 'linear')),
    ({'dtypes': {'y': 'BF16'}}, ("'y'", 'BF16', 'float16')),
])
def test_an_engine_that_no_blob_can_feed_is_refused_with_the_tensor_on_the_stand_in(
        stand_in, tiny_models, tmp_path, header, words):
    path = saved_engine(tmp_path, tiny_models('identity'), **header)
    with refused(Unsupported, *words):
        open_core(path)


# -- threads and failures ------------------------------------------------------------------------


def test_two_seats_wait_for_the_device_at_the_same_time_on_the_stand_in(stand_in, tiny_models):
    together = Barrier(2, timeout=20)
    with open_core(f"tensorrt://{tiny_models('identity')}", seats=2) as core:

        def work(number):
            with core.lease(20) as blobs:
                blobs['x'].data[...] = number
                together.wait()
                core.sync_infer(blobs)      # both must be in it at once, or the barrier breaks
                return float(blobs['y'].data.max()), blobs.request._stream.handle

        stand_in.machine.on_wait = together.wait
        with ThreadPoolExecutor(2) as threads:
            (first, one), (second, other) = threads.map(work, (1, 2))
        stand_in.machine.on_wait = None
        assert (first, second) == (1.0, 2.0)
        assert one != other, 'the seats share a stream'


def test_a_failed_run_says_what_tensorrt_said_on_the_stand_in(each_version, tiny_models):
    with open_core(f"tensorrt://{tiny_models('identity')}", seats=1) as core:
        each_version.trt.stand_in.enqueue_fails = 'Error Code 1: Cuda Runtime (bad\nkernel)'
        with core.lease() as blobs:
            with refused(InferFailed, 'Cuda Runtime (bad kernel)'):
                core.sync_infer(blobs)
        each_version.trt.stand_in.enqueue_fails = ''
        with core.lease(1.0) as blobs:
            core.sync_infer(blobs)


def test_the_words_of_one_seat_are_not_told_by_another_on_the_stand_in(stand_in):
    journal = stand_in.tensorrt_api.JOURNAL
    error = stand_in.trt.ILogger.ERROR
    mark = journal.mark()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(journal.log, error, 'from another thread').result()
    assert journal.errors_since(mark) == 'from another thread'
    journal.log(error, 'from  this\nthread')
    assert journal.errors_since(mark) == 'from this thread'
    assert 'does not say' in journal.errors_since(journal.mark())


def test_a_lost_device_says_so_at_once_and_costs_no_seat_on_the_stand_in(tiny_models):
    with robot('10.3.0') as made:
        core = open_core(f"tensorrt://{tiny_models('identity')}", seats=1)
        with core.lease() as blobs:
            core.sync_infer(blobs)
            made.machine.lost = 'unspecified launch failure'
            with refused(InferFailed, 'cuda.0', 'lost', 'unspecified launch failure', 'Restart'):
                core.sync_infer(blobs)
        calls = made.machine.calls.total()
        for _ in range(3):
            with core.lease(1.0) as blobs:
                with refused(InferFailed, 'lost', 'unspecified launch failure'):
                    core.sync_infer(blobs)
                with refused(InferFailed, 'lost'):
                    core.async_infer(blobs).result(20)
        assert made.machine.calls.total() == calls, 'the lost device was asked again'
        core.unload()   # frees what it can, raises nothing
        with refused(LoadFailed, 'lost', 'Restart'):
            open_core(f"tensorrt://{tiny_models('identity')}")


def test_a_wild_pointer_loses_the_device_and_is_told_on_the_stand_in(tiny_models):
    with robot('10.3.0') as made:
        core = open_core(f"tensorrt://{tiny_models('identity')}", seats=2)
        with core.lease() as other, core.lease() as blobs:
            gone = DeviceArray(made.machine, X)
            gone.free()
            blobs['x'].bind(gone)
            with refused(InferFailed, 'illegal memory access'):
                core.sync_infer(blobs)
            with refused(InferFailed, 'illegal memory access'):
                core.sync_infer(other)
        core.unload()


# -- memory that is used up, and the end of life ---------------------------------------------------


def test_a_seat_too_many_for_the_memory_is_refused_and_the_others_run_on_the_stand_in(
        stand_in, tiny_models):
    stand_in.trt.stand_in.contexts = 1
    with open_core(f"tensorrt://{tiny_models('identity')}", seats=2) as core:
        with core.lease() as blobs:
            with refused(Unavailable, 'execution context', 'OutOfMemory', 'seats'):
                with core.lease(1.0):
                    pass
            core.sync_infer(blobs)


@pytest.mark.parametrize('pinnable', [0, 100, 300])
def test_a_seat_half_made_is_given_back_whole_on_the_stand_in(pinnable, tiny_models):
    machine = Machine()
    with robot('10.3.0', machine=machine):
        core = open_core(f"tensorrt://{tiny_models('identity')}", seats=1)
        machine.pinnable = pinnable
        with refused(Unavailable, 'memory', 'MiB'):
            with core.lease():
                pass
        gc.collect()
        assert machine.live['IExecutionContext'] == machine.live['Stream'] == 0
        assert not machine.pinned
        machine.pinnable = 1 << 20
        with core.lease() as blobs:
            core.sync_infer(blobs)
        core.unload()
        del core, blobs
        gc.collect()
        machine.assert_clean()


def test_device_memory_that_is_used_up_is_told_with_what_is_free_on_the_stand_in(tiny_models):
    machine = Machine(memory=300)
    with robot('10.3.0', machine=machine):
        core = open_core(f"tensorrt://{tiny_models('identity')}", seats=1)
        with core.lease() as blobs:
            with refused(Unavailable, 'cuda.0', 'MiB are free', 'seats'):
                core.sync_infer(blobs)
        core.unload()
        del core, blobs
        gc.collect()
        machine.assert_clean()


def test_a_view_that_outlives_its_seat_hangs_nowhere_on_the_stand_in(stand_in, tiny_models):
    core = open_core(f"tensorrt://{tiny_models('identity')}", seats=1)
    with core.lease() as blobs:
        blobs['x'].data[...] = X
        core.sync_infer(blobs)
        view = blobs['y'].data[0, 0]
    core.unload()
    assert np.array_equal(view, X[0, 0])
    assert len(stand_in.machine.pinned) == 1
    del view, blobs, core


def test_unloading_in_another_thread_frees_all_on_the_stand_in(each_version, tiny_models):
    core = open_core(f"tensorrt://{tiny_models('two_inputs')}", seats=2)
    with core.lease() as one, core.lease() as two:
        core.sync_infer(one)
        core.sync_infer(two)
    del one, two
    with ThreadPoolExecutor(1) as threads:
        threads.submit(core.unload).result()
    gc.collect()
    each_version.machine.assert_clean()


def test_a_load_that_fails_half_way_leaves_nothing_on_the_stand_in(
        stand_in, tiny_models, tmp_path):
    path = saved_engine(tmp_path, tiny_models('identity'), format='CHW32')
    core = stand_in.tensorrt_core.TensorRtCore(f'tensorrt://{path}')
    try:
        core.load()
    except Unsupported as error:
        kept = error            # an error that somebody keeps must not keep the engine
    assert 'vectorised' in str(kept)
    assert stand_in.machine.live['ICudaEngine'] == stand_in.machine.live['Runtime'] == 0


# -- devices -------------------------------------------------------------------------------------


def reasons():
    return [each for each in devices() if each.scheme == 'tensorrt']


def test_each_gpu_is_told_with_its_name_memory_and_versions_on_the_stand_in():
    machine = Machine((('NVIDIA Orin', (8, 7)), ('NVIDIA RTX 4090', (8, 9))), memory=8 << 30)
    with robot('8.6.1', machine=machine):
        orin, rtx = reasons()
        assert str(orin) == 'tensorrt.0 (NVIDIA Orin, compute capability 8.7, 8.0 GiB)'
        assert str(rtx) == 'tensorrt.1 (NVIDIA RTX 4090, compute capability 8.9, 8.0 GiB)'
        assert orin.guid != rtx.guid
        assert rtx.capabilities.versions == {
            'tensorrt': '8.6.1', 'cuda driver': '12.6', 'pycuda': '2026.1'}


def test_the_second_gpu_is_where_its_model_runs_on_the_stand_in(tiny_models):
    machine = Machine((('NVIDIA Orin', (8, 7)), ('NVIDIA RTX 4090', (8, 9))))
    with robot('10.3.0', machine=machine):
        with open_core(f"tensorrt.1://{tiny_models('identity')}") as core, core.lease() as blobs:
            core.sync_infer(blobs)
            assert {device for _, device in machine.blocks.values()} == {1}
        assert machine.calls['retain'] == 1
        with open_core(f"tensorrt.1://{tiny_models('identity')}"):
            pass
        assert machine.calls['retain'] == 1, 'the context is kept, not made again'


@pytest.mark.parametrize('missing', ['tensorrt', 'pycuda'])
def test_a_missing_package_is_named_on_the_stand_in(missing):
    with robot(missing=(missing, 'pycuda.driver') if missing == 'pycuda' else (missing,)):
        found, = reasons()
        assert missing in found.reason
        assert 'JetPack' in found.reason


def test_a_missing_gpu_is_named_on_the_stand_in():
    machine = Machine()
    with robot(machine=machine):
        machine.no_driver = 'no CUDA-capable device is detected'
        assert 'no CUDA-capable device' in reasons()[0].reason
        assert 'nvidia-smi' in reasons()[0].reason
        machine.no_driver = ''
        machine.gpus = []
        assert 'lists no GPU' in reasons()[0].reason
        assert machine.calls.total() == 0, 'something of CUDA was touched before there is a device'


def test_a_lean_runtime_says_so_runs_engines_and_refuses_to_build_on_the_stand_in(
        tiny_models, tmp_path):
    with robot('10.3.0'):
        path = saved_engine(tmp_path, tiny_models('identity'))
    with robot('10.3.0', lean=True):
        assert 'lean' in str(reasons()[0])
        with open_core(path) as core, core.lease() as blobs:
            blobs['x'].data[...] = X
            core.sync_infer(blobs)
            assert np.array_equal(blobs['y'].data, X)
        with refused(Unsupported, 'lean', 'convert'):
            open_core(f"tensorrt://{tiny_models('identity')}?engine_cache_dir={tmp_path / 'no'}")


def test_what_tensorrt_chatters_goes_to_the_log_of_python_on_the_stand_in(
        stand_in, tiny_models, caplog):
    with caplog.at_level(logging.DEBUG, 'faster_deploy_ros'):
        with open_core(f"tensorrt://{tiny_models('identity')}"):
            pass
    assert any('Local timing cache' in each.message for each in caplog.records)
