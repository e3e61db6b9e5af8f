# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How a model is read: what it is given, and what its answer is taken for."""

from dataclasses import dataclass, fields, replace
from typing import Any

from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks import card_beside, DetectionOptions, ModelCard, MODELS, open_model
from faster_deploy_ros.tasks.card import InputCard, OutputCard
from faster_deploy_ros.tasks.depth.depth_model import DepthModel
from faster_deploy_ros.tasks.detection.dense import DenseDetector
from faster_deploy_ros.tasks.detection.detector import Detector
from faster_deploy_ros.tools.compare.reshaped_core import ReshapedCore
from faster_deploy_ros.tools.compare.tolerance import LOOSEST

Readable = Detector | DepthModel
Threshold = tuple[float, float]   # confidence, suppression
BEST = 300       # detections looked at in an image
LEAST_SCORE = 0.01


@dataclass(frozen=True, slots=True)
class Reading:
    """
    One way to read a model.

    :param family: a row of MODELS.
    :param card: what it wants to see.
    :param factor: what every number that it is given is multiplied by.
    :param swapped: whether the image lies in its input as in the layout that it does not declare.
    :param says: how its output differs from what the family has, rows of OUTPUTS.
    """

    family: str
    card: ModelCard
    factor: float = 1.0
    swapped: bool = False
    says: tuple[str, ...] = ()

    @property
    def is_dense(self) -> bool:
        """Whether its output is one tensor of dense predictions."""
        kind: Any = MODELS.resolve(self.family)
        return isinstance(kind, type) and issubclass(kind, DenseDetector)

    def open(self, core: InferCore, threshold: Threshold) -> Readable:
        """
        Read a loaded core that way.

        :raises BlobMismatch: its tensors cannot be read so.
        :raises FasterDeployError: its card or the names in it are wrong.
        """
        if self.factor != 1 or self.swapped or self.says:
            core = ReshapedCore(core, self.factor, self.swapped, self.says)
        model = open_readable(self.family, core, threshold, self.card)
        if model is None:
            raise BlobMismatch(
                f"compare: the candidate is read as family '{self.family}', which is neither of "
                'detectors nor of depth; correct its card')
        return model


def open_readable(
        family: str, core: InferCore, threshold: Threshold, card: ModelCard) -> Readable | None:
    """
    Open a model of a family; None if it is of a task that is not known here.

    Detectors get a threshold so low that partners of what lies above it are found.

    :raises FasterDeployError: as ``open_model``.
    """
    kind: Any = MODELS.resolve(family)
    confidence, nms = threshold
    options = DetectionOptions(
        confidence_threshold=max(confidence - LOOSEST.score, LEAST_SCORE), nms_threshold=nms,
        max_detections=BEST)
    is_detector = getattr(kind, 'options_type', None) is DetectionOptions
    model = open_model(family, core, options if is_detector else None, card=card)
    return model if isinstance(model, (Detector, DepthModel)) else None


def reading_of(model: Readable) -> Reading:
    """Return how an opened model is read, with all that family and metadata have decided."""
    pixels = model.pixels
    seen = InputCard(
        size=model.input_size, color=pixels.color, scale=pixels.scale, mean=pixels.mean,
        std=pixels.std, letterbox=model.input.placement, pad=pixels.pad,
        layout=model.card.input.layout)
    if isinstance(model, DepthModel):
        said = OutputCard(**model.page['output'])
    else:
        said = OutputCard(getattr(model, 'is_decoded', None))
    return Reading(
        model.family, ModelCard(model.family, getattr(model, 'labels', ()), seen, said))


def differences(reading: Reading, reference: Reading) -> list[str]:
    """Say in what a model is read otherwise than the reference, one phrase for each thing."""
    mine, other = reading.card.input, reference.card.input
    said = [
        f'{name} {getattr(mine, name)} ({getattr(other, name)})'
        for name in ('size', 'color', 'scale', 'mean', 'std', 'letterbox', 'pad')
        if getattr(mine, name) != getattr(other, name)]
    if reading.family != reference.family:
        said.insert(0, f'family {reading.family} ({reference.family})')
    mine_said, other_said = reading.card.output, reference.card.output
    for name in (each.name for each in fields(OutputCard)):
        values = getattr(mine_said, name), getattr(other_said, name)
        if values[0] != values[1]:
            said.append('{} {} ({})'.format(name, *values).lower())
    return said


def candidate_reading(core: InferCore, reference: Readable) -> tuple[Reading, bool]:
    """
    Return how a candidate asks to be read, and whether it has a card that says so.

    Without a card it is read like the reference, except for what the model itself can tell: its
    metadata, and whether its boxes are decoded.

    :raises LoadFailed: its card cannot be read.
    """
    card = card_beside(core.uri.path)
    if card is not None:
        return Reading(card.family or reference.family, card), True
    inherited = reading_of(reference)
    if isinstance(reference, DepthModel):   # nobody else says the unit
        return inherited, False
    return replace(inherited, card=replace(inherited.card, output=OutputCard())), False
