# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One measurement of a group of cores behind the ordered line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from threading import Event
from time import perf_counter
from typing import Any, NamedTuple

from faster_deploy_ros.cores import CoreGroup, InferCore, open_core
from faster_deploy_ros.cores.group.health import HealthRules
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.pipeline.ordered import OrderedExecutor
from faster_deploy_ros.pipeline.outcome import Overflow, Status
import numpy as np

WARM_UP_S = 0.3     # not counted: the group still learns
SLICE_S = 0.1
TIMED = 4           # inferences on each core before the frames begin


class Rate(NamedTuple):
    """Results per second, and how many were not where they belong."""

    fps: float
    out_of_order: int


class Age(NamedTuple):
    """How old results were when they came out, and how many each core served."""

    fps: float
    p50_ms: float
    p99_ms: float
    served: tuple[int, ...]
    out_of_order: int


class Failure(NamedTuple):
    """The story of a core that was broken and mended under full load."""

    broken_s: float
    mended_s: float
    back_s: float
    failed: int
    failed_by_core: int
    lost: int
    before_fps: float
    without_fps: float
    after_fps: float
    timeline: list[dict[str, Any]]
    out_of_order: int


@contextmanager
def open_cores(uris: Sequence[str], policy: str, seats: int) -> Iterator[CoreGroup]:
    """Open a group whose cores have each been timed by a few inferences, as a node does."""
    group = CoreGroup([open_core(uri, seats=seats) for uri in uris], policy=policy)
    try:
        for index in range(len(uris)):
            with group.lease_of(index) as blobs:
                for _ in range(TIMED):
                    group.sync_infer(blobs)
        yield group
    finally:
        group.unload()


def infer(core: InferCore, number: int, laps: object) -> int:
    """Carry one frame; the job of all cases."""
    with core.lease() as blobs:
        core.sync_infer(blobs)
    return number


def lone_rate(uri: str, seconds: float, seats: int) -> float:
    """Measure one core by itself, as many workers as seats, in the same line."""
    with open_core(uri, seats=seats) as core:
        return rate_of(core, 4, seconds).fps


def rate_of(core: InferCore, depth: int, seconds: float) -> Rate:
    """Keep the line full; count what comes out after the warm-up."""
    ready = Event()
    line = OrderedExecutor(
        workers=core.seats, depth=depth, overflow=Overflow.DROP_NEWEST, on_ready=ready.set)
    numbers: list[object] = []
    times: list[float] = []
    sent, limit = 0, core.seats + depth
    end_s = perf_counter() + WARM_UP_S + seconds
    begin_s = end_s - seconds
    while perf_counter() < end_s:
        while sent - len(numbers) < limit:
            line.submit(partial(infer, core, sent))
            sent += 1
        ready.wait(0.1)
        ready.clear()
        for outcome in line.drain():
            numbers.append(outcome.value)
            times.append(perf_counter())
    line.close(finish=True, timeout_s=10.0)
    numbers += [outcome.value for outcome in line.drain()]
    done = sum(begin_s <= at_s < end_s for at_s in times)
    return Rate(done / seconds, sum(n != place for place, n in enumerate(numbers)))


def age_of(group: CoreGroup, hz: float, seconds: float) -> Age:
    """
    Send frames at a rate as a node takes them: only the newest one waits, outside the line.

    It is taken when a worker is free and a lease would be served at once (``nodes/road.py``).
    """
    wake = Event()
    line = OrderedExecutor(
        workers=group.seats, depth=0, overflow=Overflow.DROP_NEWEST, on_ready=wake.set)
    group.call_on_room(wake.set)
    born: dict[int, float] = {}
    ages, order = [], []
    frame, live, newest = 0, 0, -1
    start_s = perf_counter()
    begin_s, end_s = start_s + WARM_UP_S, start_s + WARM_UP_S + seconds
    while (now_s := perf_counter()) < end_s:
        due = int((now_s - start_s) * hz)
        if due >= frame:   # those between are overwritten by the newest one
            newest, frame = due, due + 1
            born[newest] = start_s + due / hz
        for outcome in line.drain():
            live -= 1
            order.append(int(str(outcome.value)))
            if now_s >= begin_s:
                ages.append((perf_counter() - born[order[-1]]) * 1e3)
        if newest >= 0 and live < group.seats and group.has_room():
            seat, job = group.reserve(), partial(infer, group, newest)
            line.submit(partial(seat.carry, job) if seat else job)
            live, newest = live + 1, -1
        else:
            wake.wait(max(0.0, start_s + frame / hz - perf_counter()))
            wake.clear()
    group.call_on_room(None)
    line.close(finish=True, timeout_s=10.0)
    misplaced = sum(a >= b for a, b in pairwise(order))
    p50, p99 = np.percentile(ages, (50, 99)).tolist()
    return Age(len(ages) / seconds, p50, p99,
               tuple(member.done - TIMED for member in group.members), misplaced)


def ride_out_a_failure(uris: Sequence[str], depth: int, seconds: float) -> Failure:
    """Break the second core after a quarter of the time, mend it after a half."""
    broken = Event()
    cores = [MockCore(uri, seats=1, broken=broken if k == 1 else None)
             for k, uri in enumerate(uris)]
    for core in cores:
        core.load()
    group = CoreGroup(cores, policy='throughput', rules=HealthRules(probe_s=0.25))
    ready = Event()
    line = OrderedExecutor(
        workers=group.seats, depth=depth, overflow=Overflow.DROP_NEWEST, on_ready=ready.set)
    results: list[tuple[float, Status, int]] = []
    states: dict[int, str] = {}
    sent, back_s = 0, 0.0
    start_s = perf_counter()
    broken_s, mended_s = 0.25 * seconds, 0.5 * seconds
    while (now_s := perf_counter() - start_s) < seconds:
        while sent - len(results) < group.seats + depth:
            line.submit(partial(infer, group, sent))
            sent += 1
        (broken.set if broken_s <= now_s < mended_s else broken.clear)()
        ready.wait(0.02)
        ready.clear()
        results += [(now_s, outcome.status, outcome.seq) for outcome in line.drain()]
        state = group.members[1].state
        states.setdefault(int(now_s / SLICE_S), state)
        if now_s >= mended_s and state == 'in' and not back_s:
            back_s = now_s - mended_s
    line.close(finish=True, timeout_s=10.0)
    results += [(seconds, outcome.status, outcome.seq) for outcome in line.drain()]
    failed = sum(status is Status.FAILED for _, status, _ in results)
    by_core = group.members[1].failed
    group.unload()

    def fps(begin_s: float, end_s: float) -> float:
        done = [at_s for at_s, status, _ in results
                if status is Status.DONE and begin_s <= at_s < end_s]
        return len(done) / (end_s - begin_s)

    timeline = [
        {'from_s': k * SLICE_S, 'fps': fps(k * SLICE_S, (k + 1) * SLICE_S),
         'failed': sum(status is Status.FAILED and k == int(at_s / SLICE_S)
                       for at_s, status, _ in results), 'states': states.get(k, '')}
        for k in range(int(seconds / SLICE_S))]
    settled_s = mended_s + back_s + 0.1
    return Failure(
        broken_s, mended_s, back_s, failed, by_core, sent - len(results),
        fps(0.1, broken_s), fps(broken_s + 0.2, mended_s), fps(settled_s, seconds), timeline,
        sum(seq != place for place, (_, _, seq) in enumerate(results)))
