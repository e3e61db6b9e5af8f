# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Answers every image with its header: what it costs to get an image to another process."""

import argparse

import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header


def main() -> None:
    """Echo until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--image-topic', required=True)
    parser.add_argument('--result-topic', required=True)
    parser.add_argument('--best-effort', action='store_true')
    options = parser.parse_args()
    rclpy.init()
    node = rclpy.create_node('echo')
    publisher = node.create_publisher(Header, options.result_topic, 10)
    qos = QoSProfile(depth=1, reliability=(
        ReliabilityPolicy.BEST_EFFORT if options.best_effort else ReliabilityPolicy.RELIABLE))
    node.create_subscription(
        Image, options.image_topic, lambda message: publisher.publish(message.header), qos)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        pass


if __name__ == '__main__':
    main()
