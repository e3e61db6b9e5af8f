# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Simulated devices that take one inference at a time, in the order they came."""

from collections import deque
from threading import Lock


class SimulatedDevices:
    """
    A few devices with one queue before them, as a driver has it: nobody overtakes.

    With a plain lock, the thread that has just finished would often be the next one again, and
    one that waits could be late by many inferences.
    """

    def __init__(self, count: int) -> None:
        """Begin with ``count`` idle devices."""
        self._lock = Lock()
        self._idle = deque(range(count))
        self._waiters: deque[tuple[Lock, list[int]]] = deque()

    def take(self) -> int:
        """Return an idle device, or the next one that becomes idle after those who came before."""
        with self._lock:
            if self._idle:
                return self._idle.popleft()
            gate, given = Lock(), list[int]()
            gate.acquire()
            self._waiters.append((gate, given))
        gate.acquire()
        return given[0]

    def give(self, device: int) -> None:
        """Hand a device to the one who has waited longest."""
        with self._lock:
            if not self._waiters:
                self._idle.append(device)
                return
            gate, given = self._waiters.popleft()
            given.append(device)
            gate.release()
