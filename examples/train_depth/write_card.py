# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Measure a model of rooms with the package's own command and write its card."""

import argparse
import hashlib
import json
from pathlib import Path
import subprocess
import sys

import yaml

FIRST_SEED, FRAMES = 80_000, 300     # three of each room; see README.md for all seeds
SIZES = ('640x480', '1280x720', '320x240')
COMMAND = ('-m', 'faster_deploy_ros.tools', 'evaluate')


def measure(model: Path, size: str) -> dict[str, float]:
    """Return the errors over rooms that were never trained on."""
    words = ('--depth', '--images', 'scene', '--frames', FRAMES, '--seed', FIRST_SEED,
             '--size', size, '--json')
    done = subprocess.run([sys.executable, *COMMAND, str(model), *map(str, words)],
                          stdout=subprocess.PIPE, check=True)
    mean = json.loads(done.stdout)['mean']
    figures = {'AbsRel': mean['as_it_is']['abs_rel'], 'RMSE m': mean['as_it_is']['rmse'],
               'share within 1.25': mean['as_it_is']['delta_1'],
               'AbsRel median scaled': mean['median']['abs_rel']}
    return {name: round(value, 4) for name, value in figures.items()}


def write(path: Path, card: dict[str, object]) -> None:
    """Write the page."""
    path.write_text(
        '# What the tensors of the model beside this page mean; written by write_card.py.\n'
        + yaml.safe_dump(card, sort_keys=False, width=95), encoding='utf-8')


def main() -> None:
    """Write what is known, measure with it, write all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('model', type=Path)
    model = parser.parse_args().model
    card = {
        'name': 'rooms_depth',
        'description': 'How far away everything in the rendered rooms is; for demos and tests.',
        'family': 'metric_depth',
        'input': {'size': [256, 192], 'color': 'bgr', 'scale': 255, 'letterbox': 'center',
                  'pad': 114},
        'output': {'kind': 'metric', 'unit': 'm'},
        'licence': 'Apache-2.0',
        'source': 'examples/train_depth (train.py, then write_card.py), no outside data',
        'sha256': hashlib.sha256(model.read_bytes()).hexdigest(),
    }
    write(model.with_suffix('.yaml'), card)
    accuracy: dict[str, object] = {
        'measure': f'faster-deploy evaluate --depth --images scene --frames {FRAMES} '
                   f'--seed {FIRST_SEED}: {FRAMES // 3} rooms that were not trained on'}
    for size in SIZES:
        accuracy[size] = measure(model, size)
        print(size, accuracy[size])
    write(model.with_suffix('.yaml'), {**card, 'accuracy': accuracy})


if __name__ == '__main__':
    main()
