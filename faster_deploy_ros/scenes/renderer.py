# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Scenes of moving solids in a room, with the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
from faster_deploy_ros.scenes.camera import PinholeCamera, Window
from faster_deploy_ros.scenes.motion import cast, LABELS
from faster_deploy_ros.scenes.room import Room
from faster_deploy_ros.scenes.solids import Light, Solid
import numpy as np
from numpy.typing import NDArray

__all__ = ['FRAME_RATE', 'LABELS', 'MIN_SIDE_PX', 'MIN_VISIBLE', 'Scene', 'SceneRenderer']

Array = NDArray[Any]

FRAME_RATE = 30.0       # frames per second of the scene's own time
MIN_VISIBLE = 0.35      # a solid of which less than this share is seen is not judged
MIN_SIDE_PX = 12        # nor is one whose visible box has a shorter side, at any image size
_SHADOW = 4             # shadows are drawn on a grid this much coarser than the pixels


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """
    One picture and the truth about it.

    Boxes are tight around the visible pixels, x1 and y1 exclusive, in image pixels.

    :param image: (h, w, 3) uint8 BGR.
    :param boxes: (n, 4) float32 xyxy of the solids that a detector must find.
    :param class_id: (n,) int32 indices into LABELS.
    :param ignored: (m, 4) float32 xyxy of solids that are hardly seen: finding one is neither
        right nor wrong.
    :param depth: (h, w) float32 metres along the optical axis, at each pixel's centre.
    :param instances: (h, w) uint8, 0 for the room, else the number of the solid.
    :param camera_matrix: (3, 3) float64 K; integer pixel coordinates are pixel centres.
    """

    image: Array
    boxes: Array
    class_id: Array
    ignored: Array
    depth: Array
    instances: Array
    camera_matrix: Array


