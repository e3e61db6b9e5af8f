# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a model is tried on: pictures, prepared as its family does it, or noise."""

from abc import ABC, abstractmethod
from argparse import ArgumentTypeError
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
import re
from typing import Any

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.sources import open_source
from faster_deploy_ros.tasks import card_beside, Model, ModelCard, open_model
from faster_deploy_ros.tasks.card import InputCard
import numpy as np
from numpy.typing import NDArray

Shapes = Mapping[str, tuple[int, ...]]


def load_frames(spec: str, limit: int) -> list[Frame]:
    """
    Read the first pictures of a source.

    :param spec: as ``open_source`` takes it: ``'scene'``, a folder, an image, a video.
    :raises Unavailable: there is nothing of that name.
    :raises BadFrame: it has no pictures, or one cannot be read.
    """
    return [shot.frame for shot in islice(open_source(spec), limit)]


def read_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """
    Read ``'images=1x3x640x640'``, for argparse.

    :raises ArgumentTypeError: it is something else.
    """
    name, _, sizes = text.rpartition('=')
    if not name or not re.fullmatch(r'[1-9]\d*(x[1-9]\d*)*', sizes):
        raise ArgumentTypeError(f"got '{text}', expected input=shape, as in images=1x3x640x640")
    return name, tuple(map(int, sizes.split('x')))


class Feed(ABC):
    """
    Writes inputs into the seats of one core; any number of threads may use it.

    :ivar says: what the inputs are, for people.
    """

    says: str

    @abstractmethod
    def fill(self, blobs: BlobsBuffer, number: int) -> None:
        """Write the inputs of one inference: the same ones for the same number."""


class Pictures(Feed):
    """Pictures, as the model's family prepares them."""

    def __init__(self, model: Model[Any], frames: Sequence[Frame]) -> None:
        """Keep one picture or more."""
        self.model = model
        self.frames = frames
        self.says = f'{len(frames)} pictures as {type(model).__name__} prepares them'

    def fill(self, blobs: BlobsBuffer, number: int) -> None:
        """Write the picture of that number, beginning again after the last."""
        self.model.preprocess(self.frames[number % len(self.frames)], blobs)


class Noise(Feed):
    """
    Random numbers of the right dtype: floats 0 to 1, bytes 0 to 255, other integers 0 or 1.

    :param why: there are no pictures: why their family is not known; '' where none were asked for.
    :raises BlobMismatch: an input has an open shape that ``shapes`` does not close.
    """

    says = 'noise'

    def __init__(self, core: InferCore, shapes: Shapes, why: str = '') -> None:
        """Settle the shape of each input."""
        self.why = why
        self._inputs = [
            (spec, _closed(spec, shapes.get(spec.name)))
            for spec in core.specs.values() if spec.is_input]

    def fill(self, blobs: BlobsBuffer, number: int) -> None:
        """Write the noise of that number."""
        random = np.random.default_rng(number)
        for spec, shape in self._inputs:
            blob = blobs[spec.name]
            blob.reshape(shape)
            blob.data[...] = _noise(random, spec.dtype, shape)


def open_feed(
        core: InferCore, frames: Sequence[Frame], *, family: str = 'auto',
        card: ModelCard | None = None, shapes: Shapes | None = None) -> Feed:
    """
    Choose what to try a core on: the pictures if its family is known, else noise.

    :param frames: empty: noise.
    :param family: a row of MODELS; ``'auto'``: noise where nothing tells it.
    :param shapes: by name, for the inputs that the model leaves open.
    :raises BlobMismatch: a shape is for no input, or an open one is not given; or the tensors are
        not those of the family that was named.
    """
    shapes = shapes or {}
    inputs = [spec for spec in core.specs.values() if spec.is_input]
    check_names(shapes, inputs)
    for spec in inputs:
        if spec.name in shapes:
            spec.check(shapes[spec.name])
    if not frames:
        return Noise(core, shapes)
    card = (card or card_beside(core.uri.path) or ModelCard()).overridden(_sized(inputs, shapes))
    try:
        model = open_model(family, core, card=card)
    except BlobMismatch as error:
        if family != 'auto':
            raise
        return Noise(core, shapes, str(error))
    return Pictures(model, frames)


def check_names(shapes: Iterable[str], inputs: Iterable[BlobSpec]) -> None:
    """
    Refuse shapes for inputs that are not there.

    :raises BlobMismatch: the message lists those that are.
    """
    known = [spec.name for spec in inputs]
    for name in shapes:
        if name not in known:
            raise BlobMismatch(
                f"--shape {name}=...: the model has no input '{name}', expected one of "
                f"{', '.join(known)}")


def _sized(inputs: Sequence[BlobSpec], shapes: Shapes) -> ModelCard:
    """Say the size of an image whose input is open to the family."""
    for spec in inputs:
        if len(shapes.get(spec.name, ())) == 4 and spec.is_dynamic:
            height, width = shapes[spec.name][2:]
            return ModelCard(input=InputCard(size=(width, height)))
    return ModelCard()


def _closed(spec: BlobSpec, shape: tuple[int, ...] | None) -> tuple[int, ...]:
    if shape is not None:
        spec.check(shape)
        return shape
    if spec.is_dynamic:
        example = 'x'.join(
            str(own) if own != -1 else str(usual)
            for own, usual in zip(spec.shape, (1, 3, 640, 640) + (1,) * len(spec.shape)))
        raise BlobMismatch(f'{spec} is open: give --shape {spec.name}={example}, for example')
    return spec.shape


def _noise(
        random: np.random.Generator, dtype: np.dtype[Any],
        shape: tuple[int, ...]) -> NDArray[Any]:
    if dtype.kind == 'f':
        return random.random(shape, dtype=np.float32).astype(dtype)
    if dtype == np.uint8:
        return random.integers(0, 256, shape, dtype=np.uint8)
    return random.integers(0, 2, shape).astype(dtype)   # as indices they are in any range
