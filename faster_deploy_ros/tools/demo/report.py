# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The summary of a run as a table for people."""

from collections.abc import Sequence
from pathlib import Path

from faster_deploy_ros.tasks.results import METRIC
from faster_deploy_ros.tools.demo.depth_figures import DepthFigures
from faster_deploy_ros.tools.demo.summary import Summary

WIDTH = 12
CLASSES_SHOWN = 6


def table(summary: Summary, written: Sequence[Path] = ()) -> str:
    """Lay the summary out, one line per question a user may have."""
    rows = [
        ('frames', _frames(summary)),
        ('order', f'{summary.out_of_order} out of order'),
        ('rate', f'{summary.fps:.1f} fps'),
    ]
    if summary.age_ms:
        ages = ' · '.join(f'{mark} {value:.1f}' for mark, value in summary.age_ms.items())
        what = 'objects' if summary.depth is None else 'depth'
        rows.append(('age', f'{ages} ms   (picture taken -> {what} at a subscriber)'))
    if summary.stages_ms:
        rows.append(('stages', ' · '.join(
            f'{stage} {value:.1f}' for stage, value in summary.stages_ms.items())
            + ' ms   (medians)'))
    if summary.ap50 is not None:
        judged = f"the scene's truth, {summary.published} published frames"
        rows.append(('accuracy', f'AP50 {summary.ap50:.3f}   ({judged})'))
    if summary.depth is not None:
        rows += _depth(summary.depth)
    if summary.frames_with:
        shown = list(summary.frames_with.items())[:CLASSES_SHOWN]
        more = len(summary.frames_with) - len(shown)
        rows.append(('objects', ' · '.join(f'{label} in {count}' for label, count in shown)
                     + f' of {summary.published} frames'
                     + (f' · {more} more classes' if more else '')))
    rows += [('note', note) for note in summary.notes]
    if written:
        rows.append(('written', ' · '.join(map(str, written))))
    rows += [('FAULT', fault) for fault in summary.faults]
    return '\n'.join(f'  {name:<{WIDTH}}{text}' for name, text in rows)


def _depth(figures: DepthFigures) -> list[tuple[str, str]]:
    """Say how right the depth is, and how far away things were."""
    mean, unit = figures.mean, ' m' if figures.kind == METRIC else ''
    rows = []
    if mean.abs_rel is not None:
        judged = f"the scene's truth, {figures.maps} published depth maps"
        rows.append(('accuracy', f'AbsRel {mean.abs_rel:.4f}   ({judged})'))
    known = '' if mean.known == 1 else f'   ({mean.known:.1%} of the pixels known)'
    said = (f'{figures.kind}, median {mean.median:.3g}{unit}, nine tenths from {mean.low:.3g} to '
            f'{mean.high:.3g}{unit}{known}')
    rows.append(('depth', said))
    return rows


def verdict(summary: Summary) -> str:
    """Say in one sentence how the run ended."""
    if summary.faults:
        return f'  Not in order: {summary.faults[0]}.'
    return '  Every frame is accounted for, all in order.'


def _frames(summary: Summary) -> str:
    reasons = ', '.join(f'{count} {why}' for why, count in summary.dropped.items() if count)
    dropped = f'{sum(summary.dropped.values())} dropped' + (f' ({reasons})' if reasons else '')
    return (f'{summary.sent} sent = {summary.published} published + {summary.failed} failed + '
            f'{dropped} + {summary.lost_in_transport} lost in transport')
