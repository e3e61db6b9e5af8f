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

IMAGES = 4      # the simulator needs a third of a second for a small network
COUNTS = 0.2    # least spread of a channel that says something, in an output of 0 to 1
DEAD = 0.1      # a channel that moves by less than this share of the original's
MOST_DEAD = 0.1
TINY = 1e-12


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
    rows: list[_Output] = []
    with open_core(model, seats=1) as core, core.lease() as blobs:
        for number, image in enumerate(checks):
            blob = blobs.inputs[0]
            blob.reshape((1, 3, *image.shape[1:3]))
            blob.data[...] = scaling.seen(image)
            core.sync_infer(blobs)
            rows = rows or [_Output(output.spec.name) for output in blobs.outputs]
            with np.load(job.scratch / f'check{number}_answer.npz') as answers:
                for index, (row, output) in enumerate(zip(rows, blobs.outputs)):
                    found = answers[f'arr_{index}'].reshape(output.shape)
                    row.add(_columns(output.data), _columns(found))
    return [_verdict(job, row) for row in rows]


class _Output:
    """One output over all images: how alike, and how much of each channel's range is left."""

    def __init__(self, name: str) -> None:
        self.tally = TensorTally(name)
        self._limits: list[NDArray[Any]] = []   # (4, channels) of each image: two least, two most

    def add(self, reference: NDArray[Any], candidate: NDArray[Any]) -> None:
        """Count one image in, ``(n, channels)`` each."""
        self.tally.add(reference, candidate)
        self._limits.append(np.stack([
            reference.min(0), candidate.min(0), reference.max(0), candidate.max(0)]))

    def kept(self) -> tuple[float, float]:
        """
        Return what is left of the channels' spread: the median share, and how many are dead.

        A class that is in none of the images hardly moves; that 8 bits make it zero is no loss.

        :returns: the candidate's spread over the reference's, median over the channels that
            count; and the share of these channels that hardly move any more.
        """
        limits = np.array(self._limits)
        reference, candidate = limits[:, 2:].max(0) - limits[:, :2].min(0)
        counts = reference >= max(COUNTS * min(1.0, float(reference.max())), TINY)
        if not counts.any():
            return 1.0, 0.0
        shares = candidate[counts] / reference[counts]
        return float(np.median(shares)), float((shares < DEAD).mean())


def _verdict(job: ConvertJob, row: _Output) -> str:
    limit, figures = tolerance(job.precision), row.tally.figures()
    kept, dead = row.kept()
    said = (f"output '{figures.name}' in the simulator: cosine {figures.cosine:.5f}, channels "
            f"reach {kept:.0%} of the original's range, {dead:.0%} of them are dead")
    if (figures.bad or figures.cosine < limit.cosine or not kept >= limit.peak
            or dead > MOST_DEAD):
        remedy = '--option level=0, or --option mean=... and std=... if these are wrong'
        if job.precision == 'int8':
            remedy = ('more calibration images of what the camera will see, --option '
                      'algorithm=kl_divergence, --option tail=fp16, or --precision fp16')
        raise ConvertFailed(
            f'convert: the {job.precision} model is not the original any more: {said}, expected '
            f'cosine {limit.cosine}, {limit.peak:.0%}, few dead. Try {remedy}; --option check=0 '
            'keeps it')
    return said


def _columns(tensor: NDArray[Any]) -> NDArray[Any]:
    """Lay a tensor out as ``(n, channels)``: what is one number a box goes into one column."""
    if tensor.ndim < 3:
        return tensor.reshape(-1, 1)
    axis = 1 if tensor.ndim > 3 else 1 + int(np.argmin(tensor.shape[1:]))
    return np.moveaxis(tensor, axis, -1).reshape(-1, tensor.shape[axis])
