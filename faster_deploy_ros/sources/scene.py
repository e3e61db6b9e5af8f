# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The synthetic scene as a source: endless, with its truth."""

from collections.abc import Iterator
from itertools import count

from faster_deploy_ros.frame import Frame
from faster_deploy_ros.scenes import LABELS, SceneRenderer
from faster_deploy_ros.sources.shot import Box, SECOND_NS, Shot, Source

VGA = (640, 480)


class SceneSource(Source):
    """Moving solids of known classes; VGA unless a size is given; the same on every run."""

    labels = tuple(LABELS)
    fps = 30.0

    def __iter__(self) -> Iterator[Shot]:
        """Render picture by picture, for ever."""
        renderer = SceneRenderer(self._seed, size=self._size or VGA)
        for index in count():
            scene = renderer.render(index)
            truth = [Box(LABELS[class_id], (left, top, right, bottom))
                     for class_id, (left, top, right, bottom) in zip(
                         scene.class_id.tolist(), scene.boxes.tolist())]
            truth += [Box('', (left, top, right, bottom), judged=False)
                      for left, top, right, bottom in scene.ignored.tolist()]
            stamp_ns = index * SECOND_NS // 30
            yield Shot(Frame(stamp_ns, 'camera', scene.image), tuple(truth))
