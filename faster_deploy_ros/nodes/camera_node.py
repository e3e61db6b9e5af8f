# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A camera made of any source: it publishes pictures at a steady rate and says what it sent."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
import json
from pathlib import Path
import sys
from time import monotonic
from typing import Any

import cv2
from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.nodes.camera_info import camera_info_message
from faster_deploy_ros.nodes.params import DeclaredParameters, parameter
from faster_deploy_ros.nodes.qos import PRESETS, profile
from faster_deploy_ros.nodes.spin import run
from faster_deploy_ros.sources import open_source, Shot, Source
from faster_deploy_ros.sources.ahead import ReadAhead
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

SETTLE_S = 0.5   # we find a subscriber before it finds us; best effort, it misses what comes first
ACKNOWLEDGED_S = 2.0   # how long the last frames may take to reach reliable subscribers
USUAL_FPS = 30.0
AHEAD = 16             # pictures that are ready before their time


@dataclass(frozen=True, slots=True)
class CameraParams:
    """Values of the camera's parameters, checked."""

    source: str = parameter(
        'scene', 'scene, a video file, an image, a folder of images, a bag folder or the index '
        'of a webcam.')
    width: int = parameter(
        0, 'Width of the pictures; 0: as the source has it.', minimum=0, maximum=16384)
    height: int = parameter(
        0, 'Height of the pictures; 0: as the source has it.', minimum=0, maximum=16384)
    seed: int = parameter(0, 'Which scene, for the source scene.', minimum=0)
    fps: float = parameter(
        0.0, "Pictures per second; 0: the source's own rate.", minimum=0.0, maximum=1000.0)
    frames: int = parameter(
        0, 'End after so many pictures; 0: at the end of the source.', minimum=0)
    loop: bool = parameter(False, 'Begin again at the end of the source.')
    frame_id: str = parameter('camera', 'Frame id of the pictures.')
    qos: str = parameter(
        'DEFAULT', 'QoS preset of the pictures; DEFAULT is reliable.', choices=PRESETS)
    qos_depth: int = parameter(5, 'History of the publisher.', minimum=1, maximum=1000)
    wait_for_subscribers: int = parameter(
        0, 'Hold the first picture back until so many subscriptions are there.', minimum=0)
    report: bool = parameter(
        False, 'Write one JSON line per picture to the standard output, and stay after the last.')
    keep: str = parameter('', 'Folder that gets a JPEG of every picture; empty: none.')


class CameraNode(Node):
    """
    Publish pictures on ``image_raw``; each is ready before its time has come.

    A source that knows how its pictures were projected has ``camera_info`` too.

    Thread: ROS
    """

    def __init__(self, name: str = 'camera', **kwargs: Any) -> None:
        """Open the source; a failure is logged in one line and becomes the exit code."""
        super().__init__(name, **kwargs)
        self.exit_code: int | None = None
        self.sent = 0
        self._found_s: float | None = None   # when those waited for were all there
        self._shots: ReadAhead | None = None
        self._message = Image()
        self._pixels: np.ndarray[Any, Any] = np.empty((0, 0, 3), np.uint8)
        try:
            self._params = params = DeclaredParameters(self, CameraParams).read()
            size = (params.width, params.height) if params.width and params.height else None
            source = open_source(params.source, size=size, seed=params.seed)
            self._shots = ReadAhead(
                _repeated(source) if params.loop else source, 1 if source.live else AHEAD)
            self._next = next(self._shots, None)
        except FasterDeployError as error:
            self._give_up(error)
            return
        if params.keep:
            Path(params.keep).mkdir(parents=True, exist_ok=True)
        self._images = self.create_publisher(
            Image, 'image_raw', profile(params.qos, params.qos_depth))
        self._infos = None if self._next is None or self._next.camera is None else (
            self.create_publisher(CameraInfo, 'camera_info', self._images.qos_profile))
        fps = params.fps or source.fps or USUAL_FPS
        self._prepare()
        self._timer = self.create_timer(
            1.0 / fps, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def end(self) -> int:
        """Stop reading; return the exit code of the process."""
        if self._shots is not None:
            self._shots.close()
        return self.exit_code or 0

    def _tick(self) -> None:
        """Send the picture that is ready, then make the next one ready."""
        if self.sent == 0 and not self._is_heard():
            return
        if self._next is None or self.sent == (self._params.frames or -1):
            self._finish()
            return
        self._message.header.stamp = self.get_clock().now().to_msg()
        if self._infos is not None and self._next.camera is not None:   # first: it is needed first
            self._infos.publish(camera_info_message(self._message.header, self._next.camera))
        self._images.publish(self._message)
        stamp = self._message.header.stamp
        self._report(event='sent', index=self.sent,
                     stamp_ns=stamp.sec * 1_000_000_000 + stamp.nanosec)
        self._keep(self._next.frame)
        self.sent += 1
        try:
            self._next = next(self._shots, None)
        except FasterDeployError as error:
            self._give_up(error)
        self._prepare()

    def _is_heard(self) -> bool:
        """Say whether those who are waited for have had time to find us too."""
        wanted = self._params.wait_for_subscribers
        if self._images.get_subscription_count() < wanted:
            self._found_s = None
            return False
        self._found_s = self._found_s or monotonic()
        return not wanted or monotonic() - self._found_s >= SETTLE_S

    def _prepare(self) -> None:
        """Copy the next picture into the message, whose memory is made once per size."""
        if self._next is None:
            return
        frame, message = self._next.frame, self._message
        if self._pixels.shape != frame.image.shape:
            message.header.frame_id = self._params.frame_id
            message.height, message.width = frame.height, frame.width
            message.encoding, message.step = frame.encoding, frame.width * 3
            message.data = array('B', bytes(frame.image.nbytes))
            self._pixels = np.frombuffer(message.data, np.uint8).reshape(frame.image.shape)
        message.encoding = frame.encoding
        np.copyto(self._pixels, frame.image)

    def _finish(self) -> None:
        """Let the last pictures arrive, then end, or stay for whoever reads the report."""
        self._timer.cancel()
        self._images.wait_for_all_acked(Duration(seconds=ACKNOWLEDGED_S))
        self._report(event='done', sent=self.sent)
        if not self._params.report:
            self.get_logger().info(f'{self.sent} pictures sent')
            self.exit_code = 0

    def _keep(self, frame: Frame) -> None:
        if self._params.keep:
            cv2.imwrite(str(Path(self._params.keep) / f'{self.sent:06d}.jpg'), frame.image)

    def _give_up(self, error: Exception) -> None:
        self.get_logger().fatal(str(error))
        self.exit_code = 2

    def _report(self, **event: Any) -> None:
        if not self._params.report:
            return
        try:
            sys.stdout.write(json.dumps(event) + '\n')
            sys.stdout.flush()
        except BrokenPipeError:
            self.exit_code = 1   # nobody listens any more: whoever started us is gone


def _repeated(source: Source) -> Iterator[Shot]:
    """Begin a source again whenever it ends; one that is empty ends for good."""
    shown = True
    while shown:
        shown = False
        for shot in source:
            shown = True
            yield shot


def main() -> int:
    """Run the camera until its source ends or a signal comes."""
    cv2.setNumThreads(1)   # a camera must not take the cores from the node that looks at it
    return run(CameraNode)


if __name__ == '__main__':
    sys.exit(main())
