# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the time of one frame went."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic_ns
from typing import NamedTuple


class Lap(NamedTuple):
    """One stage of one frame, on the monotonic clock."""

    name: str
    begin_ns: int
    end_ns: int

    @property
    def elapsed_ns(self) -> int:
        """How long the stage took, in nanoseconds."""
        return self.end_ns - self.begin_ns


class Stopwatch:
    """
    Collects the laps of one frame; belongs to one thread at a time.

    ``lap(name)`` ends a stage begun where the last one ended; ``timed(name)`` measures a block.
    """

    __slots__ = ('_mark_ns', 'laps')

    def __init__(self, begin_ns: int | None = None) -> None:
        """Start the clock, at ``begin_ns`` (monotonic) or now."""
        self.laps: list[Lap] = []
        self._mark_ns = monotonic_ns() if begin_ns is None else begin_ns

    def lap(self, name: str) -> None:
        """End the stage ``name``, begun where the last one ended."""
        now_ns = monotonic_ns()
        self.laps.append(Lap(name, self._mark_ns, now_ns))
        self._mark_ns = now_ns

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Measure the block as the stage ``name``, also when it raises."""
        self._mark_ns = monotonic_ns()
        try:
            yield
        finally:
            self.lap(name)
