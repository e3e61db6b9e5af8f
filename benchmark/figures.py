# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Figures of one measurement, their medians over the rounds, and tables of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
import json
import os
from pathlib import Path
import platform
from statistics import median
from typing import Any

from benchmark.observer import Arrival
import numpy as np

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """
    What one case showed in one round.

    :param fps: results per second.
    :param sent: images published in the window.
    :param lost: of those, how many have no result.
    :param out_of_order: results that came after one of a later image.
    :param age_p50_ms: age of a result when it arrives, since the image's stamp; NaN if no image
        travelled.
    :param cpu_ms: CPU time per result of the process measured, all its threads.
    :param publisher_cpu: cores used by the publisher meanwhile.
    :param objects: detections per result, to see that all cases do the same work.
    """

    fps: float
    sent: int = 0
    lost: int = 0
    out_of_order: int = 0
    age_p50_ms: float = float('nan')
    age_p90_ms: float = float('nan')
    age_p99_ms: float = float('nan')
    age_max_ms: float = float('nan')
    cpu_ms: float = float('nan')
    publisher_cpu: float = 0.0
    objects: float = 0.0


def figures_of(
        arrivals: Sequence[Arrival], stamps: Sequence[int], begin_ns: int, end_ns: int,
        cpu_s: float, publisher_cpu: float) -> Figures:
    """
    Sum up one window.

    :param arrivals: all results of the case, those after the window too.
    :param stamps: of all images sent.
    :param begin_ns: of the window, system clock; what came before was warming up.
    :param end_ns: of the window.
    :param cpu_s: CPU time of the process measured, within the window.
    :param publisher_cpu: cores used by the publisher.
    """
    inside = [a for a in arrivals if begin_ns <= a.received_ns < end_ns]
    answered = {a.stamp_ns for a in arrivals}
    sent = [s for s in stamps if begin_ns <= s < end_ns]
    ages = [(a.received_ns - a.stamp_ns) / 1e6 for a in inside]
    p50, p90, p99 = np.percentile(ages, (50, 90, 99)).tolist() if ages else [float('nan')] * 3
    return Figures(
        fps=len(inside) / (end_ns - begin_ns) * 1e9,
        sent=len(sent), lost=sum(s not in answered for s in sent),
        out_of_order=sum(b.stamp_ns <= a.stamp_ns for a, b in pairwise(arrivals)),
        age_p50_ms=p50, age_p90_ms=p90, age_p99_ms=p99, age_max_ms=max(ages, default=p50),
        cpu_ms=cpu_s * 1e3 / len(inside) if inside else float('nan'),
        publisher_cpu=publisher_cpu,
        objects=float(np.mean([a.objects for a in inside])) if inside else 0.0)


def medians(rounds: Sequence[Figures]) -> Figures:
    """Take the median of every figure over the rounds; what must be 0 is summed instead."""
    values = {f.name: median(getattr(r, f.name) for r in rounds) for f in fields(Figures)}
    values['out_of_order'] = sum(r.out_of_order for r in rounds)
    return Figures(**values)


def record(case: Row, rounds: Sequence[Figures]) -> dict[str, Any]:
    """Make the JSON record of one case: what it was, the medians, every round; NaN as null."""
    middle = _clean(asdict(medians(rounds)))
    return {**case, **middle, 'rounds': [_clean(asdict(r)) for r in rounds]}


def machine() -> dict[str, Any]:
    """Describe the machine, which every time depends on."""
    return {'cores': len(os.sched_getaffinity(0)), 'cpu': _cpu_name(),
            'python': platform.python_version(), 'load_before': round(os.getloadavg()[0], 2)}


def table(columns: Mapping[str, str], rows: Sequence[Row]) -> str:
    """
    Set a table.

    :param columns: heading to format, such as ``{'fps': '.1f'}``; ``''`` is text, set left.
    :param rows: heading to value; None is an empty cell.
    """
    cells = [[_cell(row.get(name), form) for name, form in columns.items()] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) if cells else len(name)
              for i, name in enumerate(columns)]
    return '\n'.join(
        '  '.join(text.rjust(width) if form else text.ljust(width)
                  for text, width, form in zip(line, widths, columns.values())).rstrip()
        for line in [list(columns), *cells])


def write_json(path: Path, content: Row) -> None:
    """Write the result where the user wants it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + '\n', encoding='utf-8')


def _clean(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and not np.isfinite(value)
            else round(value, 4) for name, value in values.items()}


def _cell(value: Any, form: str) -> str:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ''
    return format(value, form) if form else str(value)


def _cpu_name() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()
