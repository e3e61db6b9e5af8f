# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A model that takes raw bytes scales them itself: nobody else may think that he does it."""

from collections.abc import Mapping
import json

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.card import InputCard
from faster_deploy_ros.tasks.pixels import PixelFormat
import numpy as np
from numpy.typing import NDArray

# Converters round: what differs by less is the same normalization.
MEAN_STEPS, STD_SHARE = 1.0, 0.02


def expect_raw(
        who: str, spec: BlobSpec, wanted: PixelFormat, card: InputCard,
        metadata: Mapping[str, str]) -> None:
    """
    Refuse a card or a model that contradicts an input of bytes.

    A card that says scale 255 and no mean or std says "bytes": it is right, and ends the check.

    :param who: the family, for messages.
    :param wanted: what the network behind the model's own scaling wants to see.
    :param metadata: ``input_mean`` and ``input_std``, JSON lists, where the file tells them.
    :raises BlobMismatch: the card scales what the model scales, or the model was converted
        without the scaling that its family needs.
    """
    said = [name for name in ('scale', 'mean', 'std') if getattr(card, name) is not None]
    if said:
        if card.pixels(PixelFormat()).is_plain:
            return
        raise BlobMismatch(
            f"{who}: {spec} takes raw bytes, and the model card says {', '.join(said)} for it; "
            'scale, mean and std are inside such a model: take them out of its card')
    inside = _inside(metadata)
    if inside is None:
        return
    mean, std = inside
    factor = 255.0 / wanted.scale
    wanted_mean = np.array(wanted.mean) * factor
    wanted_std = np.array(wanted.std) * factor
    if (np.abs(mean - wanted_mean) > MEAN_STEPS).any() or (
            np.abs(std - wanted_std) > STD_SHARE * wanted_std).any():
        raise BlobMismatch(
            f'{who}: the model takes mean {_words(mean)} and std {_words(std)} off its bytes, '
            f'expected mean {_words(wanted_mean)} and std {_words(wanted_std)}; convert it again '
            'with these, or write input: {scale: 255} into its card where the network scales by '
            'itself')


def _inside(metadata: Mapping[str, str]) -> tuple[NDArray[np.float64], ...] | None:
    """Read ``(3,)`` mean and std of the model's own scaling; None where it does not tell."""
    try:
        mean, std = (
            np.broadcast_to(np.array(json.loads(metadata[key]), np.float64), (3,))
            for key in ('input_mean', 'input_std'))
    except (KeyError, ValueError, TypeError):
        return None
    return mean, std


def _words(values: NDArray[np.float64]) -> str:
    return '/'.join(f'{value:.4g}' for value in values)
