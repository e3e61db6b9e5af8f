# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory that a GPU can reach, and the streams that copy: pycuda as ``blobs.Memory``."""

from collections.abc import Mapping
from typing import Any

from faster_deploy_ros.blobs import HostMemory, Location
from faster_deploy_ros.cores.cuda_device import CudaContext, quietly
from faster_deploy_ros.errors import Unavailable
import numpy as np
from numpy.typing import NDArray
import pycuda.driver as cuda

IN_ORDER_WITH_US = (None, 1)   # no stream to wait for, or the legacy one, which ours wait for


class PinnedMemory(HostMemory):
    """
    Memory of the host that the device copies from and to by itself.

    As with other host memory the last view of a block frees it, so that no view is left hanging.
    """

    def __init__(self, context: CudaContext) -> None:
        """Allocate nothing yet."""
        self._context = context

    def allocate(self, nbytes: int) -> NDArray[np.uint8]:
        """
        Return ``(nbytes,)`` zeros; the array keeps its memory alive by itself.

        :raises Unavailable: so much cannot be pinned.
        """
        with self._context.calling('pinned memory', Unavailable):
            owner = _Pinned(self._context, nbytes)
        block: NDArray[np.uint8] = np.asarray(owner)[:nbytes]
        return block


class _Pinned:
    """What the views of one pinned block keep alive; it goes while its context is current."""

    __slots__ = ('_array', '_context')

    def __init__(self, context: CudaContext, nbytes: int) -> None:
        self._context = context
        self._array: NDArray[np.uint8] | None = cuda.pagelocked_empty(max(nbytes, 1), np.uint8)
        self._array[...] = 0

    @property
    def __array_interface__(self) -> Mapping[str, Any]:
        assert self._array is not None
        interface: Mapping[str, Any] = self._array.__array_interface__
        return interface

    def __del__(self) -> None:
        """Free it: pycuda can only do so on the thread where the context is current."""
        if hasattr(self, '_array'):
            quietly(self._context, self._drop)

    def _drop(self) -> None:
        self._array = None


class DeviceBlock:
    """
    Memory of the device; ``int(block)`` is its address.

    Other libraries can look at it as an array of bytes by its ``__cuda_array_interface__``.
    """

    __slots__ = ('_allocation', '_pointer', 'nbytes')

    def __init__(self, nbytes: int) -> None:
        """Allocate; the context is current."""
        self.nbytes = nbytes
        self._allocation: Any = cuda.mem_alloc(max(nbytes, 1))   # none at all is an error of CUDA
        self._pointer = int(self._allocation)

    def __int__(self) -> int:
        return self._pointer

    @property
    def __cuda_array_interface__(self) -> Mapping[str, Any]:
        """Version 3; without a stream, for all work is done when an inference returns."""
        return {'shape': (self.nbytes,), 'typestr': '|u1', 'data': (self._pointer, False),
                'strides': None, 'version': 3}

    def free(self) -> None:
        """Give the memory back; the context is current."""
        allocation, self._allocation = self._allocation, None
        if allocation is not None:
            allocation.free()


class DeviceMemory:
    """
    Memory of one device, reached through one stream.

    :param stream: what the copies of ``upload`` and ``download`` go through, and wait for.
    """

    location = Location.DEVICE

    def __init__(self, context: CudaContext, stream: 'Stream') -> None:
        """Allocate nothing yet."""
        self._context = context
        self._stream = stream

    def allocate(self, nbytes: int) -> DeviceBlock:
        """
        Return a block of ``nbytes``; its content is whatever was there.

        :raises Unavailable: the device has not so much memory left.
        """
        with self._context.calling('device memory', Unavailable):
            return DeviceBlock(nbytes)

    def free(self, block: DeviceBlock) -> None:
        """Give a block back."""
        quietly(self._context, block.free)

    def upload(self, block: DeviceBlock, array: NDArray[Any]) -> None:
        """
        Copy a contiguous array into the start of the block, and wait until it is there.

        :raises Unavailable: the device does not answer.
        """
        with self._context.calling('upload', Unavailable):
            self._stream.upload(int(block), array)
            self._stream.synchronize()

    def download(self, block: DeviceBlock, array: NDArray[Any]) -> None:
        """
        Fill a contiguous array from the start of the block, and wait until it is there.

        :raises Unavailable: the device does not answer.
        """
        with self._context.calling('download', Unavailable):
            self._stream.download(int(block), array)
            self._stream.synchronize()


class Stream:
    """
    A queue of work on the device; its methods want the context to be current.

    :param spinning: wait with a busy loop: some microseconds sooner, for a whole core.
    """

    def __init__(self, context: CudaContext, *, spinning: bool = False) -> None:
        """Make the stream, one that waits for what others do on CUDA's default stream."""
        self._context = context
        self._done: Any = None
        with context:
            self._stream: Any = cuda.Stream()
            if not spinning:
                self._done = cuda.Event(
                    int(cuda.event_flags.BLOCKING_SYNC) | int(cuda.event_flags.DISABLE_TIMING))

    @property
    def handle(self) -> int:
        """The stream as CUDA numbers it."""
        handle: int = self._stream.handle
        return handle

    def upload(self, pointer: int, array: NDArray[Any]) -> None:
        """Begin to copy a contiguous array to the device; pageable memory is staged by CUDA."""
        if array.nbytes:
            cuda.memcpy_htod_async(pointer, array, self._stream)

    def download(self, pointer: int, array: NDArray[Any]) -> None:
        """Begin to fill a contiguous array from the device."""
        if array.nbytes:
            cuda.memcpy_dtoh_async(array, pointer, self._stream)

    def wait_for(self, stream: Any) -> None:
        """Wait for the work that a ``__cuda_array_interface__`` says its data comes from."""
        if stream not in IN_ORDER_WITH_US:
            # pycuda cannot name a stream that is not its own, so wait for all of them.
            cuda.Context.synchronize()

    def synchronize(self) -> None:
        """Wait until all is done, without the GIL; raises what went wrong on the device."""
        if self._done is None:
            self._stream.synchronize()
        else:
            self._done.record(self._stream)
            self._done.synchronize()

    def close(self) -> None:
        """Give the stream back; twice is once."""
        quietly(self._context, self._drop)

    def _drop(self) -> None:
        self._done = self._stream = None
