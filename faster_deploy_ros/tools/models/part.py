# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A file that is still being fetched: ours alone, and what is there of it is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import fcntl
import hashlib
from io import FileIO
import os
from pathlib import Path

CHUNK = 1 << 20


class Part:
    """
    The beginning of a file, and its checksum so far.

    :ivar length: bytes that are there.
    """

    def __init__(self, path: Path, stream: FileIO) -> None:
        """
        Read what an earlier run has left.

        :param stream: opened for reading and appending, unbuffered; stays the caller's to close.
        """
        self._path = path
        self._stream = stream
        self._digest = hashlib.sha256()
        self.length = 0
        stream.seek(0)
        while chunk := stream.read(CHUNK):
            self._digest.update(chunk)
            self.length += len(chunk)

    @property
    def sha256(self) -> str:
        """The checksum of what is there."""
        return self._digest.hexdigest()

    def append(self, chunk: bytes) -> None:
        """
        Add what came.

        :raises OSError: the disk does not take it; what it took is forgotten.
        """
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[self._stream.write(rest):]
        except OSError:
            os.truncate(self._path, self.length)
            raise
        self._digest.update(chunk)
        self.length += len(chunk)

    def restart(self) -> None:
        """Forget all of it."""
        self._stream.seek(0)
        self._stream.truncate()
        self._digest = hashlib.sha256()
        self.length = 0

    def become(self, target: Path) -> None:
        """Give the file its name, which nobody sees before it is whole and on the disk."""
        os.fsync(self._stream.fileno())
        os.chmod(self._path, 0o644)
        os.replace(self._path, target)


@contextmanager
def own_part(path: Path, waiting: Callable[[], None]) -> Iterator[Part]:
    """
    Open a part for the time of the block; no other process of ours has it meanwhile.

    An empty one is not left behind.

    :param waiting: called when another process has it, before we wait for that one.
    :raises OSError: the folder does not take it.
    """
    stream = _owned(path, waiting)
    try:
        part = Part(path, stream)
        try:
            yield part
        finally:
            if not part.length and _is_at(path, stream):
                path.unlink()
    finally:
        stream.close()   # gives the lock back


def _owned(path: Path, waiting: Callable[[], None]) -> FileIO:
    """Open and lock the file that has this name now: who had it may have renamed it."""
    while True:
        stream = FileIO(path, 'a+', opener=_open_own)
        try:
            _lock(stream, waiting)
            if _is_at(path, stream):
                return stream
        except BaseException:
            stream.close()
            raise
        stream.close()


def _open_own(path: str, flags: int) -> int:
    """Open the part itself: of a link, what it leads to would be overwritten."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _lock(stream: FileIO, waiting: Callable[[], None]) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(stream, fcntl.LOCK_EX)
    except OSError:   # a network disk that has no locks: the checksum still tells
        pass


def _is_at(path: Path, stream: FileIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False
