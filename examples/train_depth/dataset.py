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
FRAMES_PER_SEED = 4


def film(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Render some frames of one seed; one seed in five is wide instead of 4:3.

    :returns: images (n, h, w, 3) uint8 BGR, depths (n, h / 2, w / 2) float16 metres.
    """
    size = (640, 360) if seed % 5 == 4 else (640, 480)
    renderer = SceneRenderer(seed, size)
    rows, columns = (
        ((np.arange(count // 2) + 0.5) * 2 * full / count).astype(int)
        for count, full in ((HEIGHT, size[1]), (WIDTH, size[0])))
    images, depths = [], []
    for index in range(FRAMES_PER_SEED):
        scene = renderer.render(index * 97 + seed % 40)
        images.append(cv2.resize(scene.image, (WIDTH, HEIGHT)))
        depths.append(scene.depth[np.ix_(rows, columns)])
    return np.stack(images), np.stack(depths).astype(np.float16)


def load(cache: Path, first_seed: int, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Render, or read what has been rendered before: images and depths as one array each."""
    images, depths = zip(*films(cache, first_seed, seeds, film))
    return np.concatenate(images), np.concatenate(depths)


def batch(images: np.ndarray, depths: np.ndarray,
          rng: np.random.Generator | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Stack (b, 3, h, w) float 0 to 1 and (b, 1, h / 2, w / 2) metres; with ``rng`` augmented.

    Mirrored and recoloured only: zooming would change what a metre looks like.
    """
    chosen = []
    for picture in images:
        image = picture
        if rng is not None and rng.random() < 0.5:
            gain = rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, 3)
            image = cv2.convertScaleAbs(cv2.multiply(image, (*gain, 1.0), dtype=cv2.CV_32F))
        chosen.append(image)
    x = torch.from_numpy(np.stack(chosen)).permute(0, 3, 1, 2).float() / 255
    y = torch.from_numpy(depths.astype(np.float32))[:, None]
    if rng is not None and rng.random() < 0.5:
        return x.flip(3).contiguous(memory_format=torch.channels_last), y.flip(3)
    return x, y
