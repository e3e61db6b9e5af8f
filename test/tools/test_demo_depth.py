# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth maps of a run: beside their own picture, judged against its truth, in steady colours."""

from collections.abc import Iterator
import io

import cv2
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.sources import Shot, Source
from faster_deploy_ros.tools.demo.gallery import Gallery
from faster_deploy_ros.tools.demo.orders import KEPT_MAPS, Orders
from faster_deploy_ros.tools.demo.pictures import NIGHT
from faster_deploy_ros.tools.demo.record import Record
from faster_deploy_ros.tools.demo.report import table
from faster_deploy_ros.tools.demo.run_colours import RunColours
from faster_deploy_ros.tools.demo.summary import Summary
from faster_deploy_ros.tools.progress import Progress
import numpy as np
import pytest

WIDTH, HEIGHT, COUNT = 640, 480, 6
STEP = 2   # of the recorder at this size


def truth_of(index):
    """Return a slope from 1 m on the left to 5 m on the right, farther in each picture."""
    row = np.linspace(1, 5, WIDTH, dtype=np.float32) + index
    return np.tile(row, (HEIGHT, 1))


class Slopes(Source):
    """Pictures whose depth is known."""

    def __iter__(self) -> Iterator[Shot]:
        for index in range(COUNT):
            image = np.full((HEIGHT, WIDTH, 3), 40 * index, np.uint8)
            yield Shot(Frame(index, 'camera', image), None, truth_of(index))


class Unknown(Slopes):
    """The same pictures, of which nobody knows how far anything is."""

    def __iter__(self) -> Iterator[Shot]:
        for shot in super().__iter__():
            yield Shot(shot.frame)


def record_of(orders, maps, kind='metric'):
    """
    Record a run; the maps are laid down as the recorder does it.

    :param maps: place in the source -> the map as it was published, or None where it was not kept.
    """
    record = Record()
    record.sent = {1000 + index: index for index in range(COUNT)}
    with orders.maps.open('wb') as file:
        for index, depth in maps.items():
            kept = None
            if depth is not None:
                thin = np.ascontiguousarray(depth[STEP // 2::STEP, STEP // 2::STEP])
                kept = [file.tell(), *thin.shape, STEP]
                file.write(thin.data)
            height, width = (HEIGHT, WIDTH) if depth is None else depth.shape
            record.take({
                'event': 'depth', 'stamp_ns': 1000 + index, 'arrived_ns': 2000 + index,
                'kind': kind, 'width': width, 'height': height, 'kept': kept})
    return record


@pytest.fixture
def run(tmp_path):
    """Show a run; return its summary, its lines and what was written, by name."""
    def show(maps, source=Slopes, kind='metric'):
        orders = Orders(depth=True, out=tmp_path)
        record = record_of(orders, maps, kind)
        gallery = Gallery(orders, source('slopes'), record)
        summary, written = gallery.show(
            Summary(COUNT, 0, len(maps), 0, {}, 0, 30.0, {}), Progress(io.StringIO()))
        return summary, list(gallery.lines()), {path.name: path for path in written}
    return show


def test_a_map_is_judged_against_the_truth_of_its_own_picture(run):
    summary, lines, _ = run({0: truth_of(0) * 1.1, 3: truth_of(3) * 0.9, 5: truth_of(5)})
    assert summary.depth.kind == 'metric'
    assert summary.depth.maps == 3
    assert [line['abs_rel'] for line in lines] == pytest.approx([0.1, 0.1, 0.0], abs=1e-4)
    assert summary.depth.mean.abs_rel == pytest.approx(0.2 / 3, abs=1e-4)
    assert summary.as_json()['depth']['abs_rel'] == pytest.approx(0.2 / 3, abs=1e-4)
    assert [line['frame'] for line in lines] == [0, 3, 5]


def test_a_map_under_the_stamp_of_another_picture_is_noticed(run):
    summary, *_ = run({0: truth_of(0), 2: truth_of(5)})
    assert summary.depth.mean.abs_rel > 0.2


def test_a_map_of_another_size_is_judged_at_the_same_places(run):
    half = truth_of(1).reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3))
    summary, *_ = run({1: half})
    assert summary.depth.mean.abs_rel < 0.002


