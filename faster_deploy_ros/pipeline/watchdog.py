# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The thread that notices jobs which do not come back."""

from collections.abc import Callable
from threading import Lock, Thread, TIMEOUT_MAX


class Watchdog:
    """
    Call ``look`` again and again, each time after the seconds that the last call returned.

    A job costs it nothing: nobody wakes it, it knows itself when the next job could be too late.
    """

    __slots__ = ('_gate', '_look', '_thread')

    def __init__(self, pause_s: float, look: Callable[[], float]) -> None:
        """Start watching, the first look after ``pause_s``."""
        self._look = look
        self._gate = Lock()
        self._gate.acquire()
        self._thread = Thread(
            target=self._watch, args=(pause_s,), name='faster_deploy watchdog', daemon=True)
        self._thread.start()

    def _watch(self, pause_s: float) -> None:
        while not self._gate.acquire(timeout=min(pause_s, TIMEOUT_MAX)):
            pause_s = self._look()

    def stop(self, timeout_s: float) -> bool:
        """End the thread; return whether it has ended."""
        if self._gate.locked():
            try:
                self._gate.release()
            except RuntimeError:   # two threads stop it at once, the other was first
                pass
        self._thread.join(min(max(0.0, timeout_s), TIMEOUT_MAX))
        return not self._thread.is_alive()
