# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs the original and the result on the same inputs, in a process that may crash."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
import math
from pathlib import Path
from typing import Any

from faster_deploy_ros.blobs import BlobsBuffer
from faster_deploy_ros.cores import InferCore, ModelUri, open_core
from faster_deploy_ros.errors import BlobMismatch, FasterDeployError, Unavailable
from faster_deploy_ros.tools.child import Child, serve
from faster_deploy_ros.tools.compare.tensors import TensorTally
from faster_deploy_ros.tools.compare.tolerance import tolerance
from faster_deploy_ros.tools.convert.chosen_boxes import chosen_boxes, Pair
from faster_deploy_ros.tools.convert.orders import Orders, Parity
from faster_deploy_ros.tools.inputs import Feed, load_frames, open_feed, Pictures
import numpy as np
from numpy.typing import NDArray

INPUTS = 4          # enough to see whether a model was converted; compare looks closely
LIMIT_S = 600.0
FARTHEST = 0.01     # of the range; the rounding of float32 alone is a hundredth of that


def check(original: Path, result: ModelUri, orders: Orders) -> Parity:
    """
    Compare the outputs of two models, on pictures if their family is known, else on noise.

    :param original: the model that was converted: the user's, or its copy without open shapes.
    """
    try:
        with Child(__name__, f'{result.scheme}: the new model') as child:
            seen = child.ask({
                'original': str(ModelUri('onnxruntime', 0, str(original))), 'result': str(result),
                'images': orders.images or 'scene', 'shapes': dict(orders.shapes)}, LIMIT_S)
    except Unavailable as error:
        return Parity(reason=str(error))
    except FasterDeployError as error:
        return Parity(faults=(str(error),))
    if 'reason' in seen:
        return Parity(reason=seen['reason'])
    return Parity(
        outputs=tuple(seen['outputs']), inputs=seen['inputs'],
        faults=tuple(seen['faults']) + tuple(_faults(seen['outputs'], orders.precision)))


def _faults(outputs: Sequence[Mapping[str, Any]], precision: str) -> list[str]:
    """Say which outputs are further off than the precision explains."""
    limit, faults = tolerance(precision), []
    for each in outputs:
        name = f"output '{each['name']}'"
        if each['bad']:
            faults.append(f"{name} holds {each['bad']} numbers that are NaN or infinite")
        if each['cosine'] < limit.cosine:
            faults.append(f"{name}: cosine {each['cosine']:.6f}, expected {limit.cosine} or more "
                          f'for {precision}')
        elif precision == 'fp32' and FARTHEST < each['relative'] < math.inf:
            faults.append(f"{name}: off by {each['relative']:.1%} of its range at most, expected "
                          f'{FARTHEST:.0%} or less for fp32; compare says whether it matters')
        elif each['peak'] < limit.peak:
            faults.append(f"{name}: its channels reach {each['peak']:.0%} of the original's "
                          f'range, expected {limit.peak:.0%} or more for {precision}')
    return faults


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """Run in the child: figures by output, or the reason why there can be none."""
    shapes = {name: tuple(shape) for name, shape in question['shapes'].items()}
    try:
        one = open_core(question['original'], seats=1)
    except FasterDeployError as error:
        return {'reason': f'the original does not run on onnxruntime: {error}'}
    with one, open_core(question['result'], seats=1) as two:
        frames = load_frames(question['images'], INPUTS)
        try:
            feed = open_feed(one, frames, shapes=shapes)
            tallies, faults = _compare(one, two, feed, _own_feed(two, feed))
        except BlobMismatch as error:
            return {'reason': str(error)}
    return {'outputs': [asdict(tally.figures()) for tally in tallies], 'faults': faults,
            'inputs': f'{INPUTS} times noise' if feed.says == 'noise' else feed.says}


