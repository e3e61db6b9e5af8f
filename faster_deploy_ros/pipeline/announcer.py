# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The call that tells the owner of a line that something is ready, and how it is forgotten."""

from collections.abc import Callable
import logging
from threading import RLock, TIMEOUT_MAX

_logger = logging.getLogger(__name__)


class Announcer:
    """
    Call ``on_ready`` from any thread until it is forgotten; after that, never again.

    The lock is not the line's: a slow ``on_ready`` holds up other announcements and nothing else.
    """

    __slots__ = ('_lock', '_on_ready')

    def __init__(self, on_ready: Callable[[], None]) -> None:
        """Remember whom to call."""
        self._lock = RLock()   # re-entered when on_ready drains and breaks off
        self._on_ready: Callable[[], None] | None = on_ready

    def announce(self) -> bool:
        """
        Call ``on_ready``; what it raises is logged and kills no worker.

        :return: whether the owner knows, or has gone.

        Thread: any
        """
        with self._lock:
            if self._on_ready is None:
                return True
            try:
                self._on_ready()
            except KeyboardInterrupt:
                raise
            except BaseException:
                _logger.exception('line: on_ready raised; it will be called again')
                return False
            return True

    def forget(self, timeout_s: float) -> bool:
        """
        Wait for a call in progress and make no other.

        :return: False when a call is still in progress after ``timeout_s``.
        """
        idle = self._lock.acquire(timeout=min(max(0.0, timeout_s), TIMEOUT_MAX))
        self._on_ready = None
        if idle:
            self._lock.release()
        return idle
