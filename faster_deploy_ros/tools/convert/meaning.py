# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the original's tensors mean: for the card of the result, and to calibrate on."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import (
    BlobMismatch,
    InferFailed,
    LoadFailed,
    Unavailable,
    Unsupported,
)
from faster_deploy_ros.sources import open_source
from faster_deploy_ros.tasks import card_beside, ModelCard, open_model
from faster_deploy_ros.tasks.card import parse_card
from faster_deploy_ros.tools.convert.orders import FEW_IMAGES, Orders
from faster_deploy_ros.tools.convert.original import Original
from numpy.typing import NDArray
import yaml

Calibration = Callable[[], Iterator[NDArray[Any]]]


class Meaning:
    """
    What is known of a model's tensors.

    :ivar page: a card in full: what the file beside the model says, else what the model tells.
    :ivar card: the same, read.
    :ivar why_not: why no family is known; '' where one is.
    """

    def __init__(self, original: Original, model: Path) -> None:
        """
        Read the card and ask the model.

        :param model: where the user keeps it; the original may be a copy.
        :raises LoadFailed: the card cannot be read.
        """
        self._original = original
        card = card_beside(model) or ModelCard()
        self.page = _card_page(model.with_suffix('.yaml'))
        self.why_not = ''
        try:
            with open_core(original.path, seats=1) as core:
                told = open_model('auto', core, card=card).page
        except (BlobMismatch, InferFailed, LoadFailed, Unavailable, Unsupported) as error:
            self.why_not = str(error)
        else:
            self.page = merged(told, self.page)
        self.card = parse_card(self.page) if self.page else card

    def calibration(self, orders: Orders, report: Callable[..., None]) -> Calibration | None:
        """
        Return what yields input tensors as the family makes them; None without images.

        :raises Unsupported: int8 is asked for, and no family says what to do with the images, or
            the model wants more than images.
        """
        if not orders.images or (self.why_not and orders.precision != 'int8'):
            return None
        if self.why_not:
            raise Unsupported(
                'convert: the images cannot become tensors, for no family is known: '
                f'{self.why_not}. Write a card beside the model')

        others = [name for name, shape in self._original.inputs.items() if len(shape) != 4]
        if others and orders.precision == 'int8':
            raise Unsupported(
                'convert: int8 is calibrated on images alone, and the model wants '
                f"{', '.join(others)} too; export it with its logits as outputs, without that")

        def tensors() -> Iterator[NDArray[Any]]:
            total = count_images(orders)
            with open_core(self._original.path, seats=1) as core:
                model = open_model('auto', core, card=self.card)
                shots = islice(open_source(orders.images), orders.max_images)
                for number, shot in enumerate(shots, start=1):
                    report('preparing images', number, total)
                    with core.lease() as blobs:
                        model.preprocess(shot.frame, blobs)
                        tensor = next(iter(blobs.inputs)).data.copy()
                    yield tensor

        return tensors


def count_images(orders: Orders) -> int:
    """Return how many images there are to calibrate on."""
    length = open_source(orders.images).length
    return orders.max_images if length is None else min(length, orders.max_images)


def few_images(orders: Orders) -> str:
    """Return what to say about a calibration on too few images, else ''."""
    if not orders.images or orders.precision != 'int8':
        return ''
    count = count_images(orders)
    if count >= FEW_IMAGES:
        return ''
    return (f'{count} images are few to calibrate on: values that none of them shows are cut off; '
            f'take {FEW_IMAGES} or more of what the camera will see')


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Put the second page over the first, sections into sections."""
    page = dict(first)
    for key, value in second.items():
        old = page.get(key)
        page[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) \
            else value
    return page


def _card_page(path: Path) -> dict[str, Any]:
    """Return a card as it is written; its content was checked before."""
    if not path.is_file():
        return {}
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding='utf-8'))
    return content
