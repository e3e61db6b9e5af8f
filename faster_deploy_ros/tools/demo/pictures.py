# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Found objects drawn on their pictures: a video and a contact sheet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
import zlib

import cv2
from faster_deploy_ros.tools.demo.record import Found, Published
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]   # blue, green, red

FONT = cv2.FONT_HERSHEY_DUPLEX
PALETTE: tuple[Colour, ...] = (
    (94, 180, 30), (240, 130, 40), (80, 80, 235), (30, 170, 245), (200, 80, 180), (190, 175, 20),
    (120, 60, 230), (60, 190, 190), (170, 120, 60), (130, 130, 130))
WHITE: Colour = (255, 255, 255)
NIGHT: Colour = (34, 28, 24)
FOG: Colour = (190, 180, 172)
COLUMNS, ROWS = 4, 3
TILE_WIDTH, TILE_HEIGHTS = 480, (240, 480)   # as high as the pictures ask, within limits
GAP, MARGIN, HEAD, CAPTION = 16, 28, 84, 30
NORMAL_SIDE = 640   # pictures of this width get lines of one and a half pixels


class Tiling(NamedTuple):
    """
    How a contact sheet is laid out.

    :param columns: pictures beside each other.
    :param width: of a picture.
    :param heights: lowest and highest that a picture may become.
    """

    columns: int = COLUMNS
    width: int = TILE_WIDTH
    heights: tuple[int, int] = TILE_HEIGHTS


