# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The synthetic scene as a source: endless, with its truth."""

from collections.abc import Iterator
from itertools import count

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.pinhole import Pinhole
from faster_deploy_ros.scenes import LABELS, Scene, SceneRenderer
from faster_deploy_ros.sources.shot import Box, SECOND_NS, Shot, Source
import numpy as np
from numpy.typing import NDArray

VGA = (640, 480)
ROOM_FRAMES = 50   # then the next room: a run of 20 seconds sees twelve


class SceneSource(Source):
    """
    Solids of known classes moving through one room after another; the same on every run.

    VGA unless a size is given. Room k has the scene's seed + k.

    :raises BadValue: a negative seed or a size too small for a picture.
    """

    labels = tuple(LABELS)
    fps = 30.0

    def __init__(self, spec: str, *, size: tuple[int, int] | None = None, seed: int = 0) -> None:
        super().__init__(spec, size=size or VGA, seed=seed)
        try:
            self._room(0)
        except ValueError as error:
            raise BadValue(f"source '{spec}': {error}") from error

    def __iter__(self) -> Iterator[Shot]:
        """Render picture by picture, for ever."""
        for number in count():
            room = self._room(number)
            camera = _pinhole(room.camera_matrix, *(self._size or VGA))
            for index in range(ROOM_FRAMES):
                scene = room.render(index)
                stamp_ns = (number * ROOM_FRAMES + index) * SECOND_NS // 30
                yield Shot(Frame(stamp_ns, 'camera', scene.image), _truth(scene), scene.depth,
                           camera)

    def _room(self, number: int) -> SceneRenderer:
        return SceneRenderer(self._seed + number, size=self._size or VGA)


def _pinhole(matrix: NDArray[np.float64], width: int, height: int) -> Pinhole:
    (fx, _, cx), (_, fy, cy), _ = matrix.tolist()
    return Pinhole(width, height, fx, fy, cx, cy)


def _truth(scene: Scene) -> tuple[Box, ...]:
    judged = [Box(LABELS[class_id], (left, top, right, bottom))
              for class_id, (left, top, right, bottom) in zip(
                  scene.class_id.tolist(), scene.boxes.tolist())]
    ignored = [Box('', (left, top, right, bottom), judged=False)
               for left, top, right, bottom in scene.ignored.tolist()]
    return (*judged, *ignored)
