# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a model's tensors mean: families by name."""

from typing import Any

from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BlobMismatch, UnknownName
from faster_deploy_ros.registry import Entry, Registry
from faster_deploy_ros.tasks.base import Model
from faster_deploy_ros.tasks.card import card_beside, ModelCard
from faster_deploy_ros.tasks.card_check import check_card
from faster_deploy_ros.tasks.depth import DepthOptions
from faster_deploy_ros.tasks.detection import DetectionOptions
from faster_deploy_ros.tasks.family import guess_family, recognise
from faster_deploy_ros.tasks.results import DepthMap, Detections

_DEPTH = 'faster_deploy_ros.tasks.depth'
_DETECTION = 'faster_deploy_ros.tasks.detection'

MODELS: Registry[Model[Any]] = Registry('model family', 'faster_deploy_ros.models', {
    'depth_anything': Entry(f'{_DEPTH}.depth_anything:DepthAnything'),
    'lite_mono': Entry(f'{_DEPTH}.lite_mono:LiteMono'),
    'metric_depth': Entry(f'{_DEPTH}.metric_depth:MetricDepth'),
    'midas': Entry(f'{_DEPTH}.midas:Midas'),
    'rtdetr': Entry(f'{_DETECTION}.rtdetr:RtDetr'),
    'yolo_end2end': Entry(f'{_DETECTION}.yolo_end2end:YoloEnd2End'),
    'yolov5': Entry(f'{_DETECTION}.yolov5:Yolov5'),
    'yolov8': Entry(f'{_DETECTION}.yolov8:Yolov8'),
    'yolox': Entry(f'{_DETECTION}.yolox:Yolox'),
    'yolox_legacy': Entry(f'{_DETECTION}.yolox:YoloxLegacy'),
})


def open_model(
        family: str, core: InferCore, options: Any = None, *,
        card: ModelCard | None = None, over: ModelCard | None = None) -> Model[Any]:
    """
    Give the tensors of a loaded core their meaning, and check that they can have it.

    :param family: a row of MODELS, or ``'auto'``: the model card, the metadata or the shapes tell.
    :param core: stays the caller's to unload.
    :param options: what the family takes, DetectionOptions or DepthOptions; None: the defaults.
    :param card: None: the one beside the model's file, where there is one.
    :param over: what a user says instead of the card, field by field.
    :raises UnknownName: no such family, or a class that the model has not.
    :raises BlobMismatch: the tensors are not this family's, or ``'auto'`` cannot tell.
    :raises LoadFailed: the model card or the metadata cannot be read.
    """
    if card is None:
        card = card_beside(core.uri.path) or ModelCard()
    if over is not None:
        card = card.overridden(over)
    why = ''
    if family == 'auto':
        family, why = recognise(core, card, getattr(options, 'labels', ()))
    try:
        make: Any = MODELS.resolve(family)
    except UnknownName as error:
        raise UnknownName(f'{error} ({core.uri.shown}: {why})' if why else str(error)) from error
    check_card(family, card)
    takes = getattr(make, 'options_type', object)   # a family may also be a plain function
    if options is not None and not isinstance(options, takes):
        raise BlobMismatch(
            f"{core.uri.shown}: it is of the family '{family}', which is one of {_task(takes)}, "
            f'expected one of {_task(type(options))}: a model of another task. Use the node of '
            'that task (the demo: --depth or not), or set the family')
    try:
        model: Model[Any] = make(core, options, card)
    except BlobMismatch as error:
        raise BlobMismatch(f'{error} (family {family} {why})' if why else str(error)) from error
    model.chosen = why and f'family {family} {why}'
    return model


def _task(options_type: type) -> str:
    return options_type.__name__.removesuffix('Options').lower()   # DepthOptions: depth


__all__ = [
    'DepthMap', 'DepthOptions', 'DetectionOptions', 'Detections', 'MODELS', 'Model', 'ModelCard',
    'card_beside', 'guess_family', 'open_model',
    'recognise']
