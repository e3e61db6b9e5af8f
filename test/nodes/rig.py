# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node on the bench: a camera before it, a listener behind it, one thread for all."""

from array import array
from time import monotonic

from diagnostic_msgs.msg import DiagnosticArray
from faster_deploy_ros.nodes.detection_node import DetectionNode
import numpy as np
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

MOCK = 'mock.0://yolox?size=64x64&classes=3'
DEEP = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
SUCCESS = TransitionCallbackReturn.SUCCESS


class Rig:
    """
    Drive a real node over real DDS, step by step.

    By default it loses nothing: a reliable, deep subscription and overflow block.
    """

    node_type = DetectionNode
    message_type = Detection2DArray
    topic = 'detections'
    defaults = {'model': MOCK, 'family': 'yolox'}

    def __init__(self, **parameters):
        values = {'overflow': 'block', 'input_qos': 'DEFAULT', 'input_qos_depth': 1000,
                  **self.defaults, **parameters}
        self.node = self.node_type(parameter_overrides=[
            Parameter(name, value=value) for name, value in values.items()])
        self.bench = Node('bench')
        self.camera = self.bench.create_publisher(Image, 'image', DEEP)
        self.results, self.health = [], []
        self.bench.create_subscription(self.message_type, self.topic, self.results.append, DEEP)
        self.bench.create_subscription(DiagnosticArray, '/diagnostics', self.health.append, DEEP)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.bench)
        self.sent = 0

    def start(self):
        """Configure, activate and wait until camera and listener are connected."""
        assert self.node.trigger_configure() == SUCCESS
        assert self.node.trigger_activate() == SUCCESS
        self.connect()

    def connect(self):
        self.until(lambda: self.camera.get_subscription_count() == 1
                   and self.bench.count_publishers(self.topic) == 1)

    def stop(self):
        """Deactivate and clean up, both without complaint."""
        assert self.node.trigger_deactivate() == SUCCESS
        assert self.node.trigger_cleanup() == SUCCESS

    def send(self, count=1, *, stamped=True, **fields):
        """Publish ``count`` grey images; the stamp's nanoseconds number them from 1."""
        for _ in range(count):
            self.sent += 1
            image = Image(height=48, width=64, encoding='bgr8', step=192,
                          data=array('B', np.full(48 * 192, 90, np.uint8).tobytes()))
            image.header.frame_id = 'camera'
            if stamped:
                now = self.bench.get_clock().now().nanoseconds
                image.header.stamp.sec, image.header.stamp.nanosec = now // 10**9, self.sent
            for name, value in fields.items():
                setattr(image, name, value)
            self.camera.publish(image)

    def until(self, condition, timeout_s=20.0):
        """Spin until something holds; fail when it does not in time."""
        end_s = monotonic() + timeout_s
        while not condition():
            assert monotonic() < end_s, f'not within {timeout_s} s: {self.report()}'
            self.executor.spin_once(timeout_sec=0.05)

    def spin(self, times):
        """Let ``times`` callbacks or short waits pass."""
        for _ in range(times):
            self.executor.spin_once(timeout_sec=0.01)

    @property
    def order(self):
        """The numbers of the frames whose results came, as they came."""
        return [result.header.stamp.nanosec for result in self.results]

    def counts(self, part='inference'):
        """Return the values of the newest diagnostics as a dict."""
        for array_ in reversed(self.health):
            for status in array_.status:
                if status.name.endswith(f': {part}'):
                    return {value.key: value.value for value in status.values}
        return {}

    def message(self, part='inference'):
        """Return level and text of the newest diagnostics."""
        for array_ in reversed(self.health):
            for status in array_.status:
                if status.name.endswith(f': {part}'):
                    return status.level, status.message
        return None

    def report(self):
        return f'sent {self.sent}, results {self.order}, counts {self.counts()}'

    def close(self):
        self.node.end()
        self.executor.shutdown()
        self.node.destroy_node()
        self.bench.destroy_node()
