# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a card may say of a family: units of depth nets, labels and decoding of detectors."""

from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.card import ModelCard
from faster_deploy_ros.tasks.recognition.depth_nets import DEPTH_NETS

# Families with two forms of one shape; the others say in their name which one it is.
_TWO_FORMS = ('yolox', 'yolox_legacy')
DETECTORS = ('rtdetr', 'yolo_end2end', 'yolov5', 'yolov8', *_TWO_FORMS)
_REMEDY = ('take it out of the model card (or the parameter of that name), or correct the family')


def check_card(family: str, card: ModelCard) -> None:
    """
    Refuse what cannot be true of a family; of families that are not ours nothing is known.

    :param card: with all that is said over it.
    :raises BlobMismatch: card and family contradict each other, or the card itself.
    """
    if contradiction := card.output.contradiction:
        raise BlobMismatch(
            f'card.output: {contradiction}; correct the model card, or the parameters that go '
            'over it')
    said = {name: getattr(card.output, name) for name in ('decoded', 'kind', 'unit', 'scale')}
    if family in DETECTORS:
        for name in ('kind', 'unit', 'scale'):
            _expect_none(family, f'output.{name}', said[name], 'detector', 'depth nets')
    if family in DEPTH_NETS:
        _expect_none(family, 'output.decoded', said['decoded'], 'depth net', 'detectors')
        _expect_none(family, 'labels', card.labels or None, 'depth net', 'detectors')
    elif family in DETECTORS and family not in _TWO_FORMS and said['decoded'] is False:
        raise BlobMismatch(
            f'{family}: card.output.decoded is false, expected true or nothing: boxes of this '
            f'family are decoded in the model; {_REMEDY}')


def _expect_none(family: str, key: str, value: object, what: str, whose: str) -> None:
    if value is not None:
        raise BlobMismatch(
            f'{family}: card.{key} is {value!r} for a {what}, expected nothing: only {whose} have '
            f'it; {_REMEDY}')
