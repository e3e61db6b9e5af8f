# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The thread that asks cores which are out whether they work again."""

from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread

from faster_deploy_ros.cores.group.health import FAILURES, HealthRules
from faster_deploy_ros.cores.group.match import match
from faster_deploy_ros.cores.group.member import Member, Turn
from faster_deploy_ros.cores.source import one_line

BUSY_S = 0.1   # until a core whose seats are all held is looked at again


class Prober:
    """
    One thread for all cores of a group: real inferences on zeros, away from the frames.

    A core that is out gets one at each probe, and is opened anew where inferences alone do not
    help. One that is trusted but idle while others work gets one now and then, so that its
    expected time is a fresh one.

    :param lock: the group's.
    :param tell: called outside the lock with what happened, and whether that is bad.
    """

    def __init__(self, name: str, members: Sequence[Member], lock: Lock, rules: HealthRules,
                 clock: Callable[[], float], tell: Callable[[str, bool], None]) -> None:
        """Start the thread; it sleeps until a core is due."""
        self._members = members
        self._lock = lock
        self._rules = rules
        self._clock = clock
        self._tell = tell
        self._wake = Event()
        self._ended = False
        for member in members:
            member.used_s = clock()
        self._thread = Thread(target=self._work, name=f'{name}: probes', daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Wake the thread: a core may be due earlier than it thinks."""
        self._wake.set()

    def stop(self, timeout_s: float) -> bool:
        """End the thread; return whether it has ended."""
        self._ended = True
        self._wake.set()
        self._thread.join(max(0.0, timeout_s))
        return not self._thread.is_alive()

    def _work(self) -> None:
        while True:
            self._wake.clear()   # before anything is looked at: who calls later is heard below
            if self._ended:
                return
            with self._lock:
                member, pause_s = self._next()
                turn = member and member.take(self._clock())
            if member and turn:
                self._ask(member, turn)
            else:
                self._wake.wait(pause_s)

    def _next(self) -> tuple[Member | None, float]:
        """Return a core that is due, or in how many seconds the next one could be."""
        now_s = self._clock()
        pause_s = self._rules.refresh_s
        newest_s = max(member.used_s for member in self._members)
        for member in self._members:
            if member.health.is_in:
                idle = not member.turns and member.used_s < newest_s
                due_s = member.used_s + self._rules.refresh_s if idle else now_s + pause_s
            else:
                due_s = member.health.probe_at_s
                if not member.free or member.runs:
                    due_s = max(due_s, now_s + BUSY_S)
            if due_s <= now_s:
                return member, 0.0
            pause_s = min(pause_s, due_s - now_s)
        return None, pause_s

    def _ask(self, member: Member, turn: Turn) -> None:
        """Run one inference; what comes of it decides about the core."""
        error: Exception | None = None
        try:
            if member.health.wants_reopening and not member.health.is_in:
                self._reopen(member)
            self._infer(member, turn)
        except Exception as problem:   # whatever it is, it is the answer of this core
            error = problem
        with self._lock:
            member.turns.remove(turn)
            text = self._conclude(member, error)
        self._tell(text, error is not None)

    def _infer(self, member: Member, turn: Turn) -> None:
        with member.core.lease(0.0) as blobs:
            for blob, shape in zip(blobs.inputs, member.shapes):
                blob.reshape(tuple(1 if size < 0 else size for size in shape))
                blob.data[...] = 0
            with self._lock:
                run = member.begin(turn, self._clock())
            try:
                member.core.sync_infer(blobs)
            finally:
                with self._lock:
                    ended_s = self._clock()
                    member.end(turn, run, ended_s)
        with self._lock:
            member.times.add(run.level, ended_s - run.begun_s)

    def _conclude(self, member: Member, error: Exception | None) -> str:
        """Note the answer; return what to tell, empty where nothing has changed."""
        now_s, health = self._clock(), member.health
        if health.is_in:
            if isinstance(error, FAILURES) and health.failed(error, now_s):
                return f'core {member.name} is out: {health.last_error}'
            return ''
        if error is None:
            out_s = now_s - health.out_since_s
            health.take_in()
            return f'core {member.name} is back after {out_s:.1f} s'
        health.probe_failed(one_line(error), now_s)
        return ''

    def _reopen(self, member: Member) -> None:
        """Open a core anew, unless somebody still holds a seat of it."""
        if member.reopen is None:
            return
        with self._lock:
            if len(member.turns) > 1:
                return
        member.core.unload(0.0)
        core = member.reopen()
        try:
            renames = match(self._members[0].core, core)
        except BaseException:
            core.unload()
            raise
        with self._lock:
            member.core, member.renames = core, renames
            member.times.forget()
