# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A folder of images, or one image, as a source."""

from collections.abc import Iterator
from pathlib import Path
import re

import cv2
from faster_deploy_ros.errors import BadFrame
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.sources.shot import fitted, SECOND_NS, Shot, Source
import numpy as np

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')


class FolderSource(Source):
    """
    The images of a folder, sorted as a person would: ``2.png`` before ``10.png``.

    :param spec: path of the folder or of one image.
    :raises BadFrame: there is no image in the folder.
    """

    def __init__(self, spec: str, *, size: tuple[int, int] | None = None, seed: int = 0) -> None:
        super().__init__(spec, size=size, seed=seed)
        path = Path(spec)
        found = path.iterdir() if path.is_dir() else [path]
        images = [file for file in found if file.suffix.lower() in SUFFIXES]
        self._images = sorted(images, key=lambda file: _natural(file.name))
        if not self._images:
            raise BadFrame(
                f"source '{spec}': no image in this folder, expected files that end in "
                f"{' '.join(SUFFIXES)}, or the metadata.yaml of a bag")
        self.length = len(self._images)

    def __iter__(self) -> Iterator[Shot]:
        """Read image by image."""
        for index, path in enumerate(self._images):
            # imread reports nothing and knows no names beyond the locale's, imdecode takes both
            data = np.fromfile(path, dtype=np.uint8)
            image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
            if image is None:
                raise BadFrame(f"source '{path}': OpenCV cannot read this image")
            yield Shot(Frame(index * SECOND_NS, 'camera', fitted(image, self._size)))


def _natural(name: str) -> list[tuple[int, str]]:
    """Split a name so that its numbers compare as numbers."""
    return [(int(part), '') if part.isdigit() else (-1, part.lower())
            for part in re.split(r'(\d+)', name)]
