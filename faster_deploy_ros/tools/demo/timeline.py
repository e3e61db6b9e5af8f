# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the time of some frames in a row went, as a plot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from faster_deploy_ros.tools.demo.record import Record, Timing
from matplotlib.figure import Figure
from matplotlib.patches import Patch

FRAMES = 20
COLOURS = {
    'to the node': '#c9d1da', 'wait': '#f2c9a1', 'decode': '#8fb8de', 'lease': '#d98880',
    'preprocess': '#3f7fbf', 'infer': '#f28e2b', 'postprocess': '#4e9f50', 'encode': '#9467bd',
    'hold': '#e8e2a0', 'to the subscriber': '#aab4bf',
}
BETWEEN = '#e9e9e9'
ON_WORKER = ('decode', 'lease', 'preprocess', 'infer', 'postprocess', 'encode')


class Road(NamedTuple):
    """One frame on its way: spans in ms since its picture was taken."""

    number: int
    worker: str
    taken_ns: int
    spans: tuple[tuple[str, float, float], ...]


def roads(record: Record, count: int = FRAMES) -> list[Road]:
    """Take frames in a row from the middle of a run, those that were published."""
    arrived = {message.stamp_ns: message.arrived_ns for message in record.published}
    timings = [timing for timing in record.timings
               if timing.stamp_ns in arrived and timing.stages]
    first = max(0, (len(timings) - count) // 2)
    return [_road(record, timing, arrived[timing.stamp_ns])
            for timing in timings[first:first + count]]


def draw_timeline(chosen: Sequence[Road], path: Path, title: str) -> None:
    """
    Draw each frame in a row of its own, and what each worker did at the same time.

    :param chosen: one frame or more.
    """
    workers = sorted({road.worker for road in chosen})
    upper, lower = 0.6 + 0.19 * len(chosen), 0.6 + 0.24 * len(workers)
    figure = Figure(figsize=(11, 1.1 + upper + lower), dpi=150, layout='constrained',
                    facecolor='white')
    above, below = figure.subplots(2, 1, height_ratios=(upper, lower))
    figure.suptitle(title, x=0.012, ha='left', fontsize=13, fontweight='bold')
    for row, road in enumerate(chosen):
        above.barh(row, road.spans[-1][2], height=0.72, color=BETWEEN)
        for stage, begin, end in road.spans:
            above.barh(row, end - begin, left=begin, height=0.72, color=COLOURS[stage])
    above.set_yticks(range(len(chosen)), [f'{road.number}' for road in chosen], fontsize=8)
    above.set_ylim(len(chosen) - 0.5, -0.5)
    above.set_ylabel('frame')
    above.set_xlabel('ms since the picture was taken')
    above.set_xlim(left=0)
    zero_ns = chosen[0].taken_ns
    for road in chosen:
        offset = (road.taken_ns - zero_ns) / 1e6
        for stage, begin, end in road.spans:
            if stage in ON_WORKER:
                below.barh(workers.index(road.worker), end - begin, left=offset + begin,
                           height=0.6, color=COLOURS[stage])
    below.set_yticks(range(len(workers)), workers, fontsize=8)
    below.set_ylim(len(workers) - 0.5, -0.5)
    below.set_xlabel('ms since the first of these pictures was taken')
    below.set_xlim(left=0)
    for axes in (above, below):
        _plain(axes)
    used = {stage for road in chosen for stage, _, _ in road.spans}
    figure.legend(
        handles=[Patch(color=colour, label=stage) for stage, colour in COLOURS.items()
                 if stage in used],
        loc='outside lower center', ncols=len(used), frameon=False, fontsize=8,
        handlelength=1.1, columnspacing=1.1)
    figure.savefig(path)


def _road(record: Record, timing: Timing, arrived_ns: int) -> Road:
    received_ms = (timing.received_ns - timing.stamp_ns) / 1e6
    inside = [(stage, received_ms + begin, received_ms + end)
              for stage, (begin, end) in timing.stages.items() if stage in COLOURS]
    accepted_ms = min(begin for _, begin, _ in inside)
    left_ms = max(end for _, _, end in inside)
    spans = [('to the node', 0.0, accepted_ms), *inside,
             ('to the subscriber', left_ms, (arrived_ns - timing.stamp_ns) / 1e6)]
    return Road(record.sent.get(timing.stamp_ns, -1), timing.worker, timing.stamp_ns,
                tuple(span for span in spans if span[2] > span[1]))


def _plain(axes: Any) -> None:
    for side in ('top', 'right', 'left'):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis='y', length=0)
    axes.grid(axis='x', color='#e6e6e6', linewidth=0.7)
    axes.set_axisbelow(True)
