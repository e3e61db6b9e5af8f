# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The images of a recorded bag as a source, read without ROS."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from faster_deploy_ros.errors import BadFrame, Unsupported
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.sources.shot import fitted, SECOND_NS, Shot, Source
import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.typesys import get_typestore, Stores

RAW = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
# encoding: (channels, the conversion to bgr8, or None where there is nothing to do)
ENCODINGS = {
    'bgr8': (3, None),
    '8UC3': (3, None),
    'rgb8': (3, cv2.COLOR_RGB2BGR),
    'bgra8': (4, cv2.COLOR_BGRA2BGR),
    'rgba8': (4, cv2.COLOR_RGBA2BGR),
    'mono8': (1, cv2.COLOR_GRAY2BGR),
    '8UC1': (1, cv2.COLOR_GRAY2BGR),
}


class BagSource(Source):
    """
    The images of one topic of a bag, in the order of recording, with the stamps they have.

    :param spec: the bag's folder, or ``<folder>?topic=/camera/image_raw`` where the bag has
        images on several topics; without it the one with the most images is taken.
    :raises BadFrame: the folder is no bag, or has no images on the topic.
    """

    def __init__(self, spec: str, *, size: tuple[int, int] | None = None, seed: int = 0) -> None:
        super().__init__(spec, size=size, seed=seed)
        path, _, wanted = spec.partition('?topic=')
        self._path = Path(path)
        with self._open() as bag:
            images = [c for c in bag.connections if c.msgtype in (RAW, COMPRESSED)]
            chosen = [c for c in images if wanted in ('', c.topic)]
            if not chosen:
                topics = ', '.join(sorted({c.topic for c in images})) or 'none'
                asked = f"no images on '{wanted}'" if wanted else 'no images'
                raise BadFrame(
                    f"source '{path}': {asked} in this bag, expected a topic of {RAW} or "
                    f'{COMPRESSED}; topics with images: {topics}')
            self.topic = max(chosen, key=lambda c: c.msgcount).topic
            self.length = sum(c.msgcount for c in chosen if c.topic == self.topic)
            duration_ns = bag.duration
        if self.length > 1 and duration_ns > 0:
            self.fps = (self.length - 1) * SECOND_NS / duration_ns

    def __iter__(self) -> Iterator[Shot]:
        """Read image by image."""
        with self._open() as bag:
            connections = [c for c in bag.connections
                           if c.topic == self.topic and c.msgtype in (RAW, COMPRESSED)]
            for connection, stored_ns, data in bag.messages(connections):
                message = bag.deserialize(data, connection.msgtype)
                image = self._decode(message, connection.msgtype)
                stamp = message.header.stamp
                stamp_ns = stamp.sec * SECOND_NS + stamp.nanosec
                yield Shot(Frame(
                    stamp_ns or stored_ns, message.header.frame_id, fitted(image, self._size)))

    @contextmanager
    def _open(self) -> Iterator[AnyReader]:
        try:
            with AnyReader([self._path],
                           default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as bag:
                yield bag
        except AnyReaderError as error:
            raise BadFrame(f"source '{self._path}': this bag cannot be read ({error})") from error

    def _decode(self, message: Any, msgtype: str) -> NDArray[Any]:
        if msgtype == COMPRESSED:
            image: NDArray[Any] | None = cv2.imdecode(
                np.asarray(message.data), cv2.IMREAD_COLOR)
            if image is None:
                raise BadFrame(
                    f"source '{self._path}': an image on {self.topic} cannot be decoded "
                    f"(format '{message.format}', {len(message.data)} bytes)")
            return image
        if message.encoding not in ENCODINGS:
            raise Unsupported(
                f"source '{self._path}': images on {self.topic} are '{message.encoding}', "
                f"expected one of {', '.join(ENCODINGS)}; play the bag with ros2 bag play and "
                'let the node read the topic instead')
        channels, conversion = ENCODINGS[message.encoding]
        row = message.width * channels
        if message.step < row or len(message.data) < message.step * message.height:
            raise BadFrame(
                f"source '{self._path}': an image on {self.topic} has {len(message.data)} bytes "
                f'with step {message.step}, expected {row} x {message.height}')
        rows = message.data[:message.step * message.height].reshape(message.height, message.step)
        pixels = np.ascontiguousarray(rows[:, :row]).reshape(
            message.height, message.width, channels)
        converted: NDArray[Any] = pixels if conversion is None else cv2.cvtColor(
            pixels, conversion)
        return converted
