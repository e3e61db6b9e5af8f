# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The mistakes that a converted model may have, each as the reading that would undo it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.cores.uri import SUFFIXES
from faster_deploy_ros.tasks.card import ModelCard, OutputCard, UNITS
from faster_deploy_ros.tasks.letterbox import PLACEMENTS, STRETCH
from faster_deploy_ros.tasks.pixels import ULTRALYTICS, YOLOX, YOLOX_LEGACY
from faster_deploy_ros.tools.compare.reading import Reading
import numpy as np

COLOR, SCALE, LETTERBOX, LAYOUT = 'colour order', 'scale', 'letterbox', 'layout'
NORMALISATION, DECODING, OUTPUT_LAYOUT = 'normalisation', 'decoding', 'output layout'
BOX_CODING, SIGMOID, FAMILY, UNIT = 'box coding', 'sigmoid', 'family', 'unit'
_CAN_BE_SCALE = (1.0, 255.0)
_OUTPUT_LAYOUTS = {
    'no batch axis': 'has no batch axis', 'transposed': 'has rows and columns exchanged',
    'transposed memory': 'lies in memory transposed, against its declared shape'}


@dataclass(frozen=True, slots=True)
class Trial:
    """
    A candidate read in another way.

    :param mistakes: what it would mean, one name for each thing changed.
    :param cause: what is wrong if the candidate agrees when read so.
    :param remedy: what to do about it.
    """

    mistakes: tuple[str, ...]
    reading: Reading
    cause: str
    remedy: str


def trials(reading: Reading, core: InferCore, family: str) -> Iterator[Trial]:
    """
    Yield every single mistake that the candidate's tensors allow.

    :param family: of the reference.
    """
    if reading.family != family:
        yield Trial(
            (FAMILY,), replace(reading, family=family),
            f'the candidate is read as {reading.family} and is {family}',
            f'write family: {family} into {_card(core)}')
    of_output = (_output_layout, _decoding, _box_coding, _sigmoid) if reading.is_dense else (
        _unit,)
    for alter in (_color, _scale, _letterbox, _layout, _normalisation, *of_output):
        yield from alter(reading, core)


def double_trials(reading: Reading, core: InferCore) -> Iterator[Trial]:
    """Yield two mistakes at a time, of those about what the candidate is given."""
    for one, other in combinations((_color, _scale, _letterbox, _layout), 2):
        for first in one(reading, core):
            for second in other(first.reading, core):
                yield Trial(
                    first.mistakes + second.mistakes, second.reading,
                    f'{first.cause}; and {second.cause}', f'{first.remedy}; and {second.remedy}')


def _with_input(reading: Reading, **said: Any) -> Reading:
    card = replace(reading.card, input=replace(reading.card.input, **said))
    return replace(reading, card=card)


def _color(reading: Reading, core: InferCore) -> Iterator[Trial]:
    now = reading.card.input.color
    other = 'rgb' if now == 'bgr' else 'bgr'
    yield Trial(
        (COLOR,), _with_input(reading, color=other),
        f'the candidate wants {other.upper()} and is given {str(now).upper()}',
        f'write input: {{color: {other}}} into {_card(core)}, or convert it without exchanging '
        'channels')


def _scale(reading: Reading, core: InferCore) -> Iterator[Trial]:
    if _takes_bytes(core):
        return   # its scale, mean and deviation are inside
    card = reading.card.input
    top = (card.scale or 1.0) * reading.factor
    for factor in (1 / 255, 255.0):
        wanted = top * factor
        cause = f'the candidate wants numbers from 0 to {wanted:.3g} and is given 0 to {top:.3g}'
        if wanted in _CAN_BE_SCALE and not any(card.mean or ()):
            yield Trial(
                (SCALE,), _with_input(reading, scale=wanted), cause,
                f'write input: {{scale: {wanted:g}}} into {_card(core)}, or convert it without '
                'scaling')
        else:
            too = 'divides' if factor > 1 else 'multiplies'
            yield Trial(
                (SCALE,), replace(reading, factor=reading.factor * factor),
                f'{cause}: it {too} by 255 once too often',
                'convert it without normalisation: its mean and scale are applied before it')


def _letterbox(reading: Reading, core: InferCore) -> Iterator[Trial]:
    now = reading.card.input.letterbox or ('corner' if reading.is_dense else STRETCH)
    places = {
        'corner': 'in the upper left corner of the input', 'center': 'in the middle of the input',
        STRETCH: 'over the whole input'}
    for other in ('corner', 'center') if reading.is_dense else PLACEMENTS:
        if other != now:
            yield Trial(
                (LETTERBOX,), _with_input(reading, letterbox=other),
                f'the image lies {places[now]}, the reference has it {places[other]}',
                f'write input: {{letterbox: {other}}} into {_card(core)}')


