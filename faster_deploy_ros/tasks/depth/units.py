# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The units of metric depth, and who says which one a model speaks."""

from collections.abc import Mapping

from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.card import OutputCard, UNITS

METRES = dict(zip(UNITS, (1.0, 0.1, 0.01, 0.001)))   # of one m, dm, cm, mm


def unit_said(who: str, card: OutputCard, metadata: Mapping[str, str]) -> tuple[str, str]:
    """
    Return the unit that the card, else the metadata, says, and who said it; twice ``''`` if none.

    :param who: the family, for messages.
    :raises BlobMismatch: the metadata says a unit that is none of ours, and the card none.
    """
    told = metadata.get('unit', '').strip()
    if card.unit is not None:
        against = f", against its metadata's {told}" if told not in ('', card.unit) else ''
        return card.unit, f'model card{against}'
    if told and told not in METRES:
        raise BlobMismatch(
            f"{who}: the model's metadata says unit '{told}', expected one of "
            f"{', '.join(UNITS)}; say the right one in the model card: output: {{unit: ...}}")
    return told, 'metadata' if told else ''
