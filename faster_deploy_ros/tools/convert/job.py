# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a converter is given, and what it gives back."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faster_deploy_ros.tasks import ModelCard
from numpy.typing import NDArray

PRECISIONS = ('fp32', 'fp16', 'int8')


@dataclass(frozen=True)
class ConvertJob:
    """
    One conversion: what, into which file, how exactly.

    Its paths are absolute, for programs that run in another folder.

    :param model: the ONNX file; it has been loaded and checked before.
    :param output: the main file to write, with the ending of the runtime: ``m.param``. Its folder
        is there; the converter writes beside it under names that begin with its stem, or in
        ``scratch``.
    :param precision: one of PRECISIONS; a converter that has it not raises Unsupported.
    :param card: what the model's tensors mean, as far as it is known.
    :param calibration: yields input tensors ``(1, c, h, w)`` as the model wants to see them, a new
        iterator for each call; None where no images were given.
    :param scratch: an empty folder that is deleted afterwards.
    :param report: tells the user what is being done now: ``report('quantising', 3, 64)``; without
        numbers where there is nothing to count.
    :param options: what else the user has said, by name: ``{'target': 'rk3588'}``.
    """

    model: Path
    output: Path
    precision: str
    card: ModelCard
    calibration: Callable[[], Iterator[NDArray[Any]]] | None
    scratch: Path
    report: Callable[..., None]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Converted:
    """
    What a conversion has made.

    :param files: all files of the new model, the main one first.
    :param versions: of the converters used, by name.
    :param notes: what the user should know: what was rewritten, what was left out.
    :param card: lines for the card beside the result that differ from the job's card, by key:
        ``{'input': {'size': [416, 416]}}``.
    """

    files: tuple[Path, ...]
    versions: Mapping[str, str]
    notes: tuple[str, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
