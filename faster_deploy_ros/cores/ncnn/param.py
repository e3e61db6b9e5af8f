# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ncnn's ``.param``: the text that says which layers a model has and how they hang together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import re

from faster_deploy_ros.errors import LoadFailed

MAGIC = 7767517
BINARY_MAGIC = MAGIC.to_bytes(3, 'little')   # and a zero
ARRAY = -23300                # key of an array: ARRAY - id
MAX_WORD, MAX_PARAMS, MAX_DIGITS = 255, 32, 15   # what ncnn's own reader has room for
INPUT = 'Input'
SOURCES = (INPUT, 'MemoryData')   # layers that nothing flows into
# Our converter's mark, in a setting that ncnn has no use for, on an input or what makes an output:
# its axes are all there are, no batch axis was taken off.
WHOLE = 29


@dataclass(frozen=True)
class Layer:
    """
    One line: ``type name bottom_count top_count bottoms... tops... id=value...``.

    :param bottoms: names of the blobs that it reads.
    :param tops: names of the blobs that it makes.
    :param params: the layer's own settings, by id, as the text has them: ``{0: '16', 1: '3'}``;
        an array is its elements with commas between them.
    """

    kind: str
    name: str
    bottoms: tuple[str, ...] = ()
    tops: tuple[str, ...] = ()
    params: Mapping[int, str] = field(default_factory=dict)
    arrays: frozenset[int] = frozenset()   # the ids of arrays; written with their length in front

    @property
    def title(self) -> str:
        """How messages call it: ``layer 'conv_1' (Convolution)``."""
        return f"layer '{self.name}' ({self.kind})"

    def number(self, key: int, default: int) -> int:
        """Return a setting that is a whole number."""
        text = self.params.get(key)
        return int(float(text)) if text is not None and _is_number(text) else default

    def __str__(self) -> str:
        params = [
            f"{ARRAY - key}={text.count(',') + 1},{text}" if key in self.arrays and text
            else f'{ARRAY - key}=0' if key in self.arrays else f'{key}={text}'
            for key, text in self.params.items()]
        head = f'{self.kind:<24} {self.name:<24} {len(self.bottoms)} {len(self.tops)}'
        return ' '.join([head, *self.bottoms, *self.tops, *params])


def read_param(text: bytes | str, title: str = 'ncnn') -> tuple[Layer, ...]:
    """
    Read and check a ``.param`` text: ncnn itself believes it, and reads where nothing is.

    :param title: who asks, for messages.
    :raises LoadFailed: it is something else, cut short, or its layers do not hang together.
    """
    lines = _decode(text, title)
    counts = lines[1].split() if len(lines) > 1 else []
    if len(counts) != 2 or not all(re.fullmatch('[0-9]{1,9}', each) for each in counts):
        raise LoadFailed(
            f"{title}: line 2 of the param is '{lines[1] if len(lines) > 1 else ''}', expected "
            'the numbers of layers and of blobs; copy the file again')
    layers = tuple(_layer(line, f'{title}: line {number} of the param')
                   for number, line in enumerate(lines[2:], 3))
    if len(layers) != int(counts[0]):
        raise LoadFailed(
            f'{title}: the param has {len(layers)} layers, expected {counts[0]} as its second '
            'line says; it is cut short or edited: copy it again, or correct the count')
    blobs = _check_links(layers, title)
    if blobs != int(counts[1]):
        raise LoadFailed(
            f'{title}: the param has {blobs} blobs, expected {counts[1]} as its second line '
            'says; it is damaged or edited: copy it again, or correct the count')
    return layers


def write_param(layers: Sequence[Layer]) -> str:
    """Return the text of these layers, with the counts in its head."""
    blobs = sum(len(layer.tops) for layer in layers)
    return '\n'.join([str(MAGIC), f'{len(layers)} {blobs}', *map(str, layers), ''])


