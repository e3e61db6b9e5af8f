# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The picture that a model wants to see: its input tensor, checked once, painted per frame."""

from collections.abc import Mapping
from dataclasses import dataclass
import re
from typing import Any

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks.card import InputCard, LARGEST
from faster_deploy_ros.tasks.letterbox import Letterbox, letterbox, Size, STRETCH
from faster_deploy_ros.tasks.pixels import fill, layout_of, NCHW, NHWC, paint, PixelFormat
from faster_deploy_ros.tasks.raw_input import expect_raw
import numpy as np

_IMGSZ = re.compile(r'[\[(\s]*(\d{1,6})\s*,\s*(\d{1,6})[\])\s]*')


@dataclass(frozen=True, slots=True)
class InputRules:
    """
    What a family wants to see where the model's card says nothing else.

    :param pixels: the numbers.
    :param placement: ``'corner'``, ``'center'`` or ``'stretch'``.
    :param multiple: of which number width and height of the input are multiples.
    :param size: ``(width, height)`` where the tensor leaves it open and nobody says another.
    """

    pixels: PixelFormat
    placement: str
    multiple: int = 32
    size: Size | None = None


class ImageInput:
    """
    One input tensor that holds one image; any number of threads may use it.

    :param who: the family, for messages.
    :param spec: ``[1, 3, h, w]`` or ``[1, h, w, 3]`` of float32 or uint8; the batch and the size
        may be open.
    :param rules: of the family.
    :param card: what the model's card says instead.
    :param metadata: of the model's file: ``imgsz``, ``input_mean``, ``input_std``.
    :raises BlobMismatch: it is no such tensor, its size stays open or is no multiple, or card and
        tensor contradict each other.
    """

    def __init__(
            self, who: str, spec: BlobSpec, rules: InputRules, card: InputCard,
            metadata: Mapping[str, str]) -> None:
        """Decide everything that does not depend on a frame."""
        self._who = who
        self._otherwise = card.layout or NCHW
        self.spec = spec
        self.pixels = card.pixels(rules.pixels)
        self.placement = card.letterbox or rules.placement
        self.is_raw = spec.dtype == np.uint8
        if card.layout not in (None, self._layout(spec)):
            raise BlobMismatch(
                f'{who}: {spec} is {self._layout(spec)}, expected {card.layout} as the model card '
                'or the parameter card.input.layout says; correct it')
        self._check_tensor()
        self.size = self._settle_size(card.size, metadata_size(metadata) or rules.size)
        width, height = self.size
        if width % rules.multiple or height % rules.multiple:
            raise BlobMismatch(
                f'{who}: the input size is {width}x{height}, expected multiples '
                f'of {rules.multiple}')
        self._shapes = {NCHW: (1, 3, height, width), NHWC: (1, height, width, 3)}
        if self.is_raw:
            expect_raw(who, spec, self.pixels, card, metadata)

    @property
    def summary(self) -> str:
        """What the model sees, in a few words."""
        width, height = self.size
        pixels = self.pixels
        normal = '' if pixels.mean == (0, 0, 0) else ' less mean by deviation'
        seen = 'bytes' if self.is_raw else f'0 to {pixels.scale:g}{normal}'
        how = 'stretched' if self.placement == STRETCH else f'{self.placement} letterbox'
        return f'{width}x{height} {pixels.color} {seen}, {how}'

    @property
    def page(self) -> dict[str, Any]:
        """The section ``input`` of a model card that says all of it."""
        pixels = self.pixels
        page: dict[str, Any] = {
            'size': list(self.size), 'color': pixels.color, 'letterbox': self.placement}
        if self.placement != STRETCH:
            page['pad'] = pixels.pad
        if self.is_raw:   # the scaling is the model's own affair
            return page
        page['scale'] = int(pixels.scale)
        if (pixels.mean, pixels.std) != ((0, 0, 0), (1, 1, 1)):
            page |= {'mean': list(pixels.mean), 'std': list(pixels.std)}
        return page

    def lie(self, source_size: Size) -> Letterbox:
        """Return how an image of ``(width, height)`` lies in the input."""
        return letterbox(source_size, self.size, self.placement)

    def write(self, frame: Frame, blobs: BlobsBuffer) -> Letterbox:
        """Write the frame into the image's blob and return where it lies there."""
        blob = blobs[self.spec.name]
        layout = self._layout(blob.spec)
        blob.reshape(self._shapes[layout])
        geometry = self.lie((frame.width, frame.height))
        paint(frame, geometry, self.pixels, blob.data, layout)
        return geometry

    def write_empty(self, blobs: BlobsBuffer) -> None:
        """Write a picture of nothing but the padding's grey."""
        blob = blobs[self.spec.name]
        layout = self._layout(blob.spec)
        blob.reshape(self._shapes[layout])
        fill(self.pixels, blob.data, layout)

    def _layout(self, spec: BlobSpec) -> str:
        return layout_of(spec, self._otherwise)

    def _check_tensor(self) -> None:
        spec, shape = self.spec, self.spec.shape
        if not self.is_raw:
            expect_floats(self._who, spec)
        channels = 1 if self._layout(spec) == NCHW else 3
        if len(shape) == 4 and shape[channels] in (1, 2, 4):
            raise BlobMismatch(
                f'{self._who}: {spec} takes {shape[channels]} channels, expected 3, those of a '
                'colour image; export the model for such')
        if len(shape) != 4 or shape[0] not in (1, -1) or shape[channels] not in (3, -1):
            raise BlobMismatch(
                f'{self._who}: got {spec}, expected [1, 3, height, width] or '
                '[1, height, width, 3] of float32 or uint8; export the model for one image')

    def _settle_size(self, wished: Size | None, told: Size | None) -> Size:
        """Return ``(width, height)``: the tensor's own, else what is wished, else what is told."""
        spec = self.spec
        rows, columns = (2, 3) if self._layout(spec) == NCHW else (1, 2)
        own = spec.shape[columns], spec.shape[rows]
        width, height = (
            mine if mine != -1 else other
            for mine, other in zip(own, wished or told or (-1, -1)))
        if -1 in (width, height):
            raise BlobMismatch(
                f'{self._who}: {spec} leaves the size open; set the parameter card.input.size, '
                'or input: {size: [width, height]} in the model card')
        if wished and wished != (width, height):
            raise BlobMismatch(
                f'{self._who}: {spec} has the size {width}x{height}, expected '
                f'{wished[0]}x{wished[1]} as the model card or the parameter card.input.size '
                'says; correct it')
        return width, height


def expect_floats(who: str, spec: BlobSpec) -> None:
    """
    Refuse a tensor that is not float32.

    :raises BlobMismatch: it is not.
    """
    if spec.dtype != np.float32:
        raise BlobMismatch(
            f'{who}: got {spec}, expected float32; export the model with float32 inputs and '
            'outputs (inside it may be half or int8)')


def metadata_size(metadata: Mapping[str, str]) -> Size | None:
    """Read ``imgsz: '[height, width]'`` of the model's metadata, where it says a size."""
    found = _IMGSZ.fullmatch(metadata.get('imgsz', ''))
    if found is None:
        return None
    height, width = int(found[1]), int(found[2])
    is_size = min(height, width) > 0 and max(height, width) <= LARGEST
    return (width, height) if is_size else None
