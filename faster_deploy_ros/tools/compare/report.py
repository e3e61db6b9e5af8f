# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A comparison as tables for people and as JSON for programs."""

from dataclasses import asdict
import math
import textwrap
from typing import Any

from faster_deploy_ros.tools.compare.boxes import BoxFigures, Lone
from faster_deploy_ros.tools.compare.comparison import Comparison
from faster_deploy_ros.tools.compare.tensors import TensorFigures
from faster_deploy_ros.tools.compare.tolerance import Tolerance, tolerance
from tabulate import tabulate

LABEL = 12     # columns of the words on the left
WIDTH = 96
LONE_SHOWN = 5
WORDS = {
    'same': 'SAME: the candidate cannot be told from the reference.',
    'agrees': 'AGREES: the candidate does what the reference does, within {name}.',
    'differs': 'DIFFERS: the candidate is not the reference, by the measure of {name}.'}


def text(comparison: Comparison, style: str = 'simple') -> str:
    """
    Lay a comparison out: who, the figures, the verdict, the cause.

    :param style: of the tables, as tabulate names it.
    """
    limit = tolerance(comparison.request.tolerance)
    parts = [_who(comparison)]
    figures = comparison.figures
    if figures is not None and figures.boxes is not None:
        parts.append(_boxes(figures.boxes, limit, style))
    if figures is not None and figures.tensors:
        parts.append(_tensors(figures.tensors, style))
    if figures is not None and figures.boxes is not None and figures.boxes.lone:
        parts.append(_lone(figures.boxes.lone, comparison.labels, style))
    parts.append(_verdict(comparison))
    if style == 'github':
        return '\n\n'.join(parts)
    return '\n' + '\n\n'.join(textwrap.indent(part, '  ') for part in parts)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return all figures as plain values; ``agrees`` is what the exit code says."""
    limit = tolerance(comparison.request.tolerance)
    return {
        'request': asdict(comparison.request), 'tolerance': asdict(limit),
        'reference': comparison.reference.split('\n'),
        'candidate': comparison.candidate.split('\n'),
        'images': comparison.images, 'agrees': comparison.verdict.is_good,
        'verdict': asdict(comparison.verdict),
        'diagnosis': None if comparison.diagnosis is None else asdict(comparison.diagnosis),
        'figures': None if comparison.figures is None else _finite(asdict(comparison.figures)),
        'notes': list(comparison.notes)}


def _finite(value: Any) -> Any:
    """Replace what JSON cannot say, infinity, by null."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _who(comparison: Comparison) -> str:
    return '\n'.join([
        _line('reference', comparison.reference), _line('candidate', comparison.candidate),
        _line('images', comparison.images),
        *(_line('note', note) for note in comparison.notes)])


def _boxes(boxes: BoxFigures, limit: Tolerance, style: str) -> str:
    sides = [each.side for each in boxes.lone]
    rows = [
        ('objects that both find', f'{boxes.pairs}', ''),
        ('only the reference finds', f"{sides.count('reference')}", ''),
        ('only the candidate finds', f"{sides.count('candidate')}", ''),
        ('left out as ties', f'{boxes.ties}', ''),
        ('least IoU of a pair', f'{boxes.min_iou:.5f}', f'>= {limit.iou:g}'),
        ('most difference of a score', f'{boxes.max_score_difference:.5f}', f'<= {limit.score:g}'),
        ('detections that agree', f'{boxes.agreement:.2%}', f'>= {limit.agreement:.0%}')]
    table: str = tabulate(
        rows, headers=('boxes', f'{boxes.images} images', limit.name), tablefmt=style,
        colalign=('left', 'right', 'left'), disable_numparse=True)
    return table


def _tensors(tensors: tuple[TensorFigures, ...], style: str) -> str:
    rows = [(
        each.name, f'{each.cosine:.7f}', f'{each.max_abs:.3g}', f'{each.relative:.2e}',
        _range(each.reference_range), _range(each.candidate_range),
        f'{each.flat}/{each.channels}', f'{each.bad}') for each in tensors]
    headers = (
        'tensor', 'cosine', 'max diff', 'of range', 'reference', 'candidate',
        'constant', 'NaN')
    table: str = tabulate(
        rows, headers=headers, tablefmt=style, disable_numparse=True,
        colalign=('left', *('right',) * 3, 'left', 'left', 'right', 'right'))
    return table


def _lone(lone: tuple[Lone, ...], labels: tuple[str, ...], style: str) -> str:
    rows = [(
        labels[each.class_id] if each.class_id < len(labels) else str(each.class_id),
        f'{each.score:.3f}', f'{each.image + 1}', ' '.join(f'{value:.0f}' for value in each.xyxy),
        each.side) for each in lone[:LONE_SHOWN]]
    if len(lone) > LONE_SHOWN:
        rows.append((f'... {len(lone) - LONE_SHOWN} more', '', '', '', ''))
    table: str = tabulate(
        rows, headers=('found once', 'score', 'image', 'box', 'by the'), tablefmt=style,
        disable_numparse=True, colalign=('left', 'right', 'right', 'left', 'left'))
    return table


def _verdict(comparison: Comparison) -> str:
    lines = [WORDS[comparison.verdict.word].format(name=comparison.request.tolerance)]
    lines += [_line('', reason) for reason in comparison.verdict.reasons]
    found = comparison.diagnosis
    if found is not None:
        lines += ['', _line('diagnosis', found.name), _line('cause', found.cause),
                  _line('remedy', found.remedy)]
        if found.evidence:
            lines.append(_line('evidence', found.evidence))
    return '\n'.join(lines)


def _line(label: str, words: str) -> str:
    wrapped = [
        piece for line in words.split('\n')
        for piece in textwrap.wrap(
            line, WIDTH - LABEL, break_long_words=False, break_on_hyphens=False)]
    return f'{label:<{LABEL}}' + f"\n{' ' * LABEL}".join(wrapped)


def _range(ends: tuple[float, float]) -> str:
    return f'{ends[0]:.3g} to {ends[1]:.3g}'
