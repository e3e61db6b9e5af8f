# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a user may choose about detections; the one place of the defaults."""

from dataclasses import dataclass
from typing import Any

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tasks.labels import Labels
from faster_deploy_ros.tasks.letterbox import Size

DECODED = ('auto', 'raw', 'decoded')
PREPROCESSING = ('auto', 'current', 'legacy')


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """
    Settings of a detector.

    :param confidence_threshold: the lowest score reported, 0 to 1.
    :param nms_threshold: the overlap (intersection over union) above which the weaker of two
        boxes goes, 0 to 1; 1 keeps all.
    :param max_detections: boxes per image at most, the best ones.
    :param class_agnostic: whether boxes of different classes suppress each other too.
    :param classes: report only these, by label or number; empty: all. A box whose best class is
        another one is left out before the suppression.
    :param labels: names of the classes, in the model's order; empty: the model's own.
    :param max_candidates: boxes that the suppression looks at, at most, the best ones.
    :param decoded: yolox only: whether the model's boxes are ``'raw'`` (offsets in grid cells) or
        ``'decoded'`` (pixels). ``'auto'``: what the model card or the model's metadata says, else
        one inference of an empty image when the model is opened tells.
    :param preprocessing: yolox only: ``'current'`` (BGR, 0 to 255) or ``'legacy'`` (RGB, ImageNet
        mean and deviation, as trained before release 0.2). ``'auto'``: the card, else current.
    :param input_size: ``(width, height)`` for a model that leaves it open; None: the card's or the
        metadata's.
    :raises BadValue: a value out of range.
    """

    confidence_threshold: float = 0.25
    nms_threshold: float = 0.45
    max_detections: int = 300
    class_agnostic: bool = False
    classes: tuple[str | int, ...] = ()
    labels: Labels = ()
    max_candidates: int = 1000
    decoded: str = 'auto'
    preprocessing: str = 'auto'
    input_size: Size | None = None

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name in ('confidence_threshold', 'nms_threshold'):
            self._check(name, float, 0, 1)
        self._check('max_detections', int, 1, 10_000)
        self._check('max_candidates', int, 1, 100_000)
        for name, choices in (('decoded', DECODED), ('preprocessing', PREPROCESSING)):
            if getattr(self, name) not in choices:
                raise BadValue(
                    f"{name}: got {getattr(self, name)!r}, expected one of {', '.join(choices)}")
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
        self._check_input_size()

    def _check(self, name: str, kind: type, low: float, high: float) -> None:
        value: Any = getattr(self, name)
        kinds = (int, float) if kind is float else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            what = 'a number' if kind is float else 'a whole number'
            raise BadValue(f'{name}: got {value!r}, expected {what} from {low} to {high}')

    def _check_input_size(self) -> None:
        size: Any = self.input_size
        if size is None:
            return
        if len(size) != 2 or not all(isinstance(n, int) and n > 0 for n in size):
            raise BadValue(f'input_size: got {size!r}, expected (width, height) in pixels')
        object.__setattr__(self, 'input_size', tuple(size))
