# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From an image to a model's input: our one pass against OpenCV's and numpy's usual ways."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
import sys
from typing import Any

from benchmark.alternate import alternate, over
from benchmark.figures import machine, table, write_json
from benchmark.pre_ways import (
    blob_straight,
    blob_usual,
    blob_with_params,
    numpy_usual,
    paint_ours,
    Task,
)
import cv2
from faster_deploy_ros.allocator import keep_large_blocks
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks.letterbox import letterbox, Size, STRETCH
from faster_deploy_ros.tasks.pixels import IMAGENET, PixelFormat, ULTRALYTICS, YOLOX
import numpy as np

SIZES = {'VGA': (640, 480), 'SVGA': (800, 600), '540p': (960, 540), '720p': (1280, 720),
         '1080p': (1920, 1080)}
OURS = 'ours'
WAYS = {OURS: paint_ours, 'usual': blob_usual, 'params': blob_with_params, 'numpy': numpy_usual,
        'straight': blob_straight}
LEGEND = """\
ours: ms. The others: how many times as long.
usual: resize, border, blobFromImage. params: blobFromImageWithParams, which does all of it.
numpy: resize, the rest in numpy. straight: blobFromImage with size=, the quickest call there is;
where the model wants a letterbox it does less than is asked for."""


@dataclass(frozen=True, slots=True)
class Family:
    """What a model wants to see: pixels, input size, placement."""

    pixels: PixelFormat
    size: Size
    placement: str


FAMILIES = {
    'yolox 416': Family(YOLOX, (416, 416), 'corner'),
    'yolov8 640': Family(ULTRALYTICS, (640, 640), 'center'),
    'rtdetr 640': Family(ULTRALYTICS, (640, 640), STRETCH),
    'depth 518': Family(IMAGENET, (518, 518), STRETCH),
    'rooms 256x192': Family(YOLOX, (256, 192), STRETCH)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; return the exit code."""
    parser = argparse.ArgumentParser(prog='benchmark pre', description=__doc__)
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument('--rounds', type=int, default=30, help='turns; medians are shown')
    parser.add_argument('--fresh-memory', action='store_true',
                        help="leave glibc as it comes: OpenCV's results are then often fresh "
                             'mappings, and each page of them a fault')
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    if not options.fresh_memory:
        keep_large_blocks()   # as the nodes do: all ways reuse their memory
    rows = [_row(image, family, options.rounds) for image in SIZES for family in FAMILIES]
    columns = {'image': '', 'model': '', OURS: '.3f'}
    print(table(columns | dict.fromkeys(list(WAYS)[1:], '.2f'), rows))
    print(LEGEND)
    if options.json:
        memory = 'fresh' if options.fresh_memory else 'kept'
        write_json(options.json, {'machine': machine(), 'memory': memory, 'cases': rows})
    return 0


def _row(image_name: str, family_name: str, rounds: int) -> dict[str, Any]:
    """Time all ways that there are for an image and a family, after a look at their results."""
    image_size, family = SIZES[image_name], FAMILIES[family_name]
    task = task_of(image_size, family)
    lacking = []
    if family.placement == 'corner' or not hasattr(cv2.dnn, 'Image2BlobParams'):
        lacking = ['params']   # its letterbox is centred; OpenCV has it since 4.8
    ways = {name: way(task) for name, way in WAYS.items() if name not in lacking}
    expected = np.array(ways[OURS]())
    for name, way in ways.items():
        if name != 'straight' or family.placement == STRETCH:
            np.testing.assert_allclose(
                np.asarray(way()), expected, rtol=1e-4, atol=1e-4,
                err_msg=f'{image_name} {family_name} {name}')
    times = alternate(ways, rounds)
    others = {name: over(times, name, OURS) for name in ways if name != OURS}
    return {'image': image_name, 'model': family_name, OURS: median(times[OURS]), **others}


def task_of(image_size: Size, family: Family) -> Task:
    """Take a picture that is neither flat nor noise, and where it goes."""
    width, height = image_size
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    image = cv2.GaussianBlur(image, (5, 5), 0)
    geometry = letterbox(image_size, family.size, family.placement)
    return Task(Frame(0, '', image), geometry, family.pixels)


if __name__ == '__main__':
    sys.exit(main())
