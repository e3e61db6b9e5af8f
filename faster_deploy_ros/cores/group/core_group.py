# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Several cores as one: a seat of whichever serves a frame best, and none of one that fails."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from threading import Lock
from time import monotonic
from types import TracebackType

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.cores.device import Device
from faster_deploy_ros.cores.group.health import HealthRules
from faster_deploy_ros.cores.group.match import match
from faster_deploy_ros.cores.group.member import Member, MemberState, Run, Turn
from faster_deploy_ros.cores.group.policy import POLICIES
from faster_deploy_ros.cores.group.reservation import Reservation
from faster_deploy_ros.cores.group.roster import GroupEvent, Roster
from faster_deploy_ros.cores.infer_core import InferCore
from faster_deploy_ros.cores.uri import ModelUri
from faster_deploy_ros.errors import (
    BadValue,
    BlobMismatch,
    Closed,
    InferFailed,
    TimedOut,
    UnknownName,
)

Reopen = Callable[[], InferCore]


class GroupLease:
    """One loan of a seat of any member; leaving the block returns it."""

    __slots__ = ('_blobs', '_group', '_lease', '_member', '_timeout_s', '_turn')

    def __init__(self, group: 'CoreGroup', timeout_s: float | None,
                 member: Member | None = None) -> None:
        """Remember the wish; the seat is taken on entering."""
        self._group = group
        self._timeout_s = timeout_s
        self._member = member
        self._turn: Turn | None = None

    def __enter__(self) -> BlobsBuffer:
        """Take a seat of the core that the policy chooses, waiting for one where it says so."""
        roster, member = self._group._roster, self._member
        turn = (roster.claim(member) if member
                else Reservation.redeem(roster) or roster.line.enter(self._timeout_s))
        try:
            lease: AbstractContextManager[BlobsBuffer] = turn.member.core.lease()
            blobs = lease.__enter__()
        except BaseException as error:
            roster.leave(turn, error)
            raise
        if blobs.aliases is not turn.member.renames:
            blobs.aliases = turn.member.renames
        self._turn, self._lease, self._blobs = turn, lease, blobs
        self._group._turns[blobs] = turn
        return blobs

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        """Give the seat back, however the block ended."""
        turn, self._turn = self._turn, None
        if turn is None:
            return
        try:
            del self._group._turns[self._blobs]
            self._lease.__exit__(kind, error, trace)
        finally:
            self._group._roster.leave(turn, error if isinstance(error, InferFailed) else None)


