# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command ``faster-deploy convert``."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from dataclasses import asdict
import json
from pathlib import Path
import shlex
import textwrap
from typing import Any

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.share import resolve_package_url
from faster_deploy_ros.tools.convert.conduct import convert
from faster_deploy_ros.tools.convert.job import PRECISIONS
from faster_deploy_ros.tools.convert.orders import IMAGES_USUAL, Orders, Parity, Result
from faster_deploy_ros.tools.convert.table import CONVERTERS
from faster_deploy_ros.tools.inputs import read_shape
from faster_deploy_ros.tools.layout import lay_out, number
from faster_deploy_ros.tools.progress import Activity

OK, SUSPECT = 0, 1
WIDTH = 100
EPILOG = """\
examples:
  faster-deploy convert yolox_nano.onnx --to ncnn
  faster-deploy convert yolov8n.onnx --to openvino --precision fp16 --output robot/yolov8n.xml
  faster-deploy convert m.onnx --to rknn --precision int8 --images photos/ --option target=rk3588
  faster-deploy convert open_shapes.onnx --to ncnn --shape images=1x3x640x640

The result lies beside the model as <model>_<runtime>, with a card (.yaml) that says what its
tensors mean and how it was made. Afterwards both models run on some pictures, and their outputs
are compared. A conversion that fails or is interrupted leaves nothing behind.

exit code: 0 done; 1 done, but the result differs too much; 2 refused, nothing was written."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add('model', type=_file, metavar='MODEL.onnx', help='the model to convert')
    add('--to', required=True, metavar='RUNTIME', help=f"one of {', '.join(CONVERTERS)}")
    add('--output', type=_file, metavar='PATH',
        help='the file to write, or a folder for it, made if absent')
    add('--precision', default='fp32', choices=PRECISIONS, help='of the result (default: fp32)')
    add('--images', default='', metavar='WHAT',
        help='a folder of images or a video, to calibrate int8 and to compare on')
    add('--max-images', type=int, default=IMAGES_USUAL, metavar='N',
        help='to calibrate on (default: %(default)s)')
    add('--shape', type=read_shape, action='append', default=[], metavar='NAME=NxN',
        help='close an input that the model leaves open: images=1x3x640x640')
    add('--option', type=_option, action='append', default=[], metavar='NAME=VALUE',
        help="for the runtime's converter; a wrong name lists those that it has")
    add('--force', action='store_true', help='replace what is there')
    add('--no-check', action='store_true', help='do not run both models and compare')
    add('--json', action='store_true', help='print JSON instead of text')


def run(arguments: Namespace) -> int:
    """
    Convert and print what came of it; 1 if the result differs too much from the original.

    :raises FasterDeployError: as ``conduct.convert``; nothing was written.
    """
    if arguments.max_images < 1:
        raise BadValue(f'got --max-images {arguments.max_images}, expected 1 or more')
    orders = Orders(
        arguments.model, arguments.to, arguments.output, arguments.precision, arguments.images,
        arguments.max_images, dict(arguments.option), dict(arguments.shape), arguments.force,
        not arguments.no_check)
    with Activity() as activity:
        result = convert(orders, activity)
    print(json.dumps(_page(orders, result), indent=2) if arguments.json else _text(orders, result))
    return SUSPECT if result.parity.faults else OK


def _file(text: str) -> Path:
    return Path(resolve_package_url(text)).expanduser()   # no shell expands --output=~/robot


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition('=')
    if not name or not equals:
        raise ArgumentTypeError(f"got '{text}', expected name=value")
    return name, value


def _text(orders: Orders, result: Result) -> str:
    """Tell the result to a person."""
    versions = ', '.join(f'{name} {version}' for name, version in result.versions.items())
    width = max(len(str(path)) for path in result.files)
    rows = [('written', f'{path!s:<{width}}  {_size(path):>8}') for path in result.files]
    rows += [('made by', versions)] if versions else []
    rows += [('note', note) for note in result.notes]
    rows += [('WARNING', warning) for warning in result.warnings]
    lines = [f'{orders.model} -> {orders.to}, {orders.precision}', '']
    last = ''
    for name, text in rows:
        title = f"  {'' if name == last else name:<10}"
        # A path is never cut: somebody will copy it.
        lines += [title + text] if name == 'written' else textwrap.wrap(
            text, WIDTH, initial_indent=title, subsequent_indent=' ' * len(title))
        last = name
    return '\n'.join([*lines, '', *_parity(orders, result)])


def _parity(orders: Orders, result: Result) -> list[str]:
    parity, lines = result.parity, []
    if parity.outputs:
        lines += [lay_out(
            [(each['name'], number(each['max_abs']), number(each['mean_abs']),
              f"{each['cosine']:.7f}") for each in parity.outputs],
            ('output', 'max diff', 'mean diff', 'cosine')), '']
    if parity.reason:
        lines.append(f'Not checked here: {parity.reason}')
    elif parity.faults:
        lines += [f'SUSPECT: {fault}' for fault in parity.faults]
        both = shlex.join(map(str, (orders.model, result.files[0])))
        lines.append(f'The files stay; look closer: faster-deploy compare {both}')
    else:
        lines.append(f'Both agree, as far as {orders.precision} can ({parity.inputs}).')
    return lines


def _page(orders: Orders, result: Result) -> Mapping[str, Any]:
    return {
        'model': str(orders.model), 'to': orders.to, 'precision': orders.precision,
        'files': [str(path) for path in result.files], 'versions': dict(result.versions),
        'notes': list(result.notes), 'warnings': list(result.warnings),
        'parity': {'checked': not result.parity.reason, 'agrees': _agrees(result.parity),
                   **asdict(result.parity)}}


def _agrees(parity: Parity) -> bool | None:
    return None if parity.reason else not parity.faults


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f'{size / 1e6:.1f} MB' if size >= 1e5 else f'{size / 1e3:.1f} kB'
