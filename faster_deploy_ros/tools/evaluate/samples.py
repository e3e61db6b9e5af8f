# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures with their truth, and the line on which a model sees one after another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from threading import Event
from typing import Any, Generic, TypeVar

import cv2
from faster_deploy_ros.errors import BadFrame, BadValue, FasterDeployError
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.pipeline.ordered import OrderedExecutor
from faster_deploy_ros.pipeline.outcome import Outcome, Overflow
from faster_deploy_ros.scenes import Scene, SceneRenderer
from faster_deploy_ros.stopwatch import Stopwatch
import numpy as np
from numpy.typing import NDArray

T = TypeVar('T')
A = TypeVar('A')

SCENE = 'scene'
# The models of the package were trained on rooms from 100 000 on; see examples/.
SCENE_SEED, SCENE_FRAMES = 50_000, 300
FRAMES_PER_ROOM = 3      # the next room tells more than the next moment
ROOM_STRIDE = 100        # frames of a room between two that are looked at
CLOSE_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Sample(Generic[T]):
    """
    One picture and what is known of it, read when it is wanted.

    :param number: the picture's id in the data set.
    :param load: reads both; raises a FasterDeployError where it cannot.
    """

    number: int
    name: str
    load: Callable[[], tuple[Frame, T]]


@dataclass(frozen=True, slots=True)
class Answer(Generic[A]):
    """What became of one sample: a value, or why there is none."""

    number: int
    name: str
    value: A | None
    failure: str = ''


def answers(
        samples: Sequence[Sample[T]], work: Callable[[Sample[T]], A],
        seats: int) -> Iterator[Answer[A]]:
    """
    Let ``seats`` workers do the work on each sample; the answers come in the samples' order.

    What raises a FasterDeployError is an answer without a value; any other error is a fault and
    is raised.
    """
    ready = Event()
    line = OrderedExecutor(
        workers=seats, depth=seats, overflow=Overflow.BLOCK, on_ready=ready.set)
    given = 0
    try:
        for sample in samples:
            line.submit(partial(_work_on, work, sample))
            for outcome in line.drain():
                yield _answer(samples[given], outcome)
                given += 1
        while given < len(samples):
            ready.wait()
            ready.clear()
            for outcome in line.drain():
                yield _answer(samples[given], outcome)
                given += 1
    finally:
        line.close(finish=False, timeout_s=CLOSE_LIMIT_S)


def _work_on(work: Callable[[Sample[T]], A], sample: Sample[T], _: Stopwatch) -> A:
    return work(sample)


def _answer(sample: Sample[Any], outcome: Outcome) -> Answer[Any]:
    error = outcome.error
    if error is not None and not isinstance(error, FasterDeployError):
        raise error
    return Answer(sample.number, sample.name, outcome.value, '' if error is None else str(error))


def scene_samples(
        frames: int, seed: int, size: tuple[int, int],
        truth_of: Callable[[Scene], T]) -> list[Sample[T]]:
    """
    Return pictures of rendered rooms, a few of each room.

    :param truth_of: takes from the scene what is to be known.
    :raises BadValue: a seed or a size that the renderer does not take.
    """
    try:
        _room(seed, size)
    except ValueError as error:
        raise BadValue(f'scene: {error}') from error

    def load(number: int) -> tuple[Frame, T]:
        room, moment = divmod(number, FRAMES_PER_ROOM)
        scene = _room(seed + room, size).render(moment * ROOM_STRIDE)
        return Frame(number, 'camera', scene.image), truth_of(scene)

    return [
        Sample(number, f'room {seed + number // FRAMES_PER_ROOM} frame '
               f'{number % FRAMES_PER_ROOM * ROOM_STRIDE}', partial(load, number))
        for number in range(frames)]


def read_picture(path: Path) -> NDArray[np.uint8]:
    """
    Read an image as (h, w, 3) BGR, not turned: labels and depth lie as the pixels do in the file.

    :raises BadFrame: it cannot be read.
    """
    image = decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise BadFrame(f"image '{path}': OpenCV cannot read it; is it whole?")
    picture: NDArray[np.uint8] = image
    return picture


def decode(path: Path, flags: int) -> NDArray[Any] | None:
    """
    Decode an image file; None where OpenCV cannot.

    :raises BadFrame: the file cannot be read at all.
    """
    try:
        data = np.fromfile(path, dtype=np.uint8)   # takes names beyond the locale's, as imread not
    except OSError as error:
        raise BadFrame(f"image '{path}': {error.strerror}") from error
    try:
        image: NDArray[Any] | None = cv2.imdecode(data, flags) if data.size else None
    except cv2.error:   # more pixels than OpenCV takes
        return None
    return image


@lru_cache(maxsize=4)   # as many as there may be seats at different rooms
def _room(seed: int, size: tuple[int, int]) -> SceneRenderer:
    return SceneRenderer(seed, size)
