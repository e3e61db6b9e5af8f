# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A cheap camera: publishes one ready-made image at a given rate, on the topic it is told."""

import argparse
import array
import time

from benchmark.processes import commands, say
import cv2
import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image


def main() -> None:
    """Publish as told on standard input; answer with the stamps of what was sent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--image', required=True, help='a .png file')
    parser.add_argument('--topics', nargs='+', required=True)
    parser.add_argument('--best-effort', action='store_true')
    options = parser.parse_args()
    rclpy.init()
    node = rclpy.create_node('camera')
    # Depth 1: a camera has no use for an image once there is a newer one.
    qos = QoSProfile(depth=1, reliability=(
        ReliabilityPolicy.BEST_EFFORT if options.best_effort else ReliabilityPolicy.RELIABLE))
    publishers = {topic: node.create_publisher(Image, topic, qos) for topic in options.topics}
    message = image_message(cv2.imread(options.image))
    say(ready=True)
    for command in commands():
        publisher = publishers[command['topic']]
        begin_cpu_s = time.process_time()
        stamps = publish(publisher, message, command['rate'], command['seconds'])
        say(stamps=stamps, cpu_s=time.process_time() - begin_cpu_s)


def image_message(image: np.ndarray) -> Image:
    """Make the message of an image ``(h, w, 3)`` uint8, BGR."""
    message = Image(height=image.shape[0], width=image.shape[1], encoding='bgr8',
                    step=image.shape[1] * 3)
    message.header.frame_id = 'camera'
    data = array.array('B')
    data.frombytes(memoryview(np.ascontiguousarray(image)).cast('B'))
    message.data = data
    return message


def publish(publisher: object, message: Image, rate_hz: float, seconds: float) -> list[int]:
    """
    Publish at a steady rate; a late frame does not delay the next, and lost time is not caught up.

    :return: the stamps of the images sent, in nanoseconds of the system clock.
    """
    stamps = []
    period_s = 1.0 / rate_hz
    due = time.perf_counter()
    end = due + seconds
    while due < end:
        wait_s = due - time.perf_counter()
        if wait_s > 0:
            time.sleep(wait_s)
        now_ns = time.time_ns()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(now_ns, 1_000_000_000)
        publisher.publish(message)
        stamps.append(now_ns)
        due = max(due + period_s, time.perf_counter() + 0.2 * period_s)
    return stamps


if __name__ == '__main__':
    main()
