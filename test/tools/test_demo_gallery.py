# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and objects of a run brought together again: by stamp, never by position."""

from collections.abc import Iterator
import io

import cv2
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.sources import Box, Shot, Source
from faster_deploy_ros.tools.demo.gallery import Gallery
from faster_deploy_ros.tools.demo.orders import Orders
from faster_deploy_ros.tools.demo.record import Found, Published, Record
from faster_deploy_ros.tools.demo.summary import Summary
from faster_deploy_ros.tools.progress import bar, Progress
import numpy as np
import pytest


def place(index):
    """Say where the one object of picture ``index`` is."""
    return (10.0 + 40 * index, 20.0, 40.0 + 40 * index, 60.0)


class Film(Source):
    """Eight pictures with one cube each, which moves."""

    labels = ('cube',)

    def __iter__(self) -> Iterator[Shot]:
        for index in range(8):
            image = np.full((96, 384, 3), 20 * index, np.uint8)
            yield Shot(Frame(index, 'camera', image), (Box('cube', place(index)),))


def record_of(published, label='cube', labels=('cube',)):
    record = Record(labels={str(k): name for k, name in enumerate(labels)})
    record.sent = {1000 + index: index for index in range(8)}
    for index in published:
        record.published.append(Published(
            1000 + index, 2000 + index, (Found(place(index), 0.9, label),)))
    return record


def show(record, folder, source=None):
    summary = Summary(8, 0, len(record.published), 0, {}, 0, 30.0, {})
    gallery = Gallery(Orders(out=folder), source or Film('film'), record)
    return gallery.show(summary, Progress(io.StringIO()))


def test_only_published_frames_are_judged_each_against_its_own_picture(tmp_path):
    pytest.importorskip('pycocotools')
    summary, _ = show(record_of((0, 3, 4, 7)), tmp_path)
    assert summary.ap50 == pytest.approx(1.0)


def test_objects_on_the_wrong_picture_are_noticed(tmp_path):
    pytest.importorskip('pycocotools')
    record = record_of((0, 3, 4, 7))
    record.published[1] = record.published[1]._replace(stamp_ns=1005)
    summary, _ = show(record, tmp_path)
    assert summary.ap50 < 0.8


def test_a_model_of_other_classes_is_not_judged_and_it_is_said_why(tmp_path):
    summary, _ = show(record_of((1,), 'person', ('person', 'dog')), tmp_path)
    assert summary.ap50 is None
    assert summary.notes == ("no AP50: the model knows none of the scene's classes (cube)",)


def test_a_live_source_is_seen_again_from_what_the_camera_kept(tmp_path):
    class Live(Film):
        live = True
        labels = ()

        def __iter__(self):
            raise AssertionError('a live source cannot be read again')

    (tmp_path / 'frames').mkdir()
    for index in range(8):
        cv2.imwrite(str(tmp_path / 'frames' / f'{index:06d}.jpg'),
                    np.full((96, 384, 3), 20 * index, np.uint8))
    summary, written = show(record_of((6,)), tmp_path, Live('0'))
    assert summary.ap50 is None
    sheet = cv2.imread(str(next(path for path in written if path.name == 'contact_sheet.png')))
    # jpeg may be off by one
    assert (abs(sheet.astype(int) - 120).max(axis=2) <= 2).mean() > 0.2, 'the seventh is shown'


def test_a_run_without_results_draws_nothing(tmp_path):
    _, written = show(record_of(()), tmp_path)
    assert written == []


@pytest.mark.parametrize(('done', 'total', 'expected'), [
    (0, 10, '·' * 24), (10, 10, '█' * 24), (12, 10, '█' * 24), (5, 10, '█' * 12 + '·' * 12),
    (1, 48, '▌' + '·' * 23)])
def test_the_bar_is_as_long_as_what_is_done(done, total, expected):
    assert bar(done, total) == expected


def test_in_a_log_the_progress_is_lines_and_not_many():
    log = io.StringIO()
    progress = Progress(log)
    for number in range(1000):
        progress.show(number, 1000, 'running')
    progress.show(1000, 1000, 'done', now=True)
    progress.clear()
    assert [line.split()[1] for line in log.getvalue().splitlines()] == ['0/1000', '1000/1000']
