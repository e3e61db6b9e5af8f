# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One seat on a KServe v2 server: its request, made once, and what it reads from the answer."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from faster_deploy_ros.blobs import Blob, BlobsBuffer, BlobSpec
from faster_deploy_ros.cores.triton.memory import Region, RegionMemory
from faster_deploy_ros.errors import BlobMismatch, FasterDeployError, InferFailed
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2

DTYPES: Mapping[str, str] = {
    'FP32': 'float32', 'FP64': 'float64', 'FP16': 'float16', 'INT8': 'int8', 'UINT8': 'uint8',
    'INT16': 'int16', 'UINT16': 'uint16', 'INT32': 'int32', 'UINT32': 'uint32',
    'INT64': 'int64', 'UINT64': 'uint64', 'BOOL': 'bool'}
WORDS: Mapping[np.dtype[Any], str] = {np.dtype(ours): word for word, ours in DTYPES.items()}
# Where a server puts numbers that it does not send as raw bytes.
CONTENTS: Mapping[str, str] = {
    'FP32': 'fp32_contents', 'FP64': 'fp64_contents', 'BOOL': 'bool_contents',
    'INT8': 'int_contents', 'INT16': 'int_contents', 'INT32': 'int_contents',
    'INT64': 'int64_contents', 'UINT8': 'uint_contents', 'UINT16': 'uint_contents',
    'UINT32': 'uint_contents', 'UINT64': 'uint64_contents'}
RAW_INPUT_TAG = b'\x3a'  # field 7 of ModelInferRequest, raw_input_contents, by length
REGION, SIZE = 'shared_memory_region', 'shared_memory_byte_size'


