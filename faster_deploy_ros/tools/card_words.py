# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a user says about a model on the command line, instead of its card or over it."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, replace
from typing import Any

from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tasks import (
    card_beside,
    DetectionOptions,
    guess_family,
    Model,
    ModelCard,
    open_model,
)
from faster_deploy_ros.tasks.card import parse_card, read_card
from faster_deploy_ros.tasks.labels import Labels
import yaml


def add_card_arguments(parser: ArgumentParser) -> None:
    """Declare ``--family``, ``--card`` and ``--set``."""
    add = parser.add_argument
    add('--family', default='auto', metavar='NAME', help='of the model (default: auto)')
    add('--card', metavar='FILE', help='model card; default: the YAML page beside the model')
    add('--set', action='append', default=[], metavar='FIELD=VALUE', dest='card_fields',
        help='say a field of the card: output.unit=dm, input.size=[640,192]; may be repeated')


@dataclass(frozen=True, slots=True)
class CardWords:
    """
    What was said about a model.

    :param family: a row of MODELS, or ``'auto'``.
    :param card: in place of the one beside the model; None: that one.
    :param over: field by field over it.
    """

    family: str = 'auto'
    card: ModelCard | None = None
    over: ModelCard | None = None

    @property
    def labels(self) -> Labels:
        """
        The labels that were said field by field.

        They go into the options too: a model's metadata go over what a card says of labels.
        """
        return self.over.labels if self.over else ()

    def card_of(self, core: InferCore) -> ModelCard:
        """
        Return all that is said of the model.

        :raises LoadFailed: the card beside it cannot be read.
        """
        card = self.card or card_beside(core.uri.path) or ModelCard()
        return card.overridden(self.over) if self.over else card

    def family_of(self, core: InferCore) -> str:
        """
        Return the family's name.

        :raises BlobMismatch: nothing tells it.
        """
        if self.family != 'auto':
            return self.family
        return guess_family(core, self.card_of(core), self.labels)

    def open(self, core: InferCore, options: Any = None) -> Model[Any]:
        """
        Open the model that was meant.

        :raises FasterDeployError: as ``open_model``.
        """
        if self.labels and isinstance(options, (DetectionOptions, type(None))):
            options = replace(options or DetectionOptions(), labels=self.labels)
        return open_model(self.family, core, options, card=self.card, over=self.over)


def read_card_arguments(chosen: Namespace) -> CardWords:
    """
    Read what ``add_card_arguments`` has declared.

    :raises LoadFailed: the card cannot be read or says something unknown.
    :raises BadValue: there is no such field, or it cannot have that value.
    """
    card = read_card(chosen.card) if chosen.card else None
    return CardWords(chosen.family, card, _fields(chosen.card_fields))


def _fields(words: list[str]) -> ModelCard | None:
    """Read ``['output.unit=dm', ...]`` as a card that says these fields and no others."""
    page: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition('=')
        section, dot, key = name.strip().partition('.')
        if not equals or not section or (dot and not key):
            raise BadValue(
                f"--set: got '{word}', expected field=value, as in output.unit=dm or "
                'input.size=[640,192]')
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise BadValue(
                f"--set {name}: got '{text}', expected a value as in YAML "
                f"({' '.join(str(error).split())})") from error
        if dot:
            _put(page.setdefault(section, {}), key, value, name)
        else:
            _put(page, section, value, name)
    try:
        return parse_card(page) if page else None
    except (ValueError, TypeError) as error:
        raise BadValue(f'--set {error}') from error


def _put(section: Any, key: str, value: Any, name: str) -> None:
    if not isinstance(section, dict) or key in section:
        raise BadValue(f'--set {name}: it is said twice, expected once')
    section[key] = value
