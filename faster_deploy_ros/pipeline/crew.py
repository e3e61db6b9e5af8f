# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The threads of the line: who works, who sleeps, who was left behind."""

from collections.abc import Callable
import sys
from threading import current_thread, Lock, Thread, TIMEOUT_MAX
from time import monotonic

from faster_deploy_ros.pipeline.lane import Ticket


class Worker:
    """A daemon thread with a gate to sleep at, and the frame that it has in hand."""

    __slots__ = ('gate', 'index', 'taken_ns', 'thread', 'ticket')

    def __init__(self, index: int, work: Callable[['Worker'], None]) -> None:
        """Prepare the thread; the gate is shut."""
        self.index = index
        self.gate = Lock()
        self.gate.acquire()
        self.ticket: Ticket | None = None
        self.taken_ns = 0
        self.thread = Thread(
            target=work, args=(self,), name=f'faster_deploy worker {index}', daemon=True)

    def whereabouts(self) -> str:
        """Say which line of code the thread is at, for a report on a job that hangs."""
        frame = sys._current_frames().get(self.thread.ident or -1)
        if frame is None:
            return 'nowhere, its thread is gone'
        return f'{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}'


class Crew:
    """
    All workers of one line; guarded by the line's lock, except ``start`` and ``join``.

    A sleeper is woken by opening its own gate: one frame wakes one thread, never all of them.
    """

    __slots__ = ('_idle', '_left', '_waking', '_work', 'members')

    def __init__(self, size: int, work: Callable[[Worker], None]) -> None:
        """Prepare ``size`` workers that run ``work``."""
        self._work = work
        self.members = [Worker(index, work) for index in range(size)]
        self._left: list[Worker] = []
        self._idle: list[Worker] = []
        self._waking = 0

    def start(self) -> None:
        """Start all threads."""
        for worker in self.members:
            worker.thread.start()

    def rest(self, worker: Worker) -> None:
        """Note that a worker goes to sleep at its gate."""
        self._idle.append(worker)

    def awake(self) -> None:
        """Note that a worker that was woken is on its feet."""
        self._waking -= 1

    def wake_for(self, waiting: int) -> None:
        """Wake one sleeper if more frames wait than workers are on their way to them."""
        if self._idle and waiting > self._waking:
            self._waking += 1
            self._idle.pop().gate.release()

    def wake_all(self) -> None:
        """Wake every sleeper."""
        self._waking += len(self._idle)
        while self._idle:
            self._idle.pop().gate.release()

    def replace(self, worker: Worker) -> Worker:
        """Leave a worker behind; return the one in its place, to be started outside the lock."""
        self._left.append(worker)
        successor = Worker(worker.index, self._work)
        self.members[worker.index] = successor
        return successor

    def has_current_thread(self) -> bool:
        """Tell whether one of the workers is asking."""
        mine = current_thread()
        return any(worker.thread is mine for worker in (*self.members, *self._left))

    def join(self, deadline_s: float) -> bool:
        """Wait until all threads have ended, also those left behind; False at the deadline."""
        while alive := self._alive():
            remaining_s = deadline_s - monotonic()
            if remaining_s <= 0:
                return False
            alive[0].join(min(remaining_s, TIMEOUT_MAX))
        return True

    def _alive(self) -> list[Thread]:
        return [worker.thread for worker in (*self.members, *self._left)
                if worker.thread.is_alive()]
