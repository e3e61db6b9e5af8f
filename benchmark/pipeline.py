# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The whole node against the raw limit and against a plain callback node, in one run."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
import os
from pathlib import Path
import sys
import tempfile
from typing import Any

from benchmark.figures import Figures, machine, record, table, write_json
from benchmark.observer import Observer
from benchmark.pipeline_plot import plot
from benchmark.processes import bench_environment, BenchmarkFailed, Child
from benchmark.ratios import ratios_of
from benchmark.traffic import measure, Subject, wait_until_connected
import cv2
from faster_deploy_ros import transport
from faster_deploy_ros.cores import ModelUri
from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.nodes.perception_params import PerceptionParams
from faster_deploy_ros.scenes import SceneRenderer
from faster_deploy_ros.share import resolve_package_url
from vision_msgs.msg import Detection2DArray

WORKERS = 2
RATES = {'saturation': 0.0, '15 Hz': 15.0, '30 Hz': 30.0}
SATURATION_OVER_RAW = 1.35    # a camera a bit faster than anything here, and no more: it costs too
SATURATION_HZ = (250.0, 500.0)
COLUMNS = {'case': '', 'rate': '', 'fps': '.1f', 'p50 ms': '.1f', 'p90 ms': '.1f', 'p99 ms': '.1f',
           'max ms': '.1f', 'sent': '.0f', 'dropped': '.0f', 'out of order': '.0f',
           'CPU ms': '.1f', 'camera CPU': '.2f', 'objects': '.1f'}
Cases = dict[tuple[str, str], list[Figures]]


