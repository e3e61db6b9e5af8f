# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes down what a perception node says, one JSON line per message."""

from dataclasses import dataclass
import json
import sys
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from faster_deploy_ros.errors import BadParameter
from faster_deploy_ros.nodes.params import DeclaredParameters, parameter
from faster_deploy_ros.nodes.qos import LATCHED
from faster_deploy_ros.nodes.spin import run
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from vision_msgs.msg import Detection2DArray, LabelInfo

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RecorderParams:
    """Values of the recorder's parameters, checked."""

    depth: int = parameter(
        1000, 'History of the subscriptions: so many messages may wait.', minimum=1)


class RecorderNode(Node):
    """
    Record detections, labels, timing and diagnostics on the standard output.

    ``{"event": "ready"}`` comes with the first labels: they are asked for last, so whoever sends
    them knows all our subscriptions, and nothing that it publishes from now on is missed.

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
        self.create_subscription(Detection2DArray, 'detections', self._on_detections, deep)
        self.create_subscription(DiagnosticArray, 'timing', self._on_timing, deep)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, deep)
        self.create_subscription(LabelInfo, 'label_info', self._on_labels, LATCHED)

    def end(self) -> int:
        """Tell the exit code of the process."""
        return self.exit_code or 0

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
