# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every decision about the cores of a group: who serves, who is out, who must hear of it."""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple

from faster_deploy_ros.blobs import BlobsBuffer
from faster_deploy_ros.cores.group.health import FAILURES, HealthRules
from faster_deploy_ros.cores.group.line import SeatLine
from faster_deploy_ros.cores.group.member import Member, MemberState, Run, Turn
from faster_deploy_ros.cores.group.policy import Policy
from faster_deploy_ros.cores.group.prober import Prober
from faster_deploy_ros.errors import TimedOut, Unavailable

MOST_EVENTS = 64


class GroupEvent(NamedTuple):
    """A core went out, hangs, or came back, in words for a log."""

    text: str
    is_bad: bool


class Roster:
    """
    The members of a group under one lock, with the line before them and the prober behind them.

    Decisions are made inside the lock; inferences and ``on_room`` are called outside it.
    """

    def __init__(self, name: str, members: Sequence[Member], policy: Policy[Member],
                 rules: HealthRules, clock: Callable[[], float]) -> None:
        """Begin with all seats free, and start the prober."""
        self._name = name
        self._members = members
        self._policy = policy
        self._clock = clock
        self._lock = Lock()
        self._events: deque[GroupEvent] = deque(maxlen=MOST_EVENTS)
        self._on_room: Callable[[], object] | None = None
        self._is_room_wanted = False
        self.line = SeatLine(
            name, sum(member.core.seats for member in members), self._lock, self._admit,
            self._holders)
        self.prober = Prober(name, members, self._lock, rules, clock, self._hear)

    def states(self) -> tuple[MemberState, ...]:
        """Describe all members at this moment."""
        with self._lock:
            now_s = self._clock()
            return tuple(member.state(now_s) for member in self._members)

    def take_events(self) -> list[GroupEvent]:
        """Return what has happened since the last call, oldest first."""
        with self._lock:
            events = list(self._events)
            self._events.clear()
            return events

    def call_on_room(self, on_room: Callable[[], object] | None) -> None:
        """Remember whom to call when there is room after ``has_room`` said no."""
        with self._lock:
            self._on_room = on_room

    def has_room(self) -> bool:
        """Tell whether a lease would be served at once, or fail at once."""
        with self._lock:
            try:
                room = self._choose(self.line.waiting)[0] is not None
            except Unavailable:
                room = True   # let the frame come and fail, counted
            self._is_room_wanted = not room
            return room

    def promise(self) -> Turn | None:
        """Take a seat for somebody who comes later; None where a lease would have to wait."""
        with self._lock:
            if self.line.is_closed:
                return None
            try:
                return self._admit(self.line.waiting)[0]
            except Unavailable:
                return None   # the lease will say so

    def trusts(self, member: Member) -> bool:
        """Tell whether a core's seats are given now."""
        with self._lock:
            return member.health.is_in and not member.hangs(self._clock())

    def claim(self, member: Member) -> Turn:
        """
        Take a seat of one core, whatever the policy and who waits.

        :raises TimedOut: all are leased.
        :raises Closed: the group was unloaded.
        """
        with self._lock:
            self.line.check_open()
            if not member.free:
                raise TimedOut(f'{self._name}: all seats of {member.name} are leased')
            return member.take(self._clock())

    def begin(self, turn: Turn) -> Run:
        """Note that an inference begins."""
        with self._lock:
            return turn.member.begin(turn, self._clock())

    def end(self, turn: Turn, run: Run, blobs: BlobsBuffer, error: BaseException | None) -> None:
        """Learn from an inference: how long it took, or that it failed."""
        member = turn.member
        with self._lock:
            now_s = self._clock()
            hung = member.end(turn, run, now_s)
            if hung and member.health.is_in:
                member.health.take_out(
                    f'an inference took {now_s - run.begun_s:.1f} s', now_s, 0.0)
                self._went_out(member)
            if error is not None:
                turn.has_failed = True
                self._judge(member, error)
                return
            if not hung:
                member.times.add(run.level, now_s - run.begun_s)
            if not member.done:
                member.remember_shapes(blobs)
            member.done += 1
            turn.has_served = True

    def leave(self, turn: Turn, error: BaseException | None = None) -> None:
        """
        Take a seat back, also one that could not be made, because of ``error``.

        A core is judged by what its holder says too: NaN is found by who reads the outputs.
        """
        with self._lock:
            turn.member.turns.remove(turn)
            if error is not None and not turn.has_failed:
                self._judge(turn.member, error)
            elif turn.has_served and not turn.has_failed:
                turn.member.health.succeeded()
        self._hear('', False)

    def _choose(self, ahead: int) -> tuple[Member | None, float]:
        """
        Ask the policy for a core among those that are trusted.

        :raises Unavailable: none is.
        """
        now_s = self._clock()
        trusted = []
        for member in self._members:
            hangs = bool(member.runs) and member.hangs(now_s)
            if hangs and not member.told_hung:
                self._note(f'core {member.name} hangs in an inference, the others go on', True)
            member.told_hung = hangs
            if member.health.is_in and not hangs:
                trusted.append(member)
        if not trusted:
            errors = '; '.join(
                f'{each.name}: {each.health.last_error or "hangs"}' for each in self._members)
            raise Unavailable(
                f'{self._name}: all cores are out, expected one that works ({errors}). They are '
                'probed and come back by themselves')
        return self._policy(trusted, ahead, now_s)

    def _admit(self, ahead: int) -> tuple[Turn | None, float]:
        member, recheck_s = self._choose(ahead)
        return None if member is None else member.take(self._clock()), recheck_s

    def _holders(self) -> list[str]:
        return [turn.thread for member in self._members for turn in member.turns]

    def _judge(self, member: Member, error: BaseException) -> None:
        """Count what the core is to blame for."""
        if not isinstance(error, FAILURES):
            return
        member.failed += 1
        if member.health.failed(error, self._clock()):
            self._went_out(member)

    def _went_out(self, member: Member) -> None:
        health = member.health
        left_s = max(0.0, health.probe_at_s - self._clock())
        self._note(
            f'core {member.name} is out: {health.last_error}; it is probed in {left_s:.1f} s',
            True)
        self.prober.look()

    def _note(self, text: str, is_bad: bool) -> None:
        self._events.append(GroupEvent(text, is_bad))

    def _hear(self, text: str, is_bad: bool) -> None:
        """Note what happened, serve who waits, and say that there may be room."""
        with self._lock:
            if text:
                self._note(text, is_bad)
            self.line.serve()
            on_room = self._on_room if self._is_room_wanted else None
            self._is_room_wanted = False
        if on_room is not None:
            on_room()
