# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What both models are shown: a folder of images, or rendered rooms and noise."""

from collections.abc import Sequence
from itertools import islice

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.scenes import SceneRenderer
from faster_deploy_ros.sources import kind_of, open_source
import numpy as np

ROOMS, FIRST_ROOM = 8, 70_000    # none that the shipped model was trained or judged on
NOISE = 2
SIZES = ((640, 480), (480, 640), (1280, 720), (500, 333))


def pictures(folder: str | None, most: int) -> tuple[Sequence[Frame], str]:
    """
    Return the images and what they are, in words.

    Without a folder: rendered rooms in four sizes and shapes, and two images of noise. A folder
    with more than ``most`` images is thinned out evenly, so that all of it is seen.

    :param folder: a folder of images, one image, a video or a bag; None: the default.
    :raises BadFrame: an image cannot be read, or there is none.
    :raises Unavailable: there is nothing of that name.
    """
    if most < 1:
        raise BadValue(f'compare: got {most} images at most, expected 1 or more')
    if folder is None:
        return _rendered(most)
    if kind_of(folder) in ('scene', 'webcam'):
        raise BadValue(
            f"compare: got '{folder}' as images, expected a folder, a video or a bag; leave "
            '--images out for rendered scenes')
    source = open_source(folder)
    known = source.length or most
    chosen = set(np.linspace(0, known - 1, min(most, known)).round().astype(int).tolist())
    frames = [
        shot.frame for index, shot in enumerate(islice(source, known)) if index in chosen]
    thinned = f' of {known}' if known > len(frames) else ''
    return frames, f'{len(frames)}{thinned} images of {folder}'


def _rendered(most: int) -> tuple[Sequence[Frame], str]:
    frames = [
        Frame(index, '', SceneRenderer(FIRST_ROOM + index, SIZES[index % len(SIZES)]).render(
            40 * index).image)
        for index in range(min(ROOMS, most))]
    rng = np.random.default_rng(0)
    for index in range(min(NOISE, most - len(frames))):
        width, height = SIZES[index]
        frames.append(Frame(
            len(frames), '', rng.integers(0, 256, (height, width, 3), np.uint8)))
    noise = len(frames) - min(ROOMS, most)
    return frames, f'{len(frames) - noise} rendered rooms, {noise} images of noise'
