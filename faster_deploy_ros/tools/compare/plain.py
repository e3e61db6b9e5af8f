# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Two models of a task that is not known here: only their tensors, on noise."""

from collections.abc import Iterator

from faster_deploy_ros.blobs import Blob
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tools.compare.boxes import total
from faster_deploy_ros.tools.compare.tensors import TensorTally
from faster_deploy_ros.tools.compare.verdict import Figures
from faster_deploy_ros.tools.inputs import Noise, Shapes
import numpy as np
from numpy.typing import NDArray

ROUNDS = 4


def compare_tensors(
        reference: InferCore, candidate: InferCore, shapes: Shapes) -> tuple[Figures, list[str]]:
    """
    Give both the same noise and compare all outputs; also return how these were matched.

    :param shapes: of the inputs that the reference leaves open, by name.
    :raises BlobMismatch: an input is open still, or inputs or outputs cannot be matched.
    """
    feed = Noise(reference, shapes)
    tallies: dict[str, TensorTally] = {}
    notes: list[str] = []
    for number in range(ROUNDS):
        with reference.lease() as ours, candidate.lease() as theirs:
            feed.fill(ours, number)
            for source, target in _matched(ours.inputs, theirs.inputs, 'inputs'):
                target.reshape(_as_declared(source, target))
                np.copyto(target.data, source.data.reshape(target.shape))
            reference.sync_infer(ours)
            candidate.sync_infer(theirs)
            for expected, found in _matched(ours.outputs, theirs.outputs, 'outputs'):
                names = expected.spec.name, found.spec.name
                if names[0] != names[1] and number == 0:
                    notes.append(f"output '{names[0]}' is '{names[1]}' in the candidate")
                tallies.setdefault(names[0], TensorTally(names[0])).add(
                    _column(expected.data), _column(found.data))
    return Figures(tuple(tally.figures() for tally in tallies.values()), total([])), notes


def _matched(
        ours: tuple[Blob, ...], theirs: tuple[Blob, ...],
        what: str) -> Iterator[tuple[Blob, Blob]]:
    """Pair by name, else by place; axes of length 1 do not count."""
    by_name = {blob.spec.name: blob for blob in theirs}
    if len(ours) != len(theirs):
        raise BlobMismatch(
            f'compare: the candidate has {len(theirs)} {what}, the reference {len(ours)}; convert '
            'the whole model')
    has_all = all(blob.spec.name in by_name for blob in ours)
    for place, blob in enumerate(ours):
        other = by_name[blob.spec.name] if has_all else theirs[place]
        if other.is_shaped and _core_of(blob.shape) != _core_of(other.shape):
            raise BlobMismatch(
                f'compare: got {other.spec} in the candidate, expected {list(blob.shape)}, the '
                "reference's; tensors of other tasks than detection are compared as they are")
        yield blob, other


def _core_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _as_declared(source: Blob, target: Blob) -> tuple[int, ...]:
    return target.shape if target.is_shaped else source.shape


def _column(tensor: NDArray[np.generic]) -> NDArray[np.generic]:
    return tensor.reshape(-1, 1)
