# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""All that a model says of itself before it is run."""

from dataclasses import dataclass
from typing import NamedTuple

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import LoadFailed
from faster_deploy_ros.tasks.card import ModelCard, OutputCard
from faster_deploy_ros.tasks.image_input import metadata_size
from faster_deploy_ros.tasks.labels import Labels, labels_from_metadata
from faster_deploy_ros.tasks.letterbox import Size
from faster_deploy_ros.tasks.pixels import image_size

# Where exporters write in words what the model is.
_WORDS = ('author', 'description', 'name', 'model_name', 'model', 'title', 'architecture')


class Fit(NamedTuple):
    """
    A family that the tensors can be of.

    :param why: what of them says so.
    :param classes: how many it would have then; None where that does not follow.
    :param is_sure: whether the tensors alone are enough to choose it.
    """

    family: str
    why: str
    classes: int | None = None
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    What is known of a model.

    :param images: the inputs of four dimensions.
    :param others: the other inputs.
    :param outputs: in the model's order.
    :param size: ``(width, height)`` of the image input; None: nobody says it.
    :param classes: how many names of classes there are; None where there are none.
    :param output: what the card says of the outputs.
    :param task: the metadata's word, ``'detect'`` or ``'depth'`` of those that are known here.
    :param unit: of depth, by the metadata.
    :param words: what the metadata tells in sentences, in small letters.
    :param nms: whether the metadata says that the suppression is inside; None: it does not say.
    :param is_decoded_said: whether the metadata says if boxes are decoded, as only YOLOX needs.
    """

    images: tuple[BlobSpec, ...]
    others: tuple[BlobSpec, ...]
    outputs: tuple[BlobSpec, ...]
    size: Size | None
    classes: int | None
    output: OutputCard
    task: str
    unit: str
    words: str
    nms: bool | None
    is_decoded_said: bool

    @property
    def is_of_ultralytics(self) -> bool:
        """Whether the exporter was theirs."""
        return 'ultralytics' in self.words

    def speaks_of(self, *names: str) -> bool:
        """Whether the metadata's sentences have one of the words, however it is joined."""
        joined = self.words.replace('-', '').replace('_', '').replace(' ', '')
        return any(name in joined for name in names)


def gather(core: InferCore, card: ModelCard, labels: Labels) -> Evidence:
    """
    Ask core and card.

    :param labels: the user's labels.
    """
    metadata = core.metadata
    inputs = [spec for spec in core.specs.values() if spec.is_input]
    images = tuple(spec for spec in inputs if len(spec.shape) == 4)
    size = image_size(images[0]) if len(images) == 1 else None
    try:
        names = labels or labels_from_metadata(metadata) or card.labels
    except LoadFailed:   # told when the labels are needed, with the remedy
        names = card.labels
    return Evidence(
        images=images, others=tuple(spec for spec in inputs if spec not in images),
        outputs=tuple(spec for spec in core.specs.values() if not spec.is_input),
        size=size or card.input.size or metadata_size(metadata), classes=len(names) or None,
        output=card.output, task=metadata.get('task', '').strip().lower(),
        unit=metadata.get('unit', '').strip(),
        words=' '.join(metadata.get(key, '') for key in _WORDS).lower(),
        nms=_suppresses(metadata.get('end2end', ''), metadata.get('args', '')),
        is_decoded_said=metadata.get('decoded', '').lower() in ('true', 'false'))


def _suppresses(end2end: str, arguments: str) -> bool | None:
    """Read two entries of ultralytics: what the network is, and how it was exported."""
    said = f'{end2end} {arguments}'.lower()
    if end2end.strip().lower() == 'true' or "'nms': true" in said:
        return True
    return False if end2end.strip().lower() == 'false' else None
