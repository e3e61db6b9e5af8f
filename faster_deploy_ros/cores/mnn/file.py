# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a ``.mnn`` file declares, read by ourselves: MNN forgets it, and trusts every number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import math
from pathlib import Path
import struct

from faster_deploy_ros.cores.source import COPY_AGAIN, remedy_by_ending

# The format is a FlatBuffer. Slots of the tables, types and numbers are those of MNN's own schema
# (schema/default/*.fbs in its repository), in which they never change their place.
NET_EXTRA_INFO, NET_OPS, NET_OUTPUTS, NET_TENSORS = 2, 3, 4, 7
OP_INPUTS, OP_KIND, OP_MAIN, OP_NAME, OP_OUTPUTS, OP_TYPE = 0, 1, 2, 3, 4, 5
INPUT_DIMS, INPUT_DTYPE = 0, 1
EXTRA_BUFFER, EXTRA_VERSION, EXTRA_ATTRIBUTES = 0, 2, 3
ATTRIBUTE_TEXT, ATTRIBUTE_KEY = 0, 3
BLOB_DIMS, BLOB_DTYPE, BLOB_LISTS = 0, 2, {1: (7, 4), 3: (5, 4)}   # dtype -> slot, bytes of one
MAX_TYPE = 1024
BINARY_TYPE, CONST_TYPE, INPUT_TYPE = 7, 11, 34
KINDS: Mapping[int, int] = {BINARY_TYPE: 6, CONST_TYPE: 7, INPUT_TYPE: 21}  # of its parameters
DTYPES: Mapping[int, str] = {
    1: 'float32', 2: 'float64', 3: 'int32', 4: 'uint8', 5: 'int16', 6: 'int8', 7: 'text',
    9: 'int64', 10: 'bool', 14: 'bfloat16', 19: 'float16'}
MAX_DIMENSIONS = 8
MAX_ELEMENTS = 1 << 31


@dataclass(frozen=True)
class DeclaredInput:
    """
    One input as the file declares it.

    :param shape: -1 where it is open.
    :param dtype: numpy's name, ``'text'``, or ``''`` where it is not known.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class MnnFile:
    """The names in the model's own order, the version that has written it, what it says."""

    inputs: tuple[DeclaredInput, ...]
    outputs: tuple[str, ...]
    version: str = ''
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_mnn(content: bytes) -> MnnFile:
    """
    Read the tables of a ``.mnn`` file, and follow every reference that leads to an operator.

    :raises ValueError: it is none, cut short, or a reference leads nowhere.
    """
    try:
        return _read(_Buffer(content))
    except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise ValueError(f'its tables lead nowhere ({error})') from error


def remedy_for(source: Path | bytes, content: bytes) -> str:
    """Say what to do about a file that ``read_mnn`` refuses."""
    if remedy := remedy_by_ending(source, 'mnn'):
        return remedy
    if content[:1] == b'\x08' or b'onnx' in content[:200]:
        return 'If it is ONNX, convert it: faster-deploy convert m.onnx --to mnn'
    return COPY_AGAIN


class _Buffer:
    """A FlatBuffer: little-endian numbers, tables with slots, vectors with a length before."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.root = self.reference(0)

    def number(self, position: int, kind: str = '<I') -> int:
        if position < 0:
            raise IndexError(f'position {position}')
        found: int = struct.unpack_from(kind, self._content, position)[0]
        return found

    def reference(self, position: int) -> int:
        target = position + self.number(position)
        if target + 4 > len(self._content):
            raise IndexError(f'position {target} of {len(self._content)}')
        return target

    def slot(self, table: int, index: int) -> int:
        """Return where a slot's value lies, 0 where the table has none."""
        places = table - self.number(table, '<i')
        if 4 + 2 * index >= self.number(places, '<H'):
            return 0
        offset = self.number(places + 4 + 2 * index, '<H')
        return table + offset if offset else 0

    def scalar(self, table: int, index: int, default: int, kind: str = '<i') -> int:
        place = self.slot(table, index)
        return self.number(place, kind) if place else default

    def table(self, table: int, index: int) -> int:
        place = self.slot(table, index)
        return self.reference(place) if place else 0

    def vector(self, table: int, index: int, size: int) -> tuple[int, int]:
        """Return start and length of a vector whose elements have ``size`` bytes."""
        vector = self.table(table, index)
        if not vector:
            return 0, 0
        length = self.number(vector)
        if vector + 4 + length * size > len(self._content):
            raise IndexError(f'a list of {length} at {vector} of {len(self._content)}')
        return vector + 4, length

    def numbers(self, table: int, index: int) -> tuple[int, ...]:
        start, length = self.vector(table, index, 4)
        return struct.unpack_from(f'<{length}i', self._content, start)

    def tables(self, table: int, index: int) -> list[int]:
        start, length = self.vector(table, index, 4)
        return [self.reference(start + 4 * number) for number in range(length)]

    def bytes(self, table: int, index: int) -> bytes:
        start, length = self.vector(table, index, 1)
        return self._content[start:start + length]

    def text(self, table: int, index: int) -> str:
        return self.bytes(table, index).decode()

    def texts(self, table: int, index: int) -> list[str]:
        found = []
        for place in self.tables(table, index):
            length = self.number(place)
            text = self._content[place + 4:place + 4 + length]
            if len(text) != length:
                raise IndexError(f'a text of {length} at {place}')
            found.append(text.decode())
        return found


