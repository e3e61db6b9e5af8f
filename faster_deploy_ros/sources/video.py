# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A video file as a source."""

from collections.abc import Iterator
from itertools import count

import cv2
from faster_deploy_ros.errors import BadFrame
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.sources.shot import fitted, SECOND_NS, Shot, Source


class VideoSource(Source):
    """
    The pictures of a video file, each once.

    :param spec: path of the file, of any format that this OpenCV reads.
    :raises BadFrame: the file is no video.
    """

    def __init__(self, spec: str, *, size: tuple[int, int] | None = None, seed: int = 0) -> None:
        super().__init__(spec, size=size, seed=seed)
        video = self._open()
        try:
            fps = float(video.get(cv2.CAP_PROP_FPS))
            length = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        finally:
            video.release()
        self.fps = fps if 0 < fps <= 1000 else None   # some containers claim 90000
        self.length = length if length > 0 else None

    def __iter__(self) -> Iterator[Shot]:
        """Read from the first picture to the last."""
        period_ns = SECOND_NS / (self.fps or 30.0)
        video = self._open()
        try:
            for index in count():
                ok, image = video.read()
                if not ok:
                    return
                yield Shot(Frame(round(index * period_ns), 'camera', fitted(image, self._size)))
        finally:
            video.release()

    def _open(self) -> 'cv2.VideoCapture':
        video = cv2.VideoCapture(self._spec)
        if not video.isOpened():
            raise BadFrame(
                f"source '{self._spec}': OpenCV cannot open it as a video, expected a video "
                'file, a folder of images, a bag folder, a webcam index or scene')
        return video
