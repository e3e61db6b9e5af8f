# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One picture of a source, what is known to be on it, and what a source promises."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.pinhole import Pinhole
import numpy as np
from numpy.typing import NDArray

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Box:
    """
    One object that is known to be on a picture.

    :param label: its class; empty where it is not judged.
    :param xyxy: left, top, right, bottom in pixels of the picture, sub-pixel.
    :param judged: False where finding it is neither right nor wrong: it is hardly seen.
    """

    label: str
    xyxy: tuple[float, float, float, float]
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Shot:
    """
    One picture of a source.

    :param frame: its pixels; the stamp is the source's own time.
    :param truth: every object on it, or ``None`` where nobody knows.
    :param depth: ``(h, w)`` float32 metres along the optical axis, or ``None`` where nobody knows.
    :param camera: how it was projected, or ``None`` where nobody knows.
    """

    frame: Frame
    truth: tuple[Box, ...] | None = None
    depth: NDArray[np.float32] | None = None
    camera: Pinhole | None = None


class Source(ABC):
    """
    Pictures in order, the same ones on every iteration unless it is ``live``.

    Each iteration opens the file or device anew and closes it at its end.

    :param spec: what to read, as in :func:`faster_deploy_ros.sources.open_source`.
    :param size: (width, height) of the pictures, or ``None`` for the source's own.
    :param seed: which scene, where it is made and not read.
    :ivar labels: the classes that the truth may name; empty where there is no truth.
    :ivar fps: the source's own rate, or ``None`` where it has none.
    :ivar length: how many pictures there are, or ``None`` where that is unknown or endless.
    """

    live: ClassVar[bool] = False
    labels: tuple[str, ...] = ()
    fps: float | None = None
    length: int | None = None

    def __init__(self, spec: str, *, size: tuple[int, int] | None = None, seed: int = 0) -> None:
        self._spec = spec
        self._size = size
        self._seed = seed

    @abstractmethod
    def __iter__(self) -> Iterator[Shot]:
        """
        Begin again with the first picture.

        :raises BadFrame: a picture cannot be read; the message names it.
        """


def fitted(image: NDArray[Any], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Resize ``(h, w, 3)`` to ``size`` = (width, height) where one is asked for."""
    height, width = image.shape[:2]
    if size is None or size == (width, height):
        return image
    shrinks = size[0] * size[1] < width * height
    resized: NDArray[np.uint8] = cv2.resize(
        image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return resized
