# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes images into a model's input: resize, channel order, scale and padding in one pass."""

from dataclasses import dataclass, field
from functools import lru_cache
import threading
from typing import Any
import weakref

import cv2
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks.letterbox import Letterbox
import numpy as np
from numpy.typing import NDArray

Triple = tuple[float, float, float]
_SCRATCH_SIZES = 4   # image sizes that one thread keeps scratch memory for


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """
    The numbers a model wants to see: ``(value * scale / 255 - mean) / std``, in its own order.

    :param color: the order of the model's channels, ``'bgr'`` or ``'rgb'``.
    :param scale: what full white is before mean and std: 255 or 1.
    :param mean: per channel, in the model's order.
    :param std: per channel, in the model's order.
    :param pad: the grey around the image, 0 to 255, scaled like the image.
    :param tables: computed: ``(256,)`` float32 for each channel, from a byte to what is seen.
    :param padding: computed: what is seen of ``pad`` in each channel.
    :param is_plain: computed: whether the bytes go in as they are, only as floats.
    """

    color: str = 'bgr'
    scale: float = 255.0
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    pad: int = 114
    tables: tuple[NDArray[np.float32], ...] = field(init=False, repr=False, compare=False)
    padding: Triple = field(init=False, repr=False, compare=False)
    is_plain: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what would give nonsense instead of a picture; compute what is used per frame."""
        if self.color not in ('bgr', 'rgb'):
            raise ValueError(f"PixelFormat.color: got '{self.color}', expected 'bgr' or 'rgb'")
        if not 0 < self.scale <= 255:
            raise ValueError(f'PixelFormat.scale: got {self.scale}, expected 255 or 1')
        if min(self.std) <= 0:
            raise ValueError(f'PixelFormat.std: got {self.std}, expected numbers above 0')
        if not 0 <= self.pad <= 255:
            raise ValueError(f'PixelFormat.pad: got {self.pad}, expected 0 to 255')
        ramp = np.arange(256) * (self.scale / 255.0)
        tables = tuple(
            ((ramp - mean) / std).astype(np.float32) for mean, std in zip(self.mean, self.std))
        object.__setattr__(self, 'tables', tables)
        object.__setattr__(self, 'padding', tuple(float(table[self.pad]) for table in tables))
        object.__setattr__(
            self, 'is_plain', all(np.array_equal(table, np.arange(256)) for table in tables))


YOLOX = PixelFormat()
YOLOX_LEGACY = PixelFormat(
    color='rgb', scale=1.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
ULTRALYTICS = PixelFormat(color='rgb', scale=1.0)


def paint(
        frame: Frame, geometry: Letterbox, pixels: PixelFormat, tensor: NDArray[Any]) -> None:
    """
    Write one image into the whole of an input tensor.

    The padding is written only when the tensor's last picture lay in it differently.

    :param frame: the image; its channels are put in the model's order at no cost.
    :param geometry: where the image goes; its ``input_size`` is the tensor's.
    :param pixels: what the model wants to see.
    :param tensor: ``(1, 3, h, w)`` float32, the memory of an input blob.
    """
    scratch = _scratch(geometry.resized_size)
    image = frame.image
    if geometry.resized_size != geometry.source_size:
        image = cv2.resize(
            image, geometry.resized_size, dst=scratch.resized, interpolation=cv2.INTER_LINEAR)
    planes = cv2.split(image, scratch.planes)
    _paint_padding(geometry, pixels.padding, tensor)
    if pixels.color != frame.encoding[:3]:
        planes = planes[::-1]
    (width, height), (x, y) = geometry.resized_size, geometry.offset
    target = tensor[0, :, y:y + height, x:x + width]
    if pixels.is_plain:
        target[0], target[1], target[2] = planes   # numpy's cast, the fastest of those measured
    else:
        for channel, table in enumerate(pixels.tables):
            cv2.LUT(planes[channel], table, dst=target[channel])


def _paint_padding(geometry: Letterbox, values: Triple, tensor: NDArray[Any]) -> None:
    """
    Fill what the image leaves free, unless our last picture in this memory has done so.

    Called before the image is written, so that the record is right whatever fails afterwards.
    """
    strips = _strips(geometry)
    if _painted.get(tensor) == (geometry, values) and _is_intact(tensor, strips, values):
        return
    _painted.put(tensor, None)
    for rows, columns in strips:
        for channel, value in enumerate(values):
            tensor[0, channel, rows, columns] = value
    _painted.put(tensor, (geometry, values))


def _is_intact(tensor: NDArray[Any], strips: '_Strips', values: Triple) -> bool:
    """Look at the ends of the strips: somebody else may have filled the tensor meanwhile."""
    for rows, columns in strips:
        if (tensor[0, 0, rows.start, columns.start] != values[0]
                or tensor[0, 2, rows.stop - 1, columns.stop - 1] != values[2]):
            return False
    return True


_Strips = tuple[tuple[slice, slice], ...]


@lru_cache(maxsize=64)
def _strips(geometry: Letterbox) -> _Strips:
    """Return the rows and columns of the padding, in pieces that do not overlap."""
    left, top, right, bottom = geometry.pad
    width, height = geometry.input_size
    middle = slice(top, height - bottom)
    pieces = (
        (slice(0, top), slice(0, width)), (slice(height - bottom, height), slice(0, width)),
        (middle, slice(0, left)), (middle, slice(width - right, width)))
    return tuple(
        (rows, columns) for rows, columns in pieces
        if rows.start < rows.stop and columns.start < columns.stop)


class _Scratch:
    """Memory for the steps between an image and a tensor."""

    __slots__ = ('planes', 'resized')

    def __init__(self, size: tuple[int, int]) -> None:
        width, height = size
        self.resized = np.empty((height, width, 3), np.uint8)
        self.planes = [np.empty((height, width), np.uint8) for _ in range(3)]


class _ThreadScratch(threading.local):
    """The scratch memory of one thread, by image size, oldest size first."""

    def __init__(self) -> None:
        self.by_size: dict[tuple[int, int], _Scratch] = {}


_thread = _ThreadScratch()


def _scratch(size: tuple[int, int]) -> _Scratch:
    by_size = _thread.by_size
    scratch = by_size.get(size)
    if scratch is None:
        if len(by_size) >= _SCRATCH_SIZES:
            del by_size[next(iter(by_size))]
        scratch = by_size[size] = _Scratch(size)
    return scratch


class _Painted:
    """
    What padding lies in which tensor, forgotten with the tensor.

    One record for all models of the process: two that share a core share its seats' memory.
    """

    def __init__(self) -> None:
        self._records: dict[int, tuple[weakref.ref[NDArray[Any]], object]] = {}

    def get(self, tensor: NDArray[Any]) -> object:
        """Return what was put for this very array object, else None."""
        record = self._records.get(id(tensor))
        return record[1] if record is not None and record[0]() is tensor else None

    def put(self, tensor: NDArray[Any], what: object) -> None:
        """Remember what lies in the tensor for as long as the array object lives."""
        key, records = id(tensor), self._records

        def forget(gone: 'weakref.ref[NDArray[Any]]') -> None:
            record = records.get(key)
            if record is not None and record[0] is gone:  # the id may have a new owner already
                del records[key]

        records[key] = (weakref.ref(tensor, forget), what)


_painted = _Painted()
