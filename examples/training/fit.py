# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: AdamW, a cosine schedule by the clock, an average of the weights."""

import argparse
from collections.abc import Callable, Iterator
import copy
import math
from pathlib import Path
import time

import numpy as np
import torch
from torch import nn

SAY_EVERY, KEEP_EVERY = 100, 1000   # steps


def add_arguments(parser: argparse.ArgumentParser, seeds: int, frames: int,
                  minutes: float) -> None:
    """Add what the loop and the rendering before it can be told."""
    add = parser.add_argument
    add('--cache', type=Path, default=Path('cache'), help='what has been rendered')
    add('--seeds', type=int, default=seeds, help=f'rooms to render, {frames} frames each')
    add('--minutes', type=float, default=minutes, help='of training')
    add('--batch', type=int, default=8)
    add('--rate', type=float, default=2e-3)
    add('--threads', type=int, default=2)
    add('--resume', type=Path, help='weights (.pt) to start from')


def fit(net: nn.Module, samples: int,
        loss_of: Callable[[nn.Module, list[int], np.random.Generator], torch.Tensor],
        options: argparse.Namespace, decay: float,
        check: Callable[[nn.Module], str] | None = None) -> nn.Module:
    """
    Train until the minutes are over; return the average of the weights.

    :param samples: how many there are.
    :param loss_of: the loss of the network on the samples of these numbers.
    :param decay: of the weights.
    :param check: says how good the average is.
    """
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(0)
    net.to(memory_format=torch.channels_last)
    if options.resume:
        net.load_state_dict(torch.load(options.resume))
    average = copy.deepcopy(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=decay)
    order, spent = _numbers(samples, options.batch, rng), None
    for step, progress in _steps(options.minutes):
        for group in optimiser.param_groups:
            group['lr'] = options.rate * _share(step, progress)
        net.train()
        loss = loss_of(net, next(order), rng)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10)
        optimiser.step()
        _follow(average, net, min(0.998, (step + 1) / (step + 20)))
        spent = loss.item() if spent is None else 0.98 * spent + 0.02 * loss.item()
        if step % SAY_EVERY == 0:
            print(f'step {step} · {step * options.batch / samples:.2f} epochs · '
                  f'{progress:.0%} · loss {spent:.4f}', flush=True)
        if step % KEEP_EVERY == 0 or progress >= 1:
            torch.save(average.state_dict(), options.cache / 'last.pt')
            if check is not None:
                print(f'  {check(average)}', flush=True)
    return average


def _steps(minutes: float) -> Iterator[tuple[int, float]]:
    """Count steps from 1, with the share of the time that is over; the last one is 1 or more."""
    # The schedule follows the clock: the machine may be shared, the promise is minutes.
    started, step, progress = time.monotonic(), 0, 0.0
    while progress < 1:
        step += 1
        progress = (time.monotonic() - started) / (60 * minutes)
        yield step, progress


def _share(step: int, progress: float) -> float:
    """Return the share of the full rate: a short ramp, then half a cosine down to 2 %."""
    half_wave = 0.5 * (1 + math.cos(math.pi * min(progress, 1)))
    return min(1.0, step / 150) * (0.02 + 0.98 * half_wave)


def _numbers(samples: int, batch: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Draw batches without an end, each sample once in every round."""
    while True:
        order = rng.permutation(samples)
        for start in range(0, samples - batch + 1, batch):
            yield order[start:start + batch].tolist()


@torch.no_grad()
def _follow(average: nn.Module, net: nn.Module, keep: float) -> None:
    for mean, now in zip(average.state_dict().values(), net.state_dict().values()):
        if mean.dtype.is_floating_point:
            mean.lerp_(now, 1 - keep)
        else:
            mean.copy_(now)
