# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The model card: a small YAML page beside a model that says what its tensors mean."""

from dataclasses import dataclass, field, fields, replace
import os
from pathlib import Path
from typing import Any

from faster_deploy_ros.errors import LoadFailed
from faster_deploy_ros.tasks.card_keys import (
    choice,
    digests,
    is_number,
    numbers,
    Page,
    section,
    show,
    text,
    whole_numbers,
)
from faster_deploy_ros.tasks.card_yaml import load_page
from faster_deploy_ros.tasks.labels import check_labels, Labels
from faster_deploy_ros.tasks.letterbox import PLACEMENTS, Size
from faster_deploy_ros.tasks.model_digest import check_digest
from faster_deploy_ros.tasks.padding import Triple
from faster_deploy_ros.tasks.pixels import LAYOUTS, PixelFormat
from faster_deploy_ros.tasks.results import DEPTH_KINDS, METRIC

UNITS = ('m', 'dm', 'cm', 'mm')
LARGEST = 16384   # pixels; what is more is a slip of the hand
# What a person wants to know about a model and no code reads.
_FOR_PEOPLE = (
    'name', 'title', 'description', 'licence', 'license', 'source', 'accuracy', 'training',
    'made', 'version', 'date', 'converted')


@dataclass(frozen=True, slots=True)
class InputCard:
    """
    What a model wants to see; None where the card leaves it to the family.

    :param size: ``(width, height)`` in pixels; needed where the model leaves it open.
    :param color: ``'bgr'`` or ``'rgb'``.
    :param scale: what full white is: 255 or 1.
    :param mean: per channel in the model's order, taken off after scaling.
    :param std: per channel, divided by after that.
    :param letterbox: ``'corner'``, ``'center'`` or ``'stretch'``.
    :param pad: the grey around the image, 0 to 255.
    :param layout: ``'NCHW'`` or ``'NHWC'``; needed only where the shape does not tell.
    """

    size: Size | None = None
    color: str | None = None
    scale: float | None = None
    mean: Triple | None = None
    std: Triple | None = None
    letterbox: str | None = None
    pad: int | None = None
    layout: str | None = None

    def pixels(self, default: PixelFormat) -> PixelFormat:
        """Return the family's pixel format with what the card says put in its place."""
        said = {name: getattr(self, name) for name in ('color', 'scale', 'mean', 'std', 'pad')}
        return replace(
            default, **{name: value for name, value in said.items() if value is not None})


@dataclass(frozen=True, slots=True)
class OutputCard:
    """
    What a model's numbers are; None where the card leaves it to the family.

    :param decoded: of a detector: whether its boxes are decoded already.
    :param kind: of a depth model: ``'metric'``, ``'relative'`` or ``'disparity'``.
    :param unit: of metric depth: ``'m'``, ``'dm'``, ``'cm'`` or ``'mm'``.
    :param scale: what the numbers are multiplied by before anything else.
    """

    decoded: bool | None = None
    kind: str | None = None
    unit: str | None = None
    scale: float | None = None

    @property
    def contradiction(self) -> str:
        """What of it cannot be true together, ``''`` where all can."""
        of_depth = [name for name in ('kind', 'unit') if getattr(self, name) is not None]
        if self.decoded is not None and of_depth:
            return (f'decoded is of detectors and {" and ".join(of_depth)} of depth models, '
                    'expected what belongs to one of them')
        if self.unit is not None and self.kind not in (None, METRIC):
            return (f"unit is '{self.unit}' and kind is '{self.kind}', expected a unit only of "
                    'kind metric; other kinds have none')
        return ''


@dataclass(frozen=True, slots=True)
class ModelCard:
    """
    The content of ``<model>.yaml``.

    :param family: a row of MODELS, or ``''``.
    :param labels: by class id, or ``()``.
    :param input: what the model wants to see.
    :param output: what its numbers are.
    :param sha256: of the model's file, or of each file that the card is about; ``()``: not said.
    """

    family: str = ''
    labels: Labels = ()
    input: InputCard = field(default_factory=InputCard)
    output: OutputCard = field(default_factory=OutputCard)
    sha256: tuple[str, ...] = ()

    def overridden(self, by: 'ModelCard') -> 'ModelCard':
        """Return the card with what another one says put in the place of its own."""
        return ModelCard(
            by.family or self.family, by.labels or self.labels, _over(self.input, by.input),
            _over(self.output, by.output), by.sha256 or self.sha256)


