# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What an ONNX file says on its outside, read without the package onnx."""

from collections.abc import Iterator, Mapping
import hashlib
from pathlib import Path
import re

from faster_deploy_ros.errors import LoadFailed

# Field numbers and wire types of ModelProto and StringStringEntryProto: onnx.proto.
METADATA, KEY, VALUE = 14, 1, 2
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# An entry {key: "location", value: ...} of a tensor whose data is in another file.
LOCATION = re.compile(rb'\x0a\x08location\x12')


def metadata(model: bytes) -> Mapping[str, str]:
    """Return the model's ``metadata_props``; what cannot be read is left out."""
    found: dict[str, str] = {}
    try:
        for number, value in _fields(model):
            if number == METADATA:
                entry = dict(_fields(value))
                found[entry.get(KEY, b'').decode()] = entry.get(VALUE, b'').decode()
    except (IndexError, ValueError):
        pass   # the parser will say what is wrong with the file
    return found


def weight_files(model: bytes) -> tuple[str, ...]:
    """Return the names of the files in which tensors of the model lie, relative to it."""
    names = set()
    for match in LOCATION.finditer(model):
        try:
            length, start = _varint(model, match.end())
            names.add(model[start:start + length].decode())
        except (IndexError, ValueError):
            continue
    # An entry of the metadata may have the same name, and looks the same.
    return tuple(sorted(names - {metadata(model).get('location')}))


def fingerprint(title: str, model: bytes, folder: Path | None) -> str:
    """
    Return the sha256 of a model, the files with its weights included.

    :param folder: where those files are looked for; None when the model came as bytes.
    :raises LoadFailed: such a file is not there.
    """
    digest = hashlib.sha256(model)
    for name in weight_files(model):
        path = None if folder is None else folder / name
        if path is None or not path.is_file():
            raise LoadFailed(
                f"{title}: its weights are in a second file, '{name}', which is not there: keep "
                'that file beside the model, and load from the path')
        with path.open('rb') as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of the fields of a message that hold bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            _, at = _varint(message, at)
        elif kind in (FIXED64, FIXED32):
            at += 8 if kind == FIXED64 else 4
        elif kind == BYTES:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError('cut short')
            yield number, message[at:at + length]
            at += length
        else:
            raise ValueError(f'wire type {kind}')


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number and where the next one begins."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
