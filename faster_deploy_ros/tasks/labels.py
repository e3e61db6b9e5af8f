# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the classes of a model are called."""

import ast
from collections.abc import Iterable, Mapping
import difflib
import json
from typing import Any

from faster_deploy_ros.errors import BlobMismatch, LoadFailed, UnknownName

Labels = tuple[str, ...]

COCO: Labels = (
    'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck', 'boat',
    'traffic light', 'fire hydrant', 'stop sign', 'parking meter', 'bench', 'bird', 'cat', 'dog',
    'horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe', 'backpack', 'umbrella',
    'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball', 'kite',
    'baseball bat', 'baseball glove', 'skateboard', 'surfboard', 'tennis racket', 'bottle',
    'wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple', 'sandwich',
    'orange', 'broccoli', 'carrot', 'hot dog', 'pizza', 'donut', 'cake', 'chair', 'couch',
    'potted plant', 'bed', 'dining table', 'toilet', 'tv', 'laptop', 'mouse', 'remote',
    'keyboard', 'cell phone', 'microwave', 'oven', 'toaster', 'sink', 'refrigerator', 'book',
    'clock', 'vase', 'scissors', 'teddy bear', 'hair drier', 'toothbrush')


# What lists of classes write where a number is not used: it may come more than once.
_UNUSED = ('n/a', 'na', 'none', 'unused', 'reserved', 'background', '__background__', '-', '???')


def labels_from_metadata(metadata: Mapping[str, str]) -> Labels:
    """
    Read the entry ``names`` of a model file: a dict or list, in Python's or JSON's notation.

    :return: the labels by class id, or ``()`` where the file has no such entry.
    :raises LoadFailed: the entry is there and is not names by number.
    """
    text = metadata.get('names', '')
    if not text.strip():
        return ()
    try:
        names = _literal(text)
        if isinstance(names, dict):
            by_id = {int(key): name for key, name in names.items()}
            if len(by_id) < len(names):
                raise ValueError('two of them have the same number')
            names = [by_id[index] for index in range(len(by_id))]
        if not isinstance(names, (list, tuple)):
            raise TypeError(f'it is a {type(names).__name__}')
        return check_labels(names)
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError,
            OverflowError) as error:
        raise LoadFailed(
            f"model metadata 'names': cannot be read as class names ({_brief(error)}), got "
            f"{text[:60]!r}; expected {{0: 'person', 1: ...}}. Set the parameter labels to go "
            'without it') from error


def check_labels(names: Iterable[Any]) -> Labels:
    """
    Return the names as labels.

    :raises ValueError: one is not a text, or empty.
    """
    labels = tuple(names)
    for index, name in enumerate(labels):
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f'label {index}: got {name!r}, expected a text (in YAML, quote it)')
    return labels


def resolve_labels(count: int | None, sources: Mapping[str, Labels]) -> Labels:
    """
    Name every class of a model by the first source that has names.

    Without any, 80 classes are COCO's, and others are ``class_0``, ``class_1`` and so on.

    :param count: how many classes the output has; None where its shape does not say.
    :param sources: labels by where they come from, the most binding first.
    :raises BlobMismatch: the source has another number of names than the output has classes, or
        two classes of one name.
    """
    for source, labels in sources.items():
        if not labels:
            continue
        if count is not None and len(labels) != count:
            raise BlobMismatch(
                f'labels: {source} has {len(labels)}, expected {count}, one for each class of '
                "the model's output; correct them, or check that the model is of this family")
        _expect_unique(source, labels)
        return labels
    if count == len(COCO):
        return COCO
    return tuple(f'class_{index}' for index in range(count or 0))


def _expect_unique(source: str, labels: Labels) -> None:
    """Refuse two classes of one name: whoever reads the results could not tell them apart."""
    first: dict[str, int] = {}
    for index, label in enumerate(labels):
        if label.strip().lower() in _UNUSED:
            continue
        if label in first:
            raise BlobMismatch(
                f"labels: {source} has '{label}' for the classes {first[label]} and {index}, "
                'expected a name of its own for each; correct them, or set the parameter labels')
        first[label] = index


def find_classes(wanted: Iterable[str | int], labels: Labels) -> frozenset[int]:
    """
    Return the ids of classes given by label, by number or by number as a text.

    :raises UnknownName: no class has that label or number.
    """
    return frozenset(found for one in wanted for found in _find_class(one, labels))


def _find_class(wanted: str | int, labels: Labels) -> list[int]:
    if isinstance(wanted, str):
        found = [index for index, label in enumerate(labels) if label == wanted]
        if found:
            return found
        if not wanted.isdecimal():
            folded = {label.lower(): label for label in labels}
            close = difflib.get_close_matches(wanted.lower(), folded, n=1)
            guess = f" Did you mean '{folded[close[0]]}'?" if close else ''
            raise UnknownName(
                f"classes: the model has no class '{wanted}', expected one of "
                f'{_sample(labels)}.{guess}')
    index = int(wanted)
    if not 0 <= index < len(labels):
        raise UnknownName(
            f'classes: the model has no class number {index}, expected 0 to {len(labels) - 1}')
    return [index]


def _sample(labels: Labels) -> str:
    return ', '.join(labels[:12]) + (f' ... ({len(labels)} in all)' if len(labels) > 12 else '')


def _literal(text: str) -> Any:
    """Read JSON or a Python literal; neither can run anything."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return ast.literal_eval(text)


def _brief(error: BaseException) -> str:
    return f'{type(error).__name__}: {error}'[:120]
