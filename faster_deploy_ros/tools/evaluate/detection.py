# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Evaluate a detector: data, model, figures, files."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tasks import DetectionOptions
from faster_deploy_ros.tasks.detection.sparse import SparseDetector
from faster_deploy_ros.tools.evaluate import box_report
from faster_deploy_ros.tools.evaluate.box_figures import evaluate, Evaluated, Report
from faster_deploy_ros.tools.evaluate.coco_file import (
    Labelled,
    labelled_scenes,
    read_labelled,
    write_results,
)
from faster_deploy_ros.tools.evaluate.findings import Findings
from faster_deploy_ros.tools.evaluate.opening import about, opened, title
from faster_deploy_ros.tools.evaluate.orders import Orders, Pictures

PLOTS = 'faster_deploy_ros.tools.evaluate.plots'   # needs matplotlib
CURVES = 'precision_recall.png'


@dataclass(frozen=True, slots=True)
class BoxWords:
    """
    What a user asks of boxes.

    :param dataset: annotation file; None: the rooms' own truth.
    :param per_class: whether to print the table of classes.
    """

    dataset: Path | None
    confidence: float
    nms: float
    most: int
    per_class: bool

    @property
    def options(self) -> DetectionOptions:
        """
        What the model is opened with.

        :raises BadValue: a number out of range.
        """
        return DetectionOptions(
            confidence_threshold=self.confidence, nms_threshold=self.nms,
            max_detections=self.most, max_candidates=30_000)


def evaluate_detector(orders: Orders, words: BoxWords, report: Report) -> Findings:
    """
    Measure how good a detector is.

    :param report: told what is being done, how much of it and of how much.
    :raises FasterDeployError: the model, the annotations or the images cannot be read.
    """
    if orders.plots is not None:   # what is missing is missed before the work, and not after
        import_module(PLOTS)
    data = _data(orders.pictures, words.dataset)
    report(f'loading {Path(orders.model).name}', 0, None)
    with opened(orders, words.options) as model:
        found = evaluate(model, data, seats=orders.seats, most=words.most, report=report)
        head, page = title(model), about(model)
        nms = None if isinstance(model, SparseDetector) else words.nms   # it chose by itself
    how = f'scores over {words.confidence:g}'
    how += ', no suppression' if nms is None else f', suppression at {nms:g}'
    tables = [box_report.table(found)] + [box_report.class_table(found)] * words.per_class
    return Findings(
        [head, ('images', f'{data.title}\n{how}')], tables,
        box_report.meaning(found, words.most),
        {**page, 'data': data.title, 'confidence': words.confidence, 'nms': nms,
         'max_detections': words.most, **box_report.as_json(found)},
        found.notes, found.mistakes, found.failures, _write(orders, found))


def _data(pictures: Pictures, dataset: Path | None) -> Labelled:
    if pictures.folder is None:
        return labelled_scenes(pictures.frames, pictures.seed, pictures.size)
    if dataset is None:
        raise BadValue('--dataset: expected the annotations of the images, or scene')
    return read_labelled(dataset, pictures.folder, pictures.limit)


def _write(orders: Orders, found: Evaluated) -> tuple[Path, ...]:
    written = []
    if orders.results is not None:
        write_results(orders.results, found.results)
        written.append(orders.results)
    if orders.plots is not None:
        written.append(import_module(PLOTS).plot_precision(
            orders.plots / CURVES, found.judged, found.names,
            f'{Path(orders.model).name}: {found.images} images'))
    return tuple(written)
