# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The model card: a small YAML page beside a model that says what its tensors mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from faster_deploy_ros.errors import LoadFailed
from faster_deploy_ros.tasks.labels import check_labels, Labels
from faster_deploy_ros.tasks.letterbox import PLACEMENTS, Size
from faster_deploy_ros.tasks.padding import Triple
from faster_deploy_ros.tasks.pixels import PixelFormat
from faster_deploy_ros.tasks.results import DEPTH_KINDS
import yaml

UNITS = ('m', 'dm', 'cm', 'mm')
# What a person wants to know about a model and no code reads.
_FOR_PEOPLE = (
    'name', 'title', 'description', 'licence', 'license', 'source', 'sha256', 'accuracy',
    'training', 'made', 'version', 'date', 'converted')


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
    """

    size: Size | None = None
    color: str | None = None
    scale: float | None = None
    mean: Triple | None = None
    std: Triple | None = None
    letterbox: str | None = None
    pad: int | None = None

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


@dataclass(frozen=True, slots=True)
class ModelCard:
    """
    The content of ``<model>.yaml``.

    :param family: a row of MODELS, or ``''``.
    :param labels: by class id, or ``()``.
    :param input: what the model wants to see.
    :param output: what its numbers are.
    """

    family: str = ''
    labels: Labels = ()
    input: InputCard = field(default_factory=InputCard)
    output: OutputCard = field(default_factory=OutputCard)

    def overridden(self, by: 'ModelCard') -> 'ModelCard':
        """Return the card with what another one says put in the place of its own."""
        return ModelCard(
            by.family or self.family, by.labels or self.labels, _over(self.input, by.input),
            _over(self.output, by.output))


def card_beside(model: str | Path) -> ModelCard | None:
    """
    Read the card that lies beside a model file; None where there is none.

    :raises LoadFailed: there is one, and it cannot be read or says something unknown.
    """
    path = Path(model)
    if not path.name:
        return None
    card = path.with_suffix('.yaml')
    return read_card(card) if card.is_file() else None


def read_card(path: str | Path) -> ModelCard:
    """
    Read and check a model card.

    :raises LoadFailed: not readable, not YAML, an unknown key, or a value of the wrong kind.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
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
    page = _section(content, 'the page', ('family', 'labels', 'input', 'output'), _FOR_PEOPLE)
    family = page.get('family', '')
    if not isinstance(family, str):
        raise ValueError(f'family: got {family!r}, expected a name such as yolox')
    labels = page.get('labels', [])
    if not isinstance(labels, list):
        raise ValueError(f'labels: got {labels!r}, expected a list of names')
    return ModelCard(
        family, check_labels(labels), _input(page.get('input', {})),
        _output(page.get('output', {})))


def _input(content: object) -> InputCard:
    page = _section(
        content, 'input', ('size', 'color', 'scale', 'mean', 'std', 'letterbox', 'pad'))
    size = _numbers(page, 'size', 2)
    if size is not None and not all(isinstance(n, int) and n > 0 for n in size):
        raise ValueError(f"input.size: got {page['size']!r}, expected [width, height] in pixels")
    scale = page.get('scale')
    if scale not in (None, 1, 255) or isinstance(scale, bool):
        raise ValueError(f'input.scale: got {scale!r}, expected 255 or 1')
    pad = page.get('pad')
    if pad is not None and (not isinstance(pad, int) or isinstance(pad, bool)):
        raise ValueError(f'input.pad: got {pad!r}, expected a whole number from 0 to 255')
    card = InputCard(
        size=size, color=_choice(page, 'input', 'color', ('bgr', 'rgb')), scale=scale,
        mean=_numbers(page, 'mean', 3), std=_numbers(page, 'std', 3),
        letterbox=_choice(page, 'input', 'letterbox', PLACEMENTS), pad=pad)
    card.pixels(PixelFormat())   # raises for a pad or std that no picture can have
    return card


def _output(content: object) -> OutputCard:
    page = _section(content, 'output', ('decoded', 'kind', 'unit', 'scale'))
    decoded = page.get('decoded')
    if decoded is not None and not isinstance(decoded, bool):
        raise ValueError(f'output.decoded: got {decoded!r}, expected true or false')
    scale = page.get('scale')
    if scale is not None and (
            isinstance(scale, bool) or not isinstance(scale, (int, float)) or not scale > 0):
        raise ValueError(f'output.scale: got {scale!r}, expected a number above 0')
    return OutputCard(
        decoded, _choice(page, 'output', 'kind', DEPTH_KINDS),
        _choice(page, 'output', 'unit', UNITS), scale)


def _over(own: Any, by: Any) -> Any:
    """Put the fields that ``by`` says over those of ``own``."""
    said = {one.name: getattr(by, one.name) for one in fields(by)}
    return replace(own, **{name: value for name, value in said.items() if value is not None})


def _section(
        content: object, where: str, keys: tuple[str, ...],
        others: tuple[str, ...] = ()) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise ValueError(f'{where}: got {content!r}, expected keys such as {", ".join(keys)}')
    unknown = [str(key) for key in content if key not in keys and key not in others]
    if unknown:
        raise ValueError(
            f"{where}: unknown key {', '.join(map(repr, unknown))}, expected one of "
            f"{', '.join(keys + others)}")
    return content


def _choice(
        page: Mapping[str, Any], where: str, key: str, choices: tuple[str, ...]) -> str | None:
    value = page.get(key)
    if value is not None and value not in choices:
        raise ValueError(f"{where}.{key}: got {value!r}, expected {' or '.join(choices)}")
    return value


def _numbers(page: Mapping[str, Any], key: str, count: int) -> Any:
    values = page.get(key)
    if values is None:
        return None
    if (not isinstance(values, list) or len(values) != count
            or not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in values)):
        raise ValueError(f'input.{key}: got {values!r}, expected {count} numbers')
    return tuple(values)
