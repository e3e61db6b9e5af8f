# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Render rooms, train the shipped depth network on them and export it to ONNX."""

import argparse
from pathlib import Path

from examples.train_depth import dataset
from examples.train_depth.network import DepthNet
from examples.training import onnx_file
from examples.training.blocks import folded
from examples.training.fit import add_arguments, fit
import numpy as np
import torch
from torch import nn

TRAIN_SEED = 200_000
CHECK_SEED, CHECK_SEEDS = 70_000, 100   # watched while training


def depth_loss(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Relative error, which is what AbsRel measures, and the steps between neighbours."""
    known = torch.isfinite(truth)
    error = torch.log(found) - torch.log(truth)
    pairs = ((error, known),
             (error[..., 1:] - error[..., :-1], known[..., 1:] & known[..., :-1]),
             (error[..., 1:, :] - error[..., :-1, :], known[..., 1:, :] & known[..., :-1, :]))
    whole, across, down = (one[where].abs().mean() for one, where in pairs)
    return whole + 0.5 * (across + down)


@torch.no_grad()
def abs_rel(net: nn.Module, images: np.ndarray, depths: np.ndarray) -> float:
    """Return AbsRel at the network's own output size."""
    net.eval()
    shares = []
    for start in range(0, len(images), 20):
        x, truth = dataset.batch(images[start:start + 20], depths[start:start + 20])
        shares.append(((net(x) - truth).abs() / truth).nanmean().item())
    return float(np.mean(shares))


def main() -> None:
    """Read the options, train, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=Path('rooms_depth.onnx'))
    add_arguments(parser, seeds=4000, frames=dataset.FRAMES_PER_SEED, minutes=70)
    options = parser.parse_args()
    torch.manual_seed(0)
    images, depths = dataset.load(options.cache, TRAIN_SEED, options.seeds)
    unseen = dataset.load(options.cache, CHECK_SEED, CHECK_SEEDS)

    def loss_of(net: nn.Module, chosen: list[int], rng: np.random.Generator) -> torch.Tensor:
        x, truth = dataset.batch(images[chosen], depths[chosen], rng)
        return depth_loss(net(x), truth)

    net = DepthNet()
    net = fit(net, len(images), loss_of, options, decay=0.01,
              check=lambda some: f'AbsRel on unseen rooms {abs_rel(some, *unseen):.4f}')
    onnx_file.write(
        folded(net, net.stage2), options.output, made_by='train_depth',
        size=(dataset.WIDTH, dataset.HEIGHT), names=('image', 'depth'),
        about={'task': 'depth', 'unit': 'm'})


if __name__ == '__main__':
    main()
