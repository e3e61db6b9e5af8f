# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How a candidate is read: what it is given, and what its answer is taken for."""

from dataclasses import dataclass, replace

from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks import card_beside, DetectionOptions, ModelCard, open_model
from faster_deploy_ros.tasks.card import InputCard, OutputCard
from faster_deploy_ros.tasks.detection.dense import DenseDetector
from faster_deploy_ros.tools.compare.reshaped_core import ReshapedCore


@dataclass(frozen=True, slots=True)
class Reading:
    """
    One way to read a detector.

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

    def open(self, core: InferCore, options: DetectionOptions) -> DenseDetector:
        """
        Read a loaded core that way.

        :raises BlobMismatch: its tensors cannot be read so.
        :raises FasterDeployError: its card or the names in it are wrong.
        """
        if self.factor != 1 or self.swapped or self.says:
            core = ReshapedCore(core, self.factor, self.swapped, self.says)
        model = open_model(self.family, core, options, card=self.card)
        if not isinstance(model, DenseDetector):
            raise BlobMismatch(
                f"compare: the candidate is read as family '{self.family}', which is no detector, "
                'expected one as the reference is; correct its card')
        return model


def reading_of(model: DenseDetector) -> Reading:
    """Return how an opened detector is read, with all that family and metadata have decided."""
    pixels = model.pixels
    seen = InputCard(
        size=model.input_size, color=pixels.color, scale=pixels.scale, mean=pixels.mean,
        std=pixels.std, letterbox=model.input.placement, pad=pixels.pad)
    return Reading(model.family, ModelCard(
        model.family, model.labels, seen, OutputCard(getattr(model, 'is_decoded', None))))


def differences(reading: Reading, reference: Reading) -> list[str]:
    """Say in what a model is read otherwise than the reference, one phrase for each thing."""
    mine, other = reading.card.input, reference.card.input
    said = [
        f'{name} {getattr(mine, name)} ({getattr(other, name)})'
        for name in ('size', 'color', 'scale', 'mean', 'std', 'letterbox', 'pad')
        if getattr(mine, name) != getattr(other, name)]
    if reading.family != reference.family:
        said.insert(0, f'family {reading.family} ({reference.family})')
    if reading.card.output.decoded is not reference.card.output.decoded:
        was = reference.card.output.decoded
        said.append(f'decoded {reading.card.output.decoded} ({was})'.lower())
    return said


def candidate_reading(core: InferCore, reference: DenseDetector) -> tuple[Reading, bool]:
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
    return replace(inherited, card=replace(inherited.card, output=OutputCard())), False
