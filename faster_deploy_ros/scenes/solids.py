# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Ray-traced solids: the exact depth, coverage and colour of a sphere, a cube and a cone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
import math
from typing import Any

import cv2
from faster_deploy_ros.scenes.camera import PinholeCamera, Window
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_SHIFT = 4      # bits of sub-pixel precision in OpenCV's polygons
_SUPER = 4      # coverage is counted on a grid this much finer than the pixels


@dataclass(frozen=True)
class Light:
    """
    A distant lamp and the light that comes from everywhere.

    :param direction: (3,) unit vector towards the lamp, camera frame.
    :param ambient: share of the colour that is seen in full shade.
    """

    direction: Array
    ambient: float

    def shade(self, cosine: Any) -> Any:
        """Turn the cosine between normal and lamp into a brightness (wrapped Lambert)."""
        wrapped = cosine * np.float32(0.5) + np.float32(0.5)
        return wrapped * wrapped * np.float32(1.15 - self.ambient) + np.float32(self.ambient)


@dataclass(frozen=True)
class Paint:
    """
    What a solid is painted with.

    :param base: BGR, 0 to 255.
    :param accent: BGR of its stripes or panels.
    :param marked: whether it has them.
    :param gloss: strength of the highlight, 0 to 1.
    """

    base: tuple[float, float, float]
    accent: tuple[float, float, float]
    marked: bool
    gloss: float

    def mix(self, shade: Array, accent: Array | None, shine: Array | None) -> Array:
        """Colour a patch: (h, w) brightness, accent share and highlight to (h, w, 3) uint8."""
        planes = []
        for base, other in zip(self.base, self.accent):
            if accent is None:
                plane = shade * np.float32(base)
            else:
                plane = (accent * np.float32(other - base) + np.float32(base)) * shade
            planes.append(plane if shine is None else plane + shine)
        patch: Array = cv2.convertScaleAbs(cv2.merge(planes))
        return patch


@dataclass(frozen=True)
class Patch:
    """
    One solid as seen through a window.

    :param hit: (h, w) bool, whether the ray through the pixel's centre meets the solid.
    :param depth: (h, w) float32 metres, exact where ``hit``.
    :param alpha: (h, w) float32 share of the pixel that is covered.
    :param colour: (h, w, 3) uint8 BGR.
    """

    hit: Array
    depth: Array
    alpha: Array
    colour: Array


def cover(window: Window, polygon: Array, canvas: Array | None = None, value: int = 255) -> Array:
    """Fill a convex polygon of pixels (n, 2) on the fine grid of a window; see shrink."""
    rows, columns = window.shape
    if canvas is None:
        canvas = np.zeros((rows * _SUPER, columns * _SUPER), np.uint8)
    # A pixel's centre is an integer; on the fine grid it lies between two samples.
    fine = (polygon - (window.x0, window.y0) + 0.5) * _SUPER - 0.5
    cv2.fillConvexPoly(canvas, np.round(fine * (1 << _SHIFT)).astype(np.int32), value,
                       cv2.LINE_8, _SHIFT)
    return canvas


def shrink(window: Window, canvas: Array) -> Array:
    """Average the fine grid into the window's pixels: (h, w) float32, 0 to 1."""
    rows, columns = window.shape
    small = cv2.resize(canvas, (columns, rows), interpolation=cv2.INTER_AREA)
    share: Array = small * np.float32(1 / 255)
    return share


def ring(centre: Array, normal: Array, radius: float, points: int) -> Array:
    """Points (n, 3) of the circle around a unit normal."""
    helper = np.eye(3)[int(np.argmin(np.abs(normal)))]
    first = np.cross(normal, helper)
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    angle = np.linspace(0, 2 * math.pi, points, endpoint=False)[:, None]
    circle: Array = centre + radius * (np.cos(angle) * first + np.sin(angle) * second)
    return circle


