# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Counts of the line, and percentiles and rates over a sliding window."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic_ns
from types import MappingProxyType

from faster_deploy_ros.pipeline.outcome import DROP_REASONS, Outcome, Reason, Status

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ExecutorStats:
    """
    The account of a line at one moment: whatever was accepted is in exactly one place.

    accepted = done + failed + dropped + cancelled + in_flight, at every moment. Frames are
    counted as ended when they are drained; ``live`` are in flight and not yet dropped.
    """

    accepted: int
    done: int
    failed: int
    dropped: Mapping[str, int]
    cancelled: int
    in_flight: int
    live: int
    waiting: int
    running: int
    hung: int
    workers: int


@dataclass(slots=True)
class Account:
    """The counters behind the stats; guarded by the executor's lock."""

    accepted: int = 0
    in_flight: int = 0
    live: int = 0
    hung: int = 0
    ended: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    dropped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(DROP_REASONS, 0))

    def accept(self) -> None:
        """Count a frame in."""
        self.accepted += 1
        self.in_flight += 1
        self.live += 1

    def settle(self, status: Status, reason: str) -> None:
        """Count how a frame ended before it is drained; a dropped one lives no longer."""
        if status is Status.DROPPED:
            self.live -= 1
        if reason == Reason.HUNG:
            self.hung += 1

    def release(self, status: Status, reason: str, settled: Status) -> None:
        """Count a frame out; at the last moment it may have been dropped as stale."""
        self.ended[status] += 1
        self.in_flight -= 1
        if status is Status.DROPPED:
            self.dropped[reason] += 1
        if settled is not Status.DROPPED:
            self.live -= 1

    def snapshot(self, *, waiting: int, running: int, workers: int) -> ExecutorStats:
        """Freeze the counts."""
        ended = self.ended
        return ExecutorStats(
            accepted=self.accepted, done=ended[Status.DONE], failed=ended[Status.FAILED],
            dropped=MappingProxyType(dict(self.dropped)), cancelled=ended[Status.CANCELLED],
            in_flight=self.in_flight, live=self.live, waiting=waiting,
            running=running, hung=self.hung, workers=workers)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Order statistics of one quantity, in its own unit."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float


class Window:
    """
    The latest values of one quantity, bounded in number and in time.

    :param size: how many values are kept at most.
    :param horizon_s: values older than that are left out.

    Thread: one
    """

    __slots__ = ('_horizon_ns', '_values')

    def __init__(self, size: int = 1024, horizon_s: float = 10.0) -> None:
        """Begin empty."""
        self._values: deque[tuple[int, float]] = deque(maxlen=size)
        self._horizon_ns = round(horizon_s * NS_PER_S)

    def add(self, value: float, at_ns: int) -> None:
        """Add a value of the moment ``at_ns`` (monotonic, not before the last one)."""
        self._values.append((at_ns, value))

    def percentiles(self, now_ns: int) -> Percentiles | None:
        """Order the values of the window (linear between neighbours); None when it is empty."""
        self._forget(now_ns)
        if not self._values:
            return None
        ordered = sorted(value for _, value in self._values)
        return Percentiles(len(ordered), quantile(ordered, 0.5), quantile(ordered, 0.9),
                           quantile(ordered, 0.99), ordered[-1])

    def per_second(self, now_ns: int) -> float:
        """Return how often values came lately; 0.0 for fewer than two."""
        self._forget(now_ns)
        if len(self._values) < 2:
            return 0.0
        first_ns, last_ns = self._values[0][0], self._values[-1][0]
        intervals = len(self._values) - 1
        mean_ns = (last_ns - first_ns) / intervals
        silence_ns = now_ns - last_ns
        if silence_ns > 2 * mean_ns:   # the flow has stopped or slowed: do not boast
            mean_ns = (now_ns - first_ns) / intervals
        return NS_PER_S / mean_ns if mean_ns else 0.0

    def _forget(self, now_ns: int) -> None:
        values, oldest_ns = self._values, now_ns - self._horizon_ns
        while values and values[0][0] < oldest_ns:
            values.popleft()


class StageStats:
    """
    Times by stage, the age at publication and the rate, over a sliding window.

    Thread: one (ROS)
    """

    __slots__ = ('_done', '_horizon_s', '_size', '_windows')

    def __init__(self, size: int = 1024, horizon_s: float = 10.0) -> None:
        """Begin empty; a stage gets its window when it is first seen."""
        self._size = size
        self._horizon_s = horizon_s
        self._done = Window(size, horizon_s)
        self._windows: dict[str, Window] = {}

    def add(self, outcome: Outcome) -> None:
        """Add the laps of a finished frame; only DONE frames tell how long the work takes."""
        if outcome.status is not Status.DONE:
            return
        now_ns = monotonic_ns()
        self._done.add(0.0, now_ns)
        for name, begin_ns, end_ns in outcome.laps:
            window = self._windows.get(name) or self._window(name)
            window.add(end_ns - begin_ns, now_ns)

    def add_age(self, age_ns: int) -> None:
        """Add the age of a frame at its publication, in nanoseconds, as the stage ``age``."""
        self._window('age').add(age_ns, monotonic_ns())

    @property
    def fps(self) -> float:
        """Finished frames per second."""
        return self._done.per_second(monotonic_ns())

    def percentiles(self) -> dict[str, Percentiles]:
        """Return the order statistics of every stage seen lately, in nanoseconds."""
        now_ns = monotonic_ns()
        found = {name: one.percentiles(now_ns) for name, one in self._windows.items()}
        return {name: one for name, one in found.items() if one is not None}

    def _window(self, name: str) -> Window:
        if name not in self._windows:
            self._windows[name] = Window(self._size, self._horizon_s)
        return self._windows[name]


def quantile(ordered: list[float], share: float) -> float:
    """Return the value below which ``share`` of the sorted values lie, linear in between."""
    position = (len(ordered) - 1) * share
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
