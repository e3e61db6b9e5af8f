# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA GPUs through pycuda: which there are, and the context that all work happens in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import logging
import threading
from types import TracebackType

from faster_deploy_ros.cores.source import one_line
from faster_deploy_ros.errors import FasterDeployError, Unavailable
import pycuda
import pycuda.driver as cuda

_logger = logging.getLogger(__name__)
_contexts: dict[int, 'CudaContext'] = {}
_contexts_lock = threading.Lock()


@dataclass(frozen=True)
class Gpu:
    """
    One GPU as its driver describes it.

    :param capability: the compute capability: ``'8.7'``.
    :param address: where it is on the bus: tells it from its twins.
    """

    index: int
    name: str
    capability: str
    total_bytes: int
    address: str

    def __str__(self) -> str:
        return (f'{self.name}, compute capability {self.capability}, '
                f'{self.total_bytes / 2**30:.1f} GiB')


def find_gpus() -> list[Gpu]:
    """
    List the GPUs; nothing of CUDA has to be touched before this has answered.

    :raises Unavailable: the driver has none, or cannot start.
    """
    try:
        cuda.init()
        gpus = [_describe(index) for index in range(cuda.Device.count())]
    except cuda.Error as error:
        raise Unavailable(
            f'cuda: no usable NVIDIA GPU: {one_line(error)}. Check that nvidia-smi lists it, and '
            'in a container that it was started with the GPU') from error
    if not gpus:
        raise Unavailable(
            'cuda: the NVIDIA driver lists no GPU. Check nvidia-smi and CUDA_VISIBLE_DEVICES')
    return gpus


def versions() -> Mapping[str, str]:
    """Return the versions of the CUDA driver and of pycuda."""
    number = cuda.get_driver_version()
    return {'cuda driver': f'{number // 1000}.{number % 1000 // 10}',
            'pycuda': pycuda.VERSION_TEXT}


def context_of(index: int) -> 'CudaContext':
    """
    Return the one context of a device, which stays as long as the process: docs/adr/0015.

    :raises Unavailable: the device does not answer.
    """
    with _contexts_lock:
        if index not in _contexts:
            _contexts[index] = CudaContext(index)
        return _contexts[index]


class CudaContext:
    """
    The primary context of one device; ``with context:`` makes it current on this thread.

    It is the context that TensorRT, cupy and torch use as well, so that pointers are common to
    all. May be entered by several threads at once, and again by the same one.

    :raises Unavailable: the device does not answer.
    """

    def __init__(self, index: int) -> None:
        """Retain the primary context."""
        self.index = index
        self.lost = ''   # why the device answers no more
        try:
            self._primary = cuda.Device(index).retain_primary_context()
        except cuda.Error as error:
            raise Unavailable(f'cuda.{index}: cannot be used: {one_line(error)}') from error

    def __enter__(self) -> 'CudaContext':
        self._primary.push()
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self._primary.pop()

    def calling(self, title: str, error: type[FasterDeployError]) -> 'Calling':
        """
        Make the context current for a block, and let what CUDA raises in it be ``error``.

        :param title: who calls, for the message.
        :raises Unavailable: the memory of the device, or what can be pinned, is used up.
        """
        return Calling(self, title, error)

    def check(self) -> str:
        """Return why the device answers no more, ``''`` while it does; waits for all its work."""
        if not self.lost:
            try:
                with self:
                    cuda.Context.synchronize()
            except cuda.Error as error:
                self.lost = one_line(error)
        return self.lost

    def lost_text(self, title: str) -> str:
        """Say that the device is lost, and what to do."""
        return (f'{title}: the device cuda.{self.index} is lost to this process since: '
                f'{self.lost}. Restart the process')


class Calling:
    """
    The block of ``CudaContext.calling``.

    No generator: from Python 3.12 on, contextlib's frame and an error that goes through it hold
    each other, and with them the callers' frames, the core and its memory on the device.
    """

    def __init__(
            self, context: CudaContext, title: str, error: type[FasterDeployError]) -> None:
        """Do nothing yet."""
        self._context = context
        self._title = title
        self._error = error

    def __enter__(self) -> None:
        if self._context.lost:
            raise self._error(self._context.lost_text(self._title))
        try:
            self._context.__enter__()
        except cuda.Error as cause:
            raise self._error(self._text(cause)) from cause

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        try:
            memory = cuda.mem_get_info() if isinstance(error, cuda.MemoryError) else None
        except cuda.Error:   # a device that is lost counts no memory
            memory = None
        self._context.__exit__(kind, error, trace)
        if error is not None and memory is not None:
            free, total = memory
            raise Unavailable(
                f'{self._title}: not enough memory on cuda.{self._context.index}: '
                f'{one_line(error)}; {free >> 20} of {total >> 20} MiB are free. Use fewer seats '
                'or smaller shapes, or end other programs on it') from error
        if error is not None and isinstance(error, cuda.Error):
            raise self._error(self._text(error)) from error

    def _text(self, error: BaseException) -> str:
        if self._context.check():
            return self._context.lost_text(self._title)
        return f'{self._title}: CUDA failed: {one_line(error)}'


def quietly(context: CudaContext, free: Callable[[], None]) -> None:
    """Free something while the context is current; a lost device must not stop the rest."""
    try:
        with context:
            free()
    except cuda.Error as error:
        _logger.info('cuda.%d: something could not be freed: %s', context.index, one_line(error))


def _describe(index: int) -> Gpu:
    device = cuda.Device(index)
    major, minor = device.compute_capability()
    return Gpu(
        index, device.name(), f'{major}.{minor}', device.total_memory(), device.pci_bus_id())