class Solid(ABC):
    """A convex solid in the camera frame, in metres."""

    @abstractmethod
    def rim(self, direction: Array | None) -> Array:
        """Points (n, 3) whose hull is the outline, seen from the camera or along a direction."""

    @abstractmethod
    def trace(self, window: Window, outline: Array, camera: PinholeCamera,
              light: Light, paint: Paint) -> Patch:
        """Look at the solid through a window; the outline is its convex hull in pixels."""


@dataclass(frozen=True)
class Sphere(Solid):
    """A ball with, when marked, a stripe around its equator."""

    centre: Array
    radius: float
    pole: Array

    def rim(self, direction: Array | None) -> Array:
        """Points (64, 3) of the circle where the line of sight touches the ball."""
        if direction is not None:
            return ring(self.centre, direction, self.radius, 32)
        distance = float(np.linalg.norm(self.centre))
        sine = self.radius / distance
        return ring(self.centre * (1 - sine * sine), self.centre / distance,
                    self.radius * math.sqrt(1 - sine * sine), 64)

    def trace(self, window: Window, outline: Array, camera: PinholeCamera,
              light: Light, paint: Paint) -> Patch:
        """Solve |z ray - centre| = radius for the nearer z."""
        centre, radius = self.centre, self.radius
        a = window.x * window.x + (window.y * window.y + np.float32(1))
        b = window.dot(centre)
        c = np.float32(centre @ centre - radius * radius)
        root = b * b - a * c
        hit = root >= 0
        depth = c / (b + np.sqrt(np.maximum(root, 0)))

        def along(vector: Array) -> Array:
            # The normal's component along a vector, without ever building the normals.
            scaled = vector / radius
            part: Array = window.dot(scaled) * depth - np.float32(centre @ scaled)
            return part

        half = light.direction - centre / np.linalg.norm(centre)
        glint = np.maximum(along(half / np.linalg.norm(half)), 0)
        for _ in range(5):
            glint *= glint
        accent = None
        if paint.marked:
            sharpness = np.float32(radius * camera.focal / centre[2])
            accent = np.clip((np.float32(0.2) - np.abs(along(self.pole))) * sharpness
                             + np.float32(0.5), 0, 1)
        colour = paint.mix(light.shade(along(light.direction)), accent,
                           glint * np.float32(200 * paint.gloss))
        return Patch(hit, depth, shrink(window, cover(window, outline)), colour)


@dataclass(frozen=True)
class Cone(Solid):
    """A cone with, when marked, the two stripes of a traffic cone."""

    apex: Array
    axis: Array         # unit, from the apex to the base
    height: float
    radius: float

    def rim(self, direction: Array | None) -> Array:
        """Return the apex and the rim of the base, (n, 3)."""
        base = ring(self.apex + self.axis * self.height, self.axis, self.radius, 64)
        return np.vstack([base, self.apex])

    def trace(self, window: Window, outline: Array, camera: PinholeCamera,
              light: Light, paint: Paint) -> Patch:
        """Solve (axis . v)^2 = cos^2 |v|^2 with v = z ray - apex for the nearer z."""
        apex, axis, height = self.apex, self.axis, self.height
        slant = math.hypot(height, self.radius)
        cos, sin = height / slant, self.radius / slant
        along = window.dot(axis)
        square = window.x * window.x + (window.y * window.y + np.float32(1))
        a = along * along - square * np.float32(cos * cos)
        b = along * np.float32(axis @ apex) - window.dot(apex * cos * cos)
        c = np.float32((axis @ apex) ** 2 - cos * cos * (apex @ apex))
        root = b * b - a * c
        depth = c / np.minimum(b - np.sqrt(np.maximum(root, 0)), -1e-9)
        down = along * depth - np.float32(axis @ apex)
        hit = (root >= 0) & (down >= 0) & (down <= height) & (depth > 0)

        toward = light.direction
        safe = np.clip(down, 0.02 * height, height)
        reach = window.dot(toward) * depth - np.float32(toward @ apex)
        cosine = (reach / safe * np.float32(cos * cos / sin)
                  - np.float32((cos * cos / sin + sin) * (toward @ axis)))
        shade = light.shade(np.clip(cosine, -1, 1))
        accent = None
        if paint.marked:
            sharpness = np.float32(height * camera.focal / apex[2])
            share = down * np.float32(1 / height)
            band = np.float32(0.08) - np.abs(np.abs(share - np.float32(0.58)) - np.float32(0.16))
            accent = np.clip(band * sharpness + np.float32(0.5), 0, 1)
        if -(axis @ apex) > height:
            shade, accent, depth, hit = self._show_base(
                window, camera, light, (shade, accent, depth, hit))
        return Patch(hit, depth, shrink(window, cover(window, outline)),
                     paint.mix(shade, accent, None))

    def _show_base(self, window: Window, camera: PinholeCamera, light: Light,
                   seen: tuple[Array, Array | None, Array, Array],
                   ) -> tuple[Array, Array | None, Array, Array]:
        """Lay the base, which faces the camera, over what is seen of the side."""
        shade, accent, depth, hit = seen
        apex, axis = self.apex, self.axis
        centre = apex + axis * self.height
        inverse = window.dot(axis / (axis @ centre))
        near = 1 / np.maximum(inverse, np.float32(1e-6))
        x, y, z = (np.float32(value) for value in centre)
        away = (window.x * near - x) ** 2 + (window.y * near - y) ** 2 + (near - z) ** 2
        disc = (away <= self.radius * self.radius) & (inverse > 0)
        rim = camera.project(ring(centre, axis, self.radius, 64))
        share = shrink(window, cover(window, rim))
        flat = np.float32(light.shade(float(light.direction @ axis)))
        shade = shade + (flat - shade) * share
        if accent is not None:
            accent = accent * (1 - share)
        return shade, accent, np.where(disc, near, depth), hit | disc


