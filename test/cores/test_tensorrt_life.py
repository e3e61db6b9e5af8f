# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT on the stand-in: threads, failures, memory that is used up, the end of life."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from fake_machine import Machine
from faster_deploy_ros.blobs import Location
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import InferFailed, LoadFailed, Unavailable, Unsupported
import numpy as np
from nvidia_stand_in import DeviceArray, fixtures, robot, saved_engine
import pytest

make_models = pytest.importorskip('make_models', reason='needs the package onnx')

X = np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5)

cache, each_version, stand_in = fixtures()


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


def test_a_device_lost_inside_tensorrt_is_told_as_lost_on_the_stand_in(tiny_models):
    with robot('10.3.0') as made:
        core = open_core(f"tensorrt://{tiny_models('identity')}", seats=1)
        with core.lease() as blobs:
            blobs['x'].place(Location.DEVICE)
            blobs['y'].place(Location.DEVICE)
            made.machine.lost = 'unspecified launch failure'
            with refused(InferFailed, 'cuda.0', 'lost', 'unspecified launch failure', 'Restart'):
                core.sync_infer(blobs)
        core.unload()


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
        assert machine.live['IExecutionContext'] == machine.live['Stream'] == 0
        assert not machine.pinned
        machine.pinnable = 1 << 20
        with core.lease() as blobs:
            core.sync_infer(blobs)
        core.unload()
        del core, blobs
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
