# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Receives results and notes which image each belongs to, when it came and what it held."""

from dataclasses import dataclass, field
import struct
import time

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile


@dataclass(slots=True)
class Arrival:
    """
    One result.

    :param stamp_ns: of the image that it belongs to.
    :param received_ns: when it came, on the same clock.
    :param objects: how many detections it holds; 0 if it is only a header.
    """

    stamp_ns: int
    received_ns: int
    objects: int


@dataclass
class Observer:
    """
    One subscription per topic, all in this process.

    :param topics: topic to message class; every class begins with a header, which is all that is
        read, from the raw bytes, so that watching costs next to nothing.
    """

    topics: dict[str, type]
    arrivals: dict[str, list[Arrival]] = field(init=False)

    def __post_init__(self) -> None:
        """Subscribe."""
        rclpy.init(args=[])
        self._node = rclpy.create_node('observer')
        self.arrivals = {topic: [] for topic in self.topics}
        for topic, message_type in self.topics.items():
            self._node.create_subscription(
                message_type, topic, self._receiver(topic), QoSProfile(depth=100), raw=True)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)

    def __enter__(self) -> 'Observer':
        """Use it in a block, at whose end it is closed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave ROS."""
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def watch(self, seconds: float) -> None:
        """Receive for a time."""
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left_s)

    def connected(self, image_topic: str, result_topic: str) -> bool:
        """Tell whether somebody subscribes to the images, and somebody publishes the results."""
        return bool(self._node.count_subscribers(image_topic)
                    and self._node.count_publishers(image_topic)
                    and self._node.count_publishers(result_topic))

    def _receiver(self, topic: str):
        arrivals = self.arrivals[topic]

        def on_result(data: bytes) -> None:
            now_ns = time.time_ns()
            sec, nanosec = struct.unpack_from('<iI', data, 4)
            arrivals.append(Arrival(sec * 1_000_000_000 + nanosec, now_ns, _count(data)))
        return on_result


def _count(data: bytes) -> int:
    """Read the length of the sequence after the header, in the CDR encoding of the message."""
    length, = struct.unpack_from('<I', data, 12)
    at = 4 + (12 + length + 3) // 4 * 4
    return struct.unpack_from('<I', data, at)[0] if len(data) >= at + 4 else 0
