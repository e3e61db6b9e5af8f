# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""CUDA's memory, streams and contexts on the stand-in for pycuda."""

from concurrent.futures import ThreadPoolExecutor
import gc
import os
from pathlib import Path
import subprocess
import sys
import sysconfig

from fake_machine import Machine
from faster_deploy_ros.blobs import Blob, BlobSpec, Location
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import InferFailed, Unavailable
import numpy as np
from nvidia_stand_in import fixtures, robot
import pytest

cache, each_version, stand_in = fixtures()
X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.fixture
def parts(stand_in):
    """Return a context, a stream, pinned memory and device memory."""
    context = stand_in.cuda_device.context_of(0)
    stream = stand_in.cuda_memory.Stream(context)
    yield (context, stream, stand_in.cuda_memory.PinnedMemory(context),
           stand_in.cuda_memory.DeviceMemory(context, stream))
    stream.close()


def test_a_pinned_block_is_an_array_of_zeros_that_numpy_can_view_on_the_stand_in(
        stand_in, parts):
    pinned = parts[2]
    assert pinned.location is Location.HOST
    block = pinned.allocate(96)
    assert (block.dtype, block.shape, block.any()) == (np.uint8, (96,), False)
    assert stand_in.machine.is_pinned(block.view(np.float32).reshape(2, 3, 4))
    pinned.upload(block, X)
    back = np.zeros_like(X)
    pinned.download(block, back)
    assert np.array_equal(back, X)
    assert pinned.allocate(0).shape == (0,)


def test_pinned_memory_goes_with_its_last_view_wherever_that_is_on_the_stand_in(stand_in, parts):
    block = parts[2].allocate(96)
    view = block.view(np.float32)[3:5]
    del block
    gc.collect()
    assert len(stand_in.machine.pinned) == 1
    view[...] = 4.0
    with ThreadPoolExecutor(1) as threads:
        holder = [view]
        del view
        threads.submit(holder.clear).result()    # a thread that never had the context
    assert not stand_in.machine.pinned
    assert not stand_in.machine.violations


def test_what_goes_up_comes_down_and_nothing_moves_before_that_on_the_stand_in(stand_in, parts):
    context, stream, pinned, device = parts
    block = device.allocate(X.nbytes)
    device.upload(block, X)
    back = np.zeros_like(X)
    device.download(block, back)
    assert np.array_equal(back, X)
    source = pinned.allocate(X.nbytes).view(np.float32).reshape(X.shape)
    target = pinned.allocate(X.nbytes).view(np.float32).reshape(X.shape)
    with context:
        stream.upload(int(block), source)
        stream.download(int(block), target)
        source[...] = 2 * X            # pinned memory is read when the copy runs
        assert not target.any()
        stream.synchronize()
    assert np.array_equal(target, 2 * X)
    device.free(block)
    device.free(block)                 # twice is once


def test_blobs_move_between_host_and_device_on_the_stand_in(stand_in, parts):
    blob = Blob(BlobSpec('x', np.float32, X.shape, True), parts[2], parts[3])
    blob.data[...] = X
    blob.place(Location.DEVICE)
    blob.place(Location.HOST)
    assert np.array_equal(blob.data, X)
    blob.free()


def test_a_device_block_can_be_seen_by_other_libraries_on_the_stand_in(stand_in, parts):
    block = parts[3].allocate(96)
    interface = block.__cuda_array_interface__
    assert (interface['shape'], interface['typestr'], interface['version']) == ((96,), '|u1', 3)
    assert interface['data'] == (int(block), False)
    stand_in.machine.view(int(block), 96)    # the address is one of the device
    parts[3].free(block)


def test_nothing_of_no_size_is_copied_or_refused_on_the_stand_in(stand_in, parts):
    block = parts[3].allocate(0)
    empty = np.zeros((0, 3), np.float32)
    parts[3].upload(block, empty)
    parts[3].download(block, empty)
    assert stand_in.machine.calls['cuMemcpyHtoDAsync'] == 0
    parts[3].free(block)


def test_a_context_is_for_the_block_and_the_thread_on_the_stand_in(stand_in, parts):
    context, machine = parts[0], stand_in.machine

    def depth():
        with context, context:
            return len(machine.stack)

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(depth).result() == 2
        assert threads.submit(lambda: len(machine.stack)).result() == 0
    assert depth() == 2
    with pytest.raises(ZeroDivisionError), context:
        raise ZeroDivisionError
    assert machine.stack == []
    assert stand_in.cuda_device.context_of(0) is context
    assert machine.calls['retain'] == 1


