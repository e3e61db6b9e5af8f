# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who tells how an asynchronous request of OpenVINO has ended: its callback, or who waits."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
import threading
from typing import Any

from faster_deploy_ros.blobs import BlobsBuffer

OnEnd = Callable[[BlobsBuffer, 'Future[BlobsBuffer]', Exception | None], None]


class Ends:
    """
    Starts requests, and calls back exactly once for each, whatever becomes of it.

    OpenVINO for Python calls back after a success and keeps silent about a failure; only who
    waits for the request hears of it. So one thread waits for all, in the order of their start,
    and tells what the callback has not told.

    :param on_end: called with the seat, its future and the error or None; on any thread.
    """

    def __init__(self, on_end: OnEnd) -> None:
        """Start no thread before there is something to wait for."""
        self._on_end = on_end
        self._running: dict[Future[BlobsBuffer], None] = {}
        self._started: SimpleQueue[tuple[BlobsBuffer, Future[BlobsBuffer], Any] | None] = (
            SimpleQueue())
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self, blobs: BlobsBuffer, future: 'Future[BlobsBuffer]', request: Any) -> None:
        """Start a request whose tensors are set; raises what the runtime raises at once."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._wait_for_all, name='openvino-ends', daemon=True)
                self._thread.start()
        self._running[future] = None
        try:
            # Set anew each time: a request started out of the last callback can lose its own.
            request.set_callback(partial(self._tell, blobs, future), None)
            request.start_async(share_inputs=True)
        except BaseException:
            self._running.pop(future)
            raise
        self._started.put((blobs, future, request))

    def close(self) -> None:
        """End the thread; nothing runs any more."""
        if self._thread is not None:
            self._started.put(None)
            self._thread.join()

    def _wait_for_all(self) -> None:
        while (started := self._started.get()) is not None:
            blobs, future, request = started
            error: Exception | None = None
            if future in self._running:
                try:
                    request.wait()
                except Exception as found:
                    error = found
            self._tell(blobs, future, error=error)
            del blobs, future, request, started, error  # an idle thread keeps nothing alive

    def _tell(
            self, blobs: BlobsBuffer, future: 'Future[BlobsBuffer]', _data: object = None, *,
            error: Exception | None = None) -> None:
        if self._running.pop(future, self) is None:   # of several callers one finds it
            self._on_end(blobs, future, error)
