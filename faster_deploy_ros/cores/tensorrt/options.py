# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a ``tensorrt`` URI can ask for, and how ranges of shapes are written in it."""

from collections.abc import Mapping
from dataclasses import dataclass
import re

from faster_deploy_ros.cores.options import option
from faster_deploy_ros.errors import BadValue

PRECISIONS = ('fp32', 'fp16', 'bf16', 'int8')
EXAMPLE = 'images:1x3x320x320..1x3x640x640..1x3x1280x1280'
_SHAPE = re.compile(r'\d+(x\d+)*')


@dataclass(frozen=True)
class TensorRtOptions:
    """What a ``tensorrt`` URI can ask for."""

    precision: str = option(
        'fp32', 'what the engine computes in; built into an engine', choices=PRECISIONS)
    shapes: str = option('', f'the range of an open input, least..usual..most: {EXAMPLE}')
    profile: int = option(0, 'which optimisation profile of an engine to use', minimum=0)
    plugins: tuple[str, ...] = option((), 'libraries with operators of the model')
    workspace_mb: int = option(0, 'memory that a build may use; 0: all there is', minimum=0)
    tf32: bool = option(False, 'fp32 may be multiplied with 10 bits of mantissa, faster')
    timing_cache: str = option(
        'auto', "a file with timings of earlier builds; auto: beside the engines; 'off': none")
    engine_cache_dir: str = option('', "where engines are kept; default: the user's cache")
    build: str = option(
        'auto', 'whether a missing engine is built, or refused', choices=('auto', 'never'))
    spinning: bool = option(False, 'wait for the GPU in a busy loop: sooner, for a whole core')


@dataclass(frozen=True)
class ShapeRange:
    """The least, the usual and the largest shape of one input."""

    least: tuple[int, ...]
    usual: tuple[int, ...]
    most: tuple[int, ...]

    def __str__(self) -> str:
        return '..'.join('x'.join(map(str, shape)) for shape in (
            self.least, self.usual, self.most))

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Whether a shape is within the range."""
        return len(shape) == len(self.least) and all(
            low <= n <= high for low, n, high in zip(self.least, shape, self.most))


def read_shapes(text: str) -> Mapping[str, ShapeRange]:
    """
    Read ``'images:1x3x320x320..1x3x640x640..1x3x1280x1280,mask:1x64'``.

    Two shapes are the least and the most, one is all three. Without a name, the key is ``''``: the
    only open input.

    :raises BadValue: it is not that, or the sizes are not in order.
    """
    ranges: dict[str, ShapeRange] = {}
    for part in filter(None, (part.strip() for part in text.split(','))):
        name, _, sizes = part.rpartition(':')
        words = sizes.split('..')
        if not 1 <= len(words) <= 3 or not all(map(_SHAPE.fullmatch, words)):
            raise BadValue(
                f"tensorrt: option shapes: got '{part}', expected name:least..usual..most, as "
                f'{EXAMPLE}')
        shapes = [tuple(map(int, word.split('x'))) for word in words]
        found = ShapeRange(shapes[0], shapes[1] if len(shapes) == 3 else shapes[-1], shapes[-1])
        if not all(map(found.holds, shapes)) or min(found.least, default=1) < 1:
            raise BadValue(
                f"tensorrt: option shapes: got '{part}', expected that no size is 0, or falls "
                'from the least shape to the most')
        if name in ranges:
            raise BadValue(f"tensorrt: option shapes: '{name}' is given twice in '{text}'")
        ranges[name] = found
    return ranges


def ranges_for(
        title: str, given: Mapping[str, ShapeRange],
        inputs: Mapping[str, tuple[int, ...]]) -> Mapping[str, ShapeRange]:
    """
    Choose a range for each input that has open dimensions.

    :param inputs: shapes of the model's inputs, -1 where open.
    :returns: by the name of each open input.
    :raises BadValue: a range is missing, too many, or not one of that input.
    """
    opened = {name: shape for name, shape in inputs.items() if -1 in shape}
    if '' in given and len(given) == 1 and len(opened) == 1:
        given = {next(iter(opened)): given['']}
    for name in given:
        if name not in opened:
            raise BadValue(
                f"{title}: option shapes: the model has no input '{name}' with open dimensions, "
                f"expected {', '.join(opened) or 'none: all its inputs are fixed'}")
    for name, shape in opened.items():
        if name not in given:
            raise BadValue(
                f"{title}: input '{name}' has the open shape {shape}, and TensorRT optimises for "
                f'a range: add the option shapes={name}:<least>..<usual>..<most>, as {EXAMPLE}')
        fits = [len(shape) == len(each) and all(
            own in (-1, n) for own, n in zip(shape, each))
            for each in (given[name].least, given[name].most)]
        if not all(fits):
            raise BadValue(
                f"{title}: option shapes: got {given[name]} for input '{name}', expected sizes "
                f'that agree with {shape} (-1: any size)')
    return dict(given)
