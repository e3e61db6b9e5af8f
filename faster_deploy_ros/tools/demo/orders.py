# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a run is asked to do, checked before anything is started."""

from dataclasses import dataclass
from pathlib import Path

from faster_deploy_ros.cores.uri import ModelUri, SUFFIXES
from faster_deploy_ros.errors import Unavailable
from faster_deploy_ros.share import resolve_package_url
from faster_deploy_ros.sources import kind_of, open_source, Source, SOURCES
from faster_deploy_ros.tools.demo.task import DEPTH, DETECTION, Task

USUAL_SECONDS = 20
USUAL_FPS = 30.0
KEPT_MAPS = 800   # at most 320 x 320 pixels of 4 bytes each: 328 MB, gone after the run


@dataclass(frozen=True, slots=True)
class Orders:
    """
    The wishes of the command line.

    :param model: URIs or paths of the model, one for each core that serves it; none for the
        node's own default.
    :param size: (width, height) of the pictures, or ``None`` for the source's own.
    :param frames: how many pictures at most, or ``None`` for so many as take 20 seconds.
    :param depth: whether to estimate depth instead of finding objects.
    :param params: parameter file of the node, or ``None``.
    :param best_effort: whether the camera offers best effort, as most drivers do.
    """

    depth: bool = False
    source: str = 'scene'
    model: tuple[str, ...] = ()
    family: str = ''
    size: tuple[int, int] | None = None
    seed: int = 0
    frames: int | None = None
    fps: float = USUAL_FPS
    out: Path = Path('out')
    json: Path | None = None
    params: Path | None = None
    best_effort: bool = False

    @property
    def task(self) -> Task:
        """What the node is to do."""
        return DEPTH if self.depth else DETECTION

    @property
    def planned(self) -> int:
        """How many pictures to send at most."""
        return self.frames or max(1, round(self.fps * USUAL_SECONDS))

    @property
    def kept(self) -> Path:
        """Where the camera keeps its pictures when nobody can see them a second time."""
        return self.out / 'frames'

    @property
    def maps(self) -> Path:
        """Where the recorder keeps depth maps until they are drawn."""
        return self.out / 'depth_maps.f32'

    @property
    def drawn_every(self) -> int:
        """Return 1 where all results are drawn; else every so many-th depth map is kept for it."""
        return -(-self.planned // KEPT_MAPS) if self.depth else 1

    @property
    def keeps_pictures(self) -> bool:
        """Whether the source cannot be read a second time."""
        return SOURCES.resolve(kind_of(self.source)).live

    def open_source(self) -> Source:
        """
        Open the source, as the camera will.

        :raises FasterDeployError: it is not there or cannot be read.
        """
        return open_source(self.source, size=self.size, seed=self.seed)

    def check(self) -> Source:
        """
        Find what would fail before processes are started for it; return the source.

        :raises FasterDeployError: in one line, what is wrong.
        """
        if self.params is not None and not self.params.is_file():
            raise Unavailable(
                f"--params '{self.params}': there is no such file, expected a ROS parameter file "
                f'as config/{self.task.name}.yaml')
        for model in self.model:
            uri = ModelUri.parse(resolve_package_url(model))
            if uri.scheme in SUFFIXES.values() and not Path(uri.path).is_file():
                raise Unavailable(
                    f"--model '{model}': there is no such file, expected a model file, "
                    'package://<package>/<path> or <runtime>.<device>://<path>')
        return self.open_source()