class Seat:
    """
    What one seat keeps between inferences.

    A request is bytes: a head, made anew only when a shape or a memory changes, and behind it the
    tensors that go over the wire, joined in one copy. A tensor in a region of ours goes by the
    region's name; one in memory that the caller has bound goes over the wire.

    :param title: how messages call the core.
    :param model: name and version, ``''`` for the one that the server chooses.
    :param is_batched: the first axis of every tensor is the batch, so that the shape of an
        output is known before the inference.
    """

    def __init__(self, title: str, model: str, version: str, *, is_batched: bool) -> None:
        """Make no request yet."""
        self._title = title
        self._model = model
        self._version = version
        self._is_batched = is_batched
        self._memories: dict[str, RegionMemory] = {}
        self._key: Any = None
        self._head = b''
        self._on_wire: tuple[Blob, ...] = ()

    def blob(self, spec: BlobSpec, retire: Callable[[Region], None] | None) -> Blob:
        """Return a new blob: in shared memory, or in host memory where ``retire`` is None."""
        if retire is None or not (spec.is_input or self._is_known(spec)):
            return Blob(spec)
        memory = self._memories[spec.name] = RegionMemory(retire)
        return Blob(spec, memory)

    def message(self, blobs: BlobsBuffer) -> bytes:
        """Return the whole request for what the inputs hold now."""
        for blob in blobs.outputs:
            if not blob.is_bound and self._is_known(blob.spec):
                blob.reshape(self._shape_before(blob.spec, blobs))
        regions = [self.region(blob) for blob in blobs.values()]
        key = (
            [blob.shape for blob in blobs.inputs], [region and region.name for region in regions])
        if key != self._key:
            self._make_head(blobs)
            self._key = key
        if not self._on_wire:
            return self._head
        parts: list[Any] = [self._head]
        for blob in self._on_wire:
            flat = blob.data.reshape(-1).view(np.uint8)
            parts += (RAW_INPUT_TAG, _varint(flat.nbytes), flat)
        return b''.join(parts)

    def region(self, blob: Blob) -> Region | None:
        """Return the region that the blob's data lies in now, None where it is another memory."""
        memory = self._memories.get(blob.spec.name)
        return None if memory is None or blob.is_bound else memory.region

    def regions(self, blobs: Iterable[Blob]) -> list[Region]:
        """Return the regions that the server must know for the next request."""
        return [region for blob in blobs if (region := self.region(blob)) is not None]

    def abandon(self, outputs: Iterable[Blob]) -> None:
        """Give the outputs new regions: a server that gave no answer may still write the old."""
        for blob in outputs:
            region = self.region(blob)
            if region is not None and region.is_registered:
                shape = blob.shape
                blob.free()
                with suppress(FasterDeployError):  # no room now: the next request tries again
                    blob.reshape(shape)

    def read(self, response: Any, blobs: BlobsBuffer) -> None:
        """
        Check the answer, and bring what came over the wire into the output blobs.

        :raises InferFailed: an output is missing or cut short.
        :raises BlobMismatch: an output's dtype or shape is not as declared.
        """
        found = {each.name: each for each in response.outputs}
        raw = dict(zip(found, response.raw_output_contents))
        for blob in blobs.outputs:
            tensor = found.get(blob.spec.name)
            if tensor is None:
                raise InferFailed(
                    f'{self._title}: the server answers without {blob.spec.title}, it sends '
                    f"{', '.join(found) or 'nothing'}")
            self._read_one(tensor, raw.get(tensor.name, b''), blob)

    # -- inside ------------------------------------------------------------------------------

    def _is_known(self, spec: BlobSpec) -> bool:
        """Whether an output's shape follows from the inputs'."""
        return not spec.is_dynamic or (self._is_batched and -1 not in spec.shape[1:])

    def _shape_before(self, spec: BlobSpec, blobs: BlobsBuffer) -> tuple[int, ...]:
        return spec.shape if not spec.is_dynamic else (
            blobs.inputs[0].shape[0], *spec.shape[1:])

    def _make_head(self, blobs: BlobsBuffer) -> None:
        request = service_pb2.ModelInferRequest(
            model_name=self._model, model_version=self._version)
        for blob in blobs.inputs:
            tensor = request.inputs.add(
                name=blob.spec.name, datatype=WORDS[blob.dtype], shape=blob.shape)
            _point(tensor, self.region(blob), blob)
        for blob in blobs.outputs:
            _point(request.outputs.add(name=blob.spec.name), self.region(blob), blob)
        self._on_wire = tuple(blob for blob in blobs.inputs if self.region(blob) is None)
        self._head = request.SerializeToString()

    def _read_one(self, tensor: Any, raw: bytes, blob: Blob) -> None:
        shape = tuple(tensor.shape)
        if tensor.datatype != WORDS[blob.dtype]:
            raise self._mismatch(blob, tensor.datatype, WORDS[blob.dtype])
        array = np.frombuffer(raw, np.uint8) if raw else _typed(tensor, blob.dtype)
        if self.region(blob) is not None and not array.nbytes:  # written into our region
            if shape != blob.shape:
                raise self._mismatch(blob, shape, blob.shape)
            return
        try:
            blob.reshape(shape)
        except BlobMismatch as error:
            raise self._mismatch(blob, shape, blob.shape) from error
        if array.nbytes != blob.data.nbytes:
            raise InferFailed(
                f'{self._title}: the server sends {array.nbytes} bytes for {blob.spec.title}, '
                f'expected {blob.data.nbytes} for its shape {shape}')
        blob.data.reshape(-1).view(np.uint8)[...] = array.view(np.uint8)

    def _mismatch(self, blob: Blob, got: Any, expected: Any) -> BlobMismatch:
        return BlobMismatch(
            f'{self._title}: the server answers with {got} for {blob.spec.title}, expected '
            f'{expected}; its metadata and its model disagree')


def _point(tensor: Any, region: Region | None, blob: Blob) -> None:
    """Say in which region a tensor lies, where it lies in one."""
    if region is not None:
        tensor.parameters[REGION].string_param = region.name
        tensor.parameters[SIZE].int64_param = blob.data.nbytes


def _typed(tensor: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the numbers that a server has sent one by one and not as raw bytes."""
    field = CONTENTS.get(tensor.datatype)
    return np.asarray(getattr(tensor.contents, field) if field else (), dtype)


def _varint(number: int) -> bytes:
    """Write a number as protobuf does: seven bits a byte, the least first."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
