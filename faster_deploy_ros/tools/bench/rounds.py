# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Lets the models take turns, and sums their rounds up."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product
from statistics import median
from typing import Any

from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.tools.bench.orders import Orders
from faster_deploy_ros.tools.child import Child
from faster_deploy_ros.tools.progress import Activity
import numpy as np
from numpy.typing import NDArray

WORKER = 'faster_deploy_ros.tools.bench.worker'
ROUND_LIMIT_S = 120.0   # beyond what a round is to last: then the runtime hangs


@dataclass(frozen=True)
class Row:
    """
    What one model showed with so many seats and threads.

    :param threads: None where the runtime has no such word.
    :param rate: inferences per second, median over the rounds.
    :param ratio: of the rate to the first model's in the same round, median over the rounds; None
        where the first model has none.
    :param p50_ms: of all inferences of all rounds, as the other times.
    :param cpu_ms: CPU time of the whole process per inference.
    :param rss_mb: memory of the process, MiB.
    :param stages_ms: median of each stage, where the whole call was measured.
    :param error: why there are no figures; '' where there are.
    """

    uri: str
    seats: int
    threads: int | None
    about: Mapping[str, Any] = field(default_factory=dict)
    count: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    min_ms: float | None = None
    rate: float | None = None
    ratio: float | None = None
    cpu_ms: float | None = None
    rss_mb: float | None = None
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    error: str = ''


class Runner:
    """One configuration under measurement, in its own process."""

    def __init__(self, uri: str, seats: int, threads: int | None) -> None:
        """Start nothing yet."""
        self.uri, self.seats, self.threads = uri, seats, threads
        self.about: dict[str, Any] = {}
        self.rounds: list[dict[str, Any]] = []
        self.error = ''
        self._child: Child | None = None

    def open(self, orders: Orders, stack: ExitStack) -> None:
        """Load the model in a process that ends with the stack."""
        title = self.uri.partition('://')[0] if '://' in self.uri else self.uri
        self._child = stack.enter_context(Child(WORKER, title))
        self._ask(orders.opening(self.uri, self.seats, self.threads), orders.limit_s, self.about)

    def measure(self, seconds: float) -> None:
        """Measure one round, unless there was an error before."""
        if not self.error:
            figures: dict[str, Any] = {}
            self._ask({'seconds': seconds}, seconds + ROUND_LIMIT_S, figures)
            self.rounds.append(figures)

    def _ask(self, question: Mapping[str, Any], limit_s: float, into: dict[str, Any]) -> None:
        assert self._child is not None
        try:
            into.update(self._child.ask(question, limit_s))
        except FasterDeployError as error:   # a row says it; the others go on
            self.error = str(error)


def measure(orders: Orders, activity: Activity) -> Iterator[Row]:
    """
    Measure all configurations; yields the rows of one number of seats and threads at a time.

    The models of such a set are loaded side by side, each in its own process, and take turns in
    short rounds, every other one backwards: a slow moment of the machine meets all alike. Those
    that are not measured wait in a read and cost nothing.
    """
    sets = list(product(orders.seats, orders.threads))
    total = len(sets) * len(orders.uris) * (orders.rounds + 1)
    done = 0
    uris = list(orders.uris)
    for seats, threads in sets:
        runners = [Runner(uri, seats, threads) for uri in uris]
        text = f'{seats} at once' + (f', {threads} threads each' if threads else '')
        with ExitStack() as stack:
            for runner in runners:
                activity.report(text, done, total, f'loading {runner.uri}')
                runner.open(orders, stack)
                done += 1
            uris = [runner.uri for runner in runners if not runner.error]   # once is enough
            for number in range(orders.rounds):
                for runner in runners[::-1 if number % 2 else 1]:
                    activity.report(text, done, total, runner.uri)
                    runner.measure(orders.seconds / orders.rounds)
                    done += 1
        for runner in runners:
            # Threads mean nothing to this runtime: it was measured with the first number.
            if runner.about.get('threads', threads) is None and threads != orders.threads[0]:
                continue
            is_first = runners[0].uri == orders.uris[0]
            yield _row(runner, runners[0] if is_first else None)


def _row(runner: Runner, first: Runner | None) -> Row:
    about = runner.about
    threads = about.get('threads', runner.threads)
    if runner.error:
        return Row(runner.uri, runner.seats, threads, about, error=runner.error)
    count = sum(each['count'] for each in runner.rounds)
    spans_ms = [np.concatenate(column) / 1e6
                for column in zip(*(each['spans'] for each in runner.rounds))]
    whole, stages = spans_ms[0], dict(zip(about['stages'], spans_ms[1:]))
    return Row(
        runner.uri, runner.seats, threads, about, count,
        p50_ms=_percentile(whole, 50), p99_ms=_percentile(whole, 99), min_ms=float(whole.min()),
        rate=float(median(each['rate'] for each in runner.rounds)), ratio=_ratio(runner, first),
        cpu_ms=sum(each['cpu_s'] for each in runner.rounds) * 1e3 / count,
        rss_mb=max(each['rss_mb'] for each in runner.rounds),
        stages_ms={name: _percentile(values, 50) for name, values in stages.items()})


def _ratio(runner: Runner, first: Runner | None) -> float | None:
    if first is None or first.error:
        return None
    return float(median(
        one['rate'] / other['rate'] for one, other in zip(runner.rounds, first.rounds)))


def _percentile(values: NDArray[Any], mark: float) -> float:
    return float(np.percentile(values, mark))
