# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The demo command: camera, perception node and recorder over DDS, then the account."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
import json
from pathlib import Path
import re
import shutil
import sys

from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.tools.demo.conduct import conduct, demo_environment
from faster_deploy_ros.tools.demo.gallery import Gallery, SHEET, TIMELINE
from faster_deploy_ros.tools.demo.orders import Orders, USUAL_FPS, USUAL_SECONDS
from faster_deploy_ros.tools.demo.processes import Stopped
from faster_deploy_ros.tools.demo.report import table, verdict
from faster_deploy_ros.tools.demo.summary import summarise
from faster_deploy_ros.tools.demo.task import DEPTH, DETECTION
from faster_deploy_ros.tools.progress import Progress
from faster_deploy_ros.transport import describe

OK, FAULTY, REFUSED, INTERRUPTED = 0, 1, 2, 130
FILES_OF_A_RUN = (SHEET, TIMELINE, *(
    name for task in (DETECTION, DEPTH) for name in (task.film, task.lines)))


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the demo; return 0 when every frame is accounted for and in order.

    1: it does not add up. 2: it could not start. 130: interrupted.
    """
    orders = _orders(_parser().parse_args(arguments))
    progress = Progress()
    try:
        return _run(orders, progress)
    except FasterDeployError as error:
        progress.clear()
        print(f'demo: {error}', file=sys.stderr)
        return REFUSED
    except OSError as error:
        progress.clear()
        place = error.filename or orders.out
        print(f"demo: '{place}' cannot be written: {error.strerror}", file=sys.stderr)
        return REFUSED
    except (Stopped, KeyboardInterrupt):
        progress.clear()
        print('demo: stopped, no process is left', file=sys.stderr)
        return INTERRUPTED


def _run(orders: Orders, progress: Progress) -> int:
    source = orders.check()
    if source.length is not None:
        orders = replace(orders, frames=min(orders.planned, source.length))
    orders.out.mkdir(parents=True, exist_ok=True)
    _forget_earlier_run(orders)
    environ = demo_environment()
    several = 'picture' if orders.planned == 1 else 'pictures'
    print(f'  {orders.planned} {several} of {orders.source} at {orders.fps:g} per second')
    print(f'  {describe(environ)}')
    print(f"  watch it: export ROS_DOMAIN_ID={environ['ROS_DOMAIN_ID']}, then "
          f'{orders.task.watch}', flush=True)
    try:
        record = conduct(orders, environ, progress)
        gallery = Gallery(orders, source, record)
        summary, written = gallery.show(summarise(record), progress)
    finally:
        with suppress(OSError):   # an error of the run itself says more
            orders.maps.unlink(missing_ok=True)   # large, and drawn by now
    progress.clear()
    written.append(orders.out / orders.task.lines)
    _write(written[-1], *(json.dumps(line, ensure_ascii=False) for line in gallery.lines()))
    if orders.json is not None:
        written.append(orders.json)
        _write(orders.json, json.dumps(summary.as_json(), indent=2))
    print(f'\n{table(summary, written)}\n\n{verdict(summary)}')
    if record.errors:
        print(f'  {record.errors[0]}')
    return FAULTY if summary.faults else OK


def _forget_earlier_run(orders: Orders) -> None:
    shutil.rmtree(orders.kept, ignore_errors=True)
    for name in FILES_OF_A_RUN:
        (orders.out / name).unlink(missing_ok=True)
    if orders.json is not None:
        orders.json.unlink(missing_ok=True)


def _write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{line}\n' for line in lines), encoding='utf-8')


def _orders(chosen: Namespace) -> Orders:
    values = {name: value for name, value in vars(chosen).items() if value is not None}
    return Orders(**{**values, 'model': tuple(values.get('model', ()))})


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog='demo', description='A camera, the detection or depth node and a recorder as three '
        'processes over DDS; at the end every frame is accounted for.')
    add = parser.add_argument
    add('--depth', action='store_true', default=None,
        help='depth instead of objects: each picture beside its depth map')
    add('--source', metavar='WHAT', help='scene (default), a video file, an image, a folder of '
        'images, a bag folder, or the index of a webcam')
    add('--model', metavar='URI', action='append', help="model file or URI (default: the node's, "
        'which is ours); given several times, all of them serve together')
    add('--family', metavar='NAME', help='model family, where it cannot be told from the model')
    add('--frames', type=_count, metavar='N',
        help=f'pictures to send at most (default: {USUAL_SECONDS} s of them)')
    add('--fps', type=_rate, metavar='F', help=f'pictures per second (default: {USUAL_FPS:.0f})')
    add('--size', type=_size, metavar='WxH', help="size of the pictures (default: the source's)")
    add('--seed', type=int, metavar='K', help='which scene (default: 0)')
    add('--params', type=Path, metavar='FILE', help='ROS parameter file for the node')
    add('--best-effort', action='store_true', default=None,
        help='send as most camera drivers do: best effort')
    add('--out', type=Path, metavar='DIR', help='where pictures and logs go (default: out)')
    add('--json', type=Path, metavar='FILE', help='write the summary there too')
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise ArgumentTypeError(f"got '{text}', expected a whole number from 1")
    return int(text)


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 1000:
        raise ArgumentTypeError(f"got '{text}', expected pictures per second, 0.1 to 1000")
    return value


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r'(\d{2,5})x(\d{2,5})', text)
    if found is None:
        raise ArgumentTypeError(f"got '{text}', expected WIDTHxHEIGHT as 640x480")
    return int(found[1]), int(found[2])
