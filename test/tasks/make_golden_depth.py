# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The recipe of golden_depth.npz: one room as every family of depth models would say it.

Run ``python test/tasks/make_golden_depth.py`` to make the file again. It is computed by plain
loops on Python floats from the published definitions, one pixel at a time, and shares no code
with the package.
"""

import math
from pathlib import Path

import numpy as np

SOURCE = (50, 34)           # width, height of the image
INPUT = (96, 64)            # of the model's input
OUTPUT = (24, 16)           # of its output
# How the image lies in the input: left, top, width, height. Kept proportions are 1.882...
PLACES = {'stretch': (0, 0, 96, 64), 'corner': (0, 0, 94, 64), 'center': (1, 0, 94, 64)}
UNITS = {'m': 1.0, 'dm': 10.0, 'cm': 100.0, 'mm': 1000.0}   # in one metre
SCALE, SHIFT = 0.004, 0.03  # 1 / m = SCALE * relative + SHIFT
LENGTH = 8.0                # metres in the unit that the self-supervised net has made up


def room(column, row):
    """Return metres to a back wall, a floor that comes nearer, and a box on it."""
    x, y = (column + 0.5) / OUTPUT[0], (row + 0.5) / OUTPUT[1]
    wall = 7.0 + 2.0 * x
    floor = 1.4 / max(y - 0.45, 1e-9)
    box = 1.8 if 0.3 < x < 0.55 and 0.5 < y < 0.9 else math.inf
    return min(wall, floor, box)


def neighbours(place, start, end):
    """Return the two pixels around a place on one axis and the share of the second."""
    shown = [pixel for pixel in range(int(end) + 1) if start <= pixel + 0.5 <= end]
    place = min(max(place, shown[0] + 0.5), shown[-1] + 0.5)
    first = min(max(math.floor(place - 0.5), shown[0]), shown[-1])
    return first, min(first + 1, shown[-1]), place - 0.5 - first


def at_image(values, placement):
    """Return the map at the image's pixels, interpolated between those of the output."""
    left, top, width, height = PLACES[placement]
    x_edges = left * OUTPUT[0] / INPUT[0], (left + width) * OUTPUT[0] / INPUT[0]
    y_edges = top * OUTPUT[1] / INPUT[1], (top + height) * OUTPUT[1] / INPUT[1]
    answer = []
    for row in range(SOURCE[1]):
        y = y_edges[0] + (row + 0.5) / SOURCE[1] * (y_edges[1] - y_edges[0])
        top_row, low_row, down = neighbours(y, *y_edges)
        line = []
        for column in range(SOURCE[0]):
            x = x_edges[0] + (column + 0.5) / SOURCE[0] * (x_edges[1] - x_edges[0])
            one, two, across = neighbours(x, *x_edges)
            upper = values[top_row][one] * (1 - across) + values[top_row][two] * across
            lower = values[low_row][one] * (1 - across) + values[low_row][two] * across
            line.append(upper * (1 - down) + lower * down)
        answer.append(line)
    return answer


def each(function, values):
    return [[function(value) for value in line] for line in values]


def main():
    metres = [[room(column, row) for column in range(OUTPUT[0])] for row in range(OUTPUT[1])]
    relative = each(lambda z: (1 / z - SHIFT) / SCALE, metres)
    # Monodepth2: 1 / depth = 1 / 100 + (1 / 0.1 - 1 / 100) * sigmoid, in its own length.
    disparity = each(lambda z: LENGTH / z, metres)
    sigmoid = each(lambda inverse: (inverse - 0.01) / (10 - 0.01), disparity)
    arrays = {'metres': metres, 'relative': relative, 'sigmoid': sigmoid}
    for unit, count in UNITS.items():
        arrays[f'metric_{unit}'] = each(lambda z, count=count: z * count, metres)
    for placement in PLACES:
        arrays[f'direct_{placement}'] = at_image(metres, placement)
        arrays[f'inverse_{placement}'] = each(
            lambda inverse: 1 / inverse, at_image(each(lambda z: 1 / z, metres), placement))
        arrays[f'relative_{placement}'] = at_image(relative, placement)
        arrays[f'disparity_{placement}'] = at_image(disparity, placement)
    np.savez_compressed(
        Path(__file__).with_name('golden_depth.npz'),
        **{name: np.array(values, np.float32) for name, values in arrays.items()})


if __name__ == '__main__':
    main()
