# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which detectors the tensors of a model can be of."""

from collections.abc import Iterator

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.detection.grid import ANCHORS, count_cells, VARIANTS
from faster_deploy_ros.tasks.detection.queries import find_outputs
from faster_deploy_ros.tasks.labels import COCO
from faster_deploy_ros.tasks.recognition.evidence import Evidence, Fit

_FINISHED_ROWS = 1000   # no network puts out more boxes after its own choice
# Of DETRs with other scores (a softmax with "nothing" as a class) or other pixels (ImageNet's).
_DETR_QUERIES, _DETR_CLASSES = 100, (91, 92)
_YOLOV6_OUTPUT = 'outputs'   # the shape is YOLOX', the pixels are RGB from 0 to 1


def detectors_for(known: Evidence) -> Iterator[Fit]:
    """Yield each family of detectors that the shapes, names and dtypes allow."""
    if len(known.images) != 1:
        return
    if known.others:
        yield from _finished_transformer(known)
    elif len(known.outputs) == 1:
        yield from _one_table(known, known.outputs[0])
    else:
        yield from _decoded_beside_maps(known)
        yield from _raw_transformer(known)


def _one_table(known: Evidence, output: BlobSpec) -> Iterator[Fit]:
    shape = output.shape[1:] if len(output.shape) == 3 and output.shape[0] in (1, -1) \
        else output.shape
    if len(shape) != 2:
        return
    first, second = shape
    if len(output.shape) == 3:
        yield from _dense(known, first, second, 'rows')
        yield from _dense(known, second, first, 'columns')
    if 6 in shape:
        rows = second if first == 6 else first
        if not _is_grid(known, rows) and rows <= _FINISHED_ROWS:
            yield Fit('yolo_end2end', f'{_count(rows)} finished boxes of 6 numbers')
    if len(output.shape) == 3:
        yield from _joined_transformer(known, first, second)


def _dense(known: Evidence, rows: int, numbers: int, way: str) -> Iterator[Fit]:
    """Yield the families with a box for each cell, ``numbers`` of each box."""
    if numbers < 5:   # the number of classes is open in no model
        return
    # Where nobody says the size of the input, there are more boxes than classes.
    if rows == -1 or rows in _cells(known) or (known.size is None and rows > numbers):
        cells = f'{_count(rows)} {way}' + (
            ', one for each cell of the input' if rows in _cells(known) else '')
        if way == 'rows' and numbers >= 6:
            is_sure = (known.outputs[0].name != _YOLOV6_OUTPUT or known.is_decoded_said
                       or known.speaks_of('yolox'))
            doubt = '' if is_sure else ", named as YOLOv6's, which is of no family here"
            yield _counted(
                'yolox', f'{cells}, 5 + classes wide{doubt}', numbers, 5, is_sure=is_sure)
        yield _counted('yolov8', f'{cells}, 4 + classes wide', numbers, 4)
    if numbers >= 6 and (rows == -1 or (rows % ANCHORS == 0 and (
            rows // ANCHORS in _cells(known) or (known.size is None and rows > numbers)))):
        # Its own exports have rows; columns of an open number are those of yolov8.
        yield _counted('yolov5', f'{_count(rows)} {way}, three for each cell of the input, '
                       '5 + classes wide', numbers, 5, is_sure=way == 'rows' or rows != -1)


def _counted(family: str, why: str, numbers: int, others: int, *, is_sure: bool = True) -> Fit:
    return Fit(family, why, numbers - others, is_sure)


def _joined_transformer(known: Evidence, rows: int, numbers: int) -> Iterator[Fit]:
    """Yield ultralytics' RT-DETR: a few rows of boxes and the scores of all classes."""
    is_said = known.speaks_of('rtdetr')
    if (_is_grid(known, rows) or rows > _FINISHED_ROWS or numbers < 5
            or (numbers == 6 and not is_said)):
        return
    yield _counted('rtdetr', f'{_count(rows)} queries, 4 + classes wide', numbers, 4,
                   is_sure=is_said or numbers - 4 == (known.classes or len(COCO)))


def _finished_transformer(known: Evidence) -> Iterator[Fit]:
    """Yield the deploy interface of RT-DETR and its kin: an image and the size to scale to."""
    sizes = known.others[0]
    if len(known.others) > 1 or sizes.shape[-1:] != (2,) or len(sizes.shape) > 2:
        return
    if len(known.outputs) == 3 and _are_queries(known):
        yield Fit('rtdetr', f"labels, boxes and scores, scaled to the input '{sizes.name}'")


def _raw_transformer(known: Evidence) -> Iterator[Fit]:
    names = ' '.join(spec.name for spec in known.outputs).lower()
    if not ('logits' in names or 'pred_boxes' in names or ('dets' in names and 'labels' in names)):
        return
    if not _are_queries(known):
        return
    queries = find_outputs(known.outputs)
    count = queries.boxes.shape[-2]
    why = f'logits and boxes of {_count(count)} queries'
    is_sure = count != _DETR_QUERIES and queries.class_count not in _DETR_CLASSES
    if 'dets' in names:
        why += ", named as RF-DETR's, which wants the mean and std of ImageNet by its card"
        is_sure = False
    yield Fit('rtdetr', why, queries.class_count, is_sure)


def _are_queries(known: Evidence) -> bool:
    try:
        return find_outputs(known.outputs).boxes is not None
    except BlobMismatch:
        return False


def _decoded_beside_maps(known: Evidence) -> Iterator[Fit]:
    """Yield old exports of YOLOv5: the decoded boxes, and the maps that they come from."""
    tables = [spec for spec in known.outputs if len(spec.shape) == 3]
    maps = [spec for spec in known.outputs if spec not in tables]
    if len(tables) != 1 or not maps:
        return
    _, rows, numbers = tables[0].shape
    if numbers >= 6 and all(_is_map(spec, numbers) for spec in maps) and (
            known.size is None or rows == -1 or rows // ANCHORS in _cells(known)):
        yield Fit('yolov5', f"'{tables[0].name}' is decoded from the {len(maps)} maps beside it",
                  numbers - 5)


def _is_map(spec: BlobSpec, numbers: int) -> bool:
    shape = spec.shape
    return ((len(shape) == 5 and shape[1] == ANCHORS and shape[4] == numbers)
            or (len(shape) == 4 and shape[1] == ANCHORS * numbers))


def _cells(known: Evidence) -> tuple[int, ...]:
    size = known.size
    return () if size is None else tuple(count_cells(size, strides) for strides in VARIANTS)


def _is_grid(known: Evidence, rows: int) -> bool:
    """Whether there are as many rows as the input has cells, once or for three anchors."""
    return rows in _cells(known) or (
        rows % ANCHORS == 0 and rows // ANCHORS in _cells(known))


def _count(rows: int) -> str:
    return 'any number of' if rows == -1 else str(rows)
