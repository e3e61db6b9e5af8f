# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether a model file is the one that its card, or the zoo, says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faster_deploy_ros.errors import LoadFailed, UnknownName
from faster_deploy_ros.tasks.card import read_card
from faster_deploy_ros.tools.models import zoo
from faster_deploy_ros.tools.models.cache import card_of, checksum, expanded
from faster_deploy_ros.tools.models.fetch import asset_of
from faster_deploy_ros.tools.models.model import ZooModel

RIGHT, WRONG, ABSENT, UNKNOWN = 'right', 'WRONG', 'absent', 'not known'


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What was found of one file.

    :param path: of the model.
    :param status: RIGHT, WRONG, ABSENT or UNKNOWN (nothing says what it should be).
    :param sha256: of the file; '' where it is absent.
    :param expected: the checksum that it should have, '' where nothing says it.
    :param remark: who says so, and what is wrong.
    """

    path: Path
    status: str
    sha256: str
    expected: str
    remark: str


def verify(what: Sequence[str], folder: Path) -> list[Finding]:
    """
    Check models by name, files by path, or all of the zoo that lies in a folder.

    :raises UnknownName: neither a model of the zoo nor a file.
    :raises BadValue: ``~name`` of nobody.
    :raises LoadFailed: a file or its card cannot be read.
    """
    if not what:
        return [_model(row, folder) for row in zoo.ZOO.values() if (folder / row.file).exists()]
    return [_one(word, folder) for word in what]


def _one(word: str, folder: Path) -> Finding:
    if word in zoo.ZOO:
        return _model(zoo.ZOO[word], folder)
    path = expanded(Path(word))
    try:
        if path.is_file():
            return _file(path)
    except OSError as error:   # a name longer than names may be
        raise LoadFailed(f"models: '{path}' cannot be read ({error.strerror})") from error
    if path.suffix or len(path.parts) > 1:
        return Finding(path, ABSENT, '', '', 'there is no such file')
    try:
        return _model(zoo.find(word), folder)
    except UnknownName as error:
        raise UnknownName(f'{error} Nor is it a file') from error


def _model(row: ZooModel, folder: Path) -> Finding:
    asset, path = asset_of(row), folder / row.file
    if not path.is_file():
        return Finding(
            path, ABSENT, '', asset.sha256, f'faster-deploy models fetch {row.name} brings it')
    size, found = path.stat().st_size, checksum(path)
    if found == asset.sha256:
        return Finding(path, RIGHT, found, asset.sha256, f'is {row.name} of the zoo')
    length = f'has {size} bytes, expected {asset.size}' \
        if asset.size not in (None, size) else 'is damaged or another file'
    return Finding(
        path, WRONG, found, asset.sha256,
        f'{length}; faster-deploy models fetch {row.name} --force replaces it')


def _file(path: Path) -> Finding:
    found, expected = checksum(path), _expected(path)
    row = zoo.known_by(found)
    known = f'is {row.name} of the zoo' if row else ''
    if expected:
        card = card_of(path).name
        if found in expected:
            return Finding(path, RIGHT, found, found, known or f'as {card} says')
        return Finding(
            path, WRONG, found, expected[0],
            f'{card} is of another file' + (f'; this one {known}' if known else ''))
    if row is not None:
        return Finding(path, RIGHT, found, found, known)
    return Finding(path, UNKNOWN, found, '', 'no card beside it has a sha256')


def _expected(path: Path) -> tuple[str, ...]:
    """Return the checksums that the card beside a model says; any of them will do."""
    card = card_of(path)
    return read_card(card).sha256 if card.is_file() else ()
