# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A webcam as a source."""

from collections.abc import Iterator
import time
from typing import ClassVar

import cv2
from faster_deploy_ros.errors import BadFrame, Unavailable
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.sources.shot import fitted, Shot, Source


class WebcamSource(Source):
    """
    What a webcam sees now; stamps are the system's time of each picture.

    :param spec: its index: ``'0'`` is ``/dev/video0`` on Linux.
    """

    live: ClassVar[bool] = True

    def __init__(self, spec: str, *, size: tuple[int, int] | None = None, seed: int = 0) -> None:
        super().__init__(spec, size=size, seed=seed)
        self._index = int(spec)

    def __iter__(self) -> Iterator[Shot]:
        """
        Open the webcam and look through it until the caller stops.

        :raises Unavailable: there is no such webcam, or somebody else uses it.
        :raises BadFrame: it went away.
        """
        webcam = cv2.VideoCapture(self._index)
        try:
            if not webcam.isOpened():
                raise Unavailable(
                    f'source {self._index}: webcam {self._index} cannot be opened; see '
                    'ls /dev/video*, and whether another program uses it')
            if self._size is not None:
                webcam.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
                webcam.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
            webcam.set(cv2.CAP_PROP_BUFFERSIZE, 1)   # an old picture is of no use
            while True:
                ok, image = webcam.read()
                if not ok:
                    raise BadFrame(
                        f'source {self._index}: the webcam gives no more pictures; unplugged?')
                yield Shot(Frame(time.time_ns(), 'camera', fitted(image, self._size)))
        finally:
            webcam.release()