class SceneRenderer:
    """
    A film of solids that move through a room; any frame can be asked for, in any order.

    The same seed, size and index always give the same frame, on one version of numpy and OpenCV.

    :param seed: 0 or more; chooses room, light, camera and solids.
    :param size: (width, height) in pixels, each at least 32.
    :raises ValueError: for a negative seed or a size that is too small.
    """

    def __init__(self, seed: int, size: tuple[int, int] = (640, 480)) -> None:
        width, height = size
        if seed < 0 or min(width, height) < 32:
            raise ValueError(
                f'SceneRenderer: got seed {seed}, size {width}x{height}; '
                'expected seed >= 0 and sides of 32 pixels or more')
        self._seed = seed
        rng = np.random.default_rng((seed, 0))
        self._camera = PinholeCamera(
            width, height, float(rng.uniform(0.75, 0.95)) * max(width, height * 4 / 3),
            float(rng.uniform(0.12, 0.34)))
        self._room = Room(floor=float(rng.uniform(0.9, 1.45)), back=float(rng.uniform(5.5, 8.0)),
                          side=float(rng.uniform(2.6, 5.0)), ceiling=float(rng.uniform(1.3, 1.9)))
        self._lamp = np.array([rng.uniform(-0.7, 0.7), -1.0, rng.uniform(-0.8, 0.1)])
        self._lamp /= np.linalg.norm(self._lamp)
        self._light = Light(self._camera.to_camera(self._lamp), float(rng.uniform(0.22, 0.42)))
        self._actors = cast(rng, self._camera, self._room)
        self._depth, self._owner = self._room.measure(self._camera)
        self._empty = self._room.paint(self._camera, self._light, rng, self._depth, self._owner)
        self._floor = cv2.resize((self._owner == 0).astype(np.uint8), self._coarse,
                                 interpolation=cv2.INTER_NEAREST)
        self._exposure = float(rng.uniform(0.9, 1.25))
        self._blur = float(max(0.0, rng.uniform(-0.4, 0.9)))
        grain = rng.standard_normal((height + 32, width + 32, 3), dtype=np.float32)
        self._grain = cv2.convertScaleAbs(grain, alpha=float(rng.uniform(1, 5)), beta=128.0)

    @property
    def camera_matrix(self) -> Array:
        """The (3, 3) intrinsic matrix K, float64."""
        matrix: Array = self._camera.matrix.copy()
        return matrix

    @property
    def _coarse(self) -> tuple[int, int]:
        """(width, height) of the grid on which shadows are drawn."""
        return -(-self._camera.width // _SHADOW), -(-self._camera.height // _SHADOW)

    def render(self, index: int) -> Scene:
        """
        Render one frame.

        :param index: number of the frame, 0 or more, FRAME_RATE of them to a second.
        :raises ValueError: for a negative index.
        """
        if index < 0:
            raise ValueError(f'SceneRenderer.render: got index {index}, expected 0 or more')
        time_s = index / FRAME_RATE
        solids = [actor.place(time_s, self._room.floor, self._camera) for actor in self._actors]
        image = self._shaded_room(solids)
        depth = self._depth.copy()
        instances = np.zeros(depth.shape, np.uint8)
        areas = []
        # Farthest first. The z-buffer decides the truth; no two lanes of depth overlap, so
        # that blending in this order gives the same picture, with soft edges.
        for number, (actor, solid) in enumerate(zip(self._actors, solids), start=1):
            outline = cv2.convexHull(
                self._camera.project(solid.rim(None)).astype(np.float32))[:, 0]
            areas.append(cv2.contourArea(outline))
            window = Window.around(self._camera, outline)
            if window is None:
                continue
            patch = solid.trace(window, outline, self._camera, self._light, actor.paint)
            part = image[window.region]
            part[:] = cv2.blendLinear(patch.colour, part, patch.alpha, 1 - patch.alpha)
            nearer = patch.hit & (patch.depth < depth[window.region])
            np.copyto(depth[window.region], patch.depth, where=nearer)
            instances[window.region][nearer] = number
        boxes, class_id, ignored = self._judge(instances, areas)
        return Scene(self._expose(image, index), boxes, class_id, ignored, depth, instances,
                     self.camera_matrix)

    def _shaded_room(self, solids: list[Solid]) -> Array:
        """Copy the empty room and darken the floor where solids stand in the light."""
        width, height = self._coarse
        shadow = np.zeros((height, width), np.uint8)
        for solid in solids:
            rim = solid.rim(self._light.direction) @ self._camera.rotation     # to the world
            fall = (self._room.floor - rim[:, 1:2]) / -self._lamp[1]
            fallen = self._camera.to_camera(rim - self._lamp * fall)
            if fallen[:, 2].min() < 0.3:
                continue
            pixels = self._camera.project(fallen) / _SHADOW
            hull = cv2.convexHull(np.round(pixels * 16).astype(np.int32))
            cv2.fillConvexPoly(shadow, hull, 255, cv2.LINE_8, 4)
        shadow *= self._floor
        soft = cv2.GaussianBlur(shadow, (7, 7), 0)
        light = 255 - (soft * np.float32(0.52 - 0.5 * self._light.ambient)).astype(np.uint8)
        full = cv2.resize(light, (self._camera.width, self._camera.height),
                          interpolation=cv2.INTER_LINEAR)
        shaded: Array = cv2.multiply(self._empty, cv2.merge([full] * 3), scale=1 / 255)
        return shaded

    def _judge(self, instances: Array, areas: list[float]) -> tuple[Array, Array, Array]:
        """Box what is seen of each solid; tell those to find from those hardly seen."""
        boxes, class_id, ignored = [], [], []
        for number, (actor, area) in enumerate(zip(self._actors, areas), start=1):
            seen = (instances == number).view(np.uint8)
            x, y, width, height = cv2.boundingRect(seen)
            if width == 0:
                continue
            box = (x, y, x + width, y + height)
            if (min(width, height) < MIN_SIDE_PX
                    or cv2.countNonZero(seen) < MIN_VISIBLE * area):
                ignored.append(box)
            else:
                boxes.append(box)
                class_id.append(actor.class_id)
        return (np.array(boxes, np.float32).reshape(-1, 4), np.array(class_id, np.int32),
                np.array(ignored, np.float32).reshape(-1, 4))

    def _expose(self, image: Array, index: int) -> Array:
        """Add what a camera adds: blur, exposure, noise."""
        if self._blur > 0.3:
            image = cv2.GaussianBlur(image, (3, 3), self._blur)
        rng = np.random.default_rng((self._seed, 1, index))
        row, column = rng.integers(0, 33, 2)
        grain = self._grain[row:row + image.shape[0], column:column + image.shape[1]]
        flicker = self._exposure * (1 + 0.03 * float(np.sin(index * 0.11)))
        exposed: Array = cv2.addWeighted(image, flicker, grain, 1.0, -128.0)
        return exposed
