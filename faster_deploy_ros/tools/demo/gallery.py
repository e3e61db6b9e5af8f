# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The pictures of a run once more: judged against the truth, drawn, laid out."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
from faster_deploy_ros.sources import open_source, Shot, Source
from faster_deploy_ros.tools.demo.judge import Judge
from faster_deploy_ros.tools.demo.orders import Orders
from faster_deploy_ros.tools.demo.pictures import (
    badge,
    caption_of,
    chosen,
    contact_sheet,
    Film,
    Image,
    Painter,
)
from faster_deploy_ros.tools.demo.record import Published, Record
from faster_deploy_ros.tools.demo.summary import Summary
from faster_deploy_ros.tools.progress import Progress

FILM, SHEET, TIMELINE = 'detections.mp4', 'contact_sheet.png', 'timeline.png'
FILM_FPS = 60.0   # what a player shows; a faster run is seen slower
EMPHASIS = 1.4   # the contact sheet shows the pictures smaller than they are


class Gallery:
    """
    Bring the published objects and the pictures they were found on together again.

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

    def show(self, summary: Summary, progress: Progress) -> tuple[Summary, list[Path]]:
        """
        Draw video, contact sheet and timeline.

        :return: the summary with its AP50, where there is a truth, and the files written.
        """
        written = []
        if self._messages:
            judge = Judge(self._source.labels, tuple(self._record.labels.values()))
            tiles, film = self._draw(judge, summary.sent, progress)
            ap50, notes = judge.verdict()
            summary = replace(summary, ap50=ap50, notes=(*summary.notes, *notes))
            sheet = self._orders.out / SHEET
            cv2.imwrite(str(sheet), contact_sheet(tiles, 'faster_deploy_ros', _subtitle(summary)))
            written += [*film, sheet]
        return summary, [*written, *self._draw_timeline()]

    def _draw(self, judge: Judge, total: int,
              progress: Progress) -> tuple[list[tuple[Image, str]], list[Path]]:
        """Go through the published frames once; return tiles for the sheet, and the video."""
        painter = Painter(tuple(self._record.labels.values()))
        places = list(self._messages)
        shown = {places[number] for number in chosen(list(self._messages.values()))}
        film = Film(self._orders.out / FILM, min(self._orders.fps, FILM_FPS))
        tiles: list[tuple[Image, str]] = []
        for index, shot, message in self._pairs():
            progress.show(index, total, 'drawing')
            judge.add(shot, message)
            image = shot.frame.image
            if shot.frame.encoding == 'rgb8':
                image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
            caption = caption_of(index, message)
            if index in shown:
                tiles.append((painter.objects(image, message.objects, EMPHASIS), caption))
            film.add(badge(painter.objects(image, message.objects), caption))
        film.close()
        return tiles, [self._orders.out / FILM] if film.written else []

    def _draw_timeline(self) -> list[Path]:
        try:
            from faster_deploy_ros.tools.demo.timeline import draw_timeline, roads
        except ImportError:   # the run is none the worse for a missing plot
            return []
        frames = roads(self._record)
        if not frames:
            return []
        path = self._orders.out / TIMELINE
        draw_timeline(frames, path, f'{len(frames)} frames in a row, from picture to objects')
        return [path]

    def _pairs(self) -> Iterator[tuple[int, Shot, Published]]:
        """Return the place, the picture and the objects of every published frame, in order."""
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
    return '     '.join(parts)
