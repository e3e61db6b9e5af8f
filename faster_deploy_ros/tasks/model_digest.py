# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether a card is about this very model: the sha256 of its files."""

import hashlib
from pathlib import Path

from faster_deploy_ros.errors import LoadFailed

# What describes a graph, and the weights beside it: the first alone would pass any training.
_WEIGHTS = {'.param': '.bin', '.xml': '.bin'}
_CHUNK = 1 << 20


def model_files(model: Path) -> tuple[Path, ...]:
    """Return the files of a model: the one it is named by, and its weights where they lie."""
    ending = _WEIGHTS.get(model.suffix.lower())
    weights = model.with_suffix(ending) if ending else None
    return (model, weights) if weights is not None and weights.is_file() else (model,)


def model_sha256(model: Path) -> str:
    """
    Return the sha256 of a model's files, one after the other: ``cat m.param m.bin | sha256sum``.

    :raises OSError: one cannot be read.
    """
    digest = hashlib.sha256()
    for file in model_files(model):
        with file.open('rb') as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def check_digest(card: Path, expected: tuple[str, ...], model: Path) -> None:
    """
    Refuse a card that says of which file it is, and lies beside another.

    :param expected: of any of the files that the card is about; none: nothing is said.
    :raises LoadFailed: the model is none of them.
    """
    if not expected or not model.is_file():
        return
    try:
        found = model_sha256(model)
    except OSError as error:
        raise LoadFailed(
            f"model card '{card}': the sha256 of '{model}' cannot be checked ({error.strerror})"
            ) from error
    if found not in expected:
        names = ' and '.join(f"'{file.name}'" for file in model_files(model))
        said = ' or '.join(f'{one[:12]}...' for one in expected[:3])
        raise LoadFailed(
            f"model card '{card}': sha256: it is about another file: {names} has {found}, "
            f'expected {said}. Put the model there that it is about, or correct the card and '
            'write the new sha256 into it, or take that line out')
