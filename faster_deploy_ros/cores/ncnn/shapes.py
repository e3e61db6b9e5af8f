# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How large the inputs of an ncnn model are: by option, by its param, by the card beside it."""

from collections.abc import Collection, Sequence
from pathlib import Path
import re

from faster_deploy_ros.cores.ncnn.layers import image_channels
from faster_deploy_ros.cores.ncnn.param import input_shape, inputs_of, Layer, whole_of
from faster_deploy_ros.errors import BadValue, LoadFailed, UnknownName, Unsupported
import yaml

Shape = tuple[int, ...]
MAX_AXES = 4   # of an ncnn blob


def input_shapes(
        title: str, layers: Sequence[Layer], wishes: Sequence[str],
        card: Path | None) -> dict[str, Shape]:
    """
    Return the shape of each input as ncnn has it, without a batch axis, in the model's order.

    :param wishes: the option ``input``: ``1x3x416x416``, or ``name:1x3x416x416`` for each.
    :param card: where the model's card would be; it says the size of an image.
    :raises LoadFailed: there is no input, or nobody says how large one is.
    :raises BadValue: a wish cannot be read, or there are too many.
    :raises UnknownName: a wish for an input that the model has not.
    :raises Unsupported: another batch than 1, or an open dimension.
    """
    names = inputs_of(layers)
    if not names:
        raise LoadFailed(f'{title}: the param has no Input layer, expected one for each input')
    wanted = _read_wishes(title, names, wishes, whole_of(layers))
    declared = {layer.tops[0]: input_shape(layer) for layer in layers if layer.tops[0] in names}
    shapes = {
        name: wanted.get(name) or declared[name] or _size_on_card(layers, name, card)
        for name in names}
    missing = [name for name, shape in shapes.items() if not shape]
    if missing:
        example = '1x3x416x416' if len(names) == 1 else f'{missing[0]}:1x3x416x416'
        raise LoadFailed(
            f"{title}: the param does not say the shape of {', '.join(map(repr, missing))}; say "
            f'it in the URI (?input={example}: batch 1, channels, height, width), or the size in '
            'the card beside the model (input: {size: [width, height]})')
    return shapes


def _read_wishes(
        title: str, names: Sequence[str], wishes: Sequence[str],
        whole: Collection[str]) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for wish in wishes:
        name, colon, text = wish.rpartition(':')
        name = name if colon else names[0]
        if name not in names:
            raise UnknownName(
                f"{title}: option input: no input is named '{name}', expected one of "
                f"{', '.join(names)}")
        if not colon and len(names) > 1:
            raise BadValue(
                f"{title}: option input: got '{wish}' for the inputs {', '.join(names)}, "
                f'expected their names: input={names[0]}:{wish},...')
        if name in found:
            raise BadValue(f"{title}: option input: the shape of '{name}' is given twice")
        found[name] = _shape(title, text, name in whole)
    return found


def _shape(title: str, text: str, is_whole: bool) -> Shape:
    """Read ``1x3x416x416`` and take the batch axis off, where there is one."""
    words = ['1', *text.split('x')] if is_whole else text.split('x')
    if not 2 <= len(words) <= 1 + MAX_AXES or not all(
            re.fullmatch(r'-1|\?|[0-9]{1,9}', word) for word in words):
        raise BadValue(
            f"{title}: option input: got '{text}', expected the batch 1 and one to four sizes, "
            'as in 1x3x416x416')
    if '-1' in words or '?' in words:
        raise Unsupported(
            f"{title}: option input: got the open shape '{text}', expected sizes: this runtime "
            'runs at the size that it was opened for; open another core for another size')
    batch, *sizes = map(int, words)
    if batch != 1 or 0 in sizes:
        raise Unsupported(
            f"{title}: option input: got '{text}', expected a batch of 1 and sizes above 0: "
            'ncnn takes one image at a time')
    return tuple(sizes)


def _size_on_card(layers: Sequence[Layer], name: str, card: Path | None) -> Shape:
    """Read the image size on the model's card; the rest of it is for the tasks to judge."""
    channels = image_channels(layers, name)
    if card is None or not channels or not card.is_file():
        return ()
    try:
        size = yaml.safe_load(card.read_text(encoding='utf-8'))['input']['size']
        width, height = map(int, size)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, yaml.YAMLError):
        return ()
    return (channels, height, width) if min(width, height) > 0 else ()
