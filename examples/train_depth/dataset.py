# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rendered rooms and their depth, as the network sees them, with the augmentation of training."""

from pathlib import Path

import cv2
from examples.training.rooms import films
from faster_deploy_ros.scenes import SceneRenderer
import numpy as np
import torch

WIDTH, HEIGHT = 256, 192
PAD = 114
FRAMES_PER_SEED = 4
WIDE_ROWS = HEIGHT * 3 // 4     # of a picture of 16:9, which is as wide as one of 4:3


def film(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Render some frames of one seed; one seed in five is wide instead of 4:3.

    :returns: images (n, h, w, 3) uint8 BGR, padded above and below as the package does it where
        they are wide; depths (n, h / 2, w / 2) float16 metres, NaN where there is no picture.
    """
    is_wide = seed % 5 == 4
    renderer = SceneRenderer(seed, (640, 360) if is_wide else (640, 480))
    images, depths = [], []
    for index in range(FRAMES_PER_SEED):
        scene = renderer.render(index * 97 + seed % 40)
        image, depth = padded(scene.image, scene.depth, WIDE_ROWS if is_wide else HEIGHT)
        images.append(image)
        depths.append(depth)
    return np.stack(images), np.stack(depths).astype(np.float16)


def padded(image: np.ndarray, depth: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Shrink a picture to so many rows and lay it into the middle of the input."""
    above = (HEIGHT - rows) // 2
    canvas = np.full((HEIGHT, WIDTH, 3), PAD, np.uint8)
    canvas[above:above + rows] = cv2.resize(image, (WIDTH, rows))
    truth = np.full((HEIGHT // 2, WIDTH // 2), np.nan, depth.dtype)
    ys, xs = (((np.arange(count) + 0.5) * full / count).astype(int)
              for count, full in ((rows // 2, depth.shape[0]), (WIDTH // 2, depth.shape[1])))
    truth[above // 2:above // 2 + rows // 2] = depth[np.ix_(ys, xs)]
    return canvas, truth


def load(cache: Path, first_seed: int, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Render, or read what has been rendered before: images and depths as one array each."""
    images, depths = zip(*films(cache, first_seed, seeds, film))
    return np.concatenate(images), np.concatenate(depths)


def batch(images: np.ndarray, depths: np.ndarray,
          rng: np.random.Generator | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Stack (b, 3, h, w) float 0 to 1 and (b, 1, h / 2, w / 2) metres; with ``rng`` augmented.

    Mirrored, recoloured and cut to 16:9 only: zooming would change what a metre looks like.
    """
    if rng is not None:
        images, depths = images.copy(), depths.copy()
        for image, depth in zip(images, depths):
            _augment(image, depth, rng)
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    y = torch.from_numpy(depths.astype(np.float32))[:, None]
    if rng is not None and rng.random() < 0.5:
        return x.flip(3).contiguous(memory_format=torch.channels_last), y.flip(3)
    return x, y


def _augment(image: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> None:
    """Recolour a picture and cut it as a wide camera would, in place."""
    if rng.random() < 0.5:
        gain = rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, 3)
        image[:] = cv2.convertScaleAbs(cv2.multiply(image, (*gain, 1.0), dtype=cv2.CV_32F))
    cut = (HEIGHT - WIDE_ROWS) // 2
    if rng.random() < 0.25 or np.isnan(depth[0, 0]):   # the padding keeps its grey
        image[:cut], image[-cut:] = PAD, PAD
        depth[:cut // 2], depth[-cut // 2:] = np.nan, np.nan