def test_memory_that_is_used_up_is_told_with_what_is_left_on_the_stand_in():
    machine = Machine(memory=4 << 20)
    with robot(machine=machine) as made:
        context = made.cuda_device.context_of(0)
        stream = made.cuda_memory.Stream(context)
        device = made.cuda_memory.DeviceMemory(context, stream)
        block = device.allocate(3 << 20)
        with refused(Unavailable, 'cuda.0', '1 of 4 MiB', 'seats'):
            device.allocate(2 << 20)
        device.free(block)
        device.free(device.allocate(2 << 20))
        stream.close()
        machine.assert_clean()


def test_an_error_that_passes_is_told_and_one_that_stays_is_remembered_on_the_stand_in(
        stand_in, parts):
    context, machine = parts[0], stand_in.machine
    driver = sys.modules['pycuda.driver']
    with refused(InferFailed, 'it', 'invalid argument'), context.calling('it', InferFailed):
        raise driver.LogicError('cuMemcpy failed: invalid argument')
    assert context.check() == ''
    with pytest.raises(ValueError, match='ours'), context.calling('it', InferFailed):
        raise ValueError('ours')
    machine.lost = 'device-side assert triggered'
    with refused(InferFailed, 'lost', 'device-side assert', 'Restart'):
        with context.calling('it', InferFailed):
            machine.call('anything')
    machine.lost = ''   # even if the driver would answer again: the context does not
    with refused(Unavailable, 'lost', 'device-side assert'), context.calling('it', Unavailable):
        pytest.fail('a lost device was used')


def test_waiting_spins_only_on_request_on_the_stand_in(stand_in, parts):
    context, machine = parts[0], stand_in.machine
    spinning = stand_in.cuda_memory.Stream(context, spinning=True)
    with context:
        before = machine.calls['cuStreamSynchronize']
        parts[1].synchronize()
        assert machine.calls['cuStreamSynchronize'] == before
        assert machine.calls['cuEventSynchronize'] == 1
        spinning.synchronize()
        assert machine.calls['cuStreamSynchronize'] == before + 1
        assert machine.calls['cuEventSynchronize'] == 1
    spinning.close()


@pytest.mark.parametrize('missing', ['context', 'sync', 'free'])
def test_the_stand_in_notices_what_is_left_out(missing):
    """A stand-in that forgives everything proves nothing."""
    machine = Machine()
    with robot(machine=machine) as made:
        driver = sys.modules['pycuda.driver']
        context = made.cuda_device.context_of(0)
        if missing == 'context':
            with pytest.raises(driver.LogicError, match='no currently active context'):
                driver.mem_alloc(8)
            return
        with context:
            block, stream = driver.mem_alloc(8), driver.Stream()
            if missing == 'sync':
                out = driver.pagelocked_empty(8, np.uint8)
                driver.memcpy_dtoh_async(out, block, stream)
                assert (out == 77).all(), 'copied before anybody waited'
                block.free()
                del out
            del stream
        if missing == 'free':
            del block
            gc.collect()
            with pytest.raises(AssertionError, match='garbage collector'):
                machine.assert_clean()


def test_a_read_of_freed_memory_loses_the_device_of_the_stand_in():
    with robot() as made:
        driver = sys.modules['pycuda.driver']
        with made.cuda_device.context_of(0):
            block, stream = driver.mem_alloc(8), driver.Stream()
            address = int(block)
            block.free()
            driver.memcpy_htod_async(address, np.zeros(8, np.uint8), stream)
            with pytest.raises(driver.LaunchError, match='illegal memory access'):
                stream.synchronize()
            with pytest.raises(driver.LogicError, match='illegal memory access'):
                driver.mem_alloc(8)
            del stream


def test_pycuda_without_a_driver_is_told_as_such(tmp_path):
    """The real import fails deep inside pycuda, on its library; a broken one does the same."""
    package = tmp_path / 'pycuda'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'driver.py').write_text('from pycuda._driver import *\n')
    suffix = sysconfig.get_config_var('EXT_SUFFIX')
    (package / f'_driver{suffix}').write_bytes(b'no library')
    (tmp_path / 'tensorrt.py').touch()
    code = ('from faster_deploy_ros.cores import devices\n'
            'print(next(str(each) for each in devices() if each.scheme == "tensorrt"))')
    root = str(Path(__file__).resolve().parents[2])
    told = subprocess.run(
        [sys.executable, '-c', code], check=True, timeout=100, capture_output=True, text=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(
            [str(tmp_path), root, os.environ.get('PYTHONPATH', '')])}).stdout
    assert 'not available' in told
    assert '_driver' in told
    assert 'NVIDIA GPU' in told
