# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where pictures come from: a scene, a video, a folder, a webcam or a bag, all read alike."""

from pathlib import Path

from faster_deploy_ros.errors import Unavailable
from faster_deploy_ros.registry import Entry, Registry
from faster_deploy_ros.sources.folder import SUFFIXES
from faster_deploy_ros.sources.shot import Box, Shot, Source

SOURCES: Registry[Source] = Registry('source', 'faster_deploy_ros.sources', {
    'bag': Entry('faster_deploy_ros.sources.bag:BagSource', needs=('rosbags',),
                 hint='pip install rosbags'),
    'folder': Entry('faster_deploy_ros.sources.folder:FolderSource'),
    'scene': Entry('faster_deploy_ros.sources.scene:SceneSource'),
    'video': Entry('faster_deploy_ros.sources.video:VideoSource'),
    'webcam': Entry('faster_deploy_ros.sources.webcam:WebcamSource'),
})


def open_source(spec: str, *, size: tuple[int, int] | None = None, seed: int = 0) -> Source:
    """
    Open the source that ``spec`` names.

    :param spec: ``'scene'``, the path of a video file, of an image, of a folder of images or of a
        bag (``<folder>?topic=<topic>`` chooses among its topics), or the index of a webcam.
    :param size: (width, height) of the pictures; ``None`` for the source's own.
    :param seed: which scene.
    :raises Unavailable: there is nothing of that name, or what reads it is not installed.
    :raises BadFrame: it is there and has no pictures.
    """
    return SOURCES.resolve(kind_of(spec))(spec, size=size, seed=seed)


def kind_of(spec: str) -> str:
    """
    Tell the name of the row in ``SOURCES`` that reads ``spec``.

    :raises Unavailable: there is nothing of that name.
    """
    if spec == 'scene':
        return 'scene'
    if spec.isdigit():
        return 'webcam'
    path = Path(spec.partition('?topic=')[0])
    if path.is_dir():
        return 'bag' if (path / 'metadata.yaml').is_file() else 'folder'
    if path.is_file():
        return 'folder' if path.suffix.lower() in SUFFIXES else 'video'
    raise Unavailable(
        f"source '{spec}': there is no such file or folder, expected scene, a video file, a "
        'folder of images, a bag folder or a webcam index')


__all__ = ['SOURCES', 'Box', 'Shot', 'Source', 'kind_of', 'open_source']