def _read(buffer: _Buffer) -> MnnFile:
    net = buffer.root
    names = buffer.texts(net, NET_TENSORS)
    outputs = tuple(buffer.texts(net, NET_OUTPUTS))
    operators = buffer.tables(net, NET_OPS)
    if not operators or not names:
        raise ValueError('it has no operators')
    made: set[int] = set()
    inputs = []
    for operator in operators:
        read = buffer.numbers(operator, OP_INPUTS)
        written = buffer.numbers(operator, OP_OUTPUTS)
        kind = buffer.scalar(operator, OP_TYPE, 0)
        _check_parameters(buffer, operator, kind, bool(read))
        if kind != INPUT_TYPE and not made.issuperset(read):
            raise ValueError('an operator reads a tensor that none before it writes')
        made.update(written)
        if kind == INPUT_TYPE:
            inputs.append(_input(buffer, operator))
    missing = set(outputs) - {names[index] for index in made}
    if not inputs or missing:
        raise ValueError(f'no operator writes {", ".join(sorted(missing)) or "an input"}')
    extra = buffer.table(net, NET_EXTRA_INFO)
    return MnnFile(
        tuple(inputs), outputs, buffer.text(extra, EXTRA_VERSION) if extra else '',
        _metadata(buffer.bytes(extra, EXTRA_BUFFER)) if extra else {})


def _check_parameters(buffer: _Buffer, operator: int, kind: int, reads: bool) -> None:
    """Refuse an operator at which MNN would follow a reference that is not there."""
    parameters = buffer.scalar(operator, OP_KIND, 0, '<B')
    table = buffer.table(operator, OP_MAIN)
    if (not 0 <= kind <= MAX_TYPE or KINDS.get(kind, parameters) != parameters
            or bool(parameters) != bool(table)
            or (parameters == KINDS[INPUT_TYPE]) != (kind == INPUT_TYPE)
            or not (reads or parameters in (KINDS[CONST_TYPE], KINDS[INPUT_TYPE]))):
        raise ValueError(f'an operator of type {kind} has parameters of kind {parameters}')
    if kind == CONST_TYPE:
        slot, size = BLOB_LISTS.get(buffer.scalar(table, BLOB_DTYPE, 1), (0, 0))
        elements = math.prod(buffer.numbers(table, BLOB_DIMS))
        if size and buffer.slot(table, slot) and buffer.vector(table, slot, size)[1] < elements:
            raise ValueError(f'a constant has fewer than its {elements} numbers')


def _input(buffer: _Buffer, operator: int) -> DeclaredInput:
    name = buffer.text(operator, OP_NAME)
    table = buffer.table(operator, OP_MAIN)
    shape = buffer.numbers(table, INPUT_DIMS) if table else ()
    elements = math.prod(max(size, 1) for size in shape)
    if len(shape) > MAX_DIMENSIONS or min(shape, default=0) < -1 or elements > MAX_ELEMENTS:
        raise ValueError(f"its input '{name}' has the shape {shape}")
    dtype = buffer.scalar(table, INPUT_DTYPE, 1) if table else 1
    return DeclaredInput(name, shape, DTYPES.get(dtype, ''))


def _metadata(nested: bytes) -> dict[str, str]:
    """Read the entries of the ONNX file that the converter has kept, in a buffer of their own."""
    if not nested:
        return {}
    buffer = _Buffer(nested)
    return {
        buffer.text(entry, ATTRIBUTE_KEY): buffer.text(entry, ATTRIBUTE_TEXT)
        for entry in buffer.tables(buffer.root, EXTRA_ATTRIBUTES)}
