# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Is the NPU's model still the original? Answered here by the toolkit's simulator."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import ConvertFailed
from faster_deploy_ros.sources import open_source
from faster_deploy_ros.tools.compare.tensors import TensorTally
from faster_deploy_ros.tools.compare.tolerance import tolerance
from faster_deploy_ros.tools.convert.job import ConvertJob
from faster_deploy_ros.tools.convert.rknn_images import Picture, Scaling
import numpy as np
from numpy.typing import NDArray

IMAGES = 3   # the simulator needs a third of a second for a small network


def sample(job: ConvertJob, picture: Picture, scaling: Scaling) -> list[NDArray[np.uint8]]:
    """Return some pictures as ``(1, h, w, 3)`` bytes: the user's own, else a rendered scene."""
    if job.calibration is not None:
        return [np.ascontiguousarray(scaling.raw(tensor).transpose(0, 2, 3, 1))
                for tensor in islice(job.calibration(), IMAGES)]
    size = (picture.width, picture.height)
    return [
        np.ascontiguousarray(cv2.resize(shot.frame.image, size)[None])
        for shot in islice(open_source('scene'), IMAGES)]


def compare(
        job: ConvertJob, model: Path, scaling: Scaling, checks: Sequence[NDArray[np.uint8]]
) -> list[str]:
    """
    Compare the simulator's answers in the scratch folder with those of the original.

    :returns: a note that says how close they are.
    :raises ConvertFailed: they are further apart than the precision explains.
    """
    tallies: list[TensorTally] = []
    with open_core(model, seats=1) as core, core.lease() as blobs:
        for number, image in enumerate(checks):
            blob = blobs.inputs[0]
            blob.reshape((1, 3, *image.shape[1:3]))
            blob.data[...] = scaling.seen(image)
            core.sync_infer(blobs)
            with np.load(job.scratch / f'check{number}_answer.npz') as answers:
                for index, output in enumerate(blobs.outputs):
                    if number == 0:
                        tallies.append(TensorTally(output.spec.name))
                    found = answers[f'arr_{index}'].reshape(output.shape)
                    tallies[index].add(_columns(output.data), _columns(found))
    return [_verdict(job, tally) for tally in tallies]


def _verdict(job: ConvertJob, tally: TensorTally) -> str:
    limit, figures = tolerance(job.precision), tally.figures()
    said = (f"output '{tally.name}' in the simulator: cosine {figures.cosine:.5f}, channels reach "
            f"{figures.peak:.0%} of the original's range")
    if figures.bad or figures.cosine < limit.cosine or figures.peak < limit.peak:
        remedy = '--option level=0, or --option mean=... and std=... if these are wrong'
        if job.precision == 'int8':
            remedy = ('more calibration images of what the camera will see, --option '
                      'algorithm=mmse, --option tail=fp16, or --precision fp16')
        raise ConvertFailed(
            f'convert: the {job.precision} model is not the original any more: {said}, expected '
            f'cosine {limit.cosine} and {limit.peak:.0%}. Try {remedy}; --option check=0 keeps it')
    return said


def _columns(tensor: NDArray[Any]) -> NDArray[Any]:
    """Lay a tensor out as ``(n, channels)``: what is one number a box goes into one column."""
    if tensor.ndim < 3:
        return tensor.reshape(-1, 1)
    axis = 1 if tensor.ndim > 3 else 1 + int(np.argmin(tensor.shape[1:]))
    return np.moveaxis(tensor, axis, -1).reshape(-1, tensor.shape[axis])
