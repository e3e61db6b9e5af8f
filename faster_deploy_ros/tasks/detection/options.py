# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a user may choose about detections; the one place of the defaults."""

from dataclasses import dataclass
from typing import Any

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tasks.labels import Labels


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """
    Settings of a detector.

    :param confidence_threshold: the lowest score reported, 0 to 1.
    :param nms_threshold: the overlap (intersection over union) above which the weaker of two
        boxes goes, 0 to 1; 1 keeps all.
    :param max_detections: boxes per image at most, the best ones.
    :param class_agnostic: whether boxes of different classes suppress each other too; the only
        suppression for models that choose their boxes themselves (yolo_end2end, rtdetr).
    :param classes: report only these, by label or number; empty: all. A box whose best class is
        another one is left out before the suppression.
    :param labels: names of the classes, in the model's order; empty: the model's own.
    :param max_candidates: boxes that the suppression looks at, at most, the best ones.
    :raises BadValue: a value out of range.
    """

    confidence_threshold: float = 0.25
    nms_threshold: float = 0.45
    max_detections: int = 300
    class_agnostic: bool = False
    classes: tuple[str | int, ...] = ()
    labels: Labels = ()
    max_candidates: int = 1000

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name in ('confidence_threshold', 'nms_threshold'):
            self._check(name, float, 0, 1)
        self._check('max_detections', int, 1, 10_000)
        self._check('max_candidates', int, 1, 100_000)
        for name in ('classes', 'labels'):
            if isinstance(getattr(self, name), str):
                raise BadValue(f'{name}: got one text {getattr(self, name)!r}, expected a list')
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for index, label in enumerate(self.labels):
            if not isinstance(label, str) or not label.strip():
                raise BadValue(f'labels: got {label!r} for class {index}, expected a name')
        for one in self.classes:
            if isinstance(one, bool) or not isinstance(one, (str, int)):
                raise BadValue(f'classes: got {one!r}, expected labels or numbers')

    def _check(self, name: str, kind: type, low: float, high: float) -> None:
        value: Any = getattr(self, name)
        kinds = (int, float) if kind is float else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            what = 'a number' if kind is float else 'a whole number'
            raise BadValue(f'{name}: got {value!r}, expected {what} from {low} to {high}')
