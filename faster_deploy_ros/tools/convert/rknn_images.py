# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a picture is to a model for the NPU: bytes, and the scaling that goes into the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import BadValue, FasterDeployError
from faster_deploy_ros.tasks import open_model
from faster_deploy_ros.tasks.pixels import PixelFormat
from faster_deploy_ros.tools.convert.job import ConvertJob
from faster_deploy_ros.tools.convert.original import fed_inputs
import numpy as np
from numpy.typing import NDArray
import onnx

UNSCALED = (
    'nothing says how the model wants its pixels (no card, no known family): its input takes the '
    'bytes unscaled; --option mean=... and std=... put a scaling into it')


@dataclass(frozen=True)
class Picture:
    """The only input of a model that takes one picture, ``[1, 3, height, width]``."""

    name: str
    width: int
    height: int

    @classmethod
    def of(cls, model: Path) -> 'Picture | None':
        """Read it from an ONNX file; None where the model has other inputs."""
        graph = onnx.load(model, load_external_data=False).graph
        inputs = fed_inputs(graph)
        if len(inputs) != 1:
            return None
        shape = [size.dim_value for size in inputs[0].type.tensor_type.shape.dim]
        if len(shape) != 4 or shape[0] > 1 or shape[1] != 3 or 0 in shape[2:]:
            return None
        return cls(inputs[0].name, shape[3], shape[2])


@dataclass(frozen=True)
class Scaling:
    """
    ``(byte - mean) / std`` per channel, in the model's order; it goes into the model.

    :param color: ``'bgr'`` or ``'rgb'``; ``''``: not known.
    :param notes: for the user, where it is a guess.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    color: str = ''
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
            cls, job: ConvertJob, mean: Sequence[str] = (), std: Sequence[str] = ()) -> 'Scaling':
        """
        Take the user's word, else the card's and the family's; without any, bytes as they are.

        :raises BadValue: numbers that cannot be read, or not three of each.
        """
        pixels = _pixels(job)
        color = pixels.color if pixels else job.card.input.color or ''
        if mean or std:
            return cls(_three('mean', mean, '0'), _three('std', std, '1'), color)
        if pixels is None:
            return cls((0.0,) * 3, (1.0,) * 3, color, (UNSCALED,))
        factor = 255.0 / pixels.scale
        return cls(
            tuple(factor * each for each in pixels.mean),
            tuple(factor * each for each in pixels.std), color)

    def raw(self, tensor: NDArray[Any]) -> NDArray[np.uint8]:
        """Turn ``(1, 3, h, w)`` as the original sees it back into bytes."""
        mean, std = (np.array(each, np.float32)[:, None, None] for each in (self.mean, self.std))
        found: NDArray[np.uint8] = np.clip(np.rint(tensor * std + mean), 0, 255).astype(np.uint8)
        return found

    def seen(self, raw: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn bytes ``(1, h, w, 3)`` into ``(1, 3, h, w)`` as the original sees them."""
        values = (raw.astype(np.float32) - np.array(self.mean, np.float32)) / np.array(
            self.std, np.float32)
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def _pixels(job: ConvertJob) -> PixelFormat | None:
    """Ask the model's family; where there is none, the card, if it says anything of scaling."""
    try:
        with open_core(job.model, seats=1) as core:
            found: Any = getattr(open_model('auto', core, card=job.card), 'pixels', None)
            if isinstance(found, PixelFormat):
                return found
    except FasterDeployError:
        pass
    said = job.card.input
    return said.pixels(PixelFormat()) if said.scale or said.mean or said.std else None


def _three(name: str, words: Sequence[str], usual: str) -> tuple[float, ...]:
    given = tuple(words) or (usual,)
    given = given * 3 if len(given) == 1 else given
    try:
        values = tuple(float(word) for word in given)
    except ValueError:
        values = ()
    if len(values) != 3 or (name == 'std' and min(values) <= 0):
        raise BadValue(
            f"convert: option {name}: got '{','.join(words)}', expected three numbers"
            f"{' above 0' if name == 'std' else ''}, as in {name}=127.5,127.5,127.5")
    return values
