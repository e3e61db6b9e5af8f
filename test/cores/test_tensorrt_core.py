# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT on the stand-in: the promises of all cores, in each version, and what is its own."""


from fake_pycuda import Machine
from faster_deploy_ros.blobs import Location
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import (
    BadValue,
    BlobMismatch,
    InferFailed,
    LoadFailed,
    Unsupported,
)
import numpy as np
from nvidia_stand_in import DeviceArray, fixtures, robot, saved_engine
from onnx_contract import OnnxContract
import pytest

make_models = pytest.importorskip('make_models', reason='needs the package onnx')

RANGE = 'shapes=x:1x3x1x1..1x3x8x8..4x3x32x32'
X = np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5)


cache, each_version, stand_in = fixtures()


@pytest.mark.usefixtures('each_version')
class TestTensorRtContractOnTheStandIn(OnnxContract):
    """TensorRT 8.6, 10 and 11 keep the promises of all cores, on the stand-in."""

    scheme = 'tensorrt'
    open_shape = f'?{RANGE}'

    @pytest.fixture
    def failing(self, tiny_models):
        return f"tensorrt://{tiny_models('gather')}"


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
        with core.lease() as blobs:
            blobs['x'].reshape((1, 3, 4, 4))
            core.sync_infer(blobs)
            stand_in.trt.stand_in.refused_shape = 'Error Code 3: no such luck'
            blobs['x'].reshape((1, 3, 8, 8))
            with refused(InferFailed, "'x'", '(1, 3, 8, 8)', 'no such luck'):
                core.sync_infer(blobs)
        stand_in.trt.stand_in.refused_shape = ''
        with core.lease(1.0) as blobs:
            blobs['x'].reshape((1, 3, 4, 4))
            core.sync_infer(blobs)
            # Nobody knows what TensorRT remembers after a refusal, so it is told again.
            assert blobs.request._execution._counts['set_input_shape'] == 3


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
                machine.memory = 32 + 7
                with refused(InferFailed, 'memory', 'MiB'):
                    core.sync_infer(blobs)
                machine.memory = 1 << 12
                core.sync_infer(blobs)
        del blobs, core
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


def test_two_seats_share_the_range_of_an_open_shape_on_the_stand_in(each_version, tiny_models):
    uri = f"tensorrt://{tiny_models('dynamic_identity')}?{RANGE}"
    with open_core(uri, seats=2) as core, core.lease() as one, core.lease() as two:
        for blobs, size in ((one, 4), (two, 6), (one, 5)):
            blobs['x'].reshape((1, 3, size, size))
            blobs['x'].data[...] = size
            core.sync_infer(blobs)
            assert (blobs['y'].data == size).all()


def test_an_old_engine_that_shares_no_profile_says_so_at_its_second_seat_on_the_stand_in(
        tiny_models, tmp_path):
    with robot('8.6.1') as made:
        path = saved_engine(tmp_path, tiny_models('dynamic_identity'), RANGE, shared=False)
        with open_core(path, seats=2) as core, core.lease() as blobs:
            with refused(LoadFailed, 'chosen by another', 'one worker'), core.lease(1.0):
                pass
            blobs['x'].reshape((1, 3, 4, 4))
            core.sync_infer(blobs)
        del core, blobs
        made.machine.assert_clean()
