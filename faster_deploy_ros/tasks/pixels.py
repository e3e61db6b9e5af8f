# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes images into a model's input: resize, channel order, scale and padding in one pass."""

from dataclasses import dataclass, field
import threading
from typing import Any

import cv2
from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.source import guess_layout
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks.letterbox import Letterbox, Size
from faster_deploy_ros.tasks.padding import paint_padding, Triple
import numpy as np
from numpy.typing import NDArray

NCHW, NHWC = LAYOUTS = ('NCHW', 'NHWC')
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
    :param table: computed: the same as one ``(1, 256, 3)``.
    :param padding: computed: what is seen of ``pad`` in each channel.
    :param raw_padding: computed: ``pad`` itself in each channel, for uint8 inputs.
    :param is_plain: computed: whether the bytes go in as they are, only as floats.
    :param divisor: computed: what the bytes are divided by where that gives the same numbers as
        the table, bit for bit; 0 elsewhere.
    """

    color: str = 'bgr'
    scale: float = 255.0
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    pad: int = 114
    tables: tuple[NDArray[np.float32], ...] = field(init=False, repr=False, compare=False)
    table: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    padding: Triple = field(init=False, repr=False, compare=False)
    raw_padding: Triple = field(init=False, repr=False, compare=False)
    is_plain: bool = field(init=False, repr=False, compare=False)
    divisor: float = field(init=False, repr=False, compare=False)

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
        object.__setattr__(self, 'table', np.stack(tables, axis=-1)[None])
        object.__setattr__(self, 'raw_padding', (float(self.pad),) * 3)
        object.__setattr__(self, 'padding', tuple(float(table[self.pad]) for table in tables))
        divisor = 255.0 / self.scale
        divided = np.divide(np.arange(256), divisor, dtype=np.float32)
        is_divided = all(np.array_equal(table, divided) for table in tables)
        object.__setattr__(self, 'divisor', divisor if is_divided else 0.0)
        object.__setattr__(self, 'is_plain', self.divisor == 1)


YOLOX = PixelFormat()
YOLOX_LEGACY = PixelFormat(
    color='rgb', scale=1.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
ULTRALYTICS = PixelFormat(color='rgb', scale=1.0)
IMAGENET = YOLOX_LEGACY


def layout_of(spec: BlobSpec, otherwise: str = NCHW) -> str:
    """Tell the layout of an image input; ``otherwise`` where neither runtime nor shape do."""
    if spec.layout in LAYOUTS:
        return spec.layout
    return guess_layout(spec.shape) or otherwise


def image_size(spec: BlobSpec) -> Size | None:
    """Return ``(width, height)`` of an image input; None where it is none, or leaves them open."""
    if len(spec.shape) != 4:
        return None
    _, first, second, third = spec.shape
    width, height = (third, second) if layout_of(spec) == NCHW else (second, first)
    return None if -1 in (width, height) else (width, height)


def paint(
        frame: Frame, geometry: Letterbox, pixels: PixelFormat, tensor: NDArray[Any],
        layout: str = NCHW) -> None:
    """
    Write one image into the whole of an input tensor.

    A uint8 tensor is given the bytes as they are, in the model's order: scale, mean and std are
    inside such a model. The padding is written only when the tensor's last picture lay in it
    differently.

    :param frame: the image; its channels are put in the model's order at no cost.
    :param geometry: where the image goes; its ``input_size`` is the tensor's.
    :param pixels: what the model wants to see.
    :param tensor: ``(1, 3, h, w)`` or ``(1, h, w, 3)``, the memory of an input blob.
    :param layout: ``'NCHW'`` or ``'NHWC'``.
    :raises BlobMismatch: the tensor is neither float32 nor uint8.
    """
    is_raw = tensor.dtype == np.uint8
    if not is_raw and tensor.dtype != np.float32:
        raise BlobMismatch(f'pixels: got a tensor of {tensor.dtype}, expected float32 or uint8')
    scratch = _scratch(geometry.resized_size)
    planes = tensor[0] if layout == NCHW else tensor[0].transpose(2, 0, 1)
    paint_padding(geometry, pixels.raw_padding if is_raw else pixels.padding, tensor, planes)
    (width, height), (x, y) = geometry.resized_size, geometry.offset
    swaps = pixels.color != frame.encoding[:3]
    if layout == NCHW:
        image = _resized(frame, geometry, scratch.resized)
        sources = cv2.split(image, scratch.planes)
        target = planes[:, y:y + height, x:x + width]
        for channel, source in enumerate(sources[::-1] if swaps else sources):
            _write(source, pixels, pixels.tables[channel], target[channel])
        return
    target = tensor[0, y:y + height, x:x + width]
    if is_raw and not swaps:
        _resized(frame, geometry, target, needs_copy=True)
        return
    image = _resized(frame, geometry, scratch.resized)
    if swaps:
        image = cv2.cvtColor(
            image, cv2.COLOR_BGR2RGB, dst=target if is_raw else scratch.resized_too)
    if not is_raw:
        _write(image, pixels, pixels.table, target)


def fill(pixels: PixelFormat, tensor: NDArray[Any], layout: str = NCHW) -> None:
    """Write an empty picture: the padding's grey everywhere."""
    planes = tensor[0] if layout == NCHW else tensor[0].transpose(2, 0, 1)
    values = pixels.raw_padding if tensor.dtype == np.uint8 else pixels.padding
    for plane, value in zip(planes, values):
        plane[...] = value


def _resized(
        frame: Frame, geometry: Letterbox, target: NDArray[np.uint8], *,
        needs_copy: bool = False) -> NDArray[np.uint8]:
    """Bring the image to its size in the input, in ``target`` where there is anything to do."""
    if geometry.resized_size != geometry.source_size:
        resized: NDArray[np.uint8] = cv2.resize(
            frame.image, geometry.resized_size, dst=target, interpolation=cv2.INTER_LINEAR)
        return resized
    if needs_copy:
        target[...] = frame.image
        return target
    return frame.image


def _write(
        source: NDArray[np.uint8], pixels: PixelFormat, table: NDArray[np.float32],
        target: NDArray[Any]) -> None:
    """Write bytes as what the model sees, by the fastest of the ways that give the same."""
    if target.dtype == np.uint8 or pixels.is_plain:
        target[...] = source
    elif pixels.divisor:
        np.divide(source, pixels.divisor, out=target, dtype=np.float32)
    else:
        cv2.LUT(source, table, dst=target)


class _Scratch:
    """Memory for the steps between an image and a tensor."""

    __slots__ = ('planes', 'resized', 'resized_too')

    def __init__(self, size: tuple[int, int]) -> None:
        width, height = size
        self.resized = np.empty((height, width, 3), np.uint8)
        self.resized_too = np.empty((height, width, 3), np.uint8)
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
