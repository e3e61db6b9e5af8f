# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One core of a group: its seats that are out, its times, its health."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import threading

from faster_deploy_ros.blobs import BlobsBuffer
from faster_deploy_ros.cores.group.health import Health, HealthRules
from faster_deploy_ros.cores.group.times import ServiceTimes
from faster_deploy_ros.cores.infer_core import InferCore

HANG_FACTOR = 20   # an inference hangs when it has also taken so many times its usual time
FIRST_FACTOR = 10  # where no usual time is known, runtimes prepare themselves: so much patience


@dataclass(frozen=True)
class MemberState:
    """
    One core of a group at one moment, as plain data.

    :param name: ``'rknn.1'``.
    :param state: ``'in'``; ``'out'``: it failed and is probed; ``'hung'``: an inference does not
        end.
    :param service_ms: the usual time of an inference that has the core for itself; None: not
        known yet.
    :param in_use: seats leased now.
    :param since_s: how long it has been out or has been hanging.
    :param probe_in_s: until the next probe.
    :param pause_s: between probes.
    """

    name: str
    uri: str
    device: str
    state: str
    service_ms: float | None
    seats: int
    in_use: int
    done: int
    failed: int
    last_error: str = ''
    since_s: float = 0.0
    probe_in_s: float = 0.0
    pause_s: float = 0.0


class Turn:
    """One lease of a seat, from the admission to its end."""

    __slots__ = ('due_s', 'has_failed', 'has_served', 'member', 'thread')

    def __init__(self, member: 'Member', due_s: float) -> None:
        """Begin, expected back at ``due_s``."""
        self.member = member
        self.due_s = due_s
        self.has_served = False
        self.has_failed = False   # told of already
        self.thread = threading.current_thread().name


class Run:
    """One inference that runs."""

    __slots__ = ('begun_s', 'level')

    def __init__(self, begun_s: float, level: int) -> None:
        """Begin beside ``level`` others."""
        self.begun_s = begun_s
        self.level = level


class Member:
    """
    One core, as the group and its policy see it; guarded by the group's lock.

    :param core: loaded, and leased from by the group alone.
    :param name: how messages call it: ``rknn.1``.
    :param reopen: opens the same core again; None: it cannot be.
    """

    def __init__(self, core: InferCore, name: str, reopen: Callable[[], InferCore] | None,
                 rules: HealthRules) -> None:
        """Begin with all seats free."""
        self.core = core
        self.name = name
        self.reopen = reopen
        self.health = Health(rules)
        self.times = ServiceTimes()
        self.turns: list[Turn] = []
        self.runs: list[Run] = []
        self.done = 0
        self.failed = 0
        self.used_s = 0.0
        self.told_hung = False
        self.renames: Mapping[str, str] = {}   # the first core's names -> this one's
        self.shapes = [spec.shape for spec in core.specs.values() if spec.is_input]
        self._hang_s = rules.hang_s

    @property
    def free(self) -> int:
        """How many of its seats nobody holds."""
        return self.core.seats - len(self.turns)

    @property
    def in_use(self) -> int:
        """How many of its seats are leased."""
        return len(self.turns)

    def expected_s(self) -> float | None:
        """Return the time of an inference beside those that hold seats now."""
        return self.times.expect(len(self.turns))

    def expected_after_s(self) -> float | None:
        """Return the time of an inference on a seat that has just come back."""
        return self.times.expect(max(0, len(self.turns) - 1))

    def frees_s(self, now_s: float) -> list[float]:
        """
        Tell in how many seconds each leased seat is expected back.

        One that is late by some time is expected to be as late again: what has stalled must not
        look as if it were about to end for ever.
        """
        return [abs(turn.due_s - now_s) for turn in self.turns]

    def take(self, now_s: float) -> Turn:
        """Lease a seat, whichever it will be."""
        turn = Turn(self, now_s + (self.expected_s() or 0.0))
        self.turns.append(turn)
        self.used_s = now_s
        return turn

    def begin(self, turn: Turn, now_s: float) -> Run:
        """Note that an inference begins on a leased seat."""
        run = Run(now_s, len(self.runs))
        self.runs.append(run)
        turn.due_s = now_s + (self.times.expect(run.level) or 0.0)
        return run

    def end(self, turn: Turn, run: Run, now_s: float) -> bool:
        """Note that an inference has ended; return whether it had been hanging."""
        hung = self._hangs(run, now_s)
        self.runs.remove(run)
        turn.due_s = now_s
        self.used_s = now_s
        return hung

    def hangs(self, now_s: float) -> bool:
        """Tell whether an inference has been running for far too long."""
        return any(self._hangs(run, now_s) for run in self.runs)

    def _hangs(self, run: Run, now_s: float) -> bool:
        usual_s = self.times.expect(run.level)
        limit_s = (FIRST_FACTOR * self._hang_s if usual_s is None
                   else max(self._hang_s, HANG_FACTOR * usual_s))
        return now_s - run.begun_s > limit_s

    def remember_shapes(self, blobs: BlobsBuffer) -> None:
        """Keep the shapes of a real inference's inputs, for the probes."""
        self.shapes = [blob.shape for blob in blobs.inputs]

    def state(self, now_s: float) -> MemberState:
        """Describe it."""
        health, hung = self.health, self.hangs(now_s)
        since_s = now_s - health.out_since_s if not health.is_in else 0.0
        if hung:
            since_s = now_s - min(run.begun_s for run in self.runs)
        service_s = self.times.expect(0)
        return MemberState(
            name=self.name, uri=self.core.uri.shown, device=self.core.device.name,
            state='hung' if hung else 'in' if health.is_in else 'out',
            service_ms=None if service_s is None else service_s * 1e3,
            seats=self.core.seats, in_use=len(self.turns), done=self.done, failed=self.failed,
            last_error=health.last_error, since_s=since_s,
            probe_in_s=0.0 if health.is_in else max(0.0, health.probe_at_s - now_s),
            pause_s=health.pause_s)