class CoreGroup:
    """
    Several loaded cores of one model as one InferCore; safe for any number of threads.

    A lease is a seat of one of the cores, whose spec may differ in layout and dtype of the input;
    it answers to the first core's names too. ``specs`` and all that speaks of the model are the
    first core's. A core that fails is left out, probed in the background and taken back in.

    :param cores: loaded; from now on the group leases and unloads them, nobody else.
    :param policy: ``'latency'`` or ``'throughput'``, see ``policy``.
    :param reopen: for each core what opens it again; empty: cores are only probed.
    :param rules: how patient the group is.
    :param clock: seconds, monotonic.
    :raises BlobMismatch: two cores do not run the same model.
    :raises UnknownName: no such policy.
    :raises BadValue: no core at all.
    """

    def __init__(
            self, cores: Sequence[InferCore], *, policy: str = 'latency',
            reopen: Sequence[Reopen] = (), rules: HealthRules | None = None,
            clock: Callable[[], float] = monotonic) -> None:
        """Check that the cores fit together."""
        if not cores:
            raise BadValue('group: got no core, expected at least one model')
        if policy not in POLICIES:
            raise UnknownName(
                f"group: no policy is named '{policy}', expected one of {', '.join(POLICIES)}")
        rules = rules or HealthRules()
        self._members = [
            Member(core, name, reopen[index] if reopen else None, rules)
            for index, (core, name) in enumerate(zip(cores, _names(cores)))]
        for member in self._members[1:]:
            member.renames = match(cores[0], member.core)
        self._name = f"group of {', '.join(member.name for member in self._members)}"
        self._seats = sum(core.seats for core in cores)
        self._first = cores[0]
        self._turns: dict[BlobsBuffer, Turn] = {}   # each key is touched by its holder alone
        self._is_over = False
        self._life = Lock()
        self._roster = Roster(self._name, self._members, POLICIES[policy], rules, clock)

    @property
    def uri(self) -> ModelUri:
        """What the first core opened."""
        return self._first.uri

    @property
    def specs(self) -> Mapping[str, BlobSpec]:
        """The first core's tensors by name."""
        return self._first.specs

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the first core's file says about itself."""
        return self._first.metadata

    @property
    def device(self) -> Device:
        """Where the first core runs."""
        return self._first.device

    @property
    def seats(self) -> int:
        """How many leases there can be at once, over all cores."""
        return self._seats

    @property
    def cores(self) -> tuple[InferCore, ...]:
        """The members' cores now; one that was opened again is another one."""
        return tuple(member.core for member in self._members)

    @property
    def members(self) -> tuple[MemberState, ...]:
        """How each core is, as plain data."""
        return self._roster.states()

    def take_events(self) -> list[GroupEvent]:
        """Return what has happened since the last call, oldest first: cores out and back."""
        return self._roster.take_events()

    def lease(self, timeout_s: float | None = None) -> GroupLease:
        """
        Return a context manager around one seat of the core that the policy chooses.

        :raises TimedOut: on entering, when no seat came in time.
        :raises Unavailable: on entering, at once, while all cores are out.
        :raises Closed: on entering, after ``unload``.
        """
        return GroupLease(self, timeout_s)

    def lease_of(self, index: int) -> GroupLease:
        """
        Return the same around a seat of one core, whatever the policy: for a warm-up.

        :param index: of the core.
        :raises TimedOut: on entering, when all its seats are leased.
        """
        return GroupLease(self, None, self._members[index])

    def has_room(self) -> bool:
        """
        Tell whether a lease would be served at once, or fail at once.

        One who fetches work only then leaves the newest work where a newer one replaces it.
        """
        return self._roster.has_room()

    def reserve(self) -> Reservation | None:
        """
        Promise a seat to a job that another thread will carry; see ``Reservation``.

        :returns: None where a lease would have to wait now: then the job's lease does.
        """
        turn = self._roster.promise()
        return None if turn is None else Reservation(self._roster, turn)

    def call_on_room(self, on_room: Callable[[], object] | None) -> None:
        """Call ``on_room``, from any thread, when there may be room after ``has_room`` said no."""
        self._roster.call_on_room(on_room)

    def sync_infer(self, blobs: BlobsBuffer) -> None:
        """
        Run the model once on the core whose seat this is.

        :raises BlobMismatch: a shape is open, or the seat is of another group.
        :raises InferFailed: the runtime could not finish; the seat stays usable.
        :raises Closed: the seat's lease has ended.
        """
        turn, run = self._begin(blobs)
        try:
            turn.member.core.sync_infer(blobs)
        except BaseException as error:
            self._roster.end(turn, run, blobs, error)
            raise
        self._roster.end(turn, run, blobs, None)

    def async_infer(self, blobs: BlobsBuffer) -> 'Future[BlobsBuffer]':
        """Start the same and return at once; the future always settles."""
        turn, run = self._begin(blobs)
        try:
            future = turn.member.core.async_infer(blobs)
        except BaseException as error:
            self._roster.end(turn, run, blobs, error)
            raise
        future.add_done_callback(
            lambda done: self._roster.end(turn, run, blobs, done.exception()))
        return future

    def unload(self, timeout_s: float = 5.0) -> None:
        """
        End the probing and let all models go; a second call does nothing.

        :raises TimedOut: seats are still leased, or a probe hangs; those models stay until
            ``unload`` is called again.
        """
        with self._life:
            if self._is_over:
                return
            deadline_s = monotonic() + timeout_s
            self._roster.line.close()
            if not self._roster.prober.stop(timeout_s):
                raise TimedOut(
                    f'{self._name}: a probe has not ended within {timeout_s} s, its runtime '
                    'hangs; the models stay loaded. Call unload() again')
            stuck = []
            for core in self.cores:
                try:
                    core.unload(max(0.0, deadline_s - monotonic()))
                except TimedOut as error:
                    stuck.append(str(error))
            if stuck:
                raise TimedOut(' | '.join(stuck))
            self._is_over = True

    def __enter__(self) -> 'CoreGroup':
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self.unload()

    def __repr__(self) -> str:
        return f'<CoreGroup {self._name}, {len(self._turns)} of {self._seats} seats leased>'

    def _begin(self, blobs: BlobsBuffer) -> tuple[Turn, Run]:
        """Find whose seat this is, and note that an inference begins on it."""
        turn = self._turns.get(blobs)
        if turn is not None:
            return turn, self._roster.begin(turn)
        if blobs.is_leased:
            raise BlobMismatch(
                f'{self._name}: the seat belongs to {blobs.owner!r}; lease one from this group')
        raise Closed(
            f'{self._name}: the lease of this seat has ended; infer inside its with-block')


def _names(cores: Sequence[InferCore]) -> list[str]:
    """Name the cores for messages, ``rknn.1``; those that would share a name are numbered."""
    names = [f'{core.uri.scheme}.{core.uri.device}' for core in cores]
    return [name if names.count(name) == 1 else f'{name} #{position + 1}'
            for position, name in enumerate(names)]