def _own_feed(core: InferCore, feed: Feed) -> Feed | None:
    """
    Prepare pictures as the result's own card says, if that is possible.

    It need not be what the original sees: an NPU may take bytes where the original takes floats.
    """
    if not isinstance(feed, Pictures):
        return None
    try:
        own = open_feed(core, feed.frames)
    except BlobMismatch:
        return None
    return own if isinstance(own, Pictures) else None


def _compare(
        one: InferCore, two: InferCore, feed: Feed, own: Feed | None
        ) -> tuple[list[TensorTally], list[str]]:
    tallies: dict[str, TensorTally] = {}
    faults: list[str] = []
    chosen = chosen_boxes(feed, one, two)
    for number in range(INPUTS):
        with one.lease() as ours, two.lease() as theirs:
            feed.fill(ours, number)
            if own is not None:
                own.fill(theirs, number)
            else:
                _copy_inputs(ours, theirs)
            one.sync_infer(ours)
            two.sync_infer(theirs)
            if chosen is None:
                pairs: Sequence[Pair] = _pairs(ours, theirs)
            else:
                pairs, missed = chosen.pairs(ours, theirs, number)
                faults += missed
            for name, expected, found in pairs:
                if expected.size != found.size:
                    faults.append(f"output '{name}' has the shape {found.shape}, the original's "
                                  f'{expected.shape}')
                    continue
                tally = tallies.setdefault(name, TensorTally(name))
                tally.add(_columns(expected), _columns(found.reshape(expected.shape)))
    if chosen is not None and not tallies and not faults:
        raise BlobMismatch(
            'neither model finds anything in the pictures, so that there is nothing to compare; '
            'give --images with objects of its classes')
    return list(tallies.values()), list(dict.fromkeys(faults))


def _copy_inputs(ours: BlobsBuffer, theirs: BlobsBuffer) -> None:
    """
    Give the result the very numbers that the original sees.

    :raises BlobMismatch: its inputs are of another kind.
    """
    sources, targets = list(ours.inputs), list(theirs.inputs)
    if len(sources) != len(targets):
        raise BlobMismatch(
            f'the original has {len(sources)} inputs, the result {len(targets)}')
    by_name = {blob.spec.name: blob for blob in targets}
    for source, in_order in zip(sources, targets):
        target = by_name.get(source.spec.name, in_order)
        if source.dtype != target.dtype:
            raise BlobMismatch(
                f"{target.spec.title} of the result is {target.dtype}, the original's is "
                f'{source.dtype}, and no family says how to fill it')
        if target.spec.is_dynamic:
            target.reshape(source.shape)
        if source.data.size != target.data.size:
            raise BlobMismatch(
                f"{target.spec.title} of the result has the shape {target.shape}, the original's "
                f'{source.shape}')
        target.data[...] = source.data.reshape(target.shape)


def _pairs(ours: BlobsBuffer, theirs: BlobsBuffer) -> list[Pair]:
    """Pair the outputs by name, or by their order where the runtime has renamed them."""
    expected, found = list(ours.outputs), list(theirs.outputs)
    by_name = {blob.spec.name: blob for blob in found}
    if all(blob.spec.name in by_name for blob in expected):
        found = [by_name[blob.spec.name] for blob in expected]
    elif len(found) != len(expected):
        raise BlobMismatch(
            f"the result has the outputs {', '.join(by_name)}, the original "
            f"{', '.join(blob.spec.name for blob in expected)}")
    return [(one.spec.name, one.data, two.data) for one, two in zip(expected, found)]


def _columns(tensor: NDArray[Any]) -> NDArray[Any]:
    """Lay a tensor out as ``(n, channels)``: what is one number a box goes into one column."""
    if tensor.ndim < 3:
        return tensor.reshape(-1, 1)
    axis = 1 if tensor.ndim > 3 else 1 + int(np.argmin(tensor.shape[1:]))
    return np.moveaxis(tensor, axis, -1).reshape(-1, tensor.shape[axis])


if __name__ == '__main__':
    serve(_answer)
