# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A stand-in for pycuda that fails as CUDA does.

Its device memory is apart from the host's, its streams do nothing until somebody waits for them,
a call without a current context fails, and what is freed wrongly is written down.
"""

import ctypes
import sys
from types import ModuleType

import fake_machine
from fake_machine import ALIGNMENT, Error, LaunchError, LogicError, Machine, Queue
import numpy as np

__all__ = ['Machine', 'modules']


def modules(machine):
    """Return ``{'pycuda': ..., 'pycuda.driver': ...}`` for ``sys.modules``."""
    pycuda, driver = ModuleType('pycuda'), ModuleType('pycuda.driver')
    pycuda.VERSION_TEXT, pycuda.driver = '2026.1', driver
    for each in (
            Error, LogicError, LaunchError, fake_machine.MemoryError, fake_machine.RuntimeError):
        setattr(driver, each.__name__, each)
    for name, made in {**_context(machine), **_memory(machine), **_stream(machine)}.items():
        setattr(driver, name, made)
    return {'pycuda': pycuda, 'pycuda.driver': driver}


def _context(machine):
    def init(flags=0):
        if machine.no_driver:
            raise fake_machine.RuntimeError(f'cuInit failed: {machine.no_driver}')

    class Device:

        def __init__(self, index):
            if not 0 <= index < len(machine.gpus):
                raise LogicError('cuDeviceGet failed: invalid device ordinal')
            self.index = index

        @staticmethod
        def count():
            return len(machine.gpus)

        def name(self):
            return machine.gpus[self.index][0]

        def compute_capability(self):
            return machine.gpus[self.index][1]

        def total_memory(self):
            return machine.memory

        def pci_bus_id(self):
            return f'0000:0{self.index + 1}:00.0'

        def retain_primary_context(self):
            if machine.lost:
                raise LogicError(f'cuDevicePrimaryCtxRetain failed: {machine.lost}')
            machine.calls['retain'] += 1
            return Context(self.index)

    class Context:

        def __init__(self, device):
            self.device = device

        def push(self):
            machine.stack.append(self)

        @staticmethod
        def pop():
            if not machine.stack:
                raise LogicError(
                    'context::pop failed: invalid device context - cannot pop non-current')
            machine.stack.pop()

        @staticmethod
        def synchronize():
            machine.call('cuCtxSynchronize')
            machine.run_all()

    return {'init': init, 'Device': Device, 'Context': Context,
            'get_driver_version': lambda: 12060}


def _memory(machine):
    class DeviceAllocation:

        def __init__(self, nbytes):
            device = machine.call('cuMemAlloc')
            if nbytes <= 0:
                raise LogicError('cuMemAlloc failed: invalid argument')
            self._address = machine.allocate(nbytes, device)

        def __int__(self):
            return self._address

        __index__ = __int__

        def free(self):
            if self._address is None:
                raise LogicError('device_allocation::free failed: invalid resource handle')
            if not machine.stack:
                machine.violations.append('device memory freed without a current context')
            machine.run_all()   # as cuMemFree waits; an address is never used again
            del machine.blocks[self._address]
            self._address = None

        def __del__(self):
            if getattr(self, '_address', None) is not None and not sys.is_finalizing():
                machine.violations.append('device memory left to the garbage collector')

    class PagelockedHostAllocation:

        def __init__(self, nbytes):
            self.buffer = (ctypes.c_uint8 * nbytes)()
            self.address = ctypes.addressof(self.buffer)
            self.__array_interface__ = {
                'data': (self.address, False), 'shape': (nbytes,), 'typestr': '|u1',
                'strides': None, 'version': 3}
            machine.pinned[self.address] = nbytes

        def __del__(self):
            del machine.pinned[self.address]
            if not machine.stack:
                machine.violations.append('pinned memory let go without a current context')

    def pagelocked_empty(shape, dtype, order='C', mem_flags=0):
        machine.call('cuMemHostAlloc')
        nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if sum(machine.pinned.values()) + nbytes > machine.pinnable:
            raise fake_machine.MemoryError('cuMemHostAlloc failed: out of memory')
        array = np.asarray(PagelockedHostAllocation(nbytes)).view(dtype).reshape(shape)
        array[...] = 77   # whatever was there
        return array

    def mem_get_info():
        machine.call('cuMemGetInfo')
        used = sum(array.nbytes for array, _ in machine.blocks.values())
        return machine.memory - used, machine.memory

    return {'mem_alloc': DeviceAllocation, 'pagelocked_empty': pagelocked_empty,
            'mem_get_info': mem_get_info}


def _stream(machine):
    class Stream:

        def __init__(self, flags=0):
            machine.call('cuStreamCreate')
            self.queue = []
            machine.live['Stream'] += 1
            with machine.lock:
                machine.next += ALIGNMENT
                self.handle = machine.next
            machine.streams[self.handle] = Queue(self.queue, machine)

        def synchronize(self):
            machine.call('cuStreamSynchronize')
            _wait()
            machine.streams[self.handle].run()

        def __del__(self):
            machine.streams.pop(self.handle, None)
            machine.gone('Stream')

    class Event:

        def __init__(self, flags=0):
            machine.call('cuEventCreate')
            assert flags & event_flags.BLOCKING_SYNC, 'it would spin'
            machine.live['Event'] += 1
            self.stream = None

        def record(self, stream=None):
            machine.call('cuEventRecord')
            self.stream = stream
            return self

        def synchronize(self):
            machine.call('cuEventSynchronize')
            _wait()
            machine.streams[self.stream.handle].run()
            return self

        def __del__(self):
            machine.gone('Event')

    class event_flags:
        DEFAULT, BLOCKING_SYNC, DISABLE_TIMING = 0, 1, 2

    def _wait():
        if machine.on_wait is not None:
            machine.on_wait()

    def memcpy_htod_async(dest, src, stream=None):
        machine.call('cuMemcpyHtoDAsync')
        array = np.asarray(src)
        assert array.flags.c_contiguous
        # Pageable memory is staged at once; pinned memory is read when the copy runs.
        source = array if machine.is_pinned(array) else array.copy()
        machine.streams[stream.handle].add(lambda: _copy_in(int(dest), source))

    def memcpy_dtoh_async(dest, src, stream=None):
        machine.call('cuMemcpyDtoHAsync')
        assert dest.flags.c_contiguous
        assert dest.flags.writeable
        machine.streams[stream.handle].add(lambda: _copy_out(dest, int(src)))
        if not machine.is_pinned(dest):
            machine.streams[stream.handle].run()   # pageable memory makes it synchronous

    def _copy_in(address, array):
        machine.view(address, array.nbytes)[:] = array.reshape(-1).view(np.uint8)

    def _copy_out(array, address):
        array.reshape(-1).view(np.uint8)[:] = machine.view(address, array.nbytes)

    return {'Stream': Stream, 'Event': Event, 'event_flags': event_flags,
            'memcpy_htod_async': memcpy_htod_async, 'memcpy_dtoh_async': memcpy_dtoh_async}
