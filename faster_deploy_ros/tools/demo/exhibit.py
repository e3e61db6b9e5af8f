# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How the results of a run are shown and judged, whatever they are."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from faster_deploy_ros.sources import Shot
from faster_deploy_ros.tools.demo.judge import Judge
from faster_deploy_ros.tools.demo.pictures import badge, chosen, Image, Painter, Tiling
from faster_deploy_ros.tools.demo.record import Published, Record
from faster_deploy_ros.tools.demo.summary import Summary


class Exhibit(ABC):
    """
    One kind of results: picked, judged and drawn message by message, in order.

    :ivar tiling: how the contact sheet is laid out.
    """

    tiling: ClassVar[Tiling]

    @abstractmethod
    def shown(self, messages: Sequence[Published]) -> list[int]:
        """Choose the places of the messages for the contact sheet."""

    @abstractmethod
    def judge(self, shot: Shot, message: Published) -> None:
        """Hold one result against what is known of its picture."""

    def holds(self, message: Published) -> bool:
        """Tell whether there is something to draw."""
        return True

    def words(self, message: Published) -> str:
        """Return what a caption says beside the number of the frame and its age."""
        return ''

    @abstractmethod
    def draw(self, image: Image, message: Published, *, caption: str = '',
             emphasis: float = 1.0) -> Image:
        """
        Return a picture of the image with its result.

        :param caption: written into the lower left corner.
        :param emphasis: how much thicker and larger than usual, for what will be shrunk.
        """

    @abstractmethod
    def verdict(self, summary: Summary) -> Summary:
        """Add what was found out."""

    @abstractmethod
    def line(self, message: Published) -> dict[str, Any]:
        """Return what a file of lines says of one result."""


class ObjectExhibit(Exhibit):
    """
    Objects as boxes on their pictures, AP50 where the truth is known.

    :param truth_labels: the classes of the source's truth; empty where it has none.
    """

    tiling = Tiling()

    def __init__(self, record: Record, truth_labels: tuple[str, ...]) -> None:
        labels = tuple(record.labels.values())
        self._painter = Painter(labels)
        self._judge = Judge(truth_labels, labels)

    def shown(self, messages: Sequence[Published]) -> list[int]:
        """Choose pictures spread over the run, those with objects first."""
        return chosen(messages)

    def judge(self, shot: Shot, message: Published) -> None:
        """Count what is found and what is missed."""
        self._judge.add(shot, message)

    def draw(self, image: Image, message: Published, *, caption: str = '',
             emphasis: float = 1.0) -> Image:
        """Draw the boxes on a copy of the picture."""
        drawn = self._painter.objects(image, message.objects, emphasis)
        return badge(drawn, caption) if caption else drawn

    def verdict(self, summary: Summary) -> Summary:
        """Add the AP50."""
        ap50, notes = self._judge.verdict()
        return replace(summary, ap50=ap50, notes=(*summary.notes, *notes))

    def line(self, message: Published) -> dict[str, Any]:
        """List the objects."""
        return {'objects': [{'label': one.label, 'score': one.score, 'xyxy': list(one.xyxy)}
                            for one in message.objects]}