@dataclass
class Bench:
    """
    All that is measured, started and idle.

    :param engine: the work without ROS.
    :param camera: publishes for one subject at a time.
    :param observer: receives what they find.
    :param subjects: the nodes.
    :param cases: by name and rate, one figure per round.
    """

    engine: Child
    camera: Child
    observer: Observer
    subjects: list[Subject]
    cases: Cases = field(default_factory=dict)

    def round(self, seconds: float, title: str, *, backwards: bool) -> None:
        """Measure everything once; every other round backwards, so that drift cancels out."""
        steps = [('raw limit', ''), ('executor', '')]
        steps += [(s.name, rate) for rate in RATES for s in self.subjects]
        if backwards:
            steps.reverse()
        for name, rate in steps:
            _progress(f'{title}: {name} {rate}')
            figures = self._measure(name, rate, seconds) if rate else self._carry(name, seconds)
            self.cases.setdefault((name, rate or 'saturation'), []).append(figures)

    def _carry(self, name: str, seconds: float) -> Figures:
        self.engine.tell(way=name.partition(' ')[0], seconds=seconds)
        return Figures(**self.engine.answer(seconds + 30.0))

    def _measure(self, name: str, rate: str, seconds: float) -> Figures:
        subject = next(s for s in self.subjects if s.name == name)
        return measure(
            self.observer, self.camera, subject, RATES[rate] or self.saturation_hz, seconds)

    @property
    def saturation_hz(self) -> float:
        """The camera's rate that nobody here can follow."""
        fastest = max(f.fps for f in self.cases['raw limit', 'saturation'])
        least, most = SATURATION_HZ
        return min(most, max(least, SATURATION_OVER_RAW * fastest))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and the ratios, write JSON and plot; return the exit code."""
    options = _parse(arguments)
    os.environ.update(bench_environment())
    print(transport.describe())
    try:
        uri = ModelUri.parse(resolve_package_url(options.model))
        with ExitStack() as stack:
            bench = _start(stack, uri, options)
            bench.round(min(1.0, options.seconds), 'warming up', backwards=False)
            warm = bench.cases['raw limit', 'saturation']
            bench.cases = {('raw limit', 'saturation'): warm}
            for turn in range(options.rounds):
                bench.round(options.seconds, f'round {turn + 1} of {options.rounds}',
                            backwards=bool(turn % 2))
            saturation_hz = bench.saturation_hz
            del bench.cases['raw limit', 'saturation'][0]   # the one of warming up
    except (BenchmarkFailed, FasterDeployError) as error:
        print(f'\n{error}', file=sys.stderr)
        return 1
    _progress('')
    records = [record({'case': name, 'rate': rate}, rounds)
               for (name, rate), rounds in sorted(bench.cases.items(), key=_by_rate)]
    ratios = ratios_of(bench.cases)
    print(table(COLUMNS, [_row(r) for r in records]), '\n')
    print(f'The camera of "saturation": {saturation_hz:.0f} Hz. Medians of '
          f"{options.rounds} rounds; ratios are medians of the rounds' own ratios.")
    print('\n'.join(f'{name:<30} {value:8.3f}' for name, value in ratios.items()))
    if options.json:
        scalars = {k: v for k, v in ratios.items() if not k.startswith('age')}
        ages = {k: v for k, v in ratios.items() if k.startswith('age')}
        write_json(options.json, {
            'model': Path(uri.path).name, 'size': list(options.size), 'workers': WORKERS,
            'seconds': options.seconds, 'rounds': options.rounds, 'machine': machine(),
            'transport': transport.describe().rpartition(', ')[0],   # without this machine's path
            'callback_code': options.callback_code, 'saturation_hz': saturation_hz,
            'cases': records, 'ratios': scalars, **ages})
        print(plot(records, options.json.with_suffix('.png')))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='benchmark pipeline', description=(
        f'{__doc__} Raw limit: pre + infer + post on {WORKERS} threads, no ROS; executor: the '
        'same through OrderedExecutor; node: the detection node over DDS; callback: a node with '
        "everything in its callback, with the runtime's default threads, or with 1 as ours."))
    parser.add_argument('--model', default=PerceptionParams.__dataclass_fields__['model'].default,
                        help='file or URI; default: the shipped model')
    parser.add_argument('--size', type=_size, default=(640, 480), metavar='WxH')
    parser.add_argument('--image', type=Path, help='what the camera sees; default: a scene')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=3.0, help='per case and round')
    parser.add_argument('--callback-code', choices=('plain', 'ours'), default='plain', help=(
        'plain: YOLOX straight on onnxruntime; ours: the same code as the node, any family'))
    parser.add_argument('--json', type=Path, metavar='FILE', help='also a plot beside it, .png')
    return parser.parse_args(arguments)


def _start(stack: ExitStack, uri: ModelUri, options: argparse.Namespace) -> Bench:
    """Start every process and wait until all are ready and idle."""
    _progress('starting')
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    image = str(Path(folder) / 'image.png')
    cv2.imwrite(image, _scene(options))
    environ = bench_environment()
    topics = {'node': '/benchmark/node', 'callback': '/benchmark/callback',
              'callback 1 thread': '/benchmark/callback_1'}

    def start(module: str, *arguments: str) -> Child:
        return stack.enter_context(Child(module, arguments, environ))

    def callback(name: str, threads: int) -> Child:
        return start('benchmark.actors.callback_node', '--model', uri.path, '--threads',
                     str(threads), '--code', options.callback_code, '--image-topic',
                     f'{topics[name]}/image', '--result-topic', f'{topics[name]}/detections')

    engine = start('benchmark.actors.engine', '--model', str(uri), '--image', image,
                   '--workers', str(WORKERS))
    camera = start('benchmark.actors.camera', '--image', image, '--topics',
                   *(f'{topic}/image' for topic in topics.values()))
    node = start('faster_deploy_ros.nodes.detection_node', '--ros-args', '-p', f'model:={uri}',
                 '-p', 'autostart:=true', '-p', f'workers:={WORKERS}',
                 '-r', f'__ns:={topics["node"]}')
    children = {'node': node, 'callback': callback('callback', 0),
                'callback 1 thread': callback('callback 1 thread', 1)}
    subjects = [Subject(name, child, f'{topics[name]}/image', f'{topics[name]}/detections')
                for name, child in children.items()]
    observer = stack.enter_context(
        Observer({subject.result_topic: Detection2DArray for subject in subjects}))
    for child in (camera, engine):
        child.answer(60.0)
    wait_until_connected(observer, subjects, _progress)
    return Bench(engine, camera, observer, subjects)


def _scene(options: argparse.Namespace) -> Any:
    if options.image is None:
        return SceneRenderer(0, size=options.size).render(0).image
    image = cv2.imread(str(options.image))
    if image is None:
        raise BenchmarkFailed(f'--image {options.image}: OpenCV cannot read it as an image')
    return cv2.resize(image, options.size)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition('x')
    return int(width), int(height)


def _by_rate(case: tuple[tuple[str, str], Any]) -> int:
    return list(RATES).index(case[0][1])


def _row(r: dict[str, Any]) -> dict[str, Any]:
    row = {**r, 'p50 ms': r['age_p50_ms'], 'p90 ms': r['age_p90_ms'], 'p99 ms': r['age_p99_ms'],
           'max ms': r['age_max_ms'], 'CPU ms': r['cpu_ms']}
    if r['age_p50_ms'] is not None:
        row |= {'dropped': r['lost'], 'out of order': r['out_of_order'],
                'camera CPU': r['publisher_cpu']}
    else:
        row['sent'] = None
    return row


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f'\r\033[K{text}', end='', file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main())