@dataclass(frozen=True)
class Cube(Solid):
    """A cube with, when marked, a panel on every face."""

    centre: Array
    axes: Array         # (3, 3) rows: unit normals of three faces
    half: float

    def rim(self, direction: Array | None) -> Array:
        """Return the eight corners, (8, 3)."""
        signs = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)])
        corners: Array = self.centre + self.half * (signs @ self.axes)
        return corners

    def trace(self, window: Window, outline: Array, camera: PinholeCamera,
              light: Light, paint: Paint) -> Patch:
        """Enter through the last front face, leave through the first back face."""
        enter: Any = np.float32(np.inf)
        leave: Any = np.float32(0)
        canvas = np.zeros(tuple(side * _SUPER for side in window.shape), np.uint8)
        panels = np.zeros_like(canvas)
        for index in range(6):
            normal = self.axes[index % 3] * (1 if index < 3 else -1)
            middle = self.centre + normal * self.half
            inverse = window.dot(normal / (normal @ middle))    # 1 / z of the face's plane
            if normal @ middle > 0:
                leave = np.maximum(leave, inverse)
                continue
            enter = np.minimum(enter, inverse)
            first, second = self.axes[(index + 1) % 3], self.axes[(index + 2) % 3]
            bright = min(255, int(180 * light.shade(float(normal @ light.direction))))
            for canvas_, scale, value in ((canvas, 1.0, min(255, bright + 26)),
                                          (canvas, 0.955, bright), (panels, 0.66, 255)):
                corners = middle + self.half * scale * np.array(
                    [first + second, first - second, -first - second, second - first])
                cover(window, camera.project(corners), canvas_, value)
        hit = (enter >= leave) & (enter > 0)
        depth = 1 / np.maximum(enter, np.float32(1e-6))
        alpha = shrink(window, cover(window, outline))
        # The canvas is black outside: undo its share at the edge, or the outline would be dark.
        shade = shrink(window, canvas) / np.maximum(alpha, np.float32(0.06))
        fade = np.linspace(1.5, 1.33, len(window.y), dtype=np.float32)[:, None]
        shade = np.minimum(shade, 1) * fade
        accent = shrink(window, panels) if paint.marked else None
        return Patch(hit, depth, alpha, paint.mix(shade, accent, None))
