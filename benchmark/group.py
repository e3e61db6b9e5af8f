# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Several cores of unequal speed as one: rate, age and what a failing core costs."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import median
import sys
from typing import Any

from benchmark.figures import machine, table, write_json
from benchmark.group_runs import (
    Age,
    age_of,
    Failure,
    lone_rate,
    open_cores,
    rate_of,
    ride_out_a_failure,
)

FAST_MS, SLOW_MS = 7.0, 60.0
SIMULATED = (
    *(f'mock.{k}://identity?shape=1&delay_ms={FAST_MS:g}' for k in range(3)),
    f'mock.3://identity?shape=1&delay_ms={SLOW_MS:g}')
DEPTH = 32           # covers what three cores of 7 ms finish in 60 ms: 26
DEPTHS = ((1, 0), (1, 8), (1, 16), (1, 26), (1, DEPTH), (2, DEPTH), (2, 56))   # seats, depth
IDEAL_FPS = 3e3 / FAST_MS + 1e3 / SLOW_MS
CAMERA_HZ = 150.0    # a third of what the fast cores can do
FLOOD_HZ = 1000.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the JSON; return 1 if a result was out of order."""
    parser = argparse.ArgumentParser(prog='benchmark group', description=__doc__)
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument('--rounds', type=int, default=5, help='alternations; medians are shown')
    parser.add_argument('--seconds', type=float, default=2.0, help='of each measurement')
    parser.add_argument('--pair', nargs='+', metavar='URI', default=(),
                        help='real models, one for each core, in place of the simulated ones')
    options = parser.parse_args(arguments)
    if options.pair:
        content = {'pair': measure_pair(options.pair, options.rounds, options.seconds)}
    else:
        content = {
            'throughput': measure_throughput(SIMULATED, options.rounds, options.seconds),
            'depths': measure_depths(options.seconds),
            'latency': measure_latency(options.rounds, options.seconds),
            'failure': measure_failure(2 * options.seconds)}
    if options.json:
        write_json(options.json, {'machine': machine(), **content})
    broken = sum(part['out_of_order'] for part in content.values())
    if broken:
        print(f'{broken} results out of order', file=sys.stderr)
    return 1 if broken else 0


def measure_throughput(uris: Sequence[str], rounds: int, seconds: float) -> dict[str, Any]:
    """Compare the group's rate by policy ``throughput`` with the sum of its cores' own."""
    shares, rows = [], []
    out_of_order = 0
    for _ in range(rounds):
        own = [lone_rate(uri, seconds / 2, 1) for uri in uris]
        with open_cores(uris, 'throughput', 1) as group:
            run = rate_of(group, DEPTH, seconds)
            used = [member.done for member in group.members]
        out_of_order += run.out_of_order
        shares.append(run.fps / sum(own))
        rows.append({'own': [round(fps, 1) for fps in own], 'sum': sum(own), 'group': run.fps,
                     'of_sum': shares[-1], 'of_ideal': run.fps / IDEAL_FPS, 'done': used})
    print(table({'sum': '.1f', 'group': '.1f', 'of_sum': '.3f', 'of_ideal': '.3f'}, rows))
    print(f'throughput, depth {DEPTH}: frames per second of the cores one by one, added, and of '
          f'the group; median share {median(shares):.3f}; of_ideal: of {IDEAL_FPS:.1f}, if no '
          'microsecond were lost\n')
    return {'of_sum': round(median(shares), 4), 'least': round(min(shares), 4), 'depth': DEPTH,
            'rounds': [_rounded(row) for row in rows], 'out_of_order': out_of_order}


def measure_depths(seconds: float) -> dict[str, Any]:
    """Show how deep the line must be for ``throughput``, by seats of each core."""
    rows, out_of_order = [], 0
    for seats, depth in DEPTHS:
        with open_cores(SIMULATED, 'throughput', seats) as group:
            run = rate_of(group, depth, seconds)
        out_of_order += run.out_of_order
        rows.append({'seats': seats, 'depth': depth, 'fps': run.fps,
                     'of_ideal': run.fps / IDEAL_FPS})
    print(table({'seats': 'd', 'depth': 'd', 'fps': '.1f', 'of_ideal': '.3f'}, rows))
    print('throughput by the depth of the line; seats: of each core, a worker for each\n')
    return {'rows': [_rounded(row) for row in rows], 'out_of_order': out_of_order}


def measure_latency(rounds: int, seconds: float) -> dict[str, Any]:
    """Compare the age of the newest frame with the fast cores alone, latest wins."""
    cases = {
        'fast alone': (SIMULATED[:3], 'latency'), 'latency': (SIMULATED, 'latency'),
        'throughput': (SIMULATED, 'throughput')}
    rows: list[dict[str, Any]] = []
    out_of_order = 0
    for rate, hz in (('camera', CAMERA_HZ), ('saturation', FLOOD_HZ)):
        ages: dict[str, list[Age]] = {name: [] for name in cases}
        for turn in range(rounds):
            for name in (list(cases) if turn % 2 == 0 else list(cases)[::-1]):
                uris, policy = cases[name]
                with open_cores(uris, policy, 1) as group:
                    ages[name].append(age_of(group, hz, seconds))
        out_of_order += sum(each.out_of_order for found in ages.values() for each in found)
        for name, found in ages.items():
            over = median(a.p99_ms / b.p99_ms for a, b in zip(found, ages['fast alone']))
            rows.append({
                'rate': rate, 'case': name, 'fps': median(each.fps for each in found),
                'p50_ms': median(each.p50_ms for each in found),
                'p99_ms': median(each.p99_ms for each in found), 'p99_of_fast_alone': over,
                'slow_served': sum(each.served[-1] for each in found) if len(
                    found[0].served) > 3 else 0})
    print(table({'rate': '', 'case': '', 'fps': '.1f', 'p50_ms': '.2f', 'p99_ms': '.2f',
                 'p99_of_fast_alone': '.3f', 'slow_served': 'd'}, rows))
    print(f'age of a result when it comes out, newest frame wins; camera {CAMERA_HZ:g} Hz, '
          f'saturation {FLOOD_HZ:g} Hz; slow_served: frames on the {SLOW_MS:g} ms core\n')
    return {'rows': [_rounded(row) for row in rows], 'out_of_order': out_of_order}


def measure_failure(seconds: float) -> dict[str, Any]:
    """Break a fast core in the middle, mend it later, and count by tenths of a second."""
    run: Failure = ride_out_a_failure(SIMULATED, DEPTH, seconds)
    print(table({'from_s': '.2f', 'fps': '.1f', 'failed': 'd', 'states': ''}, run.timeline))
    print(f'core 1 is broken from {run.broken_s:.2f} to {run.mended_s:.2f} s; failed '
          f'{run.failed}, all of them frames that it held: {run.failed == run.failed_by_core}; '
          f'lost without a word: {run.lost}; back {run.back_s:.2f} s after it was mended; rate '
          f'before {run.before_fps:.1f}, without it {run.without_fps:.1f}, after '
          f'{run.after_fps:.1f}\n')
    return _rounded(run._asdict())


def measure_pair(uris: Sequence[str], rounds: int, seconds: float) -> dict[str, Any]:
    """Compare real cores on this machine, each alone with two workers, and together."""
    rows, shares, over_best = [], [], []
    out_of_order = 0
    for _ in range(rounds):
        alone = [lone_rate(uri, seconds, 2) for uri in uris]
        row: dict[str, Any] = {f'alone {k}': fps for k, fps in enumerate(alone)}
        for policy in ('throughput', 'latency'):
            with open_cores(uris, policy, 1) as group:
                run = rate_of(group, DEPTH, seconds)
            out_of_order += run.out_of_order
            row[policy] = run.fps
        shares.append(row['throughput'] / sum(alone))
        over_best.append(row['throughput'] / max(alone))
        rows.append(row)
    print(table(dict.fromkeys(rows[0], '.1f'), rows))
    print('frames per second: each model alone with two seats and workers, and the group with '
          f'one seat each; the group over the best alone: {median(over_best):.3f}\n')
    return {'uris': [uri.rpartition('/')[2] for uri in uris],
            'group_over_best_alone': round(median(over_best), 4),
            'group_over_sum': round(median(shares), 4),
            'rounds': [_rounded(row) for row in rows], 'out_of_order': out_of_order}


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    def short(value: Any) -> Any:
        if isinstance(value, list):
            return [_rounded(each) if isinstance(each, dict) else short(each) for each in value]
        return round(value, 4) if isinstance(value, float) else value
    return {name: short(value) for name, value in row.items()}


if __name__ == '__main__':
    sys.exit(main())
