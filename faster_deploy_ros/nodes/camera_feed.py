# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The calibrations that arrive, and which one an image was taken with."""

from contextlib import ExitStack
from typing import NamedTuple

from faster_deploy_ros.errors import BadFrame
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.nodes.camera_info import is_distorted, read_camera_info
from faster_deploy_ros.nodes.qos import profile
from faster_deploy_ros.pinhole import Pinhole
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

TOPIC = 'camera_info'
KEPT = 32   # calibrations: more than there are frames on the road


class Calibration(NamedTuple):
    """
    What one message said.

    :ivar stamp_ns: of the image that it belongs to.
    :ivar pinhole: None where it said nothing of use.
    :ivar problem: why not.
    """

    stamp_ns: int
    pinhole: Pinhole | None
    problem: str = ''


class CameraFeed:
    """
    Listen to ``camera_info`` while a node is active.

    Thread: ROS; only ``find`` is the workers', and reads a tuple that is never changed.

    :param node: whose subscription it is.
    :param images: the resolved topic of the images, which tells whether they are rectified.
    :param undo: takes what must be undone.
    """

    def __init__(self, node: Node, images: str, undo: ExitStack) -> None:
        """Subscribe."""
        self._node = node
        self._images = images
        self._kept: tuple[Calibration, ...] = ()
        self._warned = False
        self.received = 0
        subscription = node.create_subscription(
            CameraInfo, TOPIC, self._on_info, profile('SENSOR_DATA', KEPT))
        undo.callback(node.destroy_subscription, subscription)
        self.topic: str = subscription.topic_name
        self._nothing = Calibration(0, None, (
            f"no camera_info has arrived on '{self.topic}', expected one beside each image; remap "
            "it to the camera's (launch argument input_camera_info_topic)"))

    def find(self, frame: Frame) -> Calibration:
        """
        Return the calibration of an image: that of its own stamp, else the newest of its size.

        Thread: any
        """
        kept = self._kept
        if not kept:
            return self._nothing
        newest = kept[-1]
        own = next((one for one in reversed(kept) if one.stamp_ns == frame.stamp_ns), newest)
        if own.pinhole is None:
            return own
        size = (frame.width, frame.height)
        fitting = [one for one in (*kept, own) if one.pinhole and one.pinhole.size == size]
        if fitting:
            return fitting[-1]
        width, height = own.pinhole.size
        return Calibration(own.stamp_ns, None, (
            f'camera_info belongs to images of {width}x{height}, and the image is '
            f'{frame.width}x{frame.height}. Whatever resizes or crops the images has to publish '
            'a camera_info that fits'))

    def source(self) -> str:
        """Say in words where calibrations are expected to come from."""
        return f"{self._node.count_publishers(self.topic)} publishers on '{self.topic}'"

    def _on_info(self, message: CameraInfo) -> None:
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
        self.received += 1
        try:
            calibration = Calibration(stamp_ns, read_camera_info(message))
        except BadFrame as error:
            calibration = Calibration(stamp_ns, None, str(error))
        self._kept = (*self._kept[1 - KEPT:], calibration)
        if is_distorted(message) and 'rect' not in self._images and not self._warned:
            self._warned = True
            self._node.get_logger().warning(
                f"input '{self._images}': its camera has distortion, and the topic does not look "
                'rectified: depth/camera_info and points are off towards the edges. Rectify the '
                'images first (image_proc), and remap image to image_rect.')
