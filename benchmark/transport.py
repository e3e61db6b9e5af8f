# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What it costs to get an image to another process, with and without the shipped profile."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
import os
from pathlib import Path
import sys
import tempfile
from typing import Any

from benchmark.figures import Figures, machine, record, table, write_json
from benchmark.observer import Observer
from benchmark.processes import bench_environment, BenchmarkFailed, Child
from benchmark.traffic import measure, Subject, wait_until_connected
import cv2
from faster_deploy_ros import transport
import numpy as np
from std_msgs.msg import Header

SIZES = {'VGA': (640, 480), '720p': (1280, 720), '1080p': (1920, 1080)}
SATURATION_HZ = 1000.0
RATES = {'saturation': SATURATION_HZ, '30 Hz': 30.0}
COLUMNS = {'image': '', 'reliability': '', 'rate': '', 'transport': '', 'fps': '.1f',
           'p50 ms': '.1f', 'p99 ms': '.1f', 'sent': '.0f', 'lost': '.0f',
           'echo CPU ms': '.2f', 'camera CPU': '.2f'}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; return the exit code."""
    parser = argparse.ArgumentParser(
        prog='benchmark transport', description=f'{__doc__} A camera process publishes images, '
        'an echo process answers each with its header, an observer notes the age of the answers.')
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument('--seconds', type=float, default=2.0, help='per case and round')
    parser.add_argument('--rounds', type=int, default=3, help='alternations; medians are shown')
    parser.add_argument('--sizes', nargs='+', choices=SIZES, default=list(SIZES))
    options = parser.parse_args(arguments)
    print(transport.describe())
    environs = {'default': bench_environment(profile=False), 'profile': bench_environment()}
    if environs['default'] == environs['profile']:
        print('There is nothing to compare.', file=sys.stderr)
        return 2
    os.environ.update(environs['default'])   # what both have: the domain
    cases: dict[tuple[str, ...], list[Figures]] = {}
    try:
        for size in options.sizes:
            _measure_size(size, environs, options.seconds, options.rounds, cases)
    except BenchmarkFailed as error:
        print(error, file=sys.stderr)
        return 1
    records = [record(dict(zip(('image', 'reliability', 'rate', 'transport'), key)), rounds)
               for key, rounds in cases.items()]
    print(table(COLUMNS, [_row(r) for r in records]))
    if options.json:
        write_json(options.json, {'machine': machine(), 'cases': records})
    return 0


def _measure_size(size: str, environs: dict[str, dict[str, str]], seconds: float, rounds: int,
                  cases: dict[tuple[str, ...], list[Figures]]) -> None:
    """Start the pairs of processes for one image size, take turns, add to ``cases``."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        image = str(Path(folder) / 'image.png')
        width, height = SIZES[size]
        cv2.imwrite(image, np.random.default_rng(1).integers(
            0, 256, (height, width, 3), dtype=np.uint8))
        pairs = {}
        for reliability in ('best effort', 'reliable'):
            for name in ('default', 'profile'):
                pairs[reliability, name] = _start_pair(
                    stack, image, reliability, name, environs[name])
        observer = stack.enter_context(
            Observer({subject.result_topic: Header for _, subject in pairs.values()}))
        wait_until_connected(observer, [subject for _, subject in pairs.values()], _progress)
        for turn in range(rounds):
            for reliability in ('best effort', 'reliable'):
                for rate, rate_hz in RATES.items():
                    for name in ('default', 'profile'):
                        camera, subject = pairs[reliability, name]
                        _progress(f'{size}, round {turn + 1} of {rounds}, {subject.name}, {rate}')
                        key = (size, reliability, rate, name)
                        cases.setdefault(key, []).append(
                            measure(observer, camera, subject, rate_hz, seconds))
    _progress('')


def _start_pair(stack: ExitStack, image: str, reliability: str, name: str,
                environ: dict[str, str]) -> tuple[Child, Subject]:
    best_effort = ['--best-effort'] if reliability == 'best effort' else []
    topic = f'/benchmark/{name}/{reliability.replace(" ", "_")}'
    camera = stack.enter_context(Child(
        'benchmark.actors.camera', ['--image', image, '--topics', f'{topic}/image', *best_effort],
        environ))
    echo = stack.enter_context(Child(
        'benchmark.actors.echo_node', ['--image-topic', f'{topic}/image', '--result-topic',
                                       f'{topic}/header', *best_effort], environ))
    camera.answer(30.0)
    return camera, Subject(f'{reliability}, {name}', echo, f'{topic}/image', f'{topic}/header')


def _row(r: dict[str, Any]) -> dict[str, Any]:
    return {**r, 'p50 ms': r['age_p50_ms'], 'p99 ms': r['age_p99_ms'],
            'echo CPU ms': r['cpu_ms'], 'camera CPU': r['publisher_cpu']}


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f'\r\033[K{text}', end='', file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main())
