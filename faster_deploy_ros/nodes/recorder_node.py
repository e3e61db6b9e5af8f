# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes down what a perception node says, one JSON line per message."""

from dataclasses import dataclass
from functools import partial
import json
from pathlib import Path
import sys
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from faster_deploy_ros.errors import BadParameter
from faster_deploy_ros.nodes.depth_outlet import TOPICS
from faster_deploy_ros.nodes.depth_recording import depth_of, MapFile
from faster_deploy_ros.nodes.params import DeclaredParameters, parameter
from faster_deploy_ros.nodes.qos import LATCHED
from faster_deploy_ros.nodes.spin import run
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, LabelInfo

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RecorderParams:
    """Values of the recorder's parameters, checked."""

    depth: int = parameter(
        1000, 'History of the subscriptions: so many messages may wait.', minimum=1)
    results: str = parameter(
        'detections', 'What the node publishes that is listened to.',
        choices=('detections', 'depth'))
    maps: str = parameter('', 'File that gets the depth maps, thinned; empty: none.')
    map_every: int = parameter(1, 'Keep every so many-th depth map.', minimum=1)


class RecorderNode(Node):
    """
    Record results, timing and diagnostics on the standard output, depth maps in a file.

    ``{"event": "ready"}`` comes with the first labels of a detector, with the first diagnostics
    of a depth node: these are asked for last, so whoever sends them knows all our subscriptions,
    and nothing that it publishes from now on is missed.

    Thread: ROS
    """

    def __init__(self, name: str = 'recorder', **kwargs: Any) -> None:
        """Subscribe to everything; reliable and deep, so that nothing is lost here."""
        super().__init__(name, **kwargs)
        self.exit_code: int | None = None
        try:
            params = DeclaredParameters(self, RecorderParams).read()
        except BadParameter as error:
            self.get_logger().fatal(str(error))
            self.exit_code = 2
            return
        deep = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=params.depth,
                          reliability=ReliabilityPolicy.RELIABLE)
        self._ready = False
        self._maps: MapFile | None = None
        self._ready_with_diagnostics = params.results == 'depth'
        if params.results == 'depth':
            self._open_maps(params)
            for kind, topic in TOPICS.items():
                self.create_subscription(Image, topic, partial(self._on_depth, kind), deep)
        else:
            self.create_subscription(Detection2DArray, 'detections', self._on_detections, deep)
        self.create_subscription(DiagnosticArray, 'timing', self._on_timing, deep)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, deep)
        if params.results == 'detections':
            self.create_subscription(LabelInfo, 'label_info', self._on_labels, LATCHED)

    def end(self) -> int:
        """Finish the file of maps; tell the exit code of the process."""
        if self._maps is not None:
            self._maps.close()
        return self.exit_code or 0

    def _open_maps(self, params: RecorderParams) -> None:
        if not params.maps:
            return
        try:
            self._maps = MapFile(Path(params.maps), params.map_every)
        except OSError as error:
            self._give_up(error)

    def _on_depth(self, kind: str, message: Image, info: dict[str, Any]) -> None:
        arrived_ns = info.get('received_timestamp') or time.time_ns()
        try:
            kept = self._maps and self._maps.add(depth_of(message))
        except (OSError, ValueError) as error:
            self._give_up(error)
            return
        self._write(
            event='depth', stamp_ns=_nanoseconds(message.header.stamp), kind=kind,
            frame_id=message.header.frame_id, arrived_ns=arrived_ns,
            sequence=info.get('publication_sequence_number') or 0,
            width=message.width, height=message.height, kept=kept)

    def _give_up(self, error: Exception) -> None:
        self.get_logger().fatal(f'depth maps cannot be kept: {error}; there must be room for them')
        self.exit_code = 2

    def _on_detections(self, message: Detection2DArray, info: dict[str, Any]) -> None:
        self._write(
            event='detections', stamp_ns=_nanoseconds(message.header.stamp),
            frame_id=message.header.frame_id,
            arrived_ns=info.get('received_timestamp') or time.time_ns(),
            sequence=info.get('publication_sequence_number') or 0,
            objects=[_object(detection) for detection in message.detections])

    def _on_labels(self, message: LabelInfo) -> None:
        self._write(event='labels', names={
            str(entry.class_id): entry.class_name for entry in message.class_map})
        self._say_ready()

    def _say_ready(self) -> None:
        if not self._ready:
            self._ready = True
            self._write(event='ready')

    def _on_timing(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self._write(
                event='timing', stamp_ns=_nanoseconds(message.header.stamp), lane=status.name,
                worker=status.hardware_id, values=_values(status))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self._write(
                event='diagnostics', name=status.name, message=status.message,
                values=_values(status))
        if self._ready_with_diagnostics and any(
                status.name.endswith(': inference') for status in message.status):
            self._say_ready()

    def _write(self, **event: Any) -> None:
        try:
            sys.stdout.write(json.dumps(event, ensure_ascii=False) + '\n')
            sys.stdout.flush()
        except BrokenPipeError:
            self.exit_code = 1   # nobody reads any more: whoever started us is gone


def _nanoseconds(stamp: Any) -> int:
    return int(stamp.sec) * SECOND_NS + int(stamp.nanosec)


def _values(status: Any) -> dict[str, str]:
    return {pair.key: pair.value for pair in status.values}


def _object(detection: Any) -> list[Any]:
    """Make ``[left, top, right, bottom, score, class]`` of one detection."""
    box, best = detection.bbox, max(
        detection.results, key=lambda result: result.hypothesis.score).hypothesis
    x, y = box.center.position.x, box.center.position.y
    half_w, half_h = box.size_x / 2, box.size_y / 2
    edges = (x - half_w, y - half_h, x + half_w, y + half_h)
    return [*(round(edge, 3) for edge in edges), round(best.score, 5), best.class_id]


def main() -> int:
    """Record until a signal comes."""
    return run(RecorderNode)


if __name__ == '__main__':
    sys.exit(main())
