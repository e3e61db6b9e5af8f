# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Render scenes, train the shipped detector on them and export it to ONNX."""

import argparse
import copy
import json
import math
from pathlib import Path
import time

import dataset
from dataset import LABELS
from loss import detection_loss
from network import cells, Deployed, ShapesNet, STRIDES
import numpy as np
import onnx
import torch

TRAIN_SEED = 100_000    # seeds below are for tests, demos and the accuracy in the card


def export(net: ShapesNet, path: Path) -> None:
    """Write ONNX, opset 13 and IR 8, with labels and strides in its metadata."""
    sample = torch.zeros(1, 3, dataset.HEIGHT, dataset.WIDTH)
    torch.onnx.export(Deployed(copy.deepcopy(net)).eval(), sample, str(path), opset_version=13,
                      input_names=['images'], output_names=['output'], dynamo=False)
    model = onnx.load(str(path))
    model.ir_version = 8
    model.producer_name, model.producer_version = 'faster_deploy_ros/examples/train_shapes', ''
    names = dict(enumerate(LABELS))
    onnx.helper.set_model_props(model, {
        'names': str(names), 'stride': json.dumps(STRIDES), 'decoded': 'false',
        'license': 'Apache-2.0'})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def train(options: argparse.Namespace) -> ShapesNet:
    """Train with AdamW, a cosine schedule and an average of the weights."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    samples = dataset.load(options.cache, TRAIN_SEED, options.seeds)
    net = ShapesNet(len(LABELS)).to(memory_format=torch.channels_last)
    if options.resume:
        net.load_state_dict(torch.load(options.resume))
    average = copy.deepcopy(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=0.02)
    corners, strides = cells(dataset.HEIGHT, dataset.WIDTH)
    started, step, progress, order = time.monotonic(), 0, 0.0, []
    spent = 0.0
    while progress < 1:
        # The schedule follows the clock: the machine may be shared, the promise is minutes.
        progress = (time.monotonic() - started) / (60 * options.minutes)
        ramp = min(1.0, (step + 1) / 150)
        for group in optimiser.param_groups:
            group['lr'] = options.rate * ramp * (
                0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(progress, 1))))
        if len(order) < options.batch:
            order = rng.permutation(len(samples)).tolist()
        chosen = [order.pop() for _ in range(options.batch)]
        images, truths = dataset.batch(
            [dataset.augment(samples[index], rng) for index in chosen])
        net.train()
        loss = detection_loss(net(images), truths, corners, strides)
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
        if step % 50 == 0:
            print(f'step {step} · {step * options.batch / len(samples):.2f} epochs · '
                  f'{progress:.0%} · loss {spent:.3f}', flush=True)
        if step % 400 == 0:
            torch.save(average.state_dict(), options.cache / 'last.pt')
    torch.save(average.state_dict(), options.cache / 'last.pt')
    return average


def main() -> None:
    """Read the options, train, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=Path('shapes_yolox.onnx'))
    parser.add_argument('--cache', type=Path, default=Path('cache'), help='rendered scenes')
    parser.add_argument('--seeds', type=int, default=900, help='rooms to render, 8 frames each')
    parser.add_argument('--minutes', type=float, default=15, help='of training')
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
