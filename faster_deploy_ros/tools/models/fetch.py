# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Put a model of the zoo into a folder, with its card, whole and checked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
import shutil
import time

from faster_deploy_ros.errors import BadValue, Unavailable, Unsupported
from faster_deploy_ros.tools.models.cache import (
    card_of,
    checksum,
    expect_our_card,
    make_folder,
    unwritable,
    write_card,
)
from faster_deploy_ros.tools.models.download import download, NoNetwork, Patience
from faster_deploy_ros.tools.models.model import Asset, ZooModel
from faster_deploy_ros.tools.models.part import own_part, Part
from faster_deploy_ros.tools.whole_file import NO_ROOM

Report = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """
    What came of it.

    :param model: the row.
    :param path: of the model file.
    :param was_there: whether nothing had to be fetched.
    """

    model: ZooModel
    path: Path
    was_there: bool

    @property
    def card(self) -> Path:
        """Where its card lies."""
        return card_of(self.path)


def asset_of(model: ZooModel) -> Asset:
    """
    Return the file of a row.

    :raises Unsupported: none is published as ONNX; says how to make it.
    """
    if model.asset is None:
        raise Unsupported(
            f'models: {model.name} is not published as ONNX: {model.export} ({model.source})')
    return model.asset


def is_there(model: ZooModel, folder: Path) -> bool:
    """
    Tell whether the file lies in a folder, and is the right one.

    :raises BadValue: another one lies there.
    :raises LoadFailed: it cannot be read.
    """
    path, asset = folder / model.file, asset_of(model)
    if not path.exists():
        return False
    found = checksum(path)
    if found != asset.sha256:
        raise BadValue(
            f"models: '{path}' is there and is another file (sha256 {found}, expected "
            f'{asset.sha256}); --force replaces it')
    return True


def fetch(
        model: ZooModel, folder: Path, report: Report, *, force: bool = False,
        patience: Patience | None = None) -> Fetched:
    """
    Bring a model into a folder unless it is there, and write its card.

    Two processes that want the same one are fine: the second waits, and finds it there.

    :param report: told what is being done, as ``Activity.report``.
    :param force: replace what is there.
    :raises Unsupported: the model is not published as ONNX.
    :raises BadValue: the folder cannot be written, or another file or card lies there.
    :raises Unavailable: no network, no room, or a server that refuses; what came is kept.
    :raises LoadFailed: the address gives another file than the table knows.
    """
    asset, path = asset_of(model), folder / model.file
    make_folder(folder)
    try:
        if force or not is_there(model, folder):
            if not force:
                expect_our_card(card_of(path))
            part_path = folder / f'.{model.file}.part'
            with own_part(part_path, lambda: report(
                    f'another process is fetching {model.name}, waiting for it')) as part:
                if force or not is_there(model, folder):
                    _bring(model, asset, part, path, report, patience or Patience())
                    return Fetched(model, path, was_there=False)
        if not card_of(path).exists():   # somebody has brought the file by hand
            write_card(model, path)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise _no_room(folder, 'the disk is full') from error
        raise unwritable(folder, error) from error
    return Fetched(model, path, was_there=True)


def _bring(
        model: ZooModel, asset: Asset, part: Part, path: Path, report: Report,
        patience: Patience) -> None:
    if asset.size is not None:
        missing, free = asset.size - part.length, shutil.disk_usage(path.parent).free
        if missing > free:
            raise _no_room(path.parent, f'{missing} bytes are to come, and {free} are free')
    try:
        download(asset, part, _Meter(model.name, part.length, report), patience)
    except NoNetwork as error:
        raise Unavailable(
            f"{error}. By hand: bring {asset.url} here as '{path}' (with another machine, a "
            'stick), then the same command checks it and writes its card') from error
    write_card(model, path)   # first, so that no model is ever seen without it
    part.become(path)


def _no_room(folder: Path, what: str) -> Unavailable:
    return Unavailable(
        f"models: no room in '{folder}': {what}; free some, or choose another folder by --output. "
        'What came is kept, and the same command goes on from there')


class _Meter:
    """Turn bytes into kilobytes and a rate."""

    def __init__(self, name: str, length: int, report: Report) -> None:
        self._name = name
        self._first = length
        self._report = report
        self._began_s = time.monotonic()

    def __call__(self, done: int, total: int | None, remark: str) -> None:
        elapsed_s = time.monotonic() - self._began_s
        came = max(0, done - self._first)
        rate = f'{came / elapsed_s / 1e6:.1f} MB/s' if came and elapsed_s > 0.5 else ''
        self._report(
            f'kB of {self._name}', done // 1000, total // 1000 if total else None,
            remark or rate)
