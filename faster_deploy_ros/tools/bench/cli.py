# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command ``faster-deploy bench``."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
import json
from pathlib import Path
import sys

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.sources import open_source
from faster_deploy_ros.tools.bench.orders import Orders
from faster_deploy_ros.tools.bench.report import as_json, made, markdown, notes, reasons, table
from faster_deploy_ros.tools.bench.rounds import measure
from faster_deploy_ros.tools.inputs import read_shape
from faster_deploy_ros.tools.progress import Activity
from faster_deploy_ros.tools.whole_file import write_whole

OK, INCOMPLETE = 0, 1
EPILOG = """\
examples:
  faster-deploy bench models/shapes_yolox.onnx
  faster-deploy bench a.onnx b.param b.xml --seats 1,2 --threads 1,2
  faster-deploy bench onnxruntime.0://a.onnx 'onnxruntime.0://a.onnx?optimize=none' --seats 1
  faster-deploy bench a.onnx --stages --images photos/

A seat is an inference in flight: 2 seats are two workers of the node. A thread works inside one
inference. Exit code 1: a model could not be measured; its line says why."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add('uris', nargs='+', metavar='MODEL',
        help='a model file, or runtime.device://path?option=value')
    add('--seats', type=_numbers, default=(1, 2), metavar='N,N',
        help='inferences at once (default: 1,2)')
    add('--threads', type=_numbers, metavar='N,N',
        help="threads inside one inference (default: the runtime's)")
    add('--seconds', type=float, default=2.0, metavar='S',
        help='to measure for each line of the table (default: %(default)g)')
    add('--rounds', type=int, default=5, metavar='N',
        help='in which the models take turns (default: %(default)s)')
    add('--images', default='scene', metavar='WHAT',
        help="'scene' (default), a folder, an image, a video; or 'noise'")
    add('--family', default='auto', metavar='NAME', help='of the models (default: auto)')
    add('--shape', type=read_shape, action='append', default=[], metavar='NAME=NxN',
        help='of an input that the model leaves open: images=1x3x640x640')
    add('--stages', action='store_true',
        help='measure the whole call: preprocess, infer, postprocess')
    add('--limit', type=float, default=1800.0, metavar='S',
        help='for a model to load; some runtimes compile first (default: %(default)g)')
    add('--markdown', type=Path, metavar='FILE', help='write the page for the documentation')
    add('--json', action='store_true', help='print JSON instead of the table')


def run(arguments: Namespace) -> int:
    """
    Measure and print; 1 if a model could not be measured.

    :raises BadValue: a number out of range.
    :raises Unavailable: there are no such images.
    """
    orders = _orders(arguments)
    if orders.images:
        open_source(orders.images)   # refused at once, and not once for each model
    page: Path | None = arguments.markdown
    if page is not None and not page.absolute().parent.is_dir():
        raise BadValue(f"--markdown: there is no folder '{page.parent}'; make it first")
    with Activity() as activity:
        rows = list(measure(orders, activity))
    how = made(_words(arguments), rows)
    if page is not None:
        write_whole(page, markdown(orders, rows, how), '--markdown')
        print(f'  {page} written', file=sys.stderr)
    if arguments.json:
        print(json.dumps(as_json(orders, rows, how), indent=2))
    else:
        print(table(rows))
        print('\n' + '\n'.join(notes(orders, rows)))
        for reason in reasons(rows):
            print(f'Not measured: {reason}')
    return INCOMPLETE if any(row.error for row in rows) else OK


def _orders(chosen: Namespace) -> Orders:
    for name, least in (('seconds', 0.01), ('rounds', 1), ('limit', 0.1)):
        value = getattr(chosen, name)
        if not least <= value < float('inf'):
            raise BadValue(f'got --{name} {value:g}, expected {least:g} or more')
    return Orders(
        tuple(chosen.uris), chosen.seats, chosen.threads or (None,), chosen.seconds,
        chosen.rounds, '' if chosen.images == 'noise' else chosen.images, chosen.family,
        dict(chosen.shape), chosen.stages, chosen.limit)


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(',')
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise ArgumentTypeError(f"got '{text}', expected numbers from 1, as in 1,2,4")
    return tuple(dict.fromkeys(map(int, parts)))


def _words(chosen: Namespace) -> list[str]:
    """Return what was typed, as far as it decides what was measured."""
    words = list(chosen.uris)
    for name in ('seats', 'threads', 'seconds', 'rounds', 'images', 'family'):
        value = getattr(chosen, name)
        if value is not None and value != DEFAULTS[name]:
            text = ','.join(map(str, value)) if isinstance(value, tuple) else f'{value}'
            words += [f'--{name}', text]
    for name, shape in chosen.shape:
        words += ['--shape', f"{name}={'x'.join(map(str, shape))}"]
    return words + (['--stages'] if chosen.stages else [])


DEFAULTS = {'seats': (1, 2), 'threads': None, 'seconds': 2.0, 'rounds': 5, 'images': 'scene',
            'family': 'auto'}
