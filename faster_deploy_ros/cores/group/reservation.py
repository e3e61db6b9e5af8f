# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A seat that is promised to a job before a thread has taken the job up."""

from collections.abc import Callable
from threading import local
from typing import Any, TypeVar

from faster_deploy_ros.cores.group.member import Turn
from faster_deploy_ros.cores.group.roster import Roster

T = TypeVar('T')
_here = local()   # the reservation of the job that this thread carries


class Reservation:
    """
    The first lease of the job is that seat; what is left of it at the job's end goes back.

    Between the moment when work is fetched because a seat is free, and the lease, more work
    could be fetched for the same seat. A reservation counts as a lease at once.

    Thread: any
    """

    __slots__ = ('_roster', '_turns')

    def __init__(self, roster: Roster, turn: Turn) -> None:
        """Hold the seat."""
        self._roster = roster
        self._turns = [turn]   # popped by whoever comes first: the lease or the end

    def carry(self, job: Callable[..., T], *arguments: Any) -> T:
        """Run a job on this thread, with the seat for its first lease."""
        _here.reservation = self
        try:
            return job(*arguments)
        finally:
            _here.reservation = None
            self.cancel()

    def cancel(self) -> None:
        """Give the seat back if it was not leased; a second call does nothing."""
        turn = self._take()
        if turn is not None:
            self._roster.leave(turn)

    @classmethod
    def redeem(cls, roster: Roster) -> Turn | None:
        """
        Return the seat that is promised to the job of this thread, once.

        None where there is none, or where its core has gone out meanwhile.
        """
        reservation: Reservation | None = getattr(_here, 'reservation', None)
        if reservation is None or reservation._roster is not roster:
            return None
        turn = reservation._take()
        if turn is not None and not roster.trusts(turn.member):
            roster.leave(turn)
            return None
        return turn

    def _take(self) -> Turn | None:
        try:
            return self._turns.pop()   # atomic: the owner may cancel what a thread begins
        except IndexError:
            return None
