# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Ways from an image to a model's input: ours, and those that OpenCV and numpy offer."""

from dataclasses import dataclass
from typing import Any

from benchmark.alternate import Work
import cv2
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks.letterbox import Letterbox
from faster_deploy_ros.tasks.pixels import paint, PixelFormat
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Task:
    """An image, where it goes in the input, and what the model wants to see there."""

    frame: Frame
    geometry: Letterbox
    pixels: PixelFormat

    @property
    def swap(self) -> bool:
        """Whether the channels change their order."""
        return self.pixels.color != self.frame.encoding[:3]

    @property
    def factor(self) -> float:
        """From a byte to the number before mean and deviation."""
        return self.pixels.scale / 255

    @property
    def mean(self) -> list[float]:
        """In bytes."""
        return [value / self.factor for value in self.pixels.mean]

    @property
    def std(self) -> Array | None:
        """``(3, 1, 1)``, None where it is 1."""
        if self.pixels.std == (1, 1, 1):
            return None
        return np.array(self.pixels.std, np.float32)[:, None, None]


def paint_ours(task: Task) -> Work:
    """Write into memory that is there already, as a seat's is."""
    width, height = task.geometry.input_size
    tensor = np.empty((1, 3, height, width), np.float32)

    def work() -> Array:
        paint(task.frame, task.geometry, task.pixels, tensor)
        return tensor
    return work


def blob_usual(task: Task) -> Work:
    """Resize, add the border, blobFromImage."""
    geometry = task.geometry
    left, top, right, bottom = geometry.pad

    def work() -> Array:
        image = task.frame.image
        if geometry.resized_size != geometry.source_size:
            image = cv2.resize(image, geometry.resized_size)
        if any(geometry.pad):
            image = cv2.copyMakeBorder(
                image, top, bottom, left, right, cv2.BORDER_CONSTANT,
                value=(task.pixels.pad,) * 3)
        return _blob(task, image)
    return work


def blob_straight(task: Task) -> Work:
    """Let blobFromImage resize: the proportions are lost."""
    return lambda: _blob(task, task.frame.image, size=task.geometry.input_size)


def blob_with_params(task: Task) -> Work:
    """Let OpenCV's newer function do all: resize, centred border, scale, mean and deviation."""
    params = cv2.dnn.Image2BlobParams()
    std = np.array(task.pixels.std)
    params.scalefactor = (*(task.factor / std).tolist(), 1.0)
    params.size = task.geometry.input_size
    params.mean = (*task.mean, 0.0)
    params.swapRB = task.swap
    if any(task.geometry.pad):
        params.paddingmode = cv2.dnn.DNN_PMODE_LETTERBOX
        params.borderValue = (task.pixels.pad,) * 3
    return lambda: np.asarray(cv2.dnn.blobFromImageWithParams(task.frame.image, params))


def numpy_usual(task: Task) -> Work:
    """Resize, then everything in numpy."""
    (width, height), (wide, high) = task.geometry.input_size, task.geometry.resized_size
    x, y = task.geometry.offset
    factor, mean, std = np.float32(task.factor), task.pixels.mean, task.std

    def work() -> Array:
        canvas = np.full((height, width, 3), task.pixels.pad, np.uint8)
        canvas[y:y + high, x:x + wide] = cv2.resize(task.frame.image, (wide, high))
        if task.swap:
            canvas = canvas[:, :, ::-1]
        values = canvas.transpose(2, 0, 1)[None].astype(np.float32) * factor
        if std is not None:
            values = (values - np.array(mean, np.float32)[:, None, None]) / std
        return np.ascontiguousarray(values)
    return work


def _blob(task: Task, image: Array, **more: Any) -> Array:
    blob = np.asarray(cv2.dnn.blobFromImage(
        image, task.factor, mean=task.mean, swapRB=task.swap, **more))
    if task.std is not None:
        blob /= task.std
    return blob
