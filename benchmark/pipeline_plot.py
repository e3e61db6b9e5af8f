# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A picture of the pipeline benchmark: rate, age and CPU time side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

COLOURS = {'raw limit': '#9aa0a6', 'executor': '#5f6368', 'node': '#0b6e4f',
           'callback': '#c8553d', 'callback 1 thread': '#e9a178'}
PERCENTILES = ('p50', 'p90', 'p99')


def plot(records: Sequence[dict[str, Any]], path: Path) -> str:
    """
    Draw the records of all cases.

    :return: a line that says where the picture is, or why there is none.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return 'No plot: matplotlib is not installed (pip install matplotlib).'
    figure = Figure(figsize=(13, 4.2), layout='constrained')
    FigureCanvasAgg(figure)
    rate, age, cpu = figure.subplots(1, 3, width_ratios=(1, 1.5, 1.2))
    _bars(rate, [r for r in records if r['rate'] == 'saturation'])
    _ages(age, [r for r in records if r['age_p50_ms'] is not None])
    _cpu(cpu, [r for r in records if r['age_p50_ms'] is not None])
    figure.savefig(path, dpi=120)
    return f'Plot: {path}'


def _bars(axes: Any, records: Sequence[dict[str, Any]]) -> None:
    names = [r['case'] for r in records]
    bars = axes.barh(names, [r['fps'] for r in records], color=[COLOURS[n] for n in names])
    axes.bar_label(bars, fmt='%.0f', padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_title('frames per second at saturation')


def _ages(axes: Any, records: Sequence[dict[str, Any]]) -> None:
    """Draw a line from p50 to p99 for each case and rate, on a log scale."""
    for place, r in enumerate(records):
        ages = [r[f'age_{p}_ms'] for p in PERCENTILES]
        axes.plot(ages, [place] * 3, '-', color=COLOURS[r['case']], linewidth=3)
        axes.plot(ages, [place] * 3, 'o', color=COLOURS[r['case']])
        axes.annotate(f'{ages[0]:.1f}', (ages[0], place), textcoords='offset points',
                      xytext=(0, 7), ha='center', fontsize=8)
    axes.set_yticks(range(len(records)), [f"{r['case']}, {r['rate']}" for r in records])
    axes.invert_yaxis()
    axes.set_xscale('log')
    axes.xaxis.set_major_formatter('{x:g}')
    axes.xaxis.set_minor_formatter('{x:g}')
    axes.tick_params(axis='x', which='both', labelsize=7)
    axes.margins(y=0.08)
    axes.set_xlabel('ms')
    axes.set_title('age of the result: p50, p90, p99')


def _cpu(axes: Any, records: Sequence[dict[str, Any]]) -> None:
    rates = list(dict.fromkeys(r['rate'] for r in records))
    cases = list(dict.fromkeys(r['case'] for r in records))
    width = 0.8 / len(cases)
    for place, case in enumerate(cases):
        values = [next(r['cpu_ms'] for r in records if (r['case'], r['rate']) == (case, rate))
                  for rate in rates]
        at = [i + (place - (len(cases) - 1) / 2) * width for i in range(len(rates))]
        bars = axes.bar(at, values, width, color=COLOURS[case], label=case)
        axes.bar_label(bars, fmt='%.0f', fontsize=8)
    axes.set_xticks(range(len(rates)), rates)
    axes.margins(y=0.3)
    axes.legend(frameon=False, ncols=len(cases), loc='upper center', fontsize=8)
    axes.set_title('CPU ms per frame, whole process')
