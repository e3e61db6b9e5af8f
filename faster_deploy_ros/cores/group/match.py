# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether two cores run the same model, so that either may serve a frame."""

from collections.abc import Mapping, Sequence

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.infer_core import InferCore
from faster_deploy_ros.cores.source import guess_layout
from faster_deploy_ros.errors import BlobMismatch

PIXELS = frozenset({'float32', 'uint8'})   # what an image input may be; the model paints both


def match(first: InferCore, other: InferCore) -> Mapping[str, str]:
    """
    Pair the tensors of two cores, by name where the names are the same, else by position.

    Image inputs may differ in layout (NCHW, NHWC) and may be float32 or uint8: a model paints by
    the spec of the blob that it has leased. Everything else must be the same; an input that the
    first core leaves open, the other must leave open too. (Outputs are read as they come, and one
    runtime infers shapes that another leaves open.)

    :returns: for each name of the first core that the other has not, the other's name of it.
    :raises BlobMismatch: they differ; the message names both and says where.
    """
    renames: dict[str, str] = {}
    for is_input in (True, False):
        ours, theirs = _specs(first, is_input), _specs(other, is_input)
        kind = 'inputs' if is_input else 'outputs'
        if len(ours) != len(theirs):
            raise _refused(first, other, f'has {len(ours)} {kind}', f'{len(theirs)}')
        by_name = {spec.name: spec for spec in theirs}
        same_names = by_name.keys() == {spec.name for spec in ours}
        for position, mine in enumerate(ours):
            spec = by_name[mine.name] if same_names else theirs[position]
            if not _fits(mine, spec):
                raise _refused(first, other, f'has {_said(mine)}', _said(spec))
            if spec.name != mine.name:
                if mine.name in other.specs:
                    raise _refused(
                        first, other, f"has '{mine.name}' at place {position + 1} of its {kind}",
                        f"'{spec.name}' there and '{mine.name}' elsewhere; rename one of them")
                renames[mine.name] = spec.name
    return renames


def _specs(core: InferCore, is_input: bool) -> Sequence[BlobSpec]:
    return [spec for spec in core.specs.values() if spec.is_input is is_input]


def _fits(mine: BlobSpec, other: BlobSpec) -> bool:
    """Tell whether what is made for the first core's tensor can be made for the other's."""
    dtypes = {mine.dtype.name, other.dtype.name}
    if len(dtypes) > 1 and not (mine.is_input and len(mine.shape) == 4 and dtypes == PIXELS):
        return False
    shape, ours, theirs = other.shape, _layout(mine), _layout(other)
    if {ours, theirs} == {'NCHW', 'NHWC'}:
        shape = tuple(shape[theirs.index(axis)] for axis in ours)
    return len(shape) == len(mine.shape) and all(
        size in (wanted, -1) or (wanted == -1 and not mine.is_input)
        for wanted, size in zip(mine.shape, shape))


def _layout(spec: BlobSpec) -> str:
    return spec.layout or (guess_layout(spec.shape) if spec.is_input else '')


def _said(spec: BlobSpec) -> str:
    return f'{spec} {spec.layout}'.strip()


def _refused(first: InferCore, other: InferCore, what: str, instead: str) -> BlobMismatch:
    return BlobMismatch(
        f"group: '{first.uri}' {what}, and '{other.uri}' {instead}; expected one model in several "
        'forms. Convert all of them from the same file, with the same input size')