class Painter:
    """
    Draw objects, each class in its own colour.

    :param labels: the classes in order; others get a colour by their name.
    """

    def __init__(self, labels: Sequence[str] = ()) -> None:
        """Give the first classes the first colours."""
        few = len(labels) <= len(PALETTE)
        self._colours = dict(zip(labels, PALETTE)) if few else {}

    def colour(self, label: str) -> Colour:
        """Return the colour of a class, the same one in every picture and run."""
        return self._colours.get(label) or PALETTE[zlib.crc32(label.encode()) % len(PALETTE)]

    def objects(self, image: Image, found: Sequence[Found], emphasis: float = 1.0) -> Image:
        """
        Return a copy of ``image`` with the objects drawn, the surest on top.

        :param emphasis: how much thicker and larger than usual, for what will be shrunk.
        """
        canvas: Image = np.array(image)
        scale = emphasis * max(0.6, max(image.shape[:2]) / NORMAL_SIDE)
        line = max(2, round(1.8 * scale))
        ranked = sorted(found, key=lambda one: one.score)
        for one in ranked:
            _corners(canvas, one.xyxy, self.colour(one.label), line)
        for one in ranked:   # no box over a label
            self._tag(canvas, one, 0.42 * scale)
        return canvas

    def _tag(self, canvas: Image, one: Found, size: float) -> None:
        text = f'{one.label} {one.score:.2f}'
        (width, height), base = cv2.getTextSize(text, FONT, size, 1)
        pad = max(3, round(8 * size))
        tag_w, tag_h = width + 2 * pad, height + base + pad
        left, top = round(one.xyxy[0]), round(one.xyxy[1]) - tag_h
        left = min(max(0, left), max(0, canvas.shape[1] - tag_w))
        if top < 0:   # inside the box where there is no room above it
            top = max(0, round(one.xyxy[1]))
        colour = self.colour(one.label)
        cv2.rectangle(canvas, (left, top), (left + tag_w, top + tag_h), colour, cv2.FILLED)
        cv2.putText(canvas, text, (left + pad, top + tag_h - base - pad // 2 + 1), FONT, size,
                    WHITE, 1, cv2.LINE_AA)


def badge(canvas: Image, text: str) -> Image:
    """Write a text on a dark patch in the lower left corner, in place."""
    size = 0.42 * max(0.6, max(canvas.shape[:2]) / NORMAL_SIDE)
    (width, height), base = cv2.getTextSize(text, FONT, size, 1)
    pad = round(16 * size)
    top, right = canvas.shape[0] - height - base - 2 * pad, width + 2 * pad
    patch = canvas[max(0, top):, :right]
    patch[:] = patch // 3
    cv2.putText(canvas, text, (pad, canvas.shape[0] - base - pad), FONT, size, WHITE, 1,
                cv2.LINE_AA)
    return canvas


def caption_of(index: int, message: Published) -> str:
    """Say which picture it is and how old its objects were when they arrived."""
    return f'frame {index}   {message.age_ms:.1f} ms'


class Film:
    """
    An annotated video; ``written`` tells whether this OpenCV could make it.

    :param path: of the file, ending in .mp4.
    :param fps: pictures per second.
    """

    def __init__(self, path: Path, fps: float) -> None:
        """Open the file with the first picture."""
        self._path = path
        self._fps = fps
        self._writer: Any = None
        self._size = (0, 0)
        self.written = False

    def add(self, image: Image) -> None:
        """Append a picture; one of another size than the first is fitted into it."""
        if self._writer is None:
            # an even size: most video formats store colour at half of it
            self._size = (image.shape[1] // 2 * 2, image.shape[0] // 2 * 2)
            self._writer = cv2.VideoWriter(
                str(self._path), cv2.VideoWriter.fourcc(*'mp4v'), self._fps, self._size)
        if self._writer.isOpened():
            self._writer.write(_boxed(image, self._size))
            self.written = True

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()


def contact_sheet(tiles: Sequence[tuple[Image, str]], title: str, subtitle: str,
                  tiling: Tiling = Tiling()) -> Image:   # noqa: B008  immutable
    """
    Lay pictures out in rows under a title.

    :param tiles: annotated pictures and their captions, one or more; the first sets the shape.
    """
    columns = min(tiling.columns, len(tiles))
    rows = -(-len(tiles) // columns)
    high, wide = tiles[0][0].shape[:2]
    tile = (tiling.width, int(np.clip(tiling.width * high / wide, *tiling.heights)))
    width = 2 * MARGIN + columns * tile[0] + (columns - 1) * GAP
    height = HEAD + rows * (tile[1] + CAPTION + GAP) + MARGIN - GAP
    sheet = np.full((height, width, 3), NIGHT, np.uint8)
    cv2.putText(sheet, title, (MARGIN, 40), FONT, 0.9, WHITE, 1, cv2.LINE_AA)
    cv2.putText(sheet, subtitle, (MARGIN, 68), FONT, 0.55, FOG, 1, cv2.LINE_AA)
    for number, (image, caption) in enumerate(tiles):
        row, column = divmod(number, columns)
        x = MARGIN + column * (tile[0] + GAP)
        y = HEAD + row * (tile[1] + CAPTION + GAP)
        sheet[y:y + tile[1], x:x + tile[0]] = _boxed(image, tile)
        cv2.putText(sheet, caption, (x, y + tile[1] + 21), FONT, 0.5, FOG, 1, cv2.LINE_AA)
    return sheet


def chosen(messages: Sequence[Published], count: int = COLUMNS * ROWS) -> list[int]:
    """Choose which of the messages to show: spread over the run, those with objects first."""
    full = [number for number, message in enumerate(messages) if message.objects]
    enough = len(full) >= min(count, len(messages))
    return spread(full if enough else range(len(messages)), count)


def spread(pool: Sequence[int], count: int = COLUMNS * ROWS) -> list[int]:
    """Choose so many of the numbers, or all of them, evenly."""
    count = min(count, len(pool))
    return [pool[(2 * step + 1) * len(pool) // (2 * count)] for step in range(count)]


def shrunk(image: Image, width: int) -> Image:
    """Return the picture no wider than that, its shape kept."""
    high, wide = image.shape[:2]
    if wide <= width:
        return image
    return _boxed(image, (width, max(1, round(high * width / wide))))


def _corners(canvas: Image, xyxy: Sequence[float], colour: Colour, line: int) -> None:
    """Draw a box to a sixteenth of a pixel, for it is known that well."""
    left, top, right, bottom = (round(16 * edge) for edge in xyxy)
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, line, cv2.LINE_AA, shift=4)


def _boxed(image: Image, size: tuple[int, int]) -> Image:
    """Fit a picture into ``size`` = (width, height), its shape kept, on a dark ground."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    scale = min(size[0] / width, size[1] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    ground = np.full((size[1], size[0], 3), NIGHT, np.uint8)
    x, y = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    ground[y:y + inner[1], x:x + inner[0]] = cv2.resize(
        image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return ground