def test_what_is_not_known_is_not_judged_and_is_counted(run):
    holes = truth_of(0)
    holes[:, :WIDTH // 4] = np.nan
    summary, lines, _ = run({0: holes, 1: np.full_like(holes, np.nan)})
    assert summary.depth.mean.abs_rel == pytest.approx(0, abs=1e-6)
    assert summary.depth.mean.known == pytest.approx(0.375, abs=0.002)
    assert lines[1]['median'] is None
    assert '37.5% of the pixels known' in table(summary)


def test_the_table_tells_how_far_things_are_and_how_right_that_is(run):
    summary, *_ = run({0: truth_of(0) * 1.1})
    said = table(summary)
    assert "AbsRel 0.1000   (the scene's truth, 1 published depth maps)" in said
    assert 'metric, median 3.3 m, nine tenths from 1.33 to 5.28 m' in said
    assert 'known' not in said


@pytest.mark.parametrize(('source', 'why'), [(Slopes, 'no AbsRel: relative depth has no metres'),
                                             (Unknown, '')])
def test_relative_depth_gets_no_metres_and_no_verdict(run, source, why):
    summary, lines, _ = run({0: 1 / truth_of(0), 4: 1 / truth_of(4)}, source, 'relative')
    assert summary.depth.mean.abs_rel is None
    assert lines[0]['kind'] == 'relative'
    (said,) = (row for row in table(summary).splitlines() if 'median' in row)
    assert ' m' not in said.partition('median')[2]
    assert len(summary.notes) == bool(why)
    assert all(why in note for note in summary.notes)


def test_the_film_shows_each_picture_beside_its_depth(run):
    _, _, written = run({index: truth_of(index) for index in range(COUNT)}, Unknown)
    if 'depth.mp4' not in written:
        pytest.skip('this OpenCV writes no mp4v')
    film = cv2.VideoCapture(str(written['depth.mp4']))
    frames = [film.read()[1] for _ in range(COUNT)]
    assert not film.read()[0]
    film.release()
    for index, frame in enumerate(frames):
        assert frame.shape[0] == HEIGHT
        assert WIDTH * 2 <= frame.shape[1] <= WIDTH * 2 + 16
        assert abs(frame[:300, :WIDTH].mean() - 40 * index) < 6, 'the picture, left'
    near, far = frames[0][100, WIDTH + 40], frames[5][100, -20]
    assert near[2] > near[0] + 50, 'near is red'
    assert far[0] > far[2] + 20, 'far is blue'


def test_a_colour_is_one_distance_all_over_the_run(run):
    _, _, written = run({index: truth_of(index) for index in (0, 4)})
    sheet = cv2.imread(str(written['contact_sheet.png'])).astype(int)
    first, second = sheet[84:320, 28:668], sheet[84:320, 684:1324]
    left, wide = 324, 316   # of the depth in a tile: half of it, after the gap
    at = 60
    five_in_first = first[at, left + wide - 4]
    five_in_second = second[at, left + 4]
    assert abs(five_in_first - five_in_second).max() < 40
    assert abs(first[at, left + 4] - five_in_second).max() > 100


def test_a_large_picture_is_shrunk_in_the_film(tmp_path):
    class Large(Source):
        """One picture of 1080 rows."""

        def __iter__(self) -> Iterator[Shot]:
            yield Shot(Frame(0, 'camera', np.zeros((1080, 1920, 3), np.uint8)))

    orders = Orders(depth=True, out=tmp_path)
    record = record_of(orders, {0: np.ones((1080, 1920), np.float32)})
    Gallery(orders, Large('large'), record).show(
        Summary(1, 0, 1, 0, {}, 0, 30.0, {}), Progress(io.StringIO()))
    film = cv2.VideoCapture(str(tmp_path / 'depth.mp4'))
    if not film.isOpened():
        pytest.skip('this OpenCV writes no mp4v')
    assert film.get(cv2.CAP_PROP_FRAME_HEIGHT) == 540
    film.release()


def test_maps_that_were_not_kept_are_left_out_of_film_and_verdict(run):
    summary, lines, written = run({0: truth_of(0), 1: None, 2: truth_of(2)})
    assert summary.depth.maps == 2
    assert 'abs_rel' not in lines[1]
    assert len(lines) == 3
    if 'depth.mp4' in written:
        film = cv2.VideoCapture(str(written['depth.mp4']))
        assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 2
        film.release()


def test_a_run_without_maps_has_no_depth_in_its_summary(run):
    summary, _, written = run({0: None})
    assert summary.depth is None
    assert summary.as_json()['depth'] is None
    assert written == {}


@pytest.mark.parametrize(('frames', 'every'), [(None, 1), (800, 1), (801, 2), (10_000, 13)])
def test_a_long_run_keeps_a_bounded_number_of_maps(frames, every):
    orders = Orders(depth=True, frames=frames)
    assert orders.drawn_every == every
    assert orders.planned / orders.drawn_every <= KEPT_MAPS
    assert Orders(frames=frames).drawn_every == 1, 'objects are all drawn'


@pytest.mark.parametrize(('kind', 'values'), [
    ('metric', (0.5, 1.0, 2.0, 4.0, 8.0)), ('relative', (9.0, 7.0, 5.0, 3.0, 1.0)),
    ('disparity', (0.9, 0.7, 0.5, 0.3, 0.1))])
def test_near_is_warm_and_far_is_cold_in_even_steps(kind, values):
    colours = RunColours(kind, np.array(values, np.float32))
    depth = np.repeat(np.array([values], np.float32), 40, axis=1).repeat(120, axis=0)
    picture = colours.picture(depth, (200, 120)).astype(int)
    levels = [np.abs(_turbo() - picture[10, 20 + 40 * number]).sum(axis=1).argmin()
              for number in range(5)]
    steps = -np.diff(levels)
    assert (steps > 0).all()
    assert np.ptp(steps) <= 6, 'each of these is as much farther as the one before'


def _turbo():
    ramp = np.arange(256, dtype=np.uint8)[None]
    return cv2.applyColorMap(ramp, cv2.COLORMAP_TURBO)[0].astype(int)


def test_unknown_pixels_are_dark():
    depth = np.ones((60, 80), np.float32)
    depth[:20, :30] = np.nan
    picture = RunColours('metric', np.array([1, 2], np.float32)).picture(depth, (320, 240))
    assert (picture[:78, :118] == NIGHT).all()
    assert (picture[:78, 122:] != NIGHT).any(axis=2).all()


@pytest.mark.parametrize('values', [[], [2.0], [2.0, 2.0]])
def test_a_run_of_one_distance_has_a_colour_too(values):
    picture = RunColours('metric', np.array(values, np.float32)).picture(
        np.full((30, 40), 2, np.float32), (160, 120))
    assert np.ptp(picture[:60].reshape(-1, 3), axis=0).max() == 0
