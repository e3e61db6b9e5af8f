# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the new files go: all of them at once, or none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
import fcntl
import os
from pathlib import Path
import tempfile

from faster_deploy_ros.errors import BadValue, ConvertFailed
from faster_deploy_ros.tools.convert.orders import Orders
from faster_deploy_ros.tools.convert.table import ENDINGS
from faster_deploy_ros.tools.interrupts import undisturbed

CARD = '.yaml'


def choose_output(orders: Orders) -> Path:
    """
    Return the main file that is to be written; a name without an ending is a folder.

    :raises BadValue: its folder is missing, its ending is another runtime's, it is there already,
        or its card would take the place of the original's.
    """
    endings = ENDINGS.get(orders.to, ())
    usual = orders.model.stem + f'_{orders.to}' + (
        f'_{orders.precision}' if orders.precision != 'fp32' else '') + (
        endings[0] if endings else '')
    output = orders.output or orders.model.parent / usual
    # 'robot/' is meant as a folder, which scratch_beside makes.
    is_new = bool(endings) and not output.suffix and not output.exists()
    if output.is_dir() or is_new:
        output = output / usual
    if not (output.parent.parent if is_new else output.parent).is_dir():
        raise BadValue(f"convert: there is no folder '{output.parent}'; make it first")
    if endings and output.suffix.lower() not in endings:
        raise BadValue(
            f"convert: got the output '{output}', expected a name that ends in "
            f"{' or '.join(endings)}, which {orders.to} reads")
    if not output.suffix:
        raise BadValue(f"convert: got the output '{output}', expected --output with the ending "
                       f'that {orders.to} reads')
    card, original = output.with_suffix(CARD), orders.model.with_suffix(CARD)
    if original.exists() and card.exists() and card.samefile(original):
        raise BadValue(
            f"convert: the card of '{output.name}' would take the place of the original's, "
            f"'{original}'; choose another name: --output {output.with_name(usual)}")
    if not orders.force:
        _refuse_existing([output, card])
    return output


@contextmanager
def scratch_beside(output: Path) -> Iterator[Path]:
    """
    Make a folder for the time of the block, on the disk where the result will be.

    The result's own folder is made too, and goes again if nothing was put into it.

    :raises BadValue: nothing can be written there.
    """
    is_new = not output.parent.exists()
    try:
        output.parent.mkdir(exist_ok=True)
        holder = tempfile.TemporaryDirectory(
            dir=output.parent, prefix='.faster-deploy-', ignore_cleanup_errors=True)
    except OSError as error:
        raise BadValue(
            f"convert: the folder '{output.parent}' cannot be written ({error.strerror}); choose "
            'another by --output') from error
    try:
        with holder as name:
            yield Path(name)
    finally:
        if is_new:
            with suppress(OSError):   # the result lies there
                output.parent.rmdir()


def deliver(made: Sequence[Path], folder: Path, scratch: Path, *, force: bool) -> list[Path]:
    """
    Move the files into a folder, all or none; a second conversion waits meanwhile.

    :param scratch: on the same disk; what is replaced lies there until all is done.
    :raises BadValue: one is there already, and not to be replaced.
    :raises ConvertFailed: the disk refuses; what was there before is there again.
    """
    targets = [folder / path.name for path in made]
    moved: list[tuple[Path, Path]] = []   # (where it was, where it is now)
    with undisturbed(), _alone_in(folder):
        if not force:
            _refuse_existing(targets)
        try:
            for path, target in zip(made, targets):
                if target.exists():
                    _move(target, scratch / f'{target.name}.former', moved)
                _move(path, target, moved)
        except OSError as error:
            for before, now in reversed(moved):
                now.rename(before)
            raise ConvertFailed(
                f"convert: '{folder}' cannot take the result: {error.strerror}; nothing there was "
                'changed') from error
    return targets


def _move(path: Path, target: Path, moved: list[tuple[Path, Path]]) -> None:
    path.rename(target)
    moved.append((path, target))


def _refuse_existing(paths: Sequence[Path]) -> None:
    there = [f"'{path}'" for path in paths if path.exists()]
    if there:
        raise BadValue(
            f"convert: {', '.join(there)} {'are' if len(there) > 1 else 'is'} there already; "
            '--force replaces, --output writes elsewhere')


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait for other conversions that deliver into this folder; leaves nothing behind."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:   # a network disk that has no locks: the moves themselves are still whole
            pass
        yield
    finally:
        os.close(handle)   # gives the lock back
