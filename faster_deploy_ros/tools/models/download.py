# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Bring a file here, over connections that break, and believe its checksum only."""

from collections.abc import Callable
from dataclasses import dataclass
import time

from faster_deploy_ros.errors import LoadFailed, Unavailable
from faster_deploy_ros.tools.models.link import Answer, ask, Offline, Passing, PastEnd
from faster_deploy_ros.tools.models.model import Asset
from faster_deploy_ros.tools.models.part import Part

READ = 1 << 16   # small enough that a slow line shows progress
ONNX_BEGINS = b'\x08'   # the tag of ModelProto.ir_version, which every exporter writes first
MOST = 4 << 30   # bytes of a model whose size is not known
Tell = Callable[[int, int | None, str], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """
    How long a bad connection is borne.

    :param tries: failures in a row; one that came after ``step`` new bytes begins a new row.
    :param wait_s: before the second try; doubled for each further one.
    :param longest_s: no wait is longer.
    :param timeout_s: how long a server may say nothing.
    """

    tries: int = 6
    wait_s: float = 1.0
    longest_s: float = 15.0
    timeout_s: float = 30.0
    step: int = 1 << 20

    def wait(self, failures: int) -> float:
        """Return how long to wait after so many failures, in seconds."""
        return min(self.longest_s, float(self.wait_s * 2 ** (failures - 1)))


class NoNetwork(Unavailable):
    """The file is not to be had from here and now; it could be brought by hand."""


class NotTheFile(Exception):
    """What came is something else than what was asked for."""


def download(asset: Asset, part: Part, tell: Tell, patience: Patience) -> None:
    """
    Make a part whole: go on from where it ends, and begin anew if that is not the same file.

    :param tell: called with the bytes that are there, how many there will be, and a remark.
    :raises LoadFailed: the address gives another file; nothing of it is kept.
    :raises NoNetwork: the server cannot be reached or fails; what came is kept.
    :raises Unavailable: the server refuses.
    :raises OSError: the disk does not take it; what it took is kept.
    """
    was_begun = part.length > 0
    try:
        try:
            _bring(asset, part, tell, patience)
            _check(asset, part)
        except NotTheFile:
            if not was_begun:
                raise
            part.restart()   # the beginning may be of another file; the whole is judged once more
            _bring(asset, part, tell, patience)
            _check(asset, part)
    except NotTheFile as error:
        part.restart()
        raise LoadFailed(
            f"models: '{asset.url}' is not the file that is known: {error}; nothing of it is "
            'kept') from error


def _check(asset: Asset, part: Part) -> None:
    if part.sha256 != asset.sha256:
        raise NotTheFile(
            f'its sha256 is {part.sha256}, expected {asset.sha256}; somebody changed it, there or '
            'on the way')


def _bring(asset: Asset, part: Part, tell: Tell, patience: Patience) -> None:
    """Ask until all is there; give up after too many failures in a row."""
    failures, came = 0, False
    while True:
        before = part.length
        try:
            _pull(asset, part, tell, patience.timeout_s)
            return
        except Offline as error:
            if not came:
                raise NoNetwork(f'models: no network: {error}') from error
            reason = str(error)
        except Passing as error:
            reason = str(error)
        came = came or part.length > before
        failures = 1 if part.length - before >= patience.step else failures + 1
        if failures >= patience.tries:
            raise NoNetwork(
                f"models: '{asset.url}' failed {failures} times in a row, at last because "
                f'{reason}; {part.length} bytes are kept, and the same command goes on from there')
        tell(part.length, asset.size, f'{reason}; try {failures + 1} of {patience.tries}')
        time.sleep(patience.wait(failures))


def _pull(asset: Asset, part: Part, tell: Tell, timeout_s: float) -> None:
    """Ask once, and append what comes."""
    if part.sha256 == asset.sha256:
        return
    if asset.size is not None and part.length >= asset.size:
        part.restart()
    try:
        with ask(asset.url, part.length, timeout_s) as answer:
            total = _expect(asset, part, answer)
            _append(part, answer, total, tell)
    except PastEnd:
        part.restart()
        raise


def _expect(asset: Asset, part: Part, answer: Answer) -> int | None:
    """Return how long the file will be; refuse what cannot be the one we want."""
    if answer.start != part.length:
        if answer.start:
            raise Passing('the server sends another part than was asked for')
        part.restart()   # it knows no parts, and begins anew
    total = answer.total
    if asset.size is not None and total is not None and total != asset.size:
        page = ', a web page: does this network want you to sign in?' \
            if answer.kind == 'text/html' else ''
        raise NotTheFile(f'it has {total} bytes, expected {asset.size}{page}')
    if total is not None and total > MOST:
        raise NotTheFile(f'it has {total} bytes, expected {MOST} at most')
    return total if total is not None else asset.size


def _append(part: Part, answer: Answer, total: int | None, tell: Tell) -> None:
    most = MOST if total is None else total
    tell(part.length, total, '')
    while part.length < most:
        chunk = answer.read(min(READ, most - part.length))
        if not chunk:
            break
        if not part.length and not chunk.startswith(ONNX_BEGINS):
            what = 'a web page: does this network want you to sign in?' \
                if chunk.lstrip()[:1] == b'<' else f'something that begins with {chunk[:8]!r}'
            raise NotTheFile(f'it is {what}, expected an ONNX model')
        part.append(chunk)
        tell(part.length, total, '')
    if total is not None and part.length < total:
        raise Passing(f'the connection ended after {part.length} of {total} bytes')