def card_beside(model: str | Path) -> ModelCard | None:
    """
    Read the card that lies beside a model file; None where there is none.

    :raises LoadFailed: there is one, and it cannot be read, says something unknown, or is about
        another file.
    """
    path = Path(model)
    if not path.name:
        return None
    place = path.with_suffix('.yaml')
    if not place.is_file():
        if os.path.lexists(place):   # it was meant to be one, and would be ignored without a word
            raise LoadFailed(
                f"model card '{place}': it is no file (a folder, a pipe, or a link to nowhere); "
                'put a page of text there, or take it away')
        return None
    card = read_card(place)
    check_digest(place, card.sha256, path)
    return card


def read_card(path: str | Path) -> ModelCard:
    """
    Read and check a model card.

    :raises LoadFailed: not readable, not YAML, an unknown key, or a value of the wrong kind.
    """
    try:
        content = load_page(Path(path))
    except (OSError, ValueError) as error:
        raise LoadFailed(
            f"model card '{path}': cannot be read ({' '.join(str(error).split())})") from error
    try:
        return parse_card(content)
    except (ValueError, TypeError) as error:
        raise LoadFailed(f"model card '{path}': {error}") from error


def parse_card(content: object) -> ModelCard:
    """
    Check the content of a card, as YAML gives it.

    :raises ValueError: an unknown key, or a value that cannot be.
    :raises TypeError: a value of the wrong kind.
    """
    page = section(
        content, 'the page', ('family', 'labels', 'input', 'output', 'sha256'), _FOR_PEOPLE)
    for key in ('licence', 'license', 'source'):
        text(page, key, 'Apache-2.0' if key != 'source' else 'https://...')
    labels = _said(page, 'labels', [])
    if not isinstance(labels, list):
        raise ValueError(f'labels: got {show(labels)}, expected a list of names')
    return ModelCard(
        text(page, 'family', 'yolox'), check_labels(labels), _input(_said(page, 'input', {})),
        _output(_said(page, 'output', {})), digests(page, 'sha256'))


def _input(content: object) -> InputCard:
    page = section(content, 'input', tuple(one.name for one in fields(InputCard)))
    scale = page.get('scale')
    if scale is not None and (not is_number(scale) or scale not in (1, 255)):
        raise ValueError(f'input.scale: got {show(scale)}, expected 255 or 1')
    pad = page.get('pad')
    if pad is not None and (not is_number(pad) or not isinstance(pad, int)):
        raise ValueError(f'input.pad: got {show(pad)}, expected a whole number from 0 to 255')
    size: Any = whole_numbers(page, 'input', 'size', 2, '[width, height] in pixels', LARGEST)
    mean: Any = numbers(page, 'input', 'mean', 3)
    std: Any = numbers(page, 'input', 'std', 3)
    card = InputCard(
        size=size, color=choice(page, 'input', 'color', ('bgr', 'rgb')), scale=scale, mean=mean,
        std=std, letterbox=choice(page, 'input', 'letterbox', PLACEMENTS), pad=pad,
        layout=choice(page, 'input', 'layout', LAYOUTS))
    card.pixels(PixelFormat())   # raises for a pad or std that no picture can have
    return card


def _output(content: object) -> OutputCard:
    page = section(content, 'output', tuple(one.name for one in fields(OutputCard)))
    decoded = page.get('decoded')
    if decoded is not None and not isinstance(decoded, bool):
        raise ValueError(f'output.decoded: got {show(decoded)}, expected true or false')
    scale = page.get('scale')
    if scale is not None and (not is_number(scale) or not scale > 0):
        raise ValueError(f'output.scale: got {show(scale)}, expected a number above 0')
    card = OutputCard(
        decoded, choice(page, 'output', 'kind', DEPTH_KINDS),
        choice(page, 'output', 'unit', UNITS), scale)
    if contradiction := card.contradiction:
        raise ValueError(f'output: {contradiction}')
    return card


def _said(page: Page, key: str, nothing: Any) -> Any:
    """Return a value; a key with nothing behind it says nothing."""
    value = page.get(key)
    return nothing if value is None else value


def _over(own: Any, by: Any) -> Any:
    """Put the fields that ``by`` says over those of ``own``."""
    said = {one.name: getattr(by, one.name) for one in fields(by)}
    return replace(own, **{name: value for name, value in said.items() if value is not None})
