# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is to be converted, into what, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

IMAGES_USUAL = 100
FEW_IMAGES = 20      # to calibrate on: fewer leave whole ranges of the tensors unseen


@dataclass(frozen=True)
class Orders:
    """
    One conversion as the user wants it.

    :param to: a row of CONVERTERS.
    :param output: the main file, or a folder for it; None: beside the model.
    :param images: a source of pictures, to calibrate and to check on; '' where none was named.
    :param max_images: of them, to calibrate on.
    :param shapes: of inputs that the model leaves open, by name.
    :param force: replace what is there.
    :param check: run both models afterwards and compare.
    """

    model: Path
    to: str
    output: Path | None = None
    precision: str = 'fp32'
    images: str = ''
    max_images: int = IMAGES_USUAL
    options: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    force: bool = False
    check: bool = True


@dataclass(frozen=True)
class Parity:
    """
    How the new model's outputs differ from the original's.

    :param reason: why nothing was compared; '' where it was.
    :param outputs: figures by output, as ``tools/compare/tensors`` has them.
    :param faults: what is wrong; empty: the two agree.
    :param inputs: what both were run on.
    """

    reason: str = ''
    outputs: tuple[Mapping[str, Any], ...] = ()
    faults: tuple[str, ...] = ()
    inputs: str = ''


@dataclass(frozen=True)
class Result:
    """
    A conversion that was done.

    :param files: those of the new model, the main one first, and its card last.
    :param notes: of the converter, and of us.
    :param warnings: what the user should change.
    """

    files: tuple[Path, ...]
    versions: Mapping[str, str]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    parity: Parity
