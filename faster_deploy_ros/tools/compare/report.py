# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A comparison as tables for people and as JSON for programs."""

from dataclasses import asdict
import math
import textwrap
from typing import Any

from faster_deploy_ros.tools.compare.boxes import BoxFigures, Lone
from faster_deploy_ros.tools.compare.comparison import Comparison
from faster_deploy_ros.tools.compare.depths import DepthFigures
from faster_deploy_ros.tools.compare.tensors import TensorFigures
from faster_deploy_ros.tools.compare.tolerance import Tolerance, tolerance
from faster_deploy_ros.tools.layout import lay_out, MARKDOWN, SCREEN

LABEL = 12     # columns of the words on the left
WIDTH = 96
NEWLINE = '\n'
LONE_SHOWN = 5
WORDS = {
    'same': 'SAME: the candidate cannot be told from the reference.',
    'agrees': 'AGREES: the candidate does what the reference does, within {name}.',
    'differs': 'DIFFERS: the candidate is not the reference, by the measure of {name}.'}


def text(comparison: Comparison, style: str = SCREEN) -> str:
    """
    Lay a comparison out: who, the figures, the verdict, the cause.

    :param style: of the tables, as tabulate names it.
    """
    limit = tolerance(comparison.request.tolerance)
    parts = [_lines(_who(comparison), style)]
    figures = comparison.figures
    if figures is not None and figures.boxes is not None and figures.boxes.images:
        parts.append(_boxes(figures.boxes, limit, style))
    if figures is not None and figures.depth is not None:
        parts.append(_depth(figures.depth, limit, style))
    if figures is not None and figures.tensors:
        parts.append(_tensors(figures.tensors, style))
    if figures is not None and figures.boxes is not None and figures.boxes.lone:
        parts.append(_lone(figures.boxes.lone, comparison.labels, style))
    said = WORDS[comparison.verdict.word].format(name=limit.name)
    parts.append(f'**{said}**' if style == MARKDOWN else said)
    parts.append(_lines(_why(comparison), style))
    if style == MARKDOWN:
        return '\n\n'.join(filter(None, parts))
    return '\n' + '\n\n'.join(textwrap.indent(part, '  ') for part in filter(None, parts))


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


def _who(comparison: Comparison) -> list[tuple[str, str]]:
    return [
        ('reference', comparison.reference), ('candidate', comparison.candidate),
        ('images', comparison.images), *(('note', note) for note in comparison.notes)]


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
    return lay_out(
        rows, ('boxes', f'{boxes.images} images', f'for {limit.name}'), style=style)


def _depth(depth: DepthFigures, limit: Tolerance, style: str) -> str:
    rows = [
        ('least share of pixels known to both', f'{depth.known:.2%}', ''),
        ('known to one of them only', f'{depth.apart:.2%}', f'<= {limit.depth:.1%}'),
        ('mean difference', f'{depth.mean:.4%}', ''),
        ('99 of 100 pixels are within', f'{depth.nearly_all:.4%}', f'<= {limit.depth:.1%}'),
        ('least correlation', f'{depth.correlation:.7f}', f'>= {limit.correlation:g}'),
        ("candidate's numbers by the reference's", f'{depth.factor:.5g}', ''),
        ('range of the reference', _range(depth.reference_range), ''),
        ('range of the candidate', _range(depth.candidate_range), '')]
    return lay_out(
        rows, ('depth', f'{depth.images} images', f'for {limit.name}'), style=style)


def _tensors(tensors: tuple[TensorFigures, ...], style: str) -> str:
    rows = [(
        each.name, f'{each.cosine:.7f}', f'{each.max_abs:.3g}', f'{each.relative:.2e}',
        _range(each.reference_range), _range(each.candidate_range),
        f'{each.flat}/{each.channels}', f'{each.bad}') for each in tensors]
    headers = (
        'tensor', 'cosine', 'max diff', 'of range', 'reference', 'candidate',
        'constant', 'NaN')
    return lay_out(rows, headers, style=style)


def _lone(lone: tuple[Lone, ...], labels: tuple[str, ...], style: str) -> str:
    rows = [(
        labels[each.class_id] if each.class_id < len(labels) else str(each.class_id), each.side,
        f'{each.score:.3f}', f'{each.image + 1}',
        ' '.join(f'{value:.0f}' for value in each.xyxy)) for each in lone[:LONE_SHOWN]]
    if len(lone) > LONE_SHOWN:
        rows.append((f'... {len(lone) - LONE_SHOWN} more', '', '', '', ''))
    return lay_out(
        rows, ('found once', 'by the', 'score', 'image', 'box'), texts=2, style=style)


def _why(comparison: Comparison) -> list[tuple[str, str]]:
    found = comparison.diagnosis
    lines = [('because', reason) for reason in comparison.verdict.reasons]
    if found is not None:
        lines += [('diagnosis', found.name.upper()), ('cause', found.cause),
                  ('remedy', found.remedy), ('evidence', found.evidence)]
    return [line for line in lines if line[1]]


def _lines(rows: list[tuple[str, str]], style: str) -> str:
    """Put words on the left and what they are about beside them; a word is not repeated."""
    if style == MARKDOWN:
        return '\n'.join(f"- {label}: {', '.join(words.split(NEWLINE))}" for label, words in rows)
    lines, before = [], ''
    for label, words in rows:
        pieces = [
            piece for line in words.split(NEWLINE) for piece in textwrap.wrap(
                line, WIDTH - LABEL, break_long_words=False, break_on_hyphens=False)]
        shown = label if label != before else ''
        lines.append(f'{shown:<{LABEL}}' + f"\n{' ' * LABEL}".join(pieces))
        before = label
    return '\n'.join(lines)


def _range(ends: tuple[float, float]) -> str:
    return f'{ends[0]:.3g} to {ends[1]:.3g}'
