# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The room behind the solids: its picture and its exact depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
from faster_deploy_ros.scenes import textures
from faster_deploy_ros.scenes.camera import PinholeCamera
from faster_deploy_ros.scenes.solids import Light
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_SUPER = 2      # the walls are sampled on a grid this much finer than the pixels


@dataclass(frozen=True)
class Room:
    """
    A box around the camera; distances in metres from the camera's centre.

    :param floor: down to the floor.
    :param back: forward to the back wall.
    :param side: to the left and to the right wall.
    :param ceiling: up to the ceiling.
    """

    floor: float
    back: float
    side: float
    ceiling: float

    def planes(self, camera: PinholeCamera) -> list[tuple[Array, float]]:
        """List (normal, distance) in the camera frame; a ray ends at the nearest."""
        normals = np.array(
            [[0, 1, 0], [0, 0, 1], [-1, 0, 0], [1, 0, 0], [0, -1, 0]], np.float64)
        distances = (self.floor, self.back, self.side, self.side, self.ceiling)
        return list(zip(camera.to_camera(normals), distances))

    def measure(self, camera: PinholeCamera) -> tuple[Array, Array]:
        """Return the depth (h, w) float32 and the plane that each pixel shows (h, w) uint8."""
        inverse = np.full((camera.height, camera.width), 1e-6, np.float32)
        owner = np.zeros(inverse.shape, np.uint8)
        for index, (normal, distance) in enumerate(self.planes(camera)):
            a, b, c = (normal / distance).astype(np.float32)
            plane = camera.columns * a + (camera.rows * b + c)
            owner[plane > inverse] = index
            np.maximum(inverse, plane, out=inverse)
        return 1 / inverse, owner

    def paint(self, camera: PinholeCamera, light: Light, rng: np.random.Generator,
              depth: Array, owner: Array) -> Array:
        """Draw the empty room: (h, w, 3) uint8."""
        fine = PinholeCamera(camera.width * _SUPER, camera.height * _SUPER,
                             camera.focal * _SUPER, camera.pitch)
        fine_depth, fine_owner = self.measure(fine)
        world = _world(fine, fine_depth)
        picture = np.zeros((*fine_owner.shape, 3), np.uint8)
        for index, (surface, scale) in enumerate(self._surfaces(rng)):
            shown = cv2.boundingRect((fine_owner == index).astype(np.uint8))
            if shown[2] == 0:
                continue
            x0, y0, width, height = shown
            part = (slice(y0, y0 + height), slice(x0, x0 + width))
            x, y, z = (axis[part] for axis in world)
            up = np.float32(self.floor) - y
            across, down = ((x, z), (x, up), (z, up), (z, up), (x, z))[index]
            colours = cv2.remap(
                surface, across * np.float32(scale) + surface.shape[1] / 2,
                down * np.float32(scale), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
            np.copyto(picture[part], colours, where=(fine_owner[part] == index)[..., None])
        small = cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
        lit = self._illuminate(camera, light, rng, depth, owner)
        lit_picture: Array = cv2.multiply(small, cv2.merge([lit] * 3), dtype=cv2.CV_8U)
        return lit_picture

    def _surfaces(self, rng: np.random.Generator) -> list[tuple[Array, float]]:
        """Make the textures in the order of the planes, with their pixels per metre."""
        palette = textures.PALETTES[int(rng.integers(len(textures.PALETTES)))]
        floor, wall, trim = (np.array(c) * rng.uniform(0.93, 1.05, 3) for c in palette)
        kind = int(rng.integers(4))
        back = textures.wall_texture(rng, kind, wall, trim)
        textures.hang_pictures(rng, back, int(rng.integers(4)))
        side = textures.wall_texture(rng, kind, wall, trim)
        ceiling = np.full((8, 8, 3), np.clip(trim, 0, 255), np.uint8)
        return [(textures.floor_texture(rng, floor), rng.uniform(110, 170)),
                (back, 90.0), (side, 90.0), (side, 90.0), (ceiling, 1.0)]

    def _illuminate(self, camera: PinholeCamera, light: Light, rng: np.random.Generator,
                    depth: Array, owner: Array) -> Array:
        """Brightness of every pixel, (h, w) float32: lamp, a pool of light, dim corners."""
        x, y, z = _world(camera, depth)
        levels = np.array([light.shade(float(-normal @ light.direction))
                           for normal, _ in self.planes(camera)], np.float32)
        brightness = (0.45 + 0.55 * levels)[owner]
        spot = np.array([rng.uniform(-1.5, 1.5), 0.2, rng.uniform(0.4, 0.8) * self.back])
        away = ((x - spot[0]) ** 2 + (y - spot[1]) ** 2 + (z - spot[2]) ** 2)
        brightness *= 0.78 + 0.34 * np.exp(away * np.float32(-0.12))
        gaps = (self.floor - y, self.back - z, self.side - np.abs(x), y + self.ceiling)
        for gap, planes in zip(gaps, ((0,), (1,), (2, 3), (4,))):
            dim = np.float32(0.30) * np.exp(np.abs(gap) * np.float32(-3.0))
            brightness *= np.where(np.isin(owner, planes), np.float32(1), 1 - dim)
        return brightness.astype(np.float32)


def _world(camera: PinholeCamera, depth: Array) -> tuple[Array, Array, Array]:
    """Return the world coordinates x, y, z of every pixel, each (h, w) float32."""
    back = camera.rotation.T.astype(np.float32)
    y = depth * (camera.rows * back[1, 1] + back[1, 2])
    z = depth * (camera.rows * back[2, 1] + back[2, 2])
    return depth * camera.columns, y, z
