# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which family a model is of, told by its tensors where nobody says it."""

from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.card import ModelCard
from faster_deploy_ros.tasks.detection.grid import count_cells, VARIANTS
from faster_deploy_ros.tasks.labels import COCO, Labels, labels_from_metadata
from faster_deploy_ros.tasks.pixels import image_size


def guess_family(core: InferCore, card: ModelCard, labels: Labels = ()) -> str:
    """
    Name the family by the card, else by the model's metadata, else by its output's shape.

    :param labels: the user's labels; their number helps to read the shape.
    :raises BlobMismatch: nothing tells, or more than one family fits; the message lists them.
    """
    if card.family:
        return card.family
    metadata = core.metadata
    if metadata.get('family'):
        return metadata['family']
    if 'ultralytics' in f"{metadata.get('author', '')} {metadata.get('description', '')}".lower():
        return 'yolov8'
    return _family_of_shape(core, labels or labels_from_metadata(metadata) or card.labels)


def _family_of_shape(core: InferCore, labels: Labels) -> str:
    outputs = [spec for spec in core.specs.values() if not spec.is_input]
    shape = outputs[0].shape if len(outputs) == 1 else ()
    found = ', '.join(map(str, core.specs.values()))
    if len(shape) != 3:
        raise BlobMismatch(
            f"family 'auto': no known family has these tensors: {found}; expected one output of "
            'three dimensions (yolox, yolov8). Set the parameter family')
    rows, columns = shape[1:]
    if _boxes_are_last(core, rows, columns):
        return 'yolov8'   # no YOLOX export has that
    classes = len(labels) or len(COCO)
    if columns - 5 == classes:
        return 'yolox'
    if columns - 4 == classes:
        return 'yolov8'
    raise BlobMismatch(
        f"family 'auto': {outputs[0]} fits both yolox with {columns - 5} classes and yolov8 with "
        f'{columns - 4}. Set the parameter family, or labels')


def _boxes_are_last(core: InferCore, rows: int, columns: int) -> bool:
    """Tell the dimension of the boxes: as many as the input has cells, else the larger one."""
    images = [spec for spec in core.specs.values() if spec.is_input]
    size = image_size(images[0]) if len(images) == 1 else None
    if size is not None:
        width, height = size
        counts = [count_cells((width, height), strides) for strides in VARIANTS]
        if (rows in counts) != (columns in counts):
            return columns in counts
    return columns == -1 or 0 < rows < columns
