# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures read a little ahead, so that a slow one does not make the reader late."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
import queue
import threading

from faster_deploy_ros.sources.shot import Shot

LOOK_S = 0.1   # how often a waiting reader looks whether it is still wanted


class ReadAhead(Iterator[Shot]):
    """
    The same shots in the same order, made by a thread of its own.

    An error of the source is raised in its place. Close it when it is not read to the end.

    :param shots: what to read.
    :param depth: how many shots may be ready at most, beside the one in the making.
    """

    def __init__(self, shots: Iterable[Shot], depth: int = 16) -> None:
        """Begin to read."""
        self._ready: queue.Queue[Shot | Exception | None] = queue.Queue(depth)
        self._closed = threading.Event()
        self._ended = False
        self._thread = threading.Thread(
            target=self._read, args=(shots,), daemon=True, name='read ahead')
        self._thread.start()

    def __next__(self) -> Shot:
        """
        Return the next shot, waiting for it where it must be.

        :raises Exception: what the source raised, once.
        """
        if self._ended or self._closed.is_set():
            raise StopIteration
        item = self._ready.get()
        if isinstance(item, Shot):
            return item
        self._ended = True
        if item is None:
            raise StopIteration
        raise item

    def close(self, timeout_s: float = 5.0) -> bool:
        """Stop reading; tell whether the reader ended in time."""
        self._closed.set()
        with suppress(queue.Empty):
            while True:
                self._ready.get_nowait()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _read(self, shots: Iterable[Shot]) -> None:
        try:
            for shot in shots:
                if not self._put(shot):
                    return
        except Exception as error:   # it belongs to whoever reads
            self._put(error)
        else:
            self._put(None)

    def _put(self, item: Shot | Exception | None) -> bool:
        """Hand one item over; tell whether anybody still wants more."""
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._ready.put(item, timeout=LOOK_S)
                return True
        return False
