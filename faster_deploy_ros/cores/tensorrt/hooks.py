# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What TensorRT calls while it builds or runs: progress, calibration, memory for outputs."""

from collections.abc import Callable, Iterator
from typing import Any

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.cuda_device import CudaContext
from faster_deploy_ros.cores.cuda_memory import DeviceBlock, DeviceMemory, Stream
from faster_deploy_ros.cores.source import one_line
from faster_deploy_ros.cores.tensorrt.api import member
from faster_deploy_ros.errors import LoadFailed
import numpy as np
from numpy.typing import NDArray
import tensorrt as trt

MESSAGE_LENGTH = 100


class Hearing:
    """
    Passes on what a build tells, and keeps what is raised meanwhile until the build is over.

    TensorRT swallows what its callbacks raise; ``raise_what_ended_it`` brings it back.

    :param report: called as ``report(text, done, total, detail)``, the last two where there are.
    """

    def __init__(self, report: Callable[..., None]) -> None:
        """Hear nothing yet."""
        self._report = report
        self._steps: dict[str, int] = {}
        self._ended_by: BaseException | None = None

    def begin(self, phase: str, steps: int) -> None:
        """Take note of a phase."""
        self._steps[phase] = steps
        self.tell(phase, 0, steps)

    def step(self, phase: str, step: int) -> bool:
        """Take note of a step; return whether the build should go on."""
        return self.tell(phase, step + 1, self._steps.get(phase, 0))

    def message(self, text: str) -> None:
        """Take note of what TensorRT says, where it has no other way."""
        self.tell('building', 0, 0, text[:MESSAGE_LENGTH])

    def tell(self, *words: Any) -> bool:
        """Pass something on; return whether nobody has asked for an end."""
        if self._ended_by is None:
            try:
                self._report(*words)
            except BaseException as error:   # KeyboardInterrupt comes here too
                self.end(error)
        return self._ended_by is None

    def end(self, error: BaseException) -> None:
        """Remember why the build cannot go on."""
        # Without its traceback, whose frames would hold what the build is to give back.
        self._ended_by = self._ended_by or error.with_traceback(None)

    def raise_what_ended_it(self) -> None:
        """Raise what came up in a callback."""
        error, self._ended_by = self._ended_by, None
        if error is not None:
            raise error


def progress_monitor(hearing: Hearing) -> Any:
    """Return what TensorRT 10 and later tell how the build goes on."""
    base: Any = member('IProgressMonitor')

    class Monitor(base):  # type: ignore[misc]
        """Called on TensorRT's own threads."""

        def __init__(self) -> None:
            base.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            hearing.begin(phase_name, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            return hearing.step(phase_name, step)

        def phase_finish(self, phase_name: str) -> None:
            """Say nothing: the next phase does."""

    return Monitor()


class Feed:
    """
    Hands a calibration's images to TensorRT one by one, in one block on the device.

    :param batches: inputs of the model, float32 of ``shape``.
    """

    def __init__(
            self, batches: Iterator[NDArray[Any]], shape: tuple[int, ...], context: CudaContext,
            hearing: Hearing) -> None:
        """Allocate nothing yet."""
        self._batches = batches
        self._shape = shape
        self._hearing = hearing
        self._stream = Stream(context)
        self._device = DeviceMemory(context, self._stream)
        self._block: DeviceBlock | None = None
        self._count = 0

    def following(self, name: str) -> list[int] | None:
        """Upload the next image and return its address; None when there is none, or no use."""
        try:
            batch = next(self._batches, None)
            if batch is None:
                return None
            array = np.ascontiguousarray(batch, np.float32)
            if array.shape != self._shape:
                raise LoadFailed(
                    f"calibration: got {array.shape} for input '{name}', expected {self._shape}")
            if self._block is None:
                self._block = self._device.allocate(array.nbytes)
            self._device.upload(self._block, array)
            self._count += 1
            goes_on = self._hearing.tell('calibrating', self._count)
            return [int(self._block)] if goes_on else None
        except BaseException as error:   # TensorRT would swallow it
            self._hearing.end(error)
            return None

    def free(self) -> None:
        """Give all back."""
        if self._block is not None:
            self._device.free(self._block)
        self._block = None
        self._stream.close()


def calibrator(feed: Feed, batch_size: int) -> Any:
    """Return what TensorRT 8 and 10 ask for images, to learn the ranges for int8 from."""
    base: Any = member('IInt8EntropyCalibrator2')

    class Calibrator(base):  # type: ignore[misc]
        """Keeps no cache of its own: the engine is what is kept."""

        def __init__(self) -> None:
            base.__init__(self)

        def get_batch_size(self) -> int:
            return batch_size

        def get_batch(self, names: list[str]) -> list[int] | None:
            return feed.following(names[0])

        def read_calibration_cache(self) -> bytes | None:
            return None

        def write_calibration_cache(self, cache: Any) -> None:
            """Keep none."""

    return Calibrator()


class OutputMemory(trt.IOutputAllocator):  # type: ignore[misc]
    """
    Memory for an output whose shape TensorRT learns only while it runs.

    The memory grows as needed and is kept. TensorRT calls from within the enqueue, with the
    context current, and swallows exceptions: ``error`` says the last one.
    """

    def __init__(self, spec: BlobSpec, memory: DeviceMemory) -> None:
        """Allocate nothing yet."""
        trt.IOutputAllocator.__init__(self)
        self._spec = spec
        self._memory = memory
        self.block: DeviceBlock | None = None
        self.shape: tuple[int, ...] | None = None
        self.error = ''   # a text: the exception would keep the callers' frames, and so the core

    def reallocate_output(self, tensor_name: str, memory: int, size: int, alignment: int) -> Any:
        """Return the address of at least ``size`` bytes, None where there are not so many."""
        try:
            if self.block is None or self.block.nbytes < size:
                self.free()
                self.block = self._memory.allocate(size)
            return int(self.block)
        except BaseException as error:
            self.error = one_line(error)
            return None

    def reallocate_output_async(
            self, tensor_name: str, memory: int, size: int, alignment: int, stream: int) -> Any:
        """Do the same: what was there before is not in use any more."""
        return self.reallocate_output(tensor_name, memory, size, alignment)

    def notify_shape(self, tensor_name: str, shape: Any) -> None:
        """Remember the shape, which comes before the enqueue returns."""
        self.shape = tuple(shape)

    def begin(self) -> None:
        """Forget the last run."""
        self.shape, self.error = None, ''

    def free(self) -> None:
        """Give the memory back."""
        if self.block is not None:
            self._memory.free(self.block)
        self.block = None
