# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rendered scenes, letterboxed for the network, with the augmentation of training."""

from dataclasses import dataclass
from pathlib import Path

import cv2
from examples.training.rooms import films
from faster_deploy_ros.scenes import LABELS, SceneRenderer
import numpy as np
import torch

__all__ = ['HEIGHT', 'LABELS', 'PAD', 'WIDTH', 'Sample', 'augment', 'batch', 'load']

WIDTH, HEIGHT = 320, 256
PAD = 114
FRAMES_PER_SEED = 8


@dataclass
class Sample:
    """A scene as the network sees it; boxes (n, 4) in input pixels."""

    image: np.ndarray       # (h, w, 3) uint8 BGR, not yet padded
    boxes: np.ndarray
    class_id: np.ndarray
    ignored: np.ndarray


def film(seed: int) -> list[Sample]:
    """Render some frames of one seed; one seed in four is wide instead of 4:3."""
    size = (640, 360) if seed % 4 == 3 else (640, 480)
    renderer = SceneRenderer(seed, size)
    scale = WIDTH / size[0]
    samples = []
    for index in range(FRAMES_PER_SEED):
        scene = renderer.render(index * 47 + seed % 40)
        # The package's letterbox resizes bilinearly; at exactly one half the two are the same.
        small = cv2.resize(scene.image, (WIDTH, int(size[1] * scale)))
        samples.append(Sample(small, scene.boxes * scale, scene.class_id, scene.ignored * scale))
    return samples


def load(cache: Path, first_seed: int, seeds: int) -> list[Sample]:
    """Render scenes, or read those that have been rendered before."""
    return [sample for part in films(cache, first_seed, seeds, film) for sample in part]


def augment(sample: Sample, rng: np.random.Generator) -> Sample:
    """Mirror, zoom, shift and recolour."""
    image, height = sample.image, sample.image.shape[0]
    boxes, ignored = sample.boxes.copy(), sample.ignored.copy()
    class_id = sample.class_id
    if rng.random() < 0.5:
        image = image[:, ::-1]
        for some in (boxes, ignored):
            some[:, [0, 2]] = WIDTH - some[:, [2, 0]]
    if rng.random() < 0.6:
        zoom = rng.uniform(0.75, 1.4)
        shift = rng.uniform(-0.5, 0.5, 2) * abs(1 - zoom) * (WIDTH, height) + (
            (1 - zoom) / 2 * np.array([WIDTH, height]))
        # Boxes count from the pixel's edge, warpAffine from its centre.
        matrix = np.array([[zoom, 0, shift[0] + (zoom - 1) / 2],
                           [0, zoom, shift[1] + (zoom - 1) / 2]])
        image = cv2.warpAffine(np.ascontiguousarray(image), matrix, (WIDTH, height),
                               borderMode=cv2.BORDER_REFLECT if zoom > 1 else cv2.BORDER_CONSTANT,
                               borderValue=(PAD, PAD, PAD))
        moved = [some * zoom + np.tile(shift, 2) for some in (boxes, ignored)]
        limit = np.array([WIDTH, height] * 2)
        clipped = [np.clip(some, 0, limit) for some in moved]
        sides = clipped[0][:, 2:] - clipped[0][:, :2]
        share = sides.prod(1) / np.maximum((moved[0][:, 2:] - moved[0][:, :2]).prod(1), 1)
        keep = (share > 0.4) & (sides.min(1, initial=99) > 5)
        ignored = np.vstack([clipped[1], clipped[0][~keep]])
        boxes, class_id = clipped[0][keep], class_id[keep]
    if rng.random() < 0.5:
        gain = rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, 3)
        image = cv2.convertScaleAbs(cv2.multiply(np.ascontiguousarray(image),
                                                 (*gain, 1.0), dtype=cv2.CV_32F))
        if rng.random() < 0.3:
            image = image[..., rng.permutation(3)]
    return Sample(image, boxes, class_id, ignored)


def batch(samples: list[Sample]) -> tuple[torch.Tensor, list[tuple[torch.Tensor, ...]]]:
    """
    Pad in the corner as YOLOX does and stack: (b, 3, h, w) float 0 to 1, and the truths.

    A truth is boxes (n, 4), classes (n,) and the boxes (m, 4) that are not judged.
    """
    images = np.full((len(samples), HEIGHT, WIDTH, 3), PAD, np.uint8)
    truths = []
    for slot, sample in zip(images, samples):
        slot[:sample.image.shape[0]] = sample.image
        truths.append((torch.from_numpy(np.asarray(sample.boxes, np.float32)),
                       torch.from_numpy(sample.class_id.astype(np.int64)),
                       torch.from_numpy(np.asarray(sample.ignored, np.float32))))
    # A permuted view is channels last, which convolutions on a CPU train a third faster with.
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255, truths
