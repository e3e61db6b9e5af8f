# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How an image of any size lies in a model's fixed input, and the exact way back."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
STRETCH = 'stretch'   # the image fills the input, its proportions are not kept
PLACEMENTS = ('corner', 'center', STRETCH)


@dataclass(frozen=True, slots=True)
class Letterbox:
    """
    An image resized by whole pixels and pasted at whole pixels into a larger one.

    The resized size is rounded, so x and y scales may differ by a hair; both directions use the
    true ones. Coordinates are those of pixel *edges* (the first pixel covers 0 to 1), for which
    resizing about pixel centres, as ``cv2.resize`` does, is a plain multiplication.

    :param source_size: ``(width, height)`` of the image in pixels.
    :param input_size: ``(width, height)`` of the model's input.
    :param resized_size: ``(width, height)`` of the image inside it.
    :param offset: ``(x, y)`` of its upper left corner in the input.
    """

    source_size: Size
    input_size: Size
    resized_size: Size
    offset: Size

    @property
    def scale(self) -> tuple[float, float]:
        """Input pixels per source pixel, in x and in y."""
        return (
            self.resized_size[0] / self.source_size[0], self.resized_size[1] / self.source_size[1])

    @property
    def pad(self) -> tuple[int, int, int, int]:
        """Padding in input pixels: left, top, right, bottom."""
        (width, height), (x, y) = self.resized_size, self.offset
        return x, y, self.input_size[0] - x - width, self.input_size[1] - y - height

    def to_input(self, xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
        """Carry ``(n, 4)`` boxes from source-image pixels to input pixels."""
        scale, offset = self.scale * 2, self.offset * 2
        moved: NDArray[np.float64] = xyxy * np.array(scale) + np.array(offset, np.float64)
        return moved

    def to_image(self, xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
        """Carry ``(n, 4)`` boxes from input pixels to source-image pixels, cut at its edges."""
        scale, offset = self.scale * 2, self.offset * 2
        moved: NDArray[np.float64] = (xyxy - np.array(offset, np.float64)) / np.array(scale)
        limit = np.array(self.source_size * 2, np.float64)
        return np.minimum(np.maximum(moved, 0.0, out=moved), limit, out=moved)


@lru_cache(maxsize=64)
def letterbox(source_size: Size, input_size: Size, placement: str = 'corner') -> Letterbox:
    """
    Fit an image into an input, its proportions kept unless it is stretched.

    :param source_size: ``(width, height)`` of the image.
    :param input_size: ``(width, height)`` of the model's input.
    :param placement: ``'corner'`` pads right and below; ``'center'`` on all sides, an odd pixel
        right or below; ``'stretch'`` fills the input.
    """
    if placement not in PLACEMENTS:
        raise ValueError(f"letterbox: got placement '{placement}', expected one of {PLACEMENTS}")
    if placement == STRETCH:
        return stretch(source_size, input_size)
    (source_w, source_h), (input_w, input_h) = source_size, input_size
    scale = min(input_w / source_w, input_h / source_h)
    width = min(max(int(source_w * scale + 0.5), 1), input_w)
    height = min(max(int(source_h * scale + 0.5), 1), input_h)
    x, y = ((input_w - width) // 2, (input_h - height) // 2) if placement == 'center' else (0, 0)
    return Letterbox(source_size, input_size, (width, height), (x, y))


@lru_cache(maxsize=64)
def stretch(source_size: Size, input_size: Size) -> Letterbox:
    """Fill the whole input, proportions not kept: the plain resize of some families."""
    return Letterbox(source_size, input_size, input_size, (0, 0))
