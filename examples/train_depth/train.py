# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Render rooms, train the shipped depth network on them and export it to ONNX."""

import argparse
import copy
import math
from pathlib import Path
import time

import dataset
from network import Deployed, DepthNet
import numpy as np
import onnx
import torch

TRAIN_SEED = 200_000    # seeds below are for tests, demos and the accuracy in the card
CHECK_SEED = 70_000


def export(net: DepthNet, path: Path) -> None:
    """Write ONNX, opset 13 and IR 8, with task, unit and licence in its metadata."""
    sample = torch.zeros(1, 3, dataset.HEIGHT, dataset.WIDTH)
    torch.onnx.export(Deployed(copy.deepcopy(net)).eval(), sample, str(path), opset_version=13,
                      input_names=['image'], output_names=['depth'], dynamo=False)
    model = onnx.load(str(path))
    model.ir_version = 8
    model.producer_name, model.producer_version = 'faster_deploy_ros/examples/train_depth', ''
    onnx.helper.set_model_props(model, {
        'task': 'depth', 'unit': 'm', 'license': 'Apache-2.0'})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def depth_loss(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Relative error, which is what AbsRel measures, and the steps between neighbours."""
    error = torch.log(found) - torch.log(truth)
    across = (error[..., 1:] - error[..., :-1]).abs().mean()
    down = (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    return error.abs().mean() + 0.5 * (across + down)


def check(net: DepthNet, images: np.ndarray, depths: np.ndarray) -> float:
    """Return AbsRel on rooms that were not trained on."""
    net.eval()
    shares = []
    with torch.no_grad():
        for start in range(0, len(images), 20):
            x, truth = dataset.batch(images[start:start + 20], depths[start:start + 20])
            shares.append(((net(x) - truth).abs() / truth).mean().item())
    return float(np.mean(shares))


def train(options: argparse.Namespace) -> DepthNet:
    """Train with AdamW, a cosine schedule and an average of the weights."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    images, depths = dataset.load(options.cache, TRAIN_SEED, options.seeds)
    held = dataset.load(options.cache, CHECK_SEED, 100)
    net = DepthNet().to(memory_format=torch.channels_last)
    print(f'{sum(weights.numel() for weights in net.parameters())} parameters', flush=True)
    if options.resume:
        net.load_state_dict(torch.load(options.resume))
    average = copy.deepcopy(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=0.01)
    started, step, progress, order, spent = time.monotonic(), 0, 0.0, [], 0.0
    while progress < 1:
        # The schedule follows the clock: the machine may be shared, the promise is minutes.
        progress = (time.monotonic() - started) / (60 * options.minutes)
        ramp = min(1.0, (step + 1) / 150)
        for group in optimiser.param_groups:
            group['lr'] = options.rate * ramp * (
                0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(progress, 1))))
        if len(order) < options.batch:
            order = rng.permutation(len(images)).tolist()
        chosen = [order.pop() for _ in range(options.batch)]
        x, truth = dataset.batch(images[chosen], depths[chosen], rng)
        net.train()
        loss = depth_loss(net(x), truth)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10)
        optimiser.step()
        step += 1
        keep = min(0.998, (step + 1) / (step + 20))
        with torch.no_grad():
            for mean, now in zip(average.state_dict().values(), net.state_dict().values()):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, 1 - keep)
                else:
                    mean.copy_(now)
        spent = 0.98 * spent + 0.02 * loss.item() if step > 1 else loss.item()
        if step % 100 == 0:
            print(f'step {step} · {step * options.batch / len(images):.2f} epochs · '
                  f'{progress:.0%} · loss {spent:.4f}', flush=True)
        if step % 1000 == 0:
            print(f'  AbsRel on unseen rooms {check(average, *held):.4f}', flush=True)
            torch.save(average.state_dict(), options.cache / 'last.pt')
    print(f'  AbsRel on unseen rooms {check(average, *held):.4f}', flush=True)
    torch.save(average.state_dict(), options.cache / 'last.pt')
    return average


def main() -> None:
    """Read the options, train, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=Path('rooms_depth.onnx'))
    parser.add_argument('--cache', type=Path, default=Path('cache'), help='rendered rooms')
    parser.add_argument('--seeds', type=int, default=4000, help='rooms to render, 4 frames each')
    parser.add_argument('--minutes', type=float, default=60, help='of training')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--rate', type=float, default=2e-3)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--resume', type=Path, help='weights (.pt) to start from')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    net = train(options)
    export(net, options.output)
    print(f'{options.output}: {options.output.stat().st_size / 1e6:.2f} MB')


if __name__ == '__main__':
    main()
