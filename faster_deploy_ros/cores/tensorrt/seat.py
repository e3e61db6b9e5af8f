# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One seat on a TensorRT engine: an execution context, a stream, and what it is bound to now."""

from collections.abc import Callable, Mapping
from typing import Any

from faster_deploy_ros.blobs import Blob, BlobsBuffer, BlobSpec, Location
from faster_deploy_ros.cores.cuda_device import CudaContext, quietly
from faster_deploy_ros.cores.cuda_memory import DeviceMemory, PinnedMemory, Stream
from faster_deploy_ros.cores.tensorrt.api import JOURNAL
from faster_deploy_ros.cores.tensorrt.hooks import OutputMemory
from faster_deploy_ros.cores.tensorrt.options import ShapeRange
from faster_deploy_ros.errors import (
    BlobMismatch,
    InferFailed,
    LoadFailed,
    Unavailable,
    Unsupported,
)

Shape = tuple[int, ...]


class Seat:
    """
    Runs inferences one after the other on its own stream; nothing of it is shared.

    :param title: how messages call the core.
    :param make_execution: makes TensorRT's execution context.
    :param ranges: what the profile allows for the inputs with open dimensions.
    :param profile: which optimisation profile to use.
    :raises Unavailable: the device has no memory left for another execution context.
    """

    def __init__(
            self, title: str, make_execution: Callable[[], Any],
            ranges: Mapping[str, ShapeRange], profile: int, context: CudaContext, *,
            spinning: bool) -> None:
        """Make the execution context and the stream."""
        self._title = title
        self._ranges = ranges
        self._context = context
        self._execution: Any = None
        self._shapes: dict[str, Shape] = {}       # what TensorRT has been told
        self._addresses: dict[str, int] = {}
        self._growing: dict[str, OutputMemory] = {}
        self._stream = Stream(context, spinning=spinning)
        self.pinned = PinnedMemory(context)
        self.device = DeviceMemory(context, self._stream)
        try:
            self._open(make_execution, profile)
        except BaseException:
            self.close()
            raise

    def _open(self, make_execution: Callable[[], Any], profile: int) -> None:
        mark = JOURNAL.mark()
        with self._context.calling(self._title, LoadFailed):
            self._execution = make_execution()
            if self._execution is None:
                raise Unavailable(
                    f'{self._title}: TensorRT makes no execution context: '
                    f'{JOURNAL.errors_since(mark)}. Mostly the memory of the GPU is used up: use '
                    'fewer seats, or end other programs on it')
            if self._ranges and self._execution.active_optimization_profile != profile:
                if not self._execution.set_optimization_profile_async(
                        profile, self._stream.handle):
                    raise LoadFailed(
                        f'{self._title}: TensorRT refuses the profile {profile} for this seat: '
                        f'{JOURNAL.errors_since(mark)}. An engine of TensorRT 8 with open shapes '
                        'serves one seat unless it was built to share its profile: open the ONNX '
                        'model, which is built so, or use one worker')
                self._stream.synchronize()

    def run(self, blobs: BlobsBuffer) -> None:
        """
        Upload, run, download, and wait for it without the GIL.

        :raises BlobMismatch: a shape outside the profile, or memory that cannot be used.
        :raises InferFailed: TensorRT or the device failed; the seat stays usable if the device is.
        """
        with self._context.calling(self._title, InferFailed):
            mark = JOURNAL.mark()
            try:
                self._prepare_inputs(blobs)
                self._prepare_outputs(blobs)
                for blob in blobs.inputs:
                    if blob.location is Location.HOST:
                        self._stream.upload(int(blob.device_block()), blob.data)
                if not self._execution.execute_async_v3(self._stream.handle):
                    raise InferFailed(self._failure(mark))
                self._begin_downloads(blobs)
            finally:
                self._stream.synchronize()   # whatever happened, nothing touches the blobs later

    def close(self) -> None:
        """Give all back; twice is once."""
        quietly(self._context, self._drop)
        for memory in self._growing.values():
            memory.free()
        self._growing.clear()
        self._stream.close()

    def _drop(self) -> None:
        self._execution = None

    def _prepare_inputs(self, blobs: BlobsBuffer) -> None:
        for blob in blobs.inputs:
            name, shape = blob.spec.name, blob.shape
            if name in self._ranges and self._shapes.get(name) != shape:
                self._set_shape(blob)
            self._set_address(name, self._address(blob))

    def _set_shape(self, blob: Blob) -> None:
        name, shape = blob.spec.name, blob.shape
        expected = self._ranges[name]
        if not expected.holds(shape):
            raise BlobMismatch(
                f'{self._title}: {blob.spec.title}: got shape {shape}, expected from '
                f'{expected.least} to {expected.most}, the range that the engine was built for; '
                'build it with another option shapes')
        mark = JOURNAL.mark()
        self._shapes.pop(name, None)
        if not self._execution.set_input_shape(name, shape):
            raise InferFailed(
                f'{self._title}: {blob.spec.title}: TensorRT refuses the shape {shape}: '
                f'{JOURNAL.errors_since(mark)}')
        self._shapes[name] = shape

    def _prepare_outputs(self, blobs: BlobsBuffer) -> None:
        for blob in blobs.outputs:
            name = blob.spec.name
            if blob.spec.is_dynamic:
                shape = tuple(self._execution.get_tensor_shape(name))
                if -1 in shape:
                    self._grow(blob)
                    continue
                blob.reshape(shape)
            self._set_address(name, self._address(blob))

    def _grow(self, blob: Blob) -> None:
        """Prepare an output whose shape depends on the data: TensorRT asks for its memory."""
        name = blob.spec.name
        if blob.location is Location.DEVICE:
            raise Unsupported(
                f'{self._title}: {blob.spec.title}: its shape is known only after the inference; '
                'leave it on the host')
        if name not in self._growing:
            memory = OutputMemory(blob.spec, self.device)
            if not self._execution.set_output_allocator(name, memory):
                raise InferFailed(
                    f'{self._title}: {blob.spec.title}: TensorRT takes no memory for an output of '
                    'open shape')
            self._growing[name] = memory
        self._growing[name].begin()

    def _begin_downloads(self, blobs: BlobsBuffer) -> None:
        for blob in blobs.outputs:
            memory = self._growing.get(blob.spec.name)
            if memory is not None:
                if memory.shape is None:
                    raise InferFailed(
                        f'{self._title}: {blob.spec.title}: TensorRT told no shape')
                blob.reshape(memory.shape)
                self._stream.download(int(memory.block or 0), blob.data)
            elif blob.location is Location.HOST:
                self._stream.download(int(blob.device_block()), blob.data)

    def _address(self, blob: Blob) -> int:
        """Return where a tensor lies on the device, and wait for who fills it."""
        block = blob.device_block()
        if not blob.is_bound or blob.location is Location.HOST:
            return int(block)
        interface = block.__cuda_array_interface__
        pointer, read_only = interface['data']
        if tuple(interface['shape']) != blob.shape:
            raise BlobMismatch(
                f'{self._title}: {blob.spec.title}: the device array bound to it now has shape '
                f"{tuple(interface['shape'])}, expected {blob.shape}; bind it anew")
        if read_only and not blob.spec.is_input:
            raise BlobMismatch(
                f'{self._title}: {blob.spec.title}: the device array to bind is read-only, and an '
                'output is written')
        self._stream.wait_for(interface.get('stream'))
        return int(pointer)

    def _set_address(self, name: str, address: int) -> None:
        if self._addresses.get(name) == address:
            return
        mark = JOURNAL.mark()
        self._addresses.pop(name, None)
        if not self._execution.set_tensor_address(name, address):
            raise InferFailed(
                f"{self._title}: TensorRT refuses the memory at {address:#x} for '{name}': "
                f'{JOURNAL.errors_since(mark)}')
        self._addresses[name] = address

    def _failure(self, mark: int) -> str:
        """Say why a run failed: our own callback, or what TensorRT says."""
        for memory in self._growing.values():
            if memory.error:
                return f'{self._title}: the inference failed: {memory.error}'
        return f'{self._title}: the inference failed: {JOURNAL.errors_since(mark)}'


def range_of(engine: Any, name: str, profile: int) -> ShapeRange:
    """Return what a profile of the engine allows for one input."""
    least, usual, most = (tuple(dims) for dims in engine.get_tensor_profile_shape(name, profile))
    return ShapeRange(least, usual, most)


def seat_blobs(seat: Seat, specs: Mapping[str, BlobSpec]) -> list[Blob]:
    """Return the blobs of a seat: pinned on the host, with room on the device when needed."""
    return [Blob(spec, seat.pinned, seat.device) for spec in specs.values()]
