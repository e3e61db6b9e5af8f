# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth maps beside their pictures, held against the truth where it is known."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from faster_deploy_ros.sources import Shot
from faster_deploy_ros.tasks.results import METRIC
from faster_deploy_ros.tools.demo.depth_figures import DepthFigures, MapFigures, measured
from faster_deploy_ros.tools.demo.depth_maps import DepthMaps, sampled
from faster_deploy_ros.tools.demo.exhibit import Exhibit
from faster_deploy_ros.tools.demo.pictures import badge, Image, NIGHT, shrunk, spread, Tiling
from faster_deploy_ros.tools.demo.record import KeptMap, Published, Record
from faster_deploy_ros.tools.demo.run_colours import RunColours
from faster_deploy_ros.tools.demo.summary import Summary
import numpy as np

MAPS_FOR_RANGE = 60
WIDEST = 960   # of one half of the film
GAP = 8   # an even number, as formats of video ask of widths


class DepthExhibit(Exhibit):
    """
    Each picture with its coloured depth at its right, AbsRel where the truth is known.

    One range of colours for the whole run, so that a colour is a distance and nothing flickers.
    """

    tiling = Tiling(columns=3, width=640, heights=(160, 480))

    def __init__(self, record: Record, maps: DepthMaps) -> None:
        self._maps = maps
        published = [message for message in record.published if message.depth is not None]
        self._kind = published[0].depth.kind if published and published[0].depth else METRIC
        self._colours = RunColours(self._kind, maps.spread(published, MAPS_FOR_RANGE))
        self._figures: dict[int, MapFigures] = {}
        self._is_truth_known = False

    def shown(self, messages: Sequence[Published]) -> list[int]:
        """Choose pictures spread over the run, of those whose map was kept."""
        return spread([number for number, message in enumerate(messages) if _kept(message)])

    def judge(self, shot: Shot, message: Published) -> None:
        """Measure the map, and how far it is from the truth."""
        kept = _kept(message)
        if kept is None:
            return
        depth = self._maps[kept]
        truth = None
        self._is_truth_known = shot.depth is not None
        if shot.depth is not None and self._kind == METRIC:
            truth = sampled(shot.depth, message, kept)
        self._figures[message.stamp_ns] = measured(depth, truth)

    def holds(self, message: Published) -> bool:
        """Tell whether the map was kept."""
        return _kept(message) is not None

    def draw(self, image: Image, message: Published, *, caption: str = '',
             emphasis: float = 1.0) -> Image:
        """Lay the picture and its depth side by side."""
        kept = _kept(message)
        assert kept is not None
        left = shrunk(image, WIDEST)
        height, width = left.shape[:2]
        right = self._colours.picture(self._maps[kept], (width, height), emphasis)
        if caption:
            left = badge(left.copy(), caption)
        return np.hstack([left, np.full((height, GAP, 3), NIGHT, np.uint8), right])

    def verdict(self, summary: Summary) -> Summary:
        """Add how far away things were, and the AbsRel."""
        if not self._figures:
            return summary
        figures = DepthFigures.of(self._kind, tuple(self._figures.values()))
        notes = summary.notes
        if self._kind != METRIC and self._is_truth_known:
            why = (f'no AbsRel: {self._kind} depth has no metres; faster-deploy evaluate --depth '
                   'aligns it to a truth first')
            notes = (*notes, why)
        return replace(summary, depth=figures, notes=notes)

    def words(self, message: Published) -> str:
        """Say how far off the map is, where that is known."""
        figures = self._figures.get(message.stamp_ns)
        if figures is None or figures.abs_rel is None:
            return ''
        return f'   off by {figures.abs_rel:.1%}'

    def line(self, message: Published) -> dict[str, Any]:
        """Say how far away things were."""
        said: dict[str, Any] = {'kind': message.depth.kind if message.depth else None}
        if (figures := self._figures.get(message.stamp_ns)) is not None:
            said |= figures.as_json()
        return said


def _kept(message: Published) -> KeptMap | None:
    return None if message.depth is None else message.depth.kept
