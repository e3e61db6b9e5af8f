# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Render scenes, train the shipped detector on them and export it to ONNX."""

import argparse
import json
from pathlib import Path

from examples.train_shapes import dataset
from examples.train_shapes.dataset import LABELS
from examples.train_shapes.loss import detection_loss
from examples.train_shapes.network import cells, Deployed, ShapesNet, STRIDES
from examples.training import onnx_file
from examples.training.fit import add_arguments, fit
import numpy as np
import torch
from torch import nn

TRAIN_SEED = 100_000    # seeds below are for tests, demos and the accuracy in the card


def main() -> None:
    """Read the options, train, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=Path('shapes_yolox.onnx'))
    add_arguments(parser, seeds=900, frames=dataset.FRAMES_PER_SEED, minutes=15)
    options = parser.parse_args()
    torch.manual_seed(0)
    samples = dataset.load(options.cache, TRAIN_SEED, options.seeds)
    corners, strides = cells(dataset.HEIGHT, dataset.WIDTH)

    def loss_of(net: nn.Module, chosen: list[int], rng: np.random.Generator) -> torch.Tensor:
        images, truths = dataset.batch(
            [dataset.augment(samples[index], rng) for index in chosen])
        return detection_loss(net(images), truths, corners, strides)

    net = fit(ShapesNet(len(LABELS)), len(samples), loss_of, options, decay=0.02)
    onnx_file.write(
        Deployed(net), options.output, made_by='train_shapes',
        size=(dataset.WIDTH, dataset.HEIGHT), names=('images', 'output'),
        about={'names': str(dict(enumerate(LABELS))), 'stride': json.dumps(STRIDES),
               'decoded': 'false'})


if __name__ == '__main__':
    main()
