# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who plays in a scene and where everybody is at a time."""

from __future__ import annotations

from dataclasses import dataclass
import itertools
import math
from typing import Any

from faster_deploy_ros.scenes.camera import PinholeCamera
from faster_deploy_ros.scenes.room import Room
from faster_deploy_ros.scenes.solids import Cone, Cube, Paint, Solid, Sphere
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rng = np.random.Generator

LABELS = ('sphere', 'cube', 'cone')
NEAREST = 1.5       # metres: nobody comes closer to the camera's plane

_COLOURS = (        # BGR
    (60, 76, 231), (43, 156, 243), (68, 203, 250), (96, 174, 39), (156, 188, 26),
    (219, 152, 52), (173, 68, 142), (147, 112, 236), (94, 73, 52), (199, 195, 189),
    (240, 240, 236), (52, 60, 160), (160, 110, 40), (120, 200, 130), (190, 150, 210),
)


@dataclass(frozen=True)
class Actor:
    """
    One solid and its path, a closed form of time: no state, any order of frames.

    :param class_id: index into LABELS.
    :param reach: bounding radius in metres.
    :param lane: (nearest, farthest) world z of its centre; lanes of two actors never meet.
    :param sway: (amplitude m, rad/s, phase) of the path across.
    :param hop: (height m, seconds) of its bounces; 0 rests on the floor.
    :param hover: metres above the floor, turning freely, when above 0.
    :param turn: (rad/s, phase, tilt rad) of its rotation.
    """

    class_id: int
    paint: Paint
    reach: float
    lane: tuple[float, float]
    sway: tuple[float, float, float]
    hop: tuple[float, float]
    hover: float
    turn: tuple[float, float, float]
    slim: float

    def place(self, time_s: float, floor: float, camera: PinholeCamera) -> Solid:
        """Put the solid where it is at a time, into the camera frame."""
        amplitude, speed, phase = self.sway
        x = amplitude * math.sin(speed * time_s + phase)
        middle, swing = sum(self.lane) / 2, (self.lane[1] - self.lane[0]) / 2
        z = middle + swing * math.sin(0.61 * speed * time_s + 2 * phase)
        beat = (time_s / self.hop[1] + phase) % 1.0
        lift = self.hop[0] * 4 * beat * (1 - beat)
        if self.hover > 0:
            lift += self.hover * (1 + 0.35 * math.sin(1.3 * speed * time_s + 3 * phase))
        rate, start, tilt = self.turn
        spin = rate * time_s + start
        if self.class_id == 0:
            centre = np.array([x, floor - self.reach - lift, z])
            # A ball that rests on the floor rolls as far as it travels.
            roll = x / self.reach if self.hover == 0 else spin
            pole = np.array([math.cos(roll), math.sin(roll) * math.cos(start),
                             math.sin(roll) * math.sin(start)])
            return Sphere(camera.to_camera(centre), self.reach, camera.to_camera(pole))
        frame = _turned(spin, tilt * math.sin(0.7 * spin)) @ camera.rotation.T
        if self.class_id == 1:
            half = self.reach / math.sqrt(3 if self.hover > 0 else 2)
            rest = self.reach if self.hover > 0 else half
            centre = np.array([x, floor - rest - lift, z])
            return Cube(camera.to_camera(centre), frame, half)
        height = 2 * self.reach * math.cos(self.slim)
        radius = self.reach * math.sin(self.slim)
        centre = np.array([x, floor - height / 2 - lift, z])
        axis = frame[1]
        return Cone(camera.to_camera(centre) - axis * height / 2, axis, height, radius)


def _turned(spin: float, tilt: float) -> Array:
    """Rows: the axes of a body that spins about the vertical and is tilted about x and z."""
    cos, sin = math.cos(spin), math.sin(spin)
    about_y = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    cos, sin = math.cos(tilt), math.sin(tilt)
    about_x = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
    about_z = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    turned: Array = about_y @ about_x @ about_z
    return turned


def _paint(rng: Rng) -> Paint:
    """Mix a paint and an accent that stands off from it."""
    first, second = rng.choice(len(_COLOURS), 2, replace=False)
    base = np.array(_COLOURS[first]) * rng.uniform(0.85, 1.1) + rng.normal(0, 8, 3)
    base = np.clip(base, 12, 250)
    accent = (np.array([242.0, 244, 246]) if rng.random() < 0.5 and base.mean() < 170
              else np.array(_COLOURS[second], np.float64))
    return Paint(tuple(base.tolist()), tuple(accent.tolist()), bool(rng.random() < 0.6),
                 float(rng.uniform(0.2, 1.0)))


def cast(rng: Rng, camera: PinholeCamera, room: Room) -> list[Actor]:
    """Choose 3 to 6 actors, farthest first, each in its own lane of depth."""
    count = int(rng.integers(3, 7))
    edges = np.geomspace(NEAREST, room.back - 0.4, count + 1)
    actors = []
    for near, far in itertools.pairwise(edges):
        reach = float(min(rng.uniform(0.16, 0.42), 0.42 * (far - near)))
        middle = (near + far) / 2
        half_view = middle * camera.width / (2 * camera.focal)
        widest = min(rng.uniform(0.5, 1.1) * half_view + reach, room.side - reach - 0.05)
        speed = float(rng.uniform(0.25, 0.9)) * (-1 if rng.random() < 0.5 else 1)
        style = rng.random()
        class_id = int(rng.integers(len(LABELS)))
        hop = float(rng.uniform(0.2, 0.7)) if style < 0.25 and class_id == 0 else 0.0
        hover = float(rng.uniform(0.2, 0.8)) if style > 0.65 else 0.0
        slack = 0.8 * ((far - near) / 2 - reach)
        actors.append(Actor(
            class_id, _paint(rng), reach, (middle - slack, middle + slack),
            (float(widest), speed, float(rng.uniform(0, 2 * math.pi))),
            (hop, float(rng.uniform(0.8, 1.4))), hover,
            (float(rng.uniform(-1.2, 1.2)), float(rng.uniform(0, 6.3)),
             float(rng.uniform(0.1, 0.55)) if hover > 0 else 0.0),
            float(rng.uniform(0.42, 0.62))))
    return actors[::-1]
