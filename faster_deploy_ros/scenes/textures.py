# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Procedural surfaces: floors and walls out of numpy noise."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rng = np.random.Generator

# Light, muted rooms: (floor, wall, trim) as BGR.
PALETTES = (
    ((122, 158, 186), (214, 222, 226), (250, 250, 250)),    # oak, chalk
    ((96, 104, 112), (196, 204, 198), (236, 238, 238)),     # slate, sage
    ((150, 176, 196), (206, 186, 166), (244, 240, 236)),    # sand, dusk blue
    ((88, 112, 148), (188, 208, 224), (238, 242, 246)),     # walnut, linen
    ((168, 172, 176), (176, 190, 160), (240, 244, 240)),    # concrete, mint
    ((128, 128, 148), (186, 178, 208), (244, 240, 248)),    # plum stone, rose
    ((92, 98, 92), (120, 128, 116), (190, 196, 190)),       # moss, forest
    ((74, 80, 92), (110, 98, 88), (170, 164, 158)),         # night
    ((176, 190, 204), (150, 200, 226), (250, 250, 250)),    # cream, apricot
)


def cloud(rng: Rng, height: int, width: int, octaves: int = 5, coarsest: int = 3) -> Array:
    """Sum octaves of smooth noise: (height, width) float32 around 0, deviation near 1."""
    total = np.zeros((height, width), np.float32)
    cells, weight = coarsest, 1.0
    for _ in range(octaves):
        grid = rng.standard_normal((cells + 1, cells + 1), dtype=np.float32)
        total += np.float32(weight) * cv2.resize(grid, (width, height),
                                                 interpolation=cv2.INTER_CUBIC)
        cells, weight = cells * 2, weight * 0.6
    return total


def _tint(relief: Array, colour: Any, strength: float) -> Array:
    """Colour a relief (h, w): (h, w, 3) float32."""
    factor = 1 + np.float32(strength) * relief
    tinted: Array = cv2.merge([factor * np.float32(channel) for channel in colour])
    return tinted


def _grid(rng: Rng, side: int, across: int, along: int, shift: float) -> tuple[Array, Array]:
    """Lay courses of bricks: each one's random tone and the joints, two (side, side) float32."""
    rows = np.arange(side) * across // side
    phase = np.mod(np.arange(across) * shift, 1.0)[rows][:, None]
    place = np.arange(side)[None] * along / side + phase
    brick = np.floor(place).astype(int) + rows[:, None] * (along + 2)
    tone = rng.standard_normal(across * (along + 2) + along + 2).astype(np.float32)[brick]
    joint = np.zeros((side, side), np.float32)
    joint[(np.arange(side) * across % side) < 3 * across] = 1
    joint[np.mod(place, 1.0) < 3 * along / side] = 1
    return tone, cv2.GaussianBlur(joint, (3, 3), 0)


def floor_texture(rng: Rng, colour: Any, side: int = 640) -> Array:
    """Make a floor, (side, side, 3) uint8: boards, tiles, chequers, carpet or concrete."""
    kind = int(rng.integers(5))
    grain = cloud(rng, side, side)
    if kind == 0:
        fibre = cv2.resize(rng.standard_normal((side, 24), dtype=np.float32), (side, side))
        tone, joint = _grid(rng, side, 12, 3, 0.37)
        relief = 0.05 * fibre + 0.07 * tone + 0.02 * grain - 0.35 * joint
    elif kind == 1:
        tone, joint = _grid(rng, side, 8, 8, 0.0)
        relief = 0.03 * tone + 0.03 * grain - 0.22 * joint
    elif kind == 2:
        cell = np.arange(side) * 8 // side
        chequer = np.where((cell[:, None] + cell[None]) % 2, 1.0, -1.0).astype(np.float32)
        relief = rng.uniform(0.06, 0.22) * chequer + 0.03 * grain
    elif kind == 3:
        fine = rng.standard_normal((side, side), dtype=np.float32)
        relief = 0.05 * cv2.GaussianBlur(fine, (3, 3), 0) + 0.03 * grain
    else:
        relief = 0.06 * grain
    surface: Array = cv2.convertScaleAbs(_tint(relief, colour, 1.0))
    return surface


def wall_texture(rng: Rng, kind: int, colour: Any, trim: Any, side: int = 640) -> Array:
    """
    Make a wall, (side, side, 3) uint8, row 0 at the floor, with a skirting board.

    :param kind: 0 plaster, 1 bricks, 2 wallpaper stripes, 3 two-tone.
    """
    relief = 0.02 * cloud(rng, side, side)
    if kind == 1:
        tone, joint = _grid(rng, side, 32, 12, 0.5)
        relief += 0.05 * tone + 0.10 * joint
    elif kind == 2:
        stripe = np.sin(np.arange(side) * (2 * np.pi * 20 / side)).astype(np.float32)
        relief += 0.03 * np.clip(3 * stripe, -1, 1)
    wall = _tint(relief, colour, 1.0)
    if kind == 3:
        wall[:int(0.2 * side)] *= 0.8
    wall[:int(0.024 * side)] = np.array(trim, np.float32)
    wall[int(0.022 * side):int(0.026 * side)] *= 0.6
    surface: Array = cv2.convertScaleAbs(wall)
    return surface


def hang_pictures(rng: Rng, wall: Array, count: int) -> None:
    """Hang framed flat pictures on a wall texture: shapes that are no solids."""
    side = wall.shape[0]
    for _ in range(count):
        width, height = (int(side * rng.uniform(0.06, 0.16)) for _ in range(2))
        x = int(rng.uniform(0, side - width))
        y = int(side * rng.uniform(0.2, 0.4))
        back = tuple(float(v) for v in rng.uniform(90, 245, 3))
        frame = tuple(float(v) for v in rng.uniform(20, 90, 3))
        cv2.rectangle(wall, (x - 3, y - 3), (x + width + 3, y + height + 3), frame, -1)
        cv2.rectangle(wall, (x, y), (x + width, y + height), back, -1)
        for _ in range(int(rng.integers(1, 4))):
            ink = tuple(float(v) for v in rng.uniform(30, 240, 3))
            cx, cy = x + rng.uniform(0.25, 0.75) * width, y + rng.uniform(0.25, 0.75) * height
            angle = rng.uniform(0, 360)
            axes = (rng.uniform(0.08, 0.22) * width, rng.uniform(0.08, 0.22) * height)
            cv2.ellipse(wall, ((cx, cy), (2 * axes[0], 2 * axes[1]), angle), ink, -1, cv2.LINE_AA)
