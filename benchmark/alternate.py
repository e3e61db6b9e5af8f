# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Times functions that do the same work, in turns, so that a slow moment meets them all."""

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter_ns

Work = Callable[[], object]
CALLS = 8    # of each function in its turn; the fastest counts, others were interrupted


def alternate(cases: Mapping[str, Work], rounds: int) -> dict[str, list[float]]:
    """
    Call each function a few times in every round.

    :return: by name, one time in milliseconds for each round.
    """
    times: dict[str, list[float]] = {name: [] for name in cases}
    for work in cases.values():
        work()
    for _ in range(rounds):
        for name, work in cases.items():
            times[name].append(min(_elapsed_ms(work) for _ in range(CALLS)))
    return times


def over(times: Mapping[str, list[float]], name: str, base: str) -> float:
    """Return how many times as long ``name`` takes as ``base``, the median of all rounds."""
    return median(a / b for a, b in zip(times[name], times[base]))


def _elapsed_ms(work: Work) -> float:
    begin_ns = perf_counter_ns()
    work()
    return (perf_counter_ns() - begin_ns) / 1e6
