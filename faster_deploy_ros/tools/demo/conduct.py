# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A run from the first process to the last message."""

from collections.abc import Mapping
import json
import os
from pathlib import Path
import time
from typing import Any

import faster_deploy_ros
from faster_deploy_ros.errors import FasterDeployError, TimedOut
from faster_deploy_ros.tools.demo.orders import Orders
from faster_deploy_ros.tools.demo.processes import Child, Crew
from faster_deploy_ros.tools.demo.record import Record
from faster_deploy_ros.tools.progress import Progress
from faster_deploy_ros.transport import environment

CAMERA, RECORDER = 'camera', 'recorder'
IMAGES = '/camera/image_raw'
START_S = 300.0    # a runtime may have to build an engine first
CAMERA_S = 30.0    # from the camera's start to its first picture
STALL_S = 30.0     # between two pictures of the camera
SETTLE_S = 15.0    # from the last picture to a node that says its road is empty
MAPS_WAITING = 50   # depth images that the recorder may be behind: it must not eat the memory
DOMAINS = 100      # domain ids 1 to 100 are safe on every system


class StartFailed(FasterDeployError):
    """A process could not start its work; the text is its own, in one line."""


def demo_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    Make the environment of the processes: fast transport, this machine only, our own domain.

    What the user has set stays.
    """
    made = environment(environ)
    made.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    made.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % DOMAINS))
    ours = str(Path(faster_deploy_ros.__file__).resolve().parent.parent)
    paths = [ours, *filter(None, made.get('PYTHONPATH', '').split(os.pathsep))]
    made['PYTHONPATH'] = os.pathsep.join(dict.fromkeys(paths))
    return made


def conduct(orders: Orders, environ: Mapping[str, str], progress: Progress) -> Record:
    """
    Start recorder, node and camera, send the pictures, end everything in good order.

    :raises StartFailed: a process could not start; its own words.
    :raises Stopped: an interrupt; no process is left.
    """
    record = Record()
    with Crew(orders.out / 'logs', environ,
              lambda name, event: record.take(event)) as crew:
        began_s = time.monotonic()
        recorder = crew.start(
            RECORDER, 'faster_deploy_ros.nodes.recorder_node', _recorder_arguments(orders))
        node = crew.start(orders.task.name, orders.task.module, _node_arguments(orders))
        while not record.ready:
            crew.pump()
            _refuse_failure(node, recorder)
            _refuse_delay(began_s, START_S, 'the node was not ready')
            progress.show(0, orders.planned, 'loading the model')
        # Only now, so that node and recorder have long met when the first picture is sent.
        camera = crew.start(
            CAMERA, 'faster_deploy_ros.nodes.camera_node', _camera_arguments(orders))
        _send(crew, camera, node, record, orders, progress)
        _settle(crew, record, progress, orders)
        record.exit_codes = {
            name: crew.end(name) for name in (orders.task.name, CAMERA, RECORDER)}
        record.errors = [*node.errors, *camera.errors, *recorder.errors]
    progress.clear()
    return record


def _send(crew: Crew, camera: Child, node: Child, record: Record, orders: Orders,
          progress: Progress) -> None:
    """Watch the camera until it has sent its last picture."""
    seen, changed_s = 0, time.monotonic()
    while record.camera_sent is None:
        crew.pump()
        now_s = time.monotonic()
        if len(record.sent) > seen:
            seen, changed_s = len(record.sent), now_s
        if not seen:
            _refuse_failure(camera, node)
        elif camera.process.poll() is not None or node.process.poll() is not None:
            return   # the account will tell
        _refuse_delay(changed_s, STALL_S if seen else CAMERA_S,
                      'the camera sent no further picture' if seen else
                      f'the node never subscribed to {IMAGES}')
        progress.show(seen, orders.planned, _so_far(record) if seen else 'starting the camera')


def _settle(crew: Crew, record: Record, progress: Progress, orders: Orders) -> None:
    """Wait until the node says that all it received has ended."""
    reports = record.reports
    deadline_s = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline_s and not (record.reports > reports and record.settled):
        crew.pump()
        progress.show(len(record.sent), orders.planned, _so_far(record))
        if crew[orders.task.name].process.poll() is not None:
            return
    progress.show(len(record.sent), orders.planned, _so_far(record), now=True)


def _so_far(record: Record) -> str:
    """Say in a few words how the run goes."""
    last = record.published[-30:]
    if len(last) < 2:
        return 'running'
    age_ms = sorted(message.age_ms for message in last)[len(last) // 2]
    fps = (len(last) - 1) * 1e9 / max(1, last[-1].arrived_ns - last[0].arrived_ns)
    return f'{len(record.published)} published   {fps:.1f} fps   age {age_ms:.1f} ms'


def _refuse_failure(*children: Child) -> None:
    """Stop when a process has complained or ended before its work began."""
    for child in children:
        if child.errors:
            raise StartFailed(child.errors[0])
        code = child.process.poll()
        if code is not None:
            raise StartFailed(
                f'{child.name}: the process ended with code {code}: {child.last_line or "silent"} '
                f'(all of it: {child.log})')


def _refuse_delay(since_s: float, limit_s: float, what: str) -> None:
    if time.monotonic() - since_s > limit_s:
        raise TimedOut(f'demo: {what} within {limit_s:.0f} s; see the logs in the output folder')


def _recorder_arguments(orders: Orders) -> list[str]:
    if not orders.depth:
        return _ros_arguments()
    return _ros_arguments(
        {'results': orders.task.results, 'maps': str(orders.maps),
         'map_every': orders.drawn_every, 'depth': MAPS_WAITING},
        folder=orders.out / 'logs', name=RECORDER)


def _node_arguments(orders: Orders) -> list[str]:
    parameters: dict[str, Any] = {'autostart': True}
    if orders.model:
        parameters['model'] = list(orders.model)
    if orders.family:
        parameters['family'] = orders.family
    files = [str(orders.params)] if orders.params else []
    return _ros_arguments(parameters, files, remap={'image': IMAGES}, folder=orders.out / 'logs',
                          name=orders.task.name)


def _camera_arguments(orders: Orders) -> list[str]:
    width, height = orders.size or (0, 0)
    parameters = {
        'source': orders.source, 'width': width, 'height': height, 'seed': orders.seed,
        'fps': float(orders.fps), 'frames': orders.planned, 'wait_for_subscribers': 1,
        'qos': 'SENSOR_DATA' if orders.best_effort else 'DEFAULT', 'report': True,
    }
    if orders.keeps_pictures:
        parameters['keep'] = str(orders.kept)
    return _ros_arguments(parameters, [], remap={'image_raw': IMAGES},
                          folder=orders.out / 'logs', name=CAMERA)


def _ros_arguments(parameters: Mapping[str, Any] | None = None, files: list[str] | None = None,
                   *, remap: Mapping[str, str] | None = None, folder: Path | None = None,
                   name: str = '') -> list[str]:
    """
    Make the arguments of a node; its parameters go through a file, where no value is misread.

    On the command line ROS would take a webcam's ``0`` for a number.
    """
    arguments = ['--ros-args']
    for path in files or []:
        arguments += ['--params-file', path]
    if parameters and folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f'{name}_params.yaml'
        content = {'/**': {'ros__parameters': parameters}}
        file.write_text(json.dumps(content, indent=2) + '\n', encoding='utf-8')   # JSON is YAML
        arguments += ['--params-file', str(file)]
    for ours, theirs in (remap or {}).items():
        arguments += ['-r', f'{ours}:={theirs}']
    return arguments
