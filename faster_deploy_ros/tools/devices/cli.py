# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command ``faster-deploy devices``."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from itertools import groupby
import json
import shutil
import textwrap

from faster_deploy_ros.cores import CORES
from faster_deploy_ros.cores.device import Capabilities, Device, UnavailableRuntime
from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tools.devices.probe import LIMIT_S, plain, probe, remedy
from faster_deploy_ros.tools.layout import lay_out

# Capability -> how the table calls it.
WORDS = {
    'dynamic_shape': 'open shapes', 'from_bytes': 'from memory', 'external_blobs': 'zero copy',
    'device_blobs': 'device memory', 'native_async': 'async'}
EPILOG = """\
what a device can:
  open shapes    models whose inputs have open dimensions
  from memory    a model given as bytes
  zero copy      the caller's memory is bound, not copied
  device memory  tensors stay on the accelerator between steps
  async          the runtime itself is asynchronous; no thread waits for it

Each runtime is asked in a process of its own, all at once: one that crashes or hangs is a line of
the table. A model runs on a device by its name: faster-deploy bench onnxruntime.0://model.onnx"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.epilog = EPILOG
    parser.add_argument(
        'runtimes', nargs='*', metavar='RUNTIME', help=f"only these (of {', '.join(CORES)})")
    parser.add_argument(
        '--limit', type=float, default=LIMIT_S, metavar='SECONDS',
        help='a runtime that has not answered by then is hung (default: %(default)g)')
    parser.add_argument('--json', action='store_true', help='print JSON instead of a table')


def run(arguments: Namespace) -> int:
    """
    Print what there is; 0 whatever there is.

    :raises UnknownName: a runtime that is not in the table.
    """
    if not arguments.limit > 0:
        raise BadValue(f'got --limit {arguments.limit:g}, expected seconds above 0')
    for name in arguments.runtimes:
        CORES.entry(name)
    found = probe(arguments.runtimes or CORES, arguments.limit)
    there = [each for each in found if isinstance(each, Device)]
    missing = [each for each in found if isinstance(each, UnavailableRuntime)]
    if arguments.json:
        print(json.dumps({
            'devices': [
                {'device': f'{each.scheme}.{each.index}', **plain(each)} for each in there],
            'unavailable': [{'scheme': each.scheme, 'reason': each.reason,
                             'remedy': remedy(each.scheme)} for each in missing]}, indent=2))
    else:
        width = min(shutil.get_terminal_size().columns, 100)
        print('\n\n'.join(filter(None, (_table(there), _reasons(missing, width)))))
    return 0


def _table(there: Sequence[Device]) -> str:
    if not there:
        return ''
    rows = [_row(list(alike)) for _, alike in groupby(there, lambda each: (
        each.scheme, each.name, str(each.capabilities)))]
    return lay_out(rows, ('device', 'name', 'version', 'can'), texts=4)


def _row(alike: Sequence[Device]) -> tuple[str, ...]:
    """Put devices that differ by their number alone into one line."""
    first, last = alike[0], alike[-1]
    name = f'{first.scheme}.{first.index}'
    if last is not first:
        name += f' to {last.index}'
    can = first.capabilities
    own = next((
        _short(version) for each, version in can.versions.items()
        if each.lower() == first.scheme), '')
    others = [f'{each} {_short(version)}' for each, version in can.versions.items()
              if each.lower() != first.scheme and _short(version) != own]
    return name, first.name, ', '.join(filter(None, [own, *others])), _words(can)


def _short(version: str) -> str:
    """Leave out how it was built; JSON has it all."""
    return version.partition('-')[0]


def _words(can: Capabilities) -> str:
    words = [word for field, word in WORDS.items() if getattr(can, field)]
    if can.max_in_flight is not None:
        words.append(f'{can.max_in_flight} at once')
    return ', '.join(words)


def _reasons(missing: Iterable[UnavailableRuntime], width: int) -> str:
    lines = ['Not here:']
    indent = ' ' * 14
    for each in missing:
        lines += textwrap.wrap(
            each.reason, width, initial_indent=f'  {each.scheme:<12}', subsequent_indent=indent)
        if what := remedy(each.scheme):
            lines += textwrap.wrap(
                what, width, initial_indent=f'{indent}→ ', subsequent_indent=f'{indent}  ')
    return '\n'.join(lines) if len(lines) > 1 else ''
