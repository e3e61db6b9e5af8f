# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a model is loaded from, and what the runtime says about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.uri import SUFFIXES
from faster_deploy_ros.errors import LoadFailed

SEPARATOR = b'\0'
COPY_AGAIN = 'It is cut short or damaged: compare its size with the original and copy it again'
WEB_PAGE = 'a web page, expected the model; copy it again, from the file and not its page'
# What lies where a model should when its download went wrong.
IMPOSTORS = (
    (b'version https://git-lfs', 'a pointer of Git LFS, expected the model; run git lfs pull'),
    (b'<!doctype html', WEB_PAGE),
    (b'<html', WEB_PAGE),
)


@dataclass(frozen=True)
class LoadedModel:
    """What a runtime tells about a model that it has just loaded."""

    specs: Sequence[BlobSpec]
    metadata: Mapping[str, str] = field(default_factory=dict)


def guess_layout(shape: Sequence[int]) -> str:
    """Tell where the 1 or 3 channels of an image input lie, ``''`` where it has none."""
    if len(shape) != 4:
        return ''
    return 'NCHW' if shape[1] in (1, 3) else 'NHWC' if shape[3] in (1, 3) else ''


def check_source(title: str, source: Path | bytes, *, is_file: bool = True) -> Path | bytes:
    """
    Refuse a source that no runtime could load, before the runtime says it in its own way.

    :param title: who asks, for messages.
    :param is_file: whether a path must be a file; if not, only the runtime can tell.
    :raises LoadFailed: no bytes; a missing, empty or unreadable file; a folder.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        if not source:
            raise LoadFailed(f'{title}: the model has no bytes, expected a whole model')
        return bytes(source)
    path = Path(source)
    if is_file:
        _check_file(title, path)
    return path


def pack(text: bytes, weights: bytes) -> bytes:
    """
    Join a model that is two files, a text and its weights, into one for ``load``.

    :param text: ncnn's ``.param`` or OpenVINO's ``.xml``, which never holds a zero byte.
    :param weights: the ``.bin`` beside it.
    :returns: the text, a zero byte, the weights.
    """
    return text + SEPARATOR + weights


def unpack(source: bytes) -> tuple[bytes, bytes]:
    """Return text and weights of ``pack``; without a zero byte all is text."""
    text, _, weights = source.partition(SEPARATOR)
    return text, weights


def remedy_by_ending(source: Path | bytes, scheme: str) -> str:
    """Say what to do about a file that ``scheme`` cannot read, where its ending is another's."""
    if isinstance(source, bytes):
        return ''
    owner = SUFFIXES.get(source.suffix.lower(), scheme)
    if owner == scheme:
        return ''
    if owner == 'onnxruntime':
        return f'It ends as ONNX does: faster-deploy convert {source} --to {scheme}'
    onnx = ('give the ONNX model that it was made from' if scheme == 'onnxruntime'
            else f'convert its ONNX: faster-deploy convert m.onnx --to {scheme}')
    return f"Its ending is {owner}'s: open it with {owner}://, or {onnx}"


def one_line(error: BaseException) -> str:
    """Say an error of a runtime in one line, with its class where the text says nothing."""
    return ' '.join(str(error).split()) or type(error).__name__


def _check_file(title: str, path: Path) -> None:
    if path.is_dir():
        raise LoadFailed(f"{title}: '{path}' is a folder, expected a model file")
    if path.exists() and not path.is_file():   # to open a pipe, or to read all of it, never ends
        raise LoadFailed(f"{title}: '{path}' is a pipe or device, expected a model file")
    try:
        with path.open('rb') as stream:
            head = stream.read(64)
    except FileNotFoundError:
        folder = '' if path.is_absolute() else f' in {Path.cwd()}'
        raise LoadFailed(f"{title}: no such file '{path}'{folder}, expected a model") from None
    except OSError as error:
        raise LoadFailed(f"{title}: '{path}' cannot be read: {error.strerror}") from error
    if not head:
        raise LoadFailed(f"{title}: the file '{path}' is empty, expected a model; copy it again")
    for start, what in IMPOSTORS:
        if head.lstrip().lower().startswith(start):
            raise LoadFailed(f"{title}: '{path}' is {what}")