def _layout(reading: Reading, core: InferCore) -> Iterator[Trial]:
    for spec in _images(core):
        if 3 in (spec.shape[1], spec.shape[3]):
            declared, wanted = ('NCHW', 'NHWC') if spec.shape[1] == 3 else ('NHWC', 'NCHW')
            yield Trial(
                (LAYOUT,), replace(reading, swapped=True),
                f'the candidate declares {declared} and reads its memory as {wanted}',
                f'convert it with its input declared as {wanted}, or without the transposition '
                'inside')


def _normalisation(reading: Reading, core: InferCore) -> Iterator[Trial]:
    if _takes_bytes(core):
        return
    card = reading.card.input
    for name, pixels in (('current YOLOX, BGR 0 to 255', YOLOX),
                         ('old YOLOX or torchvision, ImageNet mean and deviation', YOLOX_LEGACY),
                         ('Ultralytics, RGB 0 to 1', ULTRALYTICS)):
        if (card.mean or (0, 0, 0)) != pixels.mean:   # other differences are single mistakes
            yield Trial(
                (NORMALISATION,), _with_input(
                    reading, color=pixels.color, scale=pixels.scale, mean=pixels.mean,
                    std=pixels.std),
                f'the candidate wants the numbers of {name}',
                f'write input: {{color: {pixels.color}, scale: {pixels.scale:g}, mean: '
                f'{list(pixels.mean)}, std: {list(pixels.std)}}} into {_card(core)}')


def _output_layout(reading: Reading, core: InferCore) -> Iterator[Trial]:
    for spec in _outputs(core):
        changes = ('transposed', 'transposed memory') if len(spec.shape) == 3 else (
            ('no batch axis',) if len(spec.shape) == 2 else ())
        for change in changes:
            yield Trial(
                (OUTPUT_LAYOUT,), replace(reading, says=(*reading.says, change)),
                f"the candidate's output {_OUTPUT_LAYOUTS[change]}",
                f'convert it without the last Transpose or Reshape, as {reading.family} has it')


def _decoding(reading: Reading, core: InferCore) -> Iterator[Trial]:
    if reading.card.output.decoded is None:
        return
    now, other = ('decoded', 'raw') if reading.card.output.decoded else ('raw', 'decoded')
    yield Trial(
        (DECODING,), replace(reading, card=_decoded(reading.card, other == 'decoded')),
        f"the candidate's boxes are {other} and are read as {now}",
        f'write output: {{decoded: {str(other == "decoded").lower()}}} into {_card(core)}')


def _box_coding(reading: Reading, core: InferCore) -> Iterator[Trial]:
    yield Trial(
        (BOX_CODING,), replace(reading, says=(*reading.says, 'corners')),
        "the candidate's boxes are corners and are read as centre and size",
        f'convert it without the change of its boxes: {reading.family} has centre and size')


def _sigmoid(reading: Reading, core: InferCore) -> Iterator[Trial]:
    yield Trial(
        (SIGMOID,), replace(reading, says=(*reading.says, 'logits')),
        "the candidate's scores are logits: the sigmoid is missing",
        'convert it from a model with its sigmoids inside')
    yield Trial(
        (SIGMOID,), replace(reading, says=(*reading.says, 'two sigmoids')),
        "the candidate's scores went through a sigmoid twice",
        'convert it without adding a sigmoid: the model has its own')


def _unit(reading: Reading, core: InferCore) -> Iterator[Trial]:
    now = reading.card.output.unit
    for other in UNITS if now else ():
        if other != now:
            card = reading.card.overridden(ModelCard(output=OutputCard(unit=other)))
            yield Trial(
                (UNIT,), replace(reading, card=card),
                f'the candidate says {other} and is read as saying {now}',
                f'write output: {{unit: {other}}} into {_card(core)}')


def _card(core: InferCore) -> str:
    """Name the page on which a remedy is written."""
    path = Path(core.uri.path)
    return f'its card {path.stem}.yaml' if path.suffix in SUFFIXES else 'its card'


def _images(core: InferCore) -> list[BlobSpec]:
    return [spec for spec in core.specs.values() if spec.is_input and len(spec.shape) == 4]


def _takes_bytes(core: InferCore) -> bool:
    return any(spec.dtype == np.uint8 for spec in _images(core))


def _outputs(core: InferCore) -> list[BlobSpec]:
    return [spec for spec in core.specs.values() if not spec.is_input]


def _decoded(card: ModelCard, is_decoded: bool) -> ModelCard:
    return card.overridden(ModelCard(output=OutputCard(decoded=is_decoded)))
