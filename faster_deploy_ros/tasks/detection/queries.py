# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which output of a detection transformer is which: boxes, scores and labels of its queries."""

from collections.abc import Sequence
from dataclasses import dataclass

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.image_input import expect_floats

_BOXES, _LABELS, _SCORES = ('box', 'dets'), ('label', 'class'), ('score', 'conf', 'prob')


@dataclass(frozen=True, slots=True)
class Queries:
    """
    The outputs of a model by what they hold.

    :param boxes: corners in pixels where there are labels, else centres and sizes as fractions.
    :param scores: of each box, or of each class of each box; the same as ``boxes`` where one
        output holds both.
    :param labels: the class of each box; None where the scores tell.
    """

    boxes: BlobSpec
    scores: BlobSpec
    labels: BlobSpec | None = None

    @property
    def is_joined(self) -> bool:
        """Whether one output holds ``[n, 4 + classes]``."""
        return self.boxes is self.scores

    @property
    def are_logits(self) -> bool:
        """Whether the scores are still to go through a sigmoid."""
        return self.labels is None and not self.is_joined and not _has(self.scores, _SCORES)

    @property
    def class_count(self) -> int | None:
        """How many classes there are; None where the shapes do not tell."""
        columns = self.scores.shape[-1]
        if self.labels is not None or columns == -1:
            return None
        return columns - 4 if self.is_joined else columns

    def __str__(self) -> str:
        if self.labels is not None:
            return 'boxes finished by the model'
        if self.is_joined:
            return 'boxes and scores of queries'
        return f"boxes and {'logits' if self.are_logits else 'scores'} of queries"


def find_outputs(outputs: Sequence[BlobSpec]) -> Queries:
    """
    Tell the outputs apart by their names, else by their shapes and dtypes.

    Names come first: a model of four classes has logits of the very shape of its boxes.

    :raises BlobMismatch: they are not those of a detection transformer, or cannot be told apart.
    """
    found = None
    if len(outputs) == 1:
        found = Queries(outputs[0], outputs[0])
    elif len(outputs) == 3 and not any(_has(spec, ('logits',)) for spec in outputs):
        found = _find_finished(outputs)
    elif len(outputs) >= 2:
        found = _find_raw(outputs)
    if found is None or not _fits(found):
        raise BlobMismatch(
            f"RtDetr: got {'; '.join(map(str, outputs)) or 'no outputs'}, expected labels [1, n], "
            'boxes [1, n, 4] and scores [1, n]; or logits [1, n, classes] and pred_boxes '
            '[1, n, 4]; or [1, n, 4 + classes]; name the outputs so, or export the model with '
            "its project's own script")
    for spec in (found.boxes, found.scores):
        expect_floats('RtDetr', spec)
    return found


def _find_finished(outputs: Sequence[BlobSpec]) -> Queries | None:
    by_name = [[spec for spec in outputs if _has(spec, words)]
               for words in (_LABELS, _BOXES, _SCORES)]
    if all(len(specs) == 1 for specs in by_name):
        labels, boxes, scores = (specs[0] for specs in by_name)
        return Queries(boxes, scores, labels)
    deepest = max(len(spec.shape) for spec in outputs)
    boxed = [spec for spec in outputs if len(spec.shape) == deepest]
    whole = [spec for spec in outputs if spec.dtype.kind == 'i' and spec not in boxed]
    rest = [spec for spec in outputs if spec not in boxed and spec not in whole]
    if len(boxed) == len(whole) == len(rest) == 1:
        return Queries(boxed[0], rest[0], whole[0])
    return None


def _find_raw(outputs: Sequence[BlobSpec]) -> Queries | None:
    named = [spec for spec in outputs if _has(spec, _BOXES)]
    if len(outputs) > 2:   # of more, exact names only: the others are features and the like
        named = [spec for spec in outputs if spec.name == 'pred_boxes']
        outputs = [*named, *(spec for spec in outputs if spec.name in ('logits', 'pred_logits'))]
    if not named:
        named = [spec for spec in outputs if spec.shape[-1:] == (4,)]
    others = [spec for spec in outputs if spec not in named]
    if len(named) == len(others) == 1:
        return Queries(named[0], others[0])
    return None


def _fits(found: Queries) -> bool:
    """Tell whether the shapes can be those of one image's queries."""
    boxes, scores, labels = found.boxes, found.scores, found.labels
    if found.is_joined:
        return _ends(scores, 2) and (scores.shape[-1] == -1 or scores.shape[-1] > 4)
    if labels is None:
        counts = {boxes.shape[-2:-1], scores.shape[-2:-1]}
        fits = _ends(boxes, 2, 4) and _ends(scores, 2)
    else:
        counts = {boxes.shape[-2:-1], scores.shape[-1:], labels.shape[-1:]}
        fits = _ends(boxes, 2, 4) and _ends(scores, 1) and _ends(labels, 1)
    return fits and len(counts - {(-1,)}) <= 1


def _ends(spec: BlobSpec, ndim: int, last: int = -1) -> bool:
    """Tell whether a spec has ``ndim`` dimensions after a batch of one, or without it."""
    shape = spec.shape
    if len(shape) == ndim + 1 and shape[0] in (1, -1):
        shape = shape[1:]
    return len(shape) == ndim and (last == -1 or shape[-1] in (last, -1))


def _has(spec: BlobSpec, words: Sequence[str]) -> bool:
    name = spec.name.lower()
    return any(word in name for word in words)
