# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From an image to a model's input: our one pass against OpenCV's and numpy's usual ways."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import median
import sys
from typing import Any

from benchmark.alternate import alternate, over, Work
from benchmark.figures import machine, table, write_json
import cv2
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks.letterbox import Letterbox, letterbox
from faster_deploy_ros.tasks.pixels import paint, PixelFormat, ULTRALYTICS, YOLOX
import numpy as np
from numpy.typing import NDArray

SIZES = {'VGA': (640, 480), '720p': (1280, 720), '1080p': (1920, 1080)}
FAMILIES = {
    'yolox 416': (YOLOX, (416, 416), 'corner'), 'yolov8 640': (ULTRALYTICS, (640, 640), 'center')}
OURS = 'ours'
COLUMNS = {'image': '', 'model': '', 'way': '', 'ms': '.3f', 'times ours': '.2f'}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; return the exit code."""
    parser = argparse.ArgumentParser(prog='benchmark pre', description=__doc__)
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument('--rounds', type=int, default=40, help='turns; medians are shown')
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    rows: list[dict[str, Any]] = []
    for size_name, size in SIZES.items():
        for family, (pixels, input_size, placement) in FAMILIES.items():
            ways = _ways(size, pixels, letterbox(size, input_size, placement))
            times = alternate(ways, options.rounds)
            rows += [{'image': size_name, 'model': family, 'way': way, 'ms': median(times[way]),
                      'times ours': over(times, way, OURS)} for way in ways]
    print(table(COLUMNS, rows))
    print('stretched: blobFromImage straight from the image, without a letterbox: less work.')
    if options.json:
        write_json(options.json, {'machine': machine(), 'cases': rows})
    return 0


def _ways(
        size: tuple[int, int], pixels: PixelFormat, geometry: Letterbox) -> dict[str, Work]:
    """Return the ways to do it by name, checked to write the same tensor."""
    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    image = cv2.GaussianBlur(image, (5, 5), 0)
    frame = Frame(0, '', image)
    width, height = geometry.input_size
    tensor = np.empty((1, 3, height, width), np.float32)
    swap, factor = pixels.color == 'rgb', pixels.scale / 255

    def ours() -> NDArray[Any]:
        paint(frame, geometry, pixels, tensor)
        return tensor

    def opencv() -> NDArray[Any]:
        left, top, right, bottom = geometry.pad
        resized = cv2.resize(image, geometry.resized_size)
        canvas = cv2.copyMakeBorder(
            resized, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(pixels.pad,) * 3)
        return np.asarray(cv2.dnn.blobFromImage(canvas, factor, swapRB=swap))

    def stretched() -> NDArray[Any]:
        return np.asarray(cv2.dnn.blobFromImage(image, factor, (width, height), swapRB=swap))

    def numpy() -> NDArray[Any]:
        (wide, high), (x, y) = geometry.resized_size, geometry.offset
        canvas = np.full((height, width, 3), pixels.pad, np.uint8)
        canvas[y:y + high, x:x + wide] = cv2.resize(image, (wide, high))
        if swap:
            canvas = canvas[:, :, ::-1]
        values = canvas.transpose(2, 0, 1)[None].astype(np.float32)
        return np.ascontiguousarray(values * np.float32(factor))

    for other in (opencv, numpy):
        np.testing.assert_allclose(other(), ours(), rtol=1e-5, atol=1e-5)
    return {OURS: ours, 'resize, border, blobFromImage': opencv, 'stretched': stretched,
            'numpy': numpy}


if __name__ == '__main__':
    sys.exit(main())
