# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A core seen through a change of layout: for trying how a model might be meant."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from faster_deploy_ros.blobs import Blob, BlobsBuffer, BlobSpec
from faster_deploy_ros.cores import Device, InferCore, ModelUri
from faster_deploy_ros.errors import BlobMismatch
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Change = Callable[[Array], Array]
Shape = tuple[int, ...]


def _swap_memory(image: Array) -> Array:
    """Write the numbers in the order of the other layout, channels first or last."""
    axes = (0, 2, 3, 1) if image.shape[1] == 3 else (0, 3, 1, 2)
    swapped: Array = np.ascontiguousarray(image.transpose(axes)).reshape(image.shape)
    return swapped


def _swapped(shape: Shape) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2])


def _same(shape: Shape) -> Shape:
    return shape


def _classes(output: Array) -> tuple[slice, ...]:
    """Return where the numbers from 0 to 1 are: all but the four of the box."""
    return (slice(None), slice(None), slice(4, None)) if output.shape[2] < output.shape[1] else (
        slice(None), slice(4, None))


def _with_sigmoid(output: Array) -> Array:
    changed: Array = output.copy()
    part = _classes(output)
    changed[part] = 1 / (1 + np.exp(-np.clip(changed[part], -60, 60)))
    return changed


def _without_sigmoid(output: Array) -> Array:
    changed: Array = output.copy()
    part = _classes(output)
    share = np.clip(changed[part], 1e-7, 1 - 1e-7)
    changed[part] = np.log(share / (1 - share))
    return changed


def _centres(output: Array) -> Array:
    """Turn corners into centres and sizes."""
    changed: Array = output.copy()
    boxes = changed if output.shape[2] < output.shape[1] else changed.transpose(0, 2, 1)
    low, high = boxes[..., :2].copy(), boxes[..., 2:4].copy()
    boxes[..., :2], boxes[..., 2:4] = (low + high) / 2, high - low
    return changed


def _other_order(output: Array) -> Array:
    """Read memory that lies transposed under the declared shape."""
    straight: Array = output.reshape(_swapped(output.shape)).transpose(0, 2, 1)
    return straight


# What changes an output of the core into what a detector reads. Name -> (shape that the model
# declares -> shape to read it as, change of the numbers).
OUTPUTS: Mapping[str, tuple[Callable[[Shape], Shape], Change]] = MappingProxyType({
    'no batch axis': (lambda shape: (1, *shape), lambda output: output[None]),
    'transposed': (_swapped, lambda output: output.transpose(0, 2, 1)),
    'transposed memory': (_same, _other_order),
    'corners': (_same, _centres),
    'logits': (_same, _with_sigmoid),
    'two sigmoids': (_same, _without_sigmoid),
})


class ReshapedCore:
    """
    An InferCore that gives another one changed inputs and changes its outputs back.

    :param core: stays the caller's.
    :param factor: what the numbers are multiplied by before they are given.
    :param swapped: whether an image is given in the memory order of the other layout.
    :param says: rows of OUTPUTS, in the order to apply them.
    :raises BlobMismatch: its tensors are not such that the change can be made.
    """

    def __init__(
            self, core: InferCore, factor: float = 1.0, swapped: bool = False,
            says: tuple[str, ...] = ()) -> None:
        """Compute the specs that are seen from outside."""
        self._core, self._factor, self._swapped = core, factor, swapped
        self._say = [OUTPUTS[name] for name in says]
        if not any(spec.is_input and len(spec.shape) == 4 for spec in core.specs.values()):
            raise BlobMismatch(
                f"compare: got {'; '.join(map(str, core.specs.values()))}, expected an image of "
                'four dimensions')
        self._specs = MappingProxyType({
            name: self._seen(spec) for name, spec in core.specs.items()})

    def _seen(self, spec: BlobSpec) -> BlobSpec:
        if spec.is_input:
            return spec
        shape = spec.shape
        for change, _ in self._say:
            shape = change(shape)
        return spec if shape == spec.shape else replace(
            spec, shape=shape, layout='', max_shape=None)

    @property
    def uri(self) -> ModelUri:
        """What was opened."""
        return self._core.uri

    @property
    def specs(self) -> Mapping[str, BlobSpec]:
        """The tensors as they are after the change."""
        return self._specs

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the model's file says about itself."""
        return self._core.metadata

    @property
    def device(self) -> Device:
        """Where the model runs."""
        return self._core.device

    @property
    def seats(self) -> int:
        """How many leases there can be at once."""
        return self._core.seats

    @contextmanager
    def lease(self, timeout_s: float | None = None) -> Iterator[BlobsBuffer]:
        """Lease a seat of the core, with blobs of the changed shapes before it."""
        with self._core.lease(timeout_s) as seat:
            yield BlobsBuffer(
                [Blob(spec) for spec in self._specs.values()], request=seat, owner=self)

    def sync_infer(self, blobs: BlobsBuffer) -> None:
        """Change the inputs, run the core, change its outputs."""
        seat: BlobsBuffer = blobs.request
        for blob in blobs.inputs:
            given = blob.data
            if given.ndim == 4:   # the image; a size that another input takes stays what it is
                given = given if self._factor == 1 else given * blob.dtype.type(self._factor)
                given = _swap_memory(given) if self._swapped else given
            target = seat[blob.spec.name]
            target.reshape(given.shape)
            np.copyto(target.data, given)
        self._core.sync_infer(seat)
        for blob in blobs.outputs:
            said = seat[blob.spec.name].data
            with np.errstate(all='ignore'):   # of a wrong reading, any number may come
                for _, change in self._say:
                    said = change(said)
            blob.adopt(np.ascontiguousarray(said))

    def async_infer(self, blobs: BlobsBuffer) -> 'Future[BlobsBuffer]':
        """Do the same at once; the future is settled already."""
        future: Future[BlobsBuffer] = Future()
        try:
            self.sync_infer(blobs)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(blobs)
        return future

    def unload(self, timeout_s: float = 5.0) -> None:
        """Do nothing: the core is the caller's."""

    def __enter__(self) -> 'ReshapedCore':
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing: the core is the caller's."""
