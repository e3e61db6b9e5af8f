# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A computer with GPUs whose memory is apart from the host's, as the stand-in for CUDA has it."""

from collections import Counter
import threading

import numpy as np

FIRST = 0x7F00_0000_0000
ALIGNMENT = 512


class Error(Exception):
    """``pycuda._driver.Error``."""


class MemoryError(Error):  # noqa: A001
    """Out of memory."""


class LogicError(Error):
    """A call that cannot be."""


class LaunchError(Error):
    """A kernel that failed; the context is lost."""


class RuntimeError(Error):  # noqa: A001
    """No device."""


class Machine:
    """
    One computer with GPUs, as the tests see it from outside.

    :param names: of the GPUs with their compute capability.
    :param memory: bytes on each device.
    """

    def __init__(self, names=(('Stand-in GPU', (8, 7)),), memory=1 << 30):
        self.gpus = list(names)
        self.memory = memory
        self.pinnable = 1 << 40
        self.blocks = {}         # address -> (array, device)
        self.pinned = {}         # address -> bytes
        self.live = Counter()    # objects alive, by kind
        self.calls = Counter()
        self.violations = []     # what the real one would punish later, or elsewhere
        self.lost = ''           # a sticky error: every call fails from now on
        self.no_driver = ''
        self.streams = {}
        self.on_wait = None      # called at each wait, outside all locks
        self.lock = threading.RLock()
        self.local = threading.local()
        self.next = FIRST

    @property
    def stack(self):
        if not hasattr(self.local, 'stack'):
            self.local.stack = []
        return self.local.stack

    def call(self, name):
        """Begin a call that needs a current context; return the device."""
        self.calls[name] += 1
        if self.lost:
            raise LogicError(f'{name} failed: {self.lost}')
        if not self.stack:
            raise LogicError(
                f'{name} failed: invalid device context - no currently active context?')
        return self.stack[-1].device

    def gone(self, kind):
        """Count an object that goes; without its context it cannot go."""
        self.live[kind] -= 1
        if not self.stack:
            self.violations.append(f'{kind} let go without a current context')

    def allocate(self, nbytes, device):
        with self.lock:
            used = sum(array.nbytes for array, where in self.blocks.values() if where == device)
            if used + nbytes > self.memory:
                raise MemoryError('cuMemAlloc failed: out of memory')
            address = self.next
            self.next += -(-nbytes // ALIGNMENT) * ALIGNMENT + ALIGNMENT
            self.blocks[address] = (np.full(nbytes, 0xA5, np.uint8), device)
            return address

    def view(self, address, nbytes):
        """Return bytes of device memory, or lose the device as a wild pointer does."""
        for start, (array, _) in self.blocks.items():
            if start <= address and address + nbytes <= start + array.nbytes:
                return array[address - start:address - start + nbytes]
        self.lost = 'an illegal memory access was encountered'
        self.violations.append(f'{nbytes} bytes at {address:#x} are in no block')
        raise LaunchError(f'cuStreamSynchronize failed: {self.lost}')

    def run_all(self):
        for stream in list(self.streams.values()):
            stream.run()

    def is_pinned(self, array):
        address = array.ctypes.data
        return any(start <= address and address + array.nbytes <= start + nbytes
                   for start, nbytes in self.pinned.items())

    def assert_clean(self):
        """Fail unless all is given back and nothing was done wrongly."""
        assert not self.violations, self.violations
        assert not self.blocks, f'{len(self.blocks)} device blocks leak'
        assert not self.pinned, f'{len(self.pinned)} pinned blocks leak'
        alive = {kind: count for kind, count in self.live.items() if count}
        assert not alive, f'still alive: {alive}'


class Queue:
    """What a stream has still to do."""

    def __init__(self, queue, machine):
        self.queue = queue
        self.machine = machine

    def add(self, work):
        self.queue.append(work)

    def run(self):
        """Do it all, in order; nothing runs any more after a failure."""
        with self.machine.lock:
            queue, self.queue[:] = list(self.queue), []
            for work in queue:
                if self.machine.lost:
                    raise LaunchError(f'cuStreamSynchronize failed: {self.machine.lost}')
                work()
            if self.machine.lost:
                raise LaunchError(f'cuStreamSynchronize failed: {self.machine.lost}')
