# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One image with its stamp and frame id."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENCODINGS = ('bgr8', 'rgb8')


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """
    One decoded image; plain data, often a view of the message it came in.

    :param stamp_ns: when the camera took it, in nanoseconds on the camera's clock.
    :param frame_id: the camera's coordinate frame.
    :param image: ``(h, w, 3)`` uint8; treat it as read-only.
    :param encoding: the order of the channels, ``'bgr8'`` or ``'rgb8'``.
    """

    stamp_ns: int
    frame_id: str
    image: NDArray[Any]
    encoding: str = 'bgr8'

    def __post_init__(self) -> None:
        """Refuse what no model could read."""
        image = self.image
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f'Frame.image: got {image.dtype} {image.shape}, expected uint8 (h, w, 3)')
        if 0 in image.shape:
            raise ValueError(f'Frame.image: the image is empty, {image.shape}')
        if self.encoding not in ENCODINGS:
            raise ValueError(
                f"Frame.encoding: got '{self.encoding}', expected one of {ENCODINGS}")

    @property
    def height(self) -> int:
        """Rows of the image."""
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        """Columns of the image."""
        return int(self.image.shape[1])
