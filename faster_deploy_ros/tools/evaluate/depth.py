# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Evaluate a depth model: data, model, figures, files."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tasks import DepthOptions, Model
from faster_deploy_ros.tools.evaluate import depth_report
from faster_deploy_ros.tools.evaluate.depth_figures import evaluate, Evaluated, pick, Range, tell
from faster_deploy_ros.tools.evaluate.depth_truth import (
    Measured,
    read_measured,
    rendered_rooms,
    TruthFormat,
)
from faster_deploy_ros.tools.evaluate.diagnosis import diagnose
from faster_deploy_ros.tools.evaluate.findings import Findings
from faster_deploy_ros.tools.evaluate.opening import about, opened, title
from faster_deploy_ros.tools.evaluate.orders import Orders, Pictures

PLOTS = 'faster_deploy_ros.tools.evaluate.error_map'   # needs matplotlib


@dataclass(frozen=True, slots=True)
class DepthWords:
    """
    What a user says of the truth.

    :param truth: folder or file; None: the rooms' own.
    """

    truth: Path | None
    form: TruthFormat
    limits: Range


def evaluate_depth(
        orders: Orders, words: DepthWords, report: Callable[[str, int, int | None], None]
        ) -> Findings:
    """
    Measure how far off a depth model is.

    :param report: told what is being done, how much of it and of how much.
    :raises FasterDeployError: the model, the images or the truth cannot be read.
    """
    depth_report.check_ending(orders.results)
    if orders.plots is not None:   # what is missing is missed before the work, and not after
        import_module(PLOTS)
    data = _data(orders.pictures, words)
    report(f'loading {Path(orders.model).name}', 0, None)
    with opened(orders, DepthOptions()) as model:
        total = len(data.samples)
        found = evaluate(
            model, data, words.limits, seats=orders.seats,
            report=lambda done: report('images', done, total))
        head, page = title(model), about(model)
        written: tuple[Path, ...] = ()
        if orders.plots is not None:
            report('pictures', 0, None)
            written = _draw(orders.plots, model, data, found, words.limits)
    if orders.results is not None:
        depth_report.write_images(orders.results, found)
        written = (orders.results, *written)
    unit = page['card'].get('output', {}).get('unit', '')
    return Findings(
        [head, ('images', data.title)], [depth_report.table(found)],
        depth_report.meaning(found, words.limits),
        {**page, 'data': data.title, **depth_report.as_json(found, words.limits)},
        data.notes, diagnose(found, unit), found.failures, written)


def _data(pictures: Pictures, words: DepthWords) -> Measured:
    if pictures.folder is None:
        if words.truth is not None:
            raise BadValue('--images scene brings its own truth; leave --truth out')
        return rendered_rooms(pictures.frames, pictures.seed, pictures.size)
    if words.truth is None:
        raise BadValue("--truth: expected the folder of measured depth, by the images' names")
    return read_measured(pictures.folder, words.truth, words.form, pictures.limit)


def _draw(
        folder: Path, model: Model[Any], data: Measured, found: Evaluated,
        limits: Range) -> tuple[Path, ...]:
    """Look at a few images again and draw them: nobody keeps all of them in memory."""
    draw_errors = import_module(PLOTS).draw_errors
    samples = {sample.name: sample for sample in data.samples}
    return tuple(
        draw_errors(
            folder / f'{word}.png', tell(model, samples[name]), found.images[name],
            found.strictest, limits, f'{word} of {len(found.images)}: {name}')
        for word, name in pick(found).items())
