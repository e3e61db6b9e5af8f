# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which core of a group serves the next frame, or whether it had better wait for another."""

from collections.abc import Callable, Mapping, Sequence
from heapq import heapify, heapreplace
from math import inf
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

MARGIN = 1.1   # waiting must be sooner by so much: estimates are noisy, an idle core is certain


class Candidate(Protocol):
    """What a policy may know of one core; times in seconds."""

    @property
    def free(self) -> int:
        """How many of its seats nobody holds."""

    @property
    def in_use(self) -> int:
        """How many of its seats are leased."""

    def expected_s(self) -> float | None:
        """How long an inference takes beside those that hold seats now; None: not known yet."""

    def expected_after_s(self) -> float | None:
        """How long it takes on a seat that has just come back; None: not known yet."""

    def frees_s(self, now_s: float) -> Sequence[float]:
        """In how many seconds each leased seat is expected back."""


C = TypeVar('C', bound=Candidate)
Policy = Callable[[Sequence[C], int, float], 'tuple[C | None, float]']


def by_throughput(cores: Sequence[C], ahead: int, now_s: float) -> tuple[C | None, float]:
    """
    Take any free seat, the fastest core's first: no core idles while a frame waits.

    Results are in order, so those of the fast cores wait behind the slow one's. The line behind
    must be deep enough for all that they finish meanwhile (``ADR 17``).

    :returns: as ``by_latency``.
    """
    return _fastest(cores), inf


def by_latency(cores: Sequence[C], ahead: int, now_s: float) -> tuple[C | None, float]:
    """
    Take the fastest free seat, unless waiting for a busy core's seat ends sooner.

    With ``s(c)`` the service time of a core beside those who hold its seats, and ``f(c)`` the
    time until one of them comes back, the free core ``i`` is taken if
    ``s(i) <= MARGIN * min over full cores c of (f(c) + s(c))``, where ``ahead`` frames that wait
    already take their seats first. A core that is not known yet is tried at once and never
    waited for.

    In order, a frame goes out with the latest of all finishes before it. Those behind get their
    seats after it: if ``i`` finishes before the seat that the frame would wait for, it holds back
    none of them; if later, it holds back all. So what is sooner for one frame is sooner for the
    line. That the slow one of two servers is used only beyond a threshold of the queue is the
    "slow server problem", Lin and Kumar, IEEE Trans. Automatic Control 29 (1984) 696-703; here
    the threshold follows from measured times.

    :param ahead: how many waiting frames came before this one.
    :param now_s: the clock of ``frees_s``.
    :returns: the core, or None to wait; and after how many seconds, at the earliest, waiting
        could turn out to be later: the time to ask again.
    """
    best = _fastest(cores)
    if best is None:
        return None, inf
    here_s = best.expected_s()
    if here_s is None:
        return best, inf
    there_s = _finish_by_waiting([core for core in cores if not core.free], ahead, now_s)
    if here_s <= MARGIN * there_s:
        return best, inf
    return None, here_s / MARGIN - there_s


POLICIES: Mapping[str, Policy[Any]] = MappingProxyType(
    {'latency': by_latency, 'throughput': by_throughput})


def _fastest(cores: Sequence[C]) -> C | None:
    """Return the core with a free seat that would finish first; an unknown one is tried first."""
    free = [core for core in cores if core.free]
    return min(free, key=lambda core: (core.expected_s() or 0.0, core.in_use), default=None)


def _finish_by_waiting(full: Sequence[Candidate], ahead: int, now_s: float) -> float:
    """Play the seats that come back, one for each frame ahead; return when ours would finish."""
    seats = [
        (in_s + service_s, service_s)
        for core in full if (service_s := core.expected_after_s()) is not None
        for in_s in core.frees_s(now_s)]
    if not seats:
        return inf
    heapify(seats)
    for _ in range(ahead):
        finish_s, service_s = seats[0]
        heapreplace(seats, (finish_s + service_s, service_s))
    return seats[0][0]
