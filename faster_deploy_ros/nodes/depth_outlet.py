# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The topics of a depth node, and who listens to which."""

from collections.abc import Callable
from typing import Any, NamedTuple

from faster_deploy_ros.nodes.diagnostics import OK, Part, WARN
from faster_deploy_ros.nodes.outlet import Outlet
from faster_deploy_ros.nodes.throttle import Throttle
from faster_deploy_ros.tasks.results import DISPARITY, METRIC, RELATIVE
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

# What is not metres must not be taken for metres: another kind has another topic.
TOPICS = {METRIC: 'depth/image_rect', RELATIVE: 'depth/relative', DISPARITY: 'depth/disparity'}
REMIND_S = 60.0


class Wanted(NamedTuple):
    """Which messages of a frame anybody listens to."""

    depth: bool
    info: bool
    points: bool
    debug: bool


class DepthMessages(NamedTuple):
    """
    What is published of one frame, in this order; None: nobody wants it, or it cannot be made.

    :ivar problem: why there is neither camera_info nor points; empty where there could be.
    :ivar doubt: why the depth is hard to believe; empty where it is not.
    """

    depth: Image | None
    info: CameraInfo | None
    points: PointCloud2 | None
    debug: Image | None
    problem: str = ''
    doubt: str = ''


class DepthOutlet(Outlet):
    """
    Publish the messages of a frame together, and only those that somebody listens to.

    Depth that is not metric has no points and no camera_info: both would be taken for metres.

    Thread: ROS

    :param publisher: ``publisher(type, topic)`` makes a publisher.
    :param kind: of the depth maps, ``'metric'``, ``'relative'`` or ``'disparity'``.
    :param warn: writes one line to the log.
    """

    def __init__(self, publisher: Callable[[type[Any], str], Publisher], kind: str,
                 warn: Callable[[str], object]) -> None:
        """Make the publishers."""
        self._kind = kind
        self._warn = Throttle(warn, REMIND_S)
        self._depth = publisher(Image, TOPICS[kind])
        self._info = publisher(CameraInfo, 'depth/camera_info') if kind == METRIC else None
        self._points = publisher(PointCloud2, 'points')
        self._debug = publisher(Image, 'debug_image')
        self._in_order = (self._depth, self._info, self._points, self._debug)
        self._problem = ''   # of the last frame
        self.topics = self._depth.topic_name

    def wanted(self) -> Wanted:
        """Say which messages are to be made of a frame."""
        points = bool(self._points.get_subscription_count())
        if points and self._kind != METRIC:
            self._warn(
                f"output '{self._points.topic_name}': somebody listens, and there are no points: "
                f'the depth of this model is {self._kind}, its scale is unknown. Set depth_scale '
                '(and depth_shift), or use a metric model.')
        return Wanted(bool(self._depth.get_subscription_count()), self._wants_info(), points,
                      bool(self._debug.get_subscription_count()))

    def publish(self, messages: DepthMessages) -> None:
        """Publish what was made of one frame."""
        for publisher, message in zip(self._in_order, messages):
            if message is not None:
                publisher.publish(message)
        if messages.doubt:
            self._warn(messages.doubt)
        self._problem = messages.problem
        if messages.problem and self._needs_camera():
            self._warn(f'no depth/camera_info, no points: {messages.problem}.')

    def part(self, source: str, received: int) -> Part:
        """
        Tell the diagnostics what the camera_info that arrives is good for.

        :param source: of camera_info, in words.
        :param received: how many have arrived.
        """
        values = {'kind': self._kind, 'topic': self.topics, 'received': received}
        if self._kind != METRIC:
            return Part('camera_info', OK, f'not needed, depth is {self._kind}', values)
        if not self._problem:
            return Part('camera_info', OK, f'{received} received; {source}', values)
        return Part('camera_info', WARN if self._needs_camera() else OK,
                    f'no depth/camera_info, no points: {self._problem}; {source}', values)

    def _wants_info(self) -> bool:
        return self._info is not None and bool(self._info.get_subscription_count())

    def _needs_camera(self) -> bool:
        """Say whether anybody misses what a problem prevents."""
        return self._wants_info() or bool(self._points.get_subscription_count())
