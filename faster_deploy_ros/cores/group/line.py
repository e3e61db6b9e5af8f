# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The threads that wait for a seat of any core of a group, first come, first served."""

from collections import deque
from collections.abc import Callable
from threading import Event, Lock
from time import monotonic

from faster_deploy_ros.cores.group.member import Turn
from faster_deploy_ros.errors import Closed, FasterDeployError, TimedOut

LOOK_S = 0.25   # how often who waits looks itself: a core that hangs calls nobody
SOON_S = 0.0005

Admit = Callable[[int], 'tuple[Turn | None, float]']


class _Waiter:
    """One thread in the line; it is given a turn or bad news."""

    __slots__ = ('error', 'ready', 'recheck_s', 'turn')

    def __init__(self) -> None:
        self.ready = Event()
        self.recheck_s = LOOK_S
        self.turn: Turn | None = None
        self.error: FasterDeployError | None = None


class SeatLine:
    """
    Who waits, in the order of arrival; one overtakes only into a seat that those ahead declined.

    The seats themselves, who holds them and what is cleaned between two leases stay the matter
    of each core's own pool.

    :param name: how messages call the group.
    :param seats: how many there are, for messages.
    :param lock: the group's; ``admit`` and ``holders`` are called under it.
    :param admit: ``admit(ahead)`` takes a seat for a thread that has ``ahead`` others before it:
        the turn, or None and the seconds after which asking again may help.
    :param holders: names of the threads that hold seats.
    """

    def __init__(self, name: str, seats: int, lock: Lock, admit: Admit,
                 holders: Callable[[], list[str]]) -> None:
        """Begin with nobody waiting."""
        self._name = name
        self._seats = seats
        self._lock = lock
        self._admit = admit
        self._holders = holders
        self._waiters: deque[_Waiter] = deque()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many threads wait."""
        return len(self._waiters)

    @property
    def is_closed(self) -> bool:
        """Whether no seat is given any more."""
        return self._closed

    def check_open(self) -> None:
        """
        Refuse who comes too late; under the lock.

        :raises Closed: the group was unloaded.
        """
        if self._closed:
            raise self._closed_error()

    def enter(self, timeout_s: float | None) -> Turn:
        """
        Take a seat's turn, waiting for it where the policy says so.

        :raises TimedOut: no turn came in time.
        :raises Closed: the group was unloaded, perhaps while waiting.
        :raises Unavailable: all cores are out.
        """
        waiter = _Waiter()
        deadline_s = None if timeout_s is None else monotonic() + timeout_s
        with self._lock:
            self.check_open()
            self._waiters.append(waiter)
            self.serve()
        try:
            while not waiter.ready.is_set():
                self._wait(waiter, deadline_s, timeout_s)
        except BaseException:   # an interrupt must not take a seat out of the world
            with self._lock:
                self._give_up(waiter)
            raise
        if waiter.turn is None:
            raise waiter.error or self._closed_error()
        return waiter.turn

    def serve(self) -> None:
        """Give turns to those who wait, as far as the policy has any; under the lock."""
        ahead = 0
        for waiter in tuple(self._waiters):
            try:
                waiter.turn, waiter.recheck_s = self._admit(ahead)
            except FasterDeployError as error:
                waiter.error = error
            if waiter.turn is None and waiter.error is None:
                ahead += 1
                continue
            self._waiters.remove(waiter)
            waiter.ready.set()

    def close(self) -> None:
        """Give no turn any more: who waits gets Closed."""
        with self._lock:
            self._closed = True
            while self._waiters:
                self._waiters.popleft().ready.set()

    def _wait(self, waiter: _Waiter, deadline_s: float | None, timeout_s: float | None) -> None:
        pause_s = min(max(waiter.recheck_s, SOON_S), LOOK_S)
        if deadline_s is not None:
            pause_s = min(pause_s, max(0.0, deadline_s - monotonic()))
        if waiter.ready.wait(pause_s):
            return
        with self._lock:
            self.serve()
            late = deadline_s is not None and monotonic() >= deadline_s
            if late and not waiter.ready.is_set():
                holders = self._holders()
                raise TimedOut(
                    f'{self._name}: no seat within {timeout_s} s; {len(holders)} of '
                    f"{self._seats} are leased, by {', '.join(holders) or 'nobody'}; "
                    f'{len(self._waiters) - 1} others wait; the policy may have kept a slow core '
                    'back. Return seats sooner, or open the group with more seats')

    def _give_up(self, waiter: _Waiter) -> None:
        """Leave the line, passing on what the waiter may already have been given."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        if waiter.turn is not None:
            waiter.turn.member.turns.remove(waiter.turn)
            waiter.turn = None
            self.serve()

    def _closed_error(self) -> Closed:
        return Closed(f'{self._name}: closed, no seat is given any more; open the models again')
