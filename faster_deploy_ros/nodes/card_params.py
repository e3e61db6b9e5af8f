# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A parameter for each thing that a model card says of the tensors: what is set wins over it."""

from dataclasses import dataclass

from faster_deploy_ros.nodes.params import parameter
from faster_deploy_ros.tasks.card import InputCard, ModelCard, OutputCard, UNITS
from faster_deploy_ros.tasks.letterbox import PLACEMENTS
from faster_deploy_ros.tasks.pixels import LAYOUTS
from faster_deploy_ros.tasks.results import DEPTH_KINDS


@dataclass(frozen=True, slots=True)
class CardParams:
    """Values that go over the card beside the model; the defaults say nothing."""

    card_input_size: tuple[int, ...] = parameter(
        (), "Width and height of the model's input, where the model leaves them open; empty: as "
        'the model says.', minimum=1, maximum=16384, count=2, name='card.input.size')
    card_input_color: str = parameter(
        '', "Order of the model's channels; empty: as its card or family says.",
        choices=('', 'bgr', 'rgb'), name='card.input.color')
    card_input_scale: float = parameter(
        0.0, 'What full white is in the input; 0: as the card or the family says.',
        choices=(0.0, 1.0, 255.0), name='card.input.scale')
    card_input_mean: tuple[float, ...] = parameter(
        (), "Taken off each channel after scaling, in the model's order; empty: as the card or "
        'the family says.', count=3, name='card.input.mean')
    card_input_std: tuple[float, ...] = parameter(
        (), 'Each channel is divided by it after that; empty: as the card or the family says.',
        minimum=1e-6, count=3, name='card.input.std')
    card_input_letterbox: str = parameter(
        '', 'Where the image lies in the input; empty: as the card or the family says.',
        choices=('', *PLACEMENTS), name='card.input.letterbox')
    card_input_pad: int = parameter(
        -1, 'The grey around the image; -1: as the card or the family says.',
        minimum=-1, maximum=255, name='card.input.pad')
    card_input_layout: str = parameter(
        '', 'Order of the axes of the input, where its shape does not tell; empty: as it tells.',
        choices=('', *LAYOUTS), name='card.input.layout')
    card_output_decoded: bool | str = parameter(
        '', 'Of a detector: whether its boxes are decoded already; empty: as the card says, or '
        'found out.', name='card.output.decoded')
    card_output_kind: str = parameter(
        '', 'Of a depth model: what its numbers are; empty: as its card or family says.',
        choices=('', *DEPTH_KINDS), name='card.output.kind')
    card_output_unit: str = parameter(
        '', 'Of metric depth: the unit; empty: as the card or the model says.',
        choices=('', *UNITS), name='card.output.unit')
    card_output_scale: float = parameter(
        0.0, 'What the numbers are multiplied by before anything else; 0: as the card says.',
        minimum=0.0, maximum=1e6, name='card.output.scale')

    @property
    def card(self) -> ModelCard:
        """What of a model card is set by parameters."""
        size, mean, std = self.card_input_size, self.card_input_mean, self.card_input_std
        decoded = self.card_output_decoded
        return ModelCard(
            input=InputCard(
                size=(size[0], size[1]) if size else None, color=self.card_input_color or None,
                scale=self.card_input_scale or None,
                mean=(mean[0], mean[1], mean[2]) if mean else None,
                std=(std[0], std[1], std[2]) if std else None,
                letterbox=self.card_input_letterbox or None,
                pad=None if self.card_input_pad == -1 else self.card_input_pad,
                layout=self.card_input_layout or None),
            output=OutputCard(
                decoded=None if isinstance(decoded, str) else decoded,
                kind=self.card_output_kind or None, unit=self.card_output_unit or None,
                scale=self.card_output_scale or None))
