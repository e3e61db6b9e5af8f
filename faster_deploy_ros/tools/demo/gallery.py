# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The pictures of a run once more: judged against the truth, drawn, laid out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
from faster_deploy_ros.sources import open_source, Shot, Source
from faster_deploy_ros.tools.demo.depth_exhibit import DepthExhibit
from faster_deploy_ros.tools.demo.depth_maps import DepthMaps
from faster_deploy_ros.tools.demo.exhibit import Exhibit, ObjectExhibit
from faster_deploy_ros.tools.demo.orders import Orders
from faster_deploy_ros.tools.demo.pictures import caption_of, contact_sheet, Film, Image
from faster_deploy_ros.tools.demo.record import Published, Record
from faster_deploy_ros.tools.demo.summary import Summary
from faster_deploy_ros.tools.progress import Progress

SHEET, TIMELINE = 'contact_sheet.png', 'timeline.png'
FILM_FPS = 60.0   # what a player shows; a faster run is seen slower
EMPHASIS = 1.4   # the contact sheet shows the pictures smaller than they are


class Gallery:
    """
    Bring the published results and the pictures they belong to together again.

    The source is read a second time, so that the camera need not keep anything; one that is live
    left its pictures in a folder.

    :param source: the one the camera read.
    """

    def __init__(self, orders: Orders, source: Source, record: Record) -> None:
        """Match messages and pictures by their stamps."""
        self._orders = orders
        self._source = source
        self._record = record
        self._messages = {
            record.sent[message.stamp_ns]: message for message in record.published
            if message.stamp_ns in record.sent}
        self._exhibit: Exhibit = (
            DepthExhibit(record, DepthMaps(orders.maps)) if orders.depth
            else ObjectExhibit(record, source.labels))

    def show(self, summary: Summary, progress: Progress) -> tuple[Summary, list[Path]]:
        """
        Draw video, contact sheet and timeline.

        :return: the summary with AP50 or AbsRel, where there is a truth, and the files written.
        """
        tiles: list[tuple[Image, str]] = []
        written: list[Path] = []
        if self._messages:
            tiles, written = self._draw(summary.sent, progress)
            summary = self._exhibit.verdict(summary)
        if tiles:
            sheet = self._orders.out / SHEET
            cv2.imwrite(str(sheet), contact_sheet(
                tiles, 'faster_deploy_ros', _subtitle(summary), self._exhibit.tiling))
            written.append(sheet)
        return summary, [*written, *self._draw_timeline()]

    def lines(self) -> Iterator[dict[str, Any]]:
        """Return one plain object per published frame, for a file."""
        for message in self._record.published:
            yield {
                'frame': self._record.sent.get(message.stamp_ns), 'stamp_ns': message.stamp_ns,
                'age_ms': round(message.age_ms, 3), **self._exhibit.line(message)}

    def _draw(self, total: int, progress: Progress) -> tuple[list[tuple[Image, str]], list[Path]]:
        """Go through the published frames once; return tiles for the sheet, and the video."""
        exhibit, orders = self._exhibit, self._orders
        places = list(self._messages)
        shown = {places[number] for number in exhibit.shown(list(self._messages.values()))}
        path = orders.out / orders.task.film
        film = Film(path, min(orders.fps / orders.drawn_every, FILM_FPS))
        tiles: list[tuple[Image, str]] = []
        for index, shot, message in self._pairs():
            progress.show(index, total, 'drawing')
            exhibit.judge(shot, message)
            if not exhibit.holds(message):
                continue
            image = shot.frame.image
            if shot.frame.encoding == 'rgb8':
                image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
            caption = caption_of(index, message) + exhibit.words(message)
            if index in shown:
                tiles.append((exhibit.draw(image, message, emphasis=EMPHASIS), caption))
            film.add(exhibit.draw(image, message, caption=caption))
        film.close()
        return tiles, [path] if film.written else []

    def _draw_timeline(self) -> list[Path]:
        try:
            from faster_deploy_ros.tools.demo.timeline import draw_timeline, roads
        except ImportError:   # the run is none the worse for a missing plot
            return []
        frames = roads(self._record)
        if not frames:
            return []
        path = self._orders.out / TIMELINE
        what = self._orders.task.what
        draw_timeline(frames, path, f'{len(frames)} frames in a row, from picture to {what}')
        return [path]

    def _pairs(self) -> Iterator[tuple[int, Shot, Published]]:
        """Return the place, the picture and the result of every published frame, in order."""
        source = self._source
        if source.live:
            source = open_source(str(self._orders.kept))
        last = max(self._messages)
        for index, shot in enumerate(source):
            message = self._messages.get(index)
            if message is not None:
                yield index, shot, message
            if index >= last:
                return


def _subtitle(summary: Summary) -> str:
    parts = [f'{summary.published} of {summary.sent} frames', f'{summary.fps:.1f} fps',
             f'{summary.out_of_order} out of order']
    if summary.age_ms:
        parts.append(f"age p50 {summary.age_ms['p50']:.1f} ms, p99 {summary.age_ms['p99']:.1f} ms")
    if summary.ap50 is not None:
        parts.append(f'AP50 {summary.ap50:.3f}')
    if summary.depth is not None and summary.depth.mean.abs_rel is not None:
        parts.append(f'AbsRel {summary.depth.mean.abs_rel:.3f}')
    return '     '.join(parts)
