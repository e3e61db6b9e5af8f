# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which family a model is of, where nobody says it: what the tensors allow, and what is told."""

from collections.abc import Callable
from typing import NamedTuple

from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.card import ModelCard
from faster_deploy_ros.tasks.labels import COCO, Labels
from faster_deploy_ros.tasks.recognition.depth_nets import DEPTH_NETS, depth_nets_for, of_that_kind
from faster_deploy_ros.tasks.recognition.detectors import detectors_for
from faster_deploy_ros.tasks.recognition.evidence import Evidence, Fit, gather

_TASKS = ('', 'detect', 'depth')
_ULTRALYTICS = ('yolov8', 'yolov5', 'yolo_end2end', 'rtdetr')
# What authors call models of a family, without hyphens and blanks.
_CALLED = {
    'yolox': ('yolox',), 'yolov5': ('yolov5', 'yolov7', 'yolov3'), 'midas': ('midas',),
    'rtdetr': ('rtdetr', 'dfine', 'deim', 'rfdetr'), 'depth_anything': ('depthanything',),
    'lite_mono': ('litemono',), 'yolo_end2end': ('yolov10', 'yolo26')}


class Guess(NamedTuple):
    """
    The family of a model.

    :param why: who or what says so, as the end of "family yolov8 ...".
    """

    family: str
    why: str


def guess_family(core: InferCore, card: ModelCard, labels: Labels = ()) -> str:
    """Return the family that ``recognise`` finds."""
    return recognise(core, card, labels).family


def recognise(core: InferCore, card: ModelCard, labels: Labels = ()) -> Guess:
    """
    Name the family by the card, else by the model's metadata, else by its tensors.

    Of the families that the tensors allow, those go that metadata, card or number of labels speak
    against, the strongest word first; a word against all of them is no word.

    :param labels: the user's labels; their number helps to read the shapes.
    :raises BlobMismatch: none fits, or more than one does; the message lists them.
    """
    if card.family:
        return Guess(card.family, 'by its card')
    if core.metadata.get('family'):
        return Guess(core.metadata['family'], 'by its metadata')
    known = gather(core, card, labels)
    if known.task not in _TASKS:
        raise BlobMismatch(
            f"family 'auto': the model's metadata says task '{known.task}', expected detect or "
            'depth; no family here reads another. If it is wrong, set the parameter family')
    found = [*detectors_for(known), *depth_nets_for(known)]
    said = []
    for told, rule in _RULES:
        left = rule(known, found)
        if left and len(left) < len(found):
            found = left
            said.append(told)
    if len({fit.family for fit in found}) != 1 or not any(fit.is_sure for fit in found):
        raise _undecided(core, known, found)
    why = '; '.join((found[0].why, *said))
    return Guess(found[0].family, f'by its tensors ({why})')


def _undecided(core: InferCore, known: Evidence, found: list[Fit]) -> BlobMismatch:
    tensors = ', '.join(map(str, core.specs.values()))
    several = [spec for spec in core.specs.values()
               if len(spec.shape) in (3, 4) and spec.shape[0] > 1]
    if not found and several:
        return BlobMismatch(
            f"family 'auto': {several[0]} is for {several[0].shape[0]} images, expected 1; export "
            'the model for batch 1, or set the parameter family')
    if not found:
        return BlobMismatch(
            f"family 'auto': no known family has these tensors: {tensors}. Set the parameter "
            'family, if it is of one')
    words = '; '.join(
        f'{fit.family}'
        + (f' with {fit.classes} class{"es" if fit.classes > 1 else ""}' if fit.classes else '')
        + f' ({fit.why})' for fit in found)
    more = ', or labels' if any(fit.classes for fit in found) and known.classes is None else ''
    if len(found) == 1:
        return BlobMismatch(
            f"family 'auto': it may be {words}, and nothing says that it is: {tensors}. Set the "
            f'parameter family, or family in the model card{more}')
    return BlobMismatch(
        f"family 'auto': more than one fits {tensors}: {words}. Set the parameter family, or "
        f'family in the model card{more}')


def _of_task(known: Evidence, fits: list[Fit]) -> list[Fit]:
    if not known.task:
        return fits
    return [fit for fit in fits if (fit.family in DEPTH_NETS) is (known.task == 'depth')]


def _called_so(known: Evidence, fits: list[Fit]) -> list[Fit]:
    """Leave what the metadata's sentences name; ultralytics name their RT-DETR and no other."""
    if known.is_of_ultralytics:
        is_transformer = known.speaks_of('rtdetr')
        return [fit for fit in fits if fit.family in _ULTRALYTICS
                and (fit.family == 'rtdetr') is is_transformer]
    if known.is_decoded_said:
        return [fit for fit in fits if fit.family == 'yolox']
    return [fit for fit in fits if known.speaks_of(*_CALLED.get(fit.family, ('\0',)))]


def _with_its_suppression(known: Evidence, fits: list[Fit]) -> list[Fit]:
    if known.nms is None:
        return fits
    return [fit for fit in fits if (fit.family == 'yolo_end2end') is known.nms]


def _with_that_many_classes(known: Evidence, fits: list[Fit]) -> list[Fit]:
    """Leave the number of names; without any, 80 are the usual ones where somebody has them."""
    count = known.classes
    if count is None and len(COCO) in [fit.classes for fit in fits]:
        count = len(COCO)
    if count is None:
        return fits
    return [fit for fit in fits if fit.classes in (None, count)]


def _sure(known: Evidence, fits: list[Fit]) -> list[Fit]:
    return [fit for fit in fits if fit.is_sure]


_Rule = Callable[[Evidence, list[Fit]], list[Fit]]
_RULES: tuple[tuple[str, _Rule], ...] = (
    ('its metadata says the task', _of_task),
    ('its metadata says what it is', _called_so),
    ('its metadata says whether it suppresses', _with_its_suppression),
    ('card or metadata say what the numbers are', of_that_kind),
    ('its classes are as many as the labels, or 80', _with_that_many_classes),
    ('the others are only possible', _sure))
