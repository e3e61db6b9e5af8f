# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every decision about frames, and their account; it has no threads and calls nobody."""

from collections import deque
from collections.abc import Hashable
from threading import Lock

from faster_deploy_ros.pipeline.lane import Job, Lane, Line, Shelf, Ticket
from faster_deploy_ros.pipeline.outcome import Overflow, Reason, Status
from faster_deploy_ros.pipeline.stats import Account


class Ledger:
    """
    Where each frame is: blocked, waiting, running, settled; guarded by the executor's lock.

    Jobs that are let go of are kept until ``sweep``: what they hold is freed outside the lock.

    :param limit: how many frames may be live, or, with BLOCK, waiting or running.
    :param max_age_ns: a frame older than that is stale; None is no limit.
    """

    __slots__ = ('_announced', '_blocked', '_lanes', '_limit', '_max_age_ns', '_overflow',
                 '_shelf', '_swept', 'account', 'broken', 'line', 'running')

    def __init__(self, limit: int, overflow: Overflow, max_age_ns: int | None) -> None:
        """Begin with nothing accepted."""
        self._limit = limit
        self._overflow = overflow
        self._max_age_ns = max_age_ns
        self._lanes: dict[Hashable, Lane] = {}
        self._shelf = Shelf()
        self._blocked: deque[Ticket] = deque()
        self._swept: list[Job | None] = []
        self._announced = False
        self.line = Line()
        self.account = Account()
        self.running = 0
        self.broken = ''

    @property
    def waiting(self) -> int:
        """How many accepted frames no worker has taken yet."""
        return self.line.length + len(self._blocked)

    def accept(self, job: Job, key: Hashable, stamp_ns: int | None) -> Ticket:
        """Give a frame its number and its place; one that has to wait for a place has a gate."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
        ticket = lane.accept(job, stamp_ns)
        self.account.accept()
        if self.broken:
            self.settle(ticket, Status.CANCELLED, reason=Reason.BROKEN)
        elif self._overflow is Overflow.BLOCK:
            if self._has_room():
                self.line.push(ticket)
            else:
                ticket.gate = Lock()
                ticket.gate.acquire()
                self._blocked.append(ticket)
        elif self.account.live <= self._limit:
            self.line.push(ticket)
        else:
            self._overflow_with(ticket)
        return ticket

    def take(self, worker: int, now_ns: int) -> Ticket | None:
        """Give a worker the next frame that is not stale."""
        while (ticket := self.line.take()) is not None:
            if not self._is_stale(ticket, now_ns):
                ticket.worker = worker
                self.running += 1
                break
            self.settle(ticket, Status.DROPPED, reason=Reason.STALE)
            self.line.keep_turn(ticket.lane)
            self._admit()
        return ticket

    def finish(self, ticket: Ticket, status: Status, value: object = None,
               error: BaseException | None = None, reason: str = '') -> None:
        """Settle a running frame, which makes room for another."""
        self.running -= 1
        self.settle(ticket, status, value, error, reason)
        self._admit()

    def settle(self, ticket: Ticket, status: Status, value: object = None,
               error: BaseException | None = None, reason: str = '') -> None:
        """Fix how a frame ended."""
        self._swept.append(ticket.settle(status, value, error, reason))
        self.account.settle(status, reason)
        self._shelf.put(ticket)

    def cancel(self, reason: str, *, waiting: bool) -> None:
        """Cancel the frames of blocked submitters, and before them the waiting ones if asked."""
        while waiting and (ticket := self.line.take()) is not None:
            self.settle(ticket, Status.CANCELLED, reason=reason)
        while self._blocked:
            ticket = self._blocked.popleft()
            self.settle(ticket, Status.CANCELLED, reason=reason)
            _open(ticket)

    def give_up(self, why: str) -> None:
        """Break the line: cancel all that waits and all that will come."""
        self.broken = self.broken or why
        self.cancel(Reason.BROKEN, waiting=True)

    def release(self, now_ns: int) -> tuple[Ticket, Status, str] | None:
        """Take out the next frame that can go, DROPPED if it is too old by now."""
        ticket = self._shelf.take()
        if ticket is None:
            self._announced = False
            return None
        assert ticket.status is not None
        status, reason = ticket.status, ticket.reason
        if status is Status.DONE and self._is_stale(ticket, now_ns):
            status, reason = Status.DROPPED, Reason.STALE
        self.account.release(status, reason, settled=ticket.status)
        return ticket, status, reason

    def must_announce(self) -> bool:
        """Tell whether to call on_ready now: once, until ``release`` has found nothing."""
        if self._announced or not self._shelf:
            return False
        self._announced = True
        return True

    def unannounce(self) -> None:
        """Take back an announcement that nobody heard or nobody follows."""
        self._announced = False

    def sweep(self) -> list[Job | None]:
        """Hand over the jobs let go of, to be freed outside the lock."""
        swept, self._swept = self._swept, []
        return swept

    def _overflow_with(self, newcomer: Ticket) -> None:
        victim = None
        if self._overflow is Overflow.DROP_OLDEST:
            victim = self.line.push_out(newcomer)
        self.settle(victim or newcomer, Status.DROPPED, reason=Reason.OVERFLOW)

    def _admit(self) -> None:
        """Let blocked submitters in, in their order, as far as there is room."""
        while self._blocked and self._has_room():
            ticket = self._blocked.popleft()
            self.line.push(ticket)
            _open(ticket)

    def _has_room(self) -> bool:
        return self.line.length + self.running < self._limit

    def _is_stale(self, ticket: Ticket, now_ns: int) -> bool:
        return (self._max_age_ns is not None and ticket.stamp_ns is not None
                and now_ns - ticket.stamp_ns > self._max_age_ns)


def _open(ticket: Ticket) -> None:
    """Let the submitter of a blocked frame go on."""
    assert ticket.gate is not None
    ticket.gate.release()
