# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures with measured depth: pairs of files, or rendered rooms."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
import math
from pathlib import Path
from tokenize import TokenError
from typing import Any

import cv2
from faster_deploy_ros.errors import BadFrame, BadValue, Unavailable
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.sources.folder import SUFFIXES
from faster_deploy_ros.tools.evaluate.samples import decode, read_picture, Sample, scene_samples
import numpy as np
from numpy.typing import NDArray

Metres = NDArray[np.float32]   # (h, w), NaN where nothing is known
TRUTHS = ('.npy', '.png', '.tif', '.tiff')
# What numpy raises for a file that is no array, or one that says it has terabytes.
_NO_ARRAY = (OSError, ValueError, EOFError, SyntaxError, TokenError, OverflowError, MemoryError)


@dataclass(frozen=True, slots=True)
class TruthFormat:
    """
    What the numbers in a file of measured depth are.

    :param scale: the file's numbers are divided by it; None: integers are refused.
    :param disparity: focal length in pixels times baseline in metres, where the numbers are
        disparities; None: they are metres.
    """

    scale: float | None = None
    disparity: float | None = None

    def __post_init__(self) -> None:
        """Refuse what nothing can be divided by."""
        for option, value in (
                ('--truth-scale', self.scale), ('--truth-disparity', self.disparity)):
            if value is not None and not 0 < value < math.inf:
                raise BadValue(f'{option}: got {value:g}, expected a number above 0')

    def metres(self, values: NDArray[Any], path: Path) -> Metres:
        """
        Turn the numbers of a file into metres; what is 0, less or no number is not known.

        :raises BadFrame: integers, and nobody has said what they are.
        """
        if values.dtype.kind in 'ui' and self.scale is None and self.disparity is None:
            raise BadFrame(
                f"truth '{path}': it holds whole numbers ({values.dtype}); say what a metre is: "
                '--truth-scale 1000 where they are millimetres')
        numbers = values.astype(np.float64) / (self.scale or 1.0)
        with np.errstate(divide='ignore'):
            metres = numbers if self.disparity is None else self.disparity / numbers
        known = np.isfinite(metres) & (metres > 0)
        return np.where(known, metres, np.nan).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Measured:
    """
    A data set of depth.

    :param notes: what a reader of the figures should know of the data.
    """

    title: str
    samples: Sequence[Sample[Metres]]
    notes: tuple[str, ...] = ()


def rendered_rooms(frames: int, seed: int, size: tuple[int, int]) -> Measured:
    """Return rendered rooms and the depth they were rendered with."""
    return Measured(
        f'{frames} pictures of rendered rooms from seed {seed}',
        scene_samples(frames, seed, size, lambda scene: scene.depth))


def read_measured(
        images: Path, truth: Path, form: TruthFormat, limit: int | None = None) -> Measured:
    """
    Pair images with files of measured depth by their names, or one image with one file.

    :raises Unavailable: one of the two is not there.
    :raises BadValue: one of them is empty, or there is no pair.
    """
    for path, option in ((images, '--images'), (truth, '--truth')):
        if not path.exists():
            raise Unavailable(f"{option}: there is no file or folder '{path}'")
    pictures = [images] if images.is_file() else _files(images, SUFFIXES)
    truths = [truth] if truth.is_file() else _files(truth, TRUTHS)
    for found, folder, option, suffixes in (
            (pictures, images, '--images', SUFFIXES), (truths, truth, '--truth', TRUTHS)):
        if not found:
            raise BadValue(
                f"{option}: no file of '{folder}' ends in one of {' '.join(suffixes)}")
    pairs, notes = _pairs(pictures, truths)
    samples = [
        Sample(number, picture.name, partial(_load, picture, depth, form))
        for number, (picture, depth) in enumerate(pairs[:limit])]
    count = '1 image' if len(samples) == 1 else f'{len(samples)} images'
    return Measured(f"{count} of '{images.name}'", samples, tuple(notes))


def _pairs(
        pictures: Sequence[Path], truths: Sequence[Path]
        ) -> tuple[list[tuple[Path, Path]], list[str]]:
    if len(pictures) == len(truths) == 1:
        return [(pictures[0], truths[0])], []
    by_name: dict[str, Path] = {}
    for path in truths:
        if path.stem in by_name:
            raise BadValue(
                f"--truth: '{by_name[path.stem].name}' and '{path.name}' are of one image, "
                'expected one of them')
        by_name[path.stem] = path
    pairs = [(path, by_name[path.stem]) for path in pictures if path.stem in by_name]
    if not pairs:
        raise BadValue(
            f'--truth: none of the {len(pictures)} images has a file of its name among the '
            f'{len(truths)} of the truth ({_some(pictures)}; {_some(truths)}); expected, for '
            'a/1.jpg, b/1.png or b/1.npy')
    notes = []
    lonely = [path for path in pictures if path.stem not in by_name]
    if lonely:
        notes.append((
            f'{len(lonely)} images have no truth and are left out' if len(lonely) > 1
            else '1 image has no truth and is left out') + f' ({_some(lonely)})')
    names = {path.stem for path in pictures}
    unused = [path for path in truths if path.stem not in names]
    if unused:
        notes.append((
            f'{len(unused)} files of the truth have no image' if len(unused) > 1
            else '1 file of the truth has no image') + f' ({_some(unused)})')
    return pairs, notes


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)


def _some(paths: Sequence[Path]) -> str:
    return ', '.join(path.name for path in paths[:2]) + (', ...' if len(paths) > 2 else '')


def _load(picture: Path, truth: Path, form: TruthFormat) -> tuple[Frame, Metres]:
    image = read_picture(picture)
    metres = form.metres(_numbers(truth), truth)
    height, width = image.shape[:2]
    ratio = metres.shape[1] * height / (metres.shape[0] * width)
    if not 0.98 < ratio < 1.02:
        raise BadFrame(
            f"truth '{truth}': it has {metres.shape[1]}x{metres.shape[0]} pixels, expected "
            f'{width}x{height} as its image, or that in another size')
    if not np.isfinite(metres).any():
        raise BadFrame(f"truth '{truth}': no pixel has a depth")
    return Frame(0, 'camera', image), metres


def _numbers(path: Path) -> NDArray[Any]:
    """Read (h, w) numbers of any dtype."""
    values: NDArray[Any] | None
    if path.suffix.lower() == '.npy':
        try:
            with path.open('rb') as stream:
                values = np.lib.format.read_array(stream, allow_pickle=False)
        except _NO_ARRAY as error:
            raise BadFrame(
                f"truth '{path}': cannot be read as .npy ({str(error)[:160]})") from error
    else:
        values = decode(path, cv2.IMREAD_UNCHANGED)
    if values is None:
        raise BadFrame(f"truth '{path}': OpenCV cannot read it; is it whole?")
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
        values = values.reshape([side for side in values.shape if side != 1])
    if values.ndim != 2 or values.dtype.kind not in 'uif' or values.size == 0:
        raise BadFrame(
            f"truth '{path}': it holds {values.dtype} of shape {values.shape}, expected one "
            'number for each pixel')
    return values
