# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a ``.rknn`` file says about itself; RKNNLite's Python interface tells no shapes."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import json
from pathlib import Path
import struct
from typing import Any

from faster_deploy_ros.errors import LoadFailed

# Seen in files of toolkit 1.3 (container 2) and 2.5 (container 6), documented nowhere: a header of
# 64 bytes ("RKNN", four zeros, container version and size of the body as little-endian 64-bit
# numbers, zeros), the body, the size of a JSON page in 64 bits, that page to the end of the file.
# The page lists the tensors in order with the names and shapes of the original model. Inside the
# body lies a Python literal, its size in 32 bits before it, with dtypes, mean and std, and the
# ranges of quantised tensors. What does not look so is left out, never guessed.
HEADER_BYTES = 64
KNOWN_CONTAINERS = range(2, 7)   # whose sizes can be trusted to tell a file that is cut short
MAGIC, ENCRYPTED = b'RKNN', b'RKCE'
TABLE = b"{'attrs':"
_MAX_PAGE_BYTES = 1 << 26


@dataclass(frozen=True)
class FileTensor:
    """
    One tensor as the original model had it.

    :param shape: in the original order, channels first for an image.
    :param dtype: of the original model; ``''`` where the file does not say.
    :param mean: per channel, taken off the raw bytes inside the model; None: not said.
    :param std: per channel, divided by after that.
    :param limits: lowest and highest value that 8 bits stand for; None: not quantised.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = ''
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class RknnFile:
    """
    The description in a ``.rknn`` file; empty parts are those it does not tell.

    :param container: version of the file format.
    :param toolkit: version of the toolkit that made it.
    :param targets: chips that it is made for, in lower case.
    :param is_dynamic: whether it was made for several shapes of its inputs.
    """

    container: int
    toolkit: str = ''
    targets: tuple[str, ...] = ()
    inputs: tuple[FileTensor, ...] = ()
    outputs: tuple[FileTensor, ...] = ()
    is_dynamic: bool = False


@dataclass(frozen=True)
class _Table:
    """The literal in the body: what it says of each tensor, by name."""

    tensors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ranges: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    is_dynamic: bool = False


def read_rknn(title: str, source: Path | bytes) -> RknnFile:
    """
    Read the description in a model for Rockchip's NPU.

    :param title: who asks, for messages.
    :raises LoadFailed: it is no such model, is encrypted, or is cut short.
    """
    data = source if isinstance(source, bytes) else source.read_bytes()
    if data[:4] == ENCRYPTED:
        raise LoadFailed(
            f'{title}: the model is encrypted (RKCE), expected a plain .rknn; export it again '
            'without a key')
    if data[:4] != MAGIC:
        raise LoadFailed(
            f'{title}: got a file that begins with {data[:4]!r}, expected a model for '
            "Rockchip's NPU (RKNN); convert it: faster-deploy convert m.onnx --to rknn")
    if len(data) < HEADER_BYTES:
        raise _cut_short(title, len(data), HEADER_BYTES)
    container, size = struct.unpack_from('<QQ', data, 8)
    page_at = HEADER_BYTES + size + 8
    if page_at > len(data):
        if container in KNOWN_CONTAINERS:
            raise _cut_short(title, len(data), page_at)
        return RknnFile(container)
    (page_size,) = struct.unpack_from('<Q', data, page_at - 8)
    if container in KNOWN_CONTAINERS and page_at + page_size > len(data):
        raise _cut_short(title, len(data), page_at + page_size)
    return _described(
        container, data[page_at:page_at + min(page_size, _MAX_PAGE_BYTES)],
        _read_table(data, page_at - 8))


def _described(container: int, text: bytes, table: _Table) -> RknnFile:
    """Read the page at the end; what it lacks stays empty."""
    try:
        page = json.loads(text.rstrip(b'\0'))
        rows = {row['tensor_id']: row for row in page['norm_tensor']}
        sides: dict[str, list[FileTensor]] = {'input': [], 'output': []}
        for edge in sorted(page['graph'], key=lambda edge: int(edge['left_tensor_id'])):
            row = rows[edge['right_tensor_id']]
            sides[edge['left']].append(_tensor(row['url'], row['size'], table))
        return RknnFile(
            container, str(page.get('version', '')),
            tuple(str(word).lower() for word in page.get('target_platform', ())),
            tuple(sides['input']), tuple(sides['output']), table.is_dynamic)
    except (ValueError, KeyError, TypeError, AttributeError):
        return RknnFile(container, is_dynamic=table.is_dynamic)


def _tensor(name: str, shape: Sequence[int], table: _Table) -> FileTensor:
    said, span = table.tensors.get(name, {}), table.ranges.get(name, {})
    return FileTensor(
        name, tuple(int(n) for n in shape), str(said.get('dtype', '')),
        _numbers(said.get('mean')), _numbers(said.get('std')), _limits(span))


def _limits(span: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the range of a tensor that one scale quantises; None for all others."""
    low, high = _numbers(span.get('min')), _numbers(span.get('max'))
    if not low or not high or len(low) != 1 or len(high) != 1 or not low[0] < high[0]:
        return None
    return low[0], high[0]


def _numbers(value: object) -> tuple[float, ...] | None:
    if not isinstance(value, list) or not value:
        return None
    return tuple(float(n) for n in value)


def _read_table(data: bytes, end: int) -> _Table:
    """Read the literal in the body, where there is one that holds what is known of it."""
    start = data.find(TABLE, HEADER_BYTES, end)
    if start < HEADER_BYTES + 4:
        return _Table()
    (size,) = struct.unpack_from('<I', data, start - 4)
    if start + size > end or size > _MAX_PAGE_BYTES:
        return _Table()
    try:
        found = ast.literal_eval(data[start:start + size].decode())
        return _Table(
            {str(name): dict(row) for name, row in found['attrs'].items()},
            {str(name): dict(row) for name, row in found.get('quant_tab', {}).items()},
            bool(found.get('dynamic_shapes')))
    except (ValueError, SyntaxError, KeyError, TypeError, AttributeError, MemoryError,
            RecursionError):
        return _Table()


def _cut_short(title: str, size: int, expected: int) -> LoadFailed:
    return LoadFailed(
        f'{title}: the file has {size} bytes, expected at least {expected}, as its header says; '
        'it is cut short: copy it again')