def inputs_of(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return the names of the input blobs, in the file's order."""
    return tuple(name for layer in layers if layer.kind == INPUT for name in layer.tops)


def outputs_of(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return the names of the blobs that no layer reads, in the file's order."""
    read = {name for layer in layers for name in layer.bottoms}
    return tuple(
        name for layer in layers if layer.kind not in SOURCES
        for name in layer.tops if name not in read)


def whole_of(layers: Sequence[Layer]) -> frozenset[str]:
    """Return the names of the blobs whose first axis is not to be taken for a missing batch."""
    return frozenset(
        name for layer in layers if layer.number(WHOLE, 0) for name in layer.tops)


def input_shape(layer: Layer) -> tuple[int, ...]:
    """Return ``(c, h, w)`` or fewer or more sizes of an Input layer; empty where it has none."""
    width, height, channels, depth = (layer.number(key, 0) for key in (0, 1, 2, 11))
    sizes = tuple(n for n in (channels, depth, height, width) if n)
    # ncnn fills them from the width on: a channel count without a height means nothing.
    whole = width > 0 and not (channels and not height) and not (depth and not channels)
    return sizes if whole and min(sizes) > 0 else ()


def _decode(text: bytes | str, title: str) -> list[str]:
    if isinstance(text, bytes):
        if text.startswith(BINARY_MAGIC):
            raise LoadFailed(
                f"{title}: this is ncnn's binary param, expected the text, which names its "
                'blobs; use the .param file that it was made from')
        try:
            text = text.decode()
        except UnicodeDecodeError:
            raise LoadFailed(f'{title}: {_NOT_OURS}') from None
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if not lines or lines[0] != str(MAGIC):
        raise LoadFailed(f'{title}: {_NOT_OURS}')
    return lines


_TEXT = re.compile('["A-Za-z]')   # how a setting begins that is no number
_NOT_OURS = (
    f"this is not ncnn's param text, expected {MAGIC} in its first line. Give the .param file "
    'with its .bin beside it; an ONNX model becomes one by: faster-deploy convert MODEL.onnx '
    '--to ncnn')


def _layer(line: str, where: str) -> Layer:
    words = list(_words(line))
    if len(words) < 4 or not all(re.fullmatch('[0-9]{1,6}', word) for word in words[2:4]):
        raise LoadFailed(f"{where} is '{line[:80]}', expected type, name and two counts{_AGAIN}")
    bottoms, tops = int(words[2]), int(words[3])
    ends = 4 + bottoms + tops
    names = words[4:ends]
    if len(names) != bottoms + tops or any('=' in name and _is_pair(name) for name in names):
        raise LoadFailed(
            f"{where} is '{line[:80]}', expected {bottoms} blobs that it reads and {tops} that "
            f'it makes{_AGAIN}')
    if any(len(word) > MAX_WORD for word in words[:2] + names):
        raise LoadFailed(f'{where} has a name of more than {MAX_WORD} letters; rename it')
    params: dict[int, str] = {}
    arrays: set[int] = set()
    for word in words[ends:]:
        key, value, is_array = _param(word, where)
        params[key] = value
        if is_array:
            arrays.add(key)
    return Layer(
        words[0], words[1], tuple(names[:bottoms]), tuple(names[bottoms:]), params,
        frozenset(arrays))


def _words(line: str) -> Iterator[str]:
    """Cut at blanks, but not inside the quotes of a text: ``6="0w, 1h"``."""
    return (found[0] for found in re.finditer(r'(?:[^\s"]|"[^"]*"?)+', line))


def _param(word: str, where: str) -> tuple[int, str, bool]:
    """Read ``id=value``; say whether it is an array with its length in front."""
    left, _, value = word.partition('=')
    key = int(left) if re.fullmatch('-?[0-9]{1,5}', left) else -1
    is_array = key <= ARRAY
    key = ARRAY - key if is_array else key
    if not 0 <= key < MAX_PARAMS or not value:
        raise LoadFailed(f"{where} has the setting '{word[:40]}', expected id=value{_AGAIN}")
    if is_array:
        length, _, value = value.partition(',')
        count = value.count(',') + 1 if value else 0
        if length != str(count):
            raise LoadFailed(
                f"{where} has the setting '{word[:40]}', expected {length} values{_AGAIN}")
    if is_array or not _TEXT.match(value):
        for each in value.split(',') if value else ():
            if not _is_number(each) or len(each) > MAX_DIGITS:
                raise LoadFailed(
                    f"{where} has the value '{each[:20]}' for {key}, expected a number{_AGAIN}")
        is_array |= ',' in value   # the newer way to write one, which an older ncnn trips over
    return key, value, is_array


def _check_links(layers: Sequence[Layer], title: str) -> int:
    """Refuse blobs that nobody makes, that two make or two read; return how many there are."""
    made: dict[str, Layer] = {}
    readers: dict[str, Layer] = {}
    for layer in layers:
        for name in layer.bottoms:
            if name not in made:
                raise LoadFailed(
                    f"{title}: {layer.title} reads '{name}', which no layer before it makes"
                    f'{_AGAIN}')
            if name in readers:
                raise LoadFailed(
                    f"{title}: '{name}' is read by {readers[name].title} and by {layer.title}, "
                    'expected one reader; put a Split layer between')
            readers[name] = layer
        for name in layer.tops:
            if name in made:
                raise LoadFailed(
                    f"{title}: '{name}' is made by {made[name].title} and by {layer.title}, "
                    f'expected one{_AGAIN}')
            made[name] = layer
        if (layer.kind in SOURCES) != (not layer.bottoms) or not layer.tops:
            raise LoadFailed(
                f'{title}: {layer.title} reads {len(layer.bottoms)} blobs and makes '
                f'{len(layer.tops)}, which it cannot{_AGAIN}')
    return len(made)


def _is_pair(word: str) -> bool:
    return re.fullmatch(r'-?\d+=.*', word) is not None


def _is_number(text: str) -> bool:
    return re.fullmatch(
        r'[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?', text) is not None


_AGAIN = '; the file is damaged or cut short: copy it again'
