# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The bare line: empty jobs and simulated devices, beside a plain thread pool."""

import argparse
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
import sys
from threading import Event
from time import perf_counter
from typing import Any, NamedTuple

from benchmark.executor_plot import plot
from benchmark.figures import machine, table, write_json
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.pipeline.ordered import OrderedExecutor
from faster_deploy_ros.pipeline.outcome import Overflow

WORKERS = (1, 2, 4, 8, 16)
DEVICES = tuple(range(1, 9))
DELAY_MS = 7
Job = Callable[[int, object], int]
JOBS = {'job_us': '.1f', 'p90': '.1f', 'round_trip_us': '.1f'}
COLUMNS = {'case': '', 'workers': 'd', **JOBS, 'over_pool': '.2f', 'out_of_order': 'd'}
DEVICE_COLUMNS = {'case': '', 'devices': 'd', 'fps': '.1f', 'of_k_times_one': '.3f',
                  'out_of_order': 'd'}


class Run(NamedTuple):
    """One measurement: how long it took and how many results were not where they belong."""

    elapsed_s: float
    out_of_order: int


def line(job: Job, workers: int, count: int, in_flight: int) -> Run:
    """Send frames through our line as a node does: keep some in flight, drain when called."""
    ready = Event()
    executor = OrderedExecutor(
        workers=workers, depth=workers, overflow=Overflow.DROP_OLDEST, on_ready=ready.set)
    numbers: list[object] = []
    sent = 0
    begin_s = perf_counter()
    while len(numbers) < count:
        while sent < count and sent - len(numbers) < in_flight:
            executor.submit(partial(job, sent))
            sent += 1
        ready.wait()
        ready.clear()
        numbers += [outcome.value for outcome in executor.drain()]
    elapsed_s = perf_counter() - begin_s
    executor.close(finish=True, timeout_s=10.0)
    return Run(elapsed_s, _misplaced(numbers))


def pool(job: Job, workers: int, count: int, in_flight: int) -> Run:
    """Send frames through a thread pool, the futures in a deque: ordered, and nothing else."""
    with ThreadPoolExecutor(workers) as executor:
        futures: deque[Future[int]] = deque()
        numbers: list[object] = []
        sent = 0
        begin_s = perf_counter()
        while len(numbers) < count:
            while sent < count and len(futures) < in_flight:
                futures.append(executor.submit(job, sent, None))
                sent += 1
            numbers.append(futures.popleft().result())
        return Run(perf_counter() - begin_s, _misplaced(numbers))


CASES = {'line': line, 'pool': pool}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the JSON; return 1 if a result was out of order."""
    parser = argparse.ArgumentParser(prog='benchmark executor', description=__doc__)
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument('--plot', type=Path, metavar='FILE', nargs='?',
                        const=Path('out/executor.png'), help='draw a picture')
    parser.add_argument('--rounds', type=int, default=7, help='alternations; medians are shown')
    parser.add_argument('--jobs', type=int, default=4000, help='empty jobs in each measurement')
    parser.add_argument('--frames', type=int, default=40,
                        help='frames for each simulated device in each measurement')
    options = parser.parse_args(arguments)
    empty = measure_empty_jobs(options.rounds, options.jobs)
    print(table(COLUMNS, empty))
    print('job: 2 frames per worker in flight; round trip: one at a time; over_pool: time of a '
          'job, the pool = 1.\n')
    devices = measure_devices(options.rounds, options.frames)
    print(table(DEVICE_COLUMNS, devices))
    print(f'simulated devices of {DELAY_MS} ms; of_k_times_one: fps of K devices over K times '
          'the fps of one.')
    if options.json:
        write_json(options.json, {'machine': machine(), 'empty_jobs': empty, 'devices': devices})
    if options.plot:
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        print(plot(empty, devices, options.plot))
    broken = sum(row['out_of_order'] for row in (*empty, *devices) if row['case'] == 'line')
    if broken:
        print(f'{broken} results out of order', file=sys.stderr)
    return 1 if broken else 0


def measure_empty_jobs(rounds: int, jobs: int) -> list[dict[str, Any]]:
    """Measure what a job that does nothing costs, in microseconds, by case and workers."""
    turns = [(case, workers) for workers in WORKERS for case in CASES]
    full: dict[tuple[str, int], list[Run]] = {turn: [] for turn in turns}
    single: dict[tuple[str, int], list[Run]] = {turn: [] for turn in turns}
    for _ in range(rounds):
        for case, workers in turns:
            full[case, workers].append(CASES[case](_nothing, workers, jobs, 2 * workers))
            single[case, workers].append(CASES[case](_nothing, workers, jobs // 8 or 1, 1))
    rows = []
    for case, workers in turns:
        us = sorted(run.elapsed_s / jobs * 1e6 for run in full[case, workers])
        ratios = [ours.elapsed_s / theirs.elapsed_s
                  for ours, theirs in zip(full[case, workers], full['pool', workers])]
        rows.append({
            'case': case, 'workers': workers, 'job_us': round(median(us), 2),
            'p90': round(us[int(0.9 * (len(us) - 1) + 0.5)], 2),
            'round_trip_us': round(median(
                run.elapsed_s / (jobs // 8 or 1) * 1e6 for run in single[case, workers]), 2),
            'over_pool': round(median(ratios), 3),
            'out_of_order': sum(
                run.out_of_order for run in full[case, workers] + single[case, workers])})
    return rows


def measure_devices(rounds: int, frames: int) -> list[dict[str, Any]]:
    """Measure how near K simulated devices come to K times one."""
    turns = [(case, devices) for devices in DEVICES for case in CASES]
    runs: dict[tuple[str, int], list[Run]] = {turn: [] for turn in turns}
    for _ in range(rounds):
        for case, devices in turns:
            runs[case, devices].append(_drive_devices(case, devices, frames))
    rows = []
    for case, devices in turns:
        fps = [frames * devices / run.elapsed_s for run in runs[case, devices]]
        single = [frames / run.elapsed_s for run in runs[case, DEVICES[0]]]
        rows.append({
            'case': case, 'devices': devices, 'fps': round(median(fps), 1),
            'of_k_times_one': round(median(f / devices / s for f, s in zip(fps, single)), 4),
            'out_of_order': sum(run.out_of_order for run in runs[case, devices])})
    return rows


def _drive_devices(case: str, devices: int, frames: int) -> Run:
    core = open_core(
        f'mock.0://identity?shape=1&delay_ms={DELAY_MS}&devices={devices}', seats=devices)

    def infer(number: int, laps: object) -> int:
        with core.lease() as blobs:
            core.sync_infer(blobs)
        return number

    try:
        return CASES[case](infer, devices, frames * devices, 2 * devices)
    finally:
        core.unload()


def _nothing(number: int, laps: object) -> int:
    return number


def _misplaced(numbers: Sequence[object]) -> int:
    return sum(number != place for place, number in enumerate(numbers))


if __name__ == '__main__':
    sys.exit(main())
