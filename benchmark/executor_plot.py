# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A picture of the executor benchmark: the cost of a job, and devices side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

COLOURS = {'line': '#0b6e4f', 'pool': '#9aa0a6'}
NAMES = {'line': 'OrderedExecutor', 'pool': 'ThreadPoolExecutor + deque'}


def plot(empty: Sequence[dict[str, Any]], devices: Sequence[dict[str, Any]], path: Path) -> str:
    """
    Draw both tables.

    :return: a line that says where the picture is, or why there is none.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return 'No plot: matplotlib is not installed (pip install matplotlib).'
    figure = Figure(figsize=(10, 3.8), layout='constrained')
    FigureCanvasAgg(figure)
    cost, scale = figure.subplots(1, 2)
    _cost(cost, empty)
    _scale(scale, devices)
    figure.savefig(path, dpi=120)
    return f'Plot: {path}'


def _cost(axes: Any, rows: Sequence[dict[str, Any]]) -> None:
    workers = list(dict.fromkeys(row['workers'] for row in rows))
    for place, (case, colour) in enumerate(COLOURS.items()):
        times = [row['job_us'] for row in rows if row['case'] == case]
        at = [index + (place - 0.5) * 0.4 for index in range(len(workers))]
        bars = axes.bar(at, times, 0.38, color=colour, label=NAMES[case])
        axes.bar_label(bars, fmt='%.0f', fontsize=8)
    axes.set_xticks(range(len(workers)), workers)
    axes.set_xlabel('workers')
    axes.set_ylabel('µs')
    axes.set_title('an empty job')
    axes.legend(frameon=False)


def _scale(axes: Any, rows: Sequence[dict[str, Any]]) -> None:
    for case, colour in COLOURS.items():
        mine = [row for row in rows if row['case'] == case]
        axes.plot([row['devices'] for row in mine], [row['of_k_times_one'] for row in mine],
                  'o-', color=colour, label=NAMES[case])
    axes.axhline(0.95, color='#c8553d', linestyle='--', linewidth=1)
    axes.set_ylim(0.8, 1.1)
    axes.set_xlabel('simulated devices (K)')
    axes.set_title('frames per second over K times one')
    axes.legend(frameon=False, loc='lower left')
