# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Predicted depth against the truth: formulas, alignments, files of truth, what is not known."""

import csv

import cv2
from faster_deploy_ros.errors import BadFrame, BadValue, InferFailed, Unavailable
from faster_deploy_ros.tasks import DepthMap
from faster_deploy_ros.tools.evaluate import depth_errors, depth_figures, depth_truth
from faster_deploy_ros.tools.evaluate.alignment import Alignment, fit
import numpy as np
import pytest

depth_report = pytest.importorskip('faster_deploy_ros.tools.evaluate.depth_report')
AS_IT_IS, MEDIAN, AFFINE = Alignment


def rng_depth(seed=0, count=500):
    return np.random.default_rng(seed).uniform(1, 20, count)


class Oracle:
    """Says for each picture, told by its grey, what it was given."""

    def __init__(self, maps, kind='metric'):
        self.maps, self.kind = maps, kind

    def __call__(self, frame, laps):
        found = self.maps[int(frame.image[0, 0, 0])]
        if isinstance(found, Exception):
            raise found
        return DepthMap(found, self.kind)


@pytest.fixture
def pairs(tmp_path):
    """Return a function that writes images and their truth and reads them."""
    def make(truths, form=None, suffix='.npy', write=None):
        images, folder = tmp_path / 'rgb', tmp_path / 'depth'
        images.mkdir()
        folder.mkdir()
        for number, truth in enumerate(truths):
            grey = np.full((*truth.shape, 3), number, np.uint8)
            cv2.imwrite(str(images / f'{number}.png'), grey)
            path = folder / f'{number}{suffix}'
            np.save(path, truth) if suffix == '.npy' else cv2.imwrite(str(path), truth)
        return depth_truth.read_measured(images, folder, form or depth_truth.TruthFormat())

    return make


def evaluate(model, data, limits=None, seats=1):
    return depth_figures.evaluate(
        model, data, limits or depth_figures.Range(), seats=seats, report=lambda done: None)


def test_the_errors_are_those_of_the_formulas():
    found = depth_errors.errors(np.array([1.2, 2.0, 8.0]), np.array([1.0, 4.0, 8.0]))
    assert found.abs_rel == pytest.approx((0.2 + 0.5) / 3)
    assert found.sq_rel == pytest.approx((0.04 + 4 / 4) / 3)
    assert found.rmse == pytest.approx(np.sqrt((0.04 + 4) / 3))
    assert found.rmse_log == pytest.approx(np.sqrt((np.log(1.2) ** 2 + np.log(2) ** 2) / 3))
    assert (found.delta_1, found.delta_2, found.delta_3) == pytest.approx((2 / 3, 2 / 3, 2 / 3))


@pytest.mark.parametrize(('factor', 'shares'), [
    (1.24, (1, 1, 1)), (1.26, (0, 1, 1)), (1 / 1.6, (0, 0, 1)), (2.0, (0, 0, 0))])
def test_a_pixel_is_near_by_its_ratio_either_way(factor, shares):
    truth = rng_depth()
    found = depth_errors.errors(truth * factor, truth)
    assert (found.delta_1, found.delta_2, found.delta_3) == shares


def test_the_rank_correlation_is_of_order_and_not_of_size():
    values = rng_depth()
    assert depth_errors.rank_correlation(values, np.exp(values)) == pytest.approx(1)
    assert depth_errors.rank_correlation(values, 1 / values) == pytest.approx(-1)
    assert abs(depth_errors.rank_correlation(values, rng_depth(1))) < 0.15
    assert depth_errors.rank_correlation(values, np.ones_like(values)) == 0


def test_equal_values_share_their_rank():
    # 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5)
    found = depth_errors.rank_correlation(np.array([1., 2, 2, 3]), np.array([1., 2, 3, 4]))
    assert found == pytest.approx(4.5 / np.sqrt(4.5 * 5))


def test_the_median_undoes_a_scale_and_the_line_a_scale_and_a_shift():
    truth = rng_depth()
    assert fit(MEDIAN, 'metric', truth / 3, truth).scale == pytest.approx(3)
    assert fit(MEDIAN, 'disparity', 7 / truth, truth).metres(7 / truth) == pytest.approx(truth)
    line = fit(AFFINE, 'relative', 5 / truth + 2, truth)
    assert (line.scale, line.shift) == pytest.approx((1 / 5, -2 / 5))
    assert line.metres(5 / truth + 2) == pytest.approx(truth)


def test_a_line_through_equal_values_is_flat():
    line = fit(AFFINE, 'relative', np.full(4, 3.0), np.array([1.0, 2, 2, 4]))
    assert (line.scale, line.shift) == pytest.approx((0, (1 + 0.5 + 0.5 + 0.25) / 4))


@pytest.mark.parametrize(('kind', 'said', 'ways'), [
    ('metric', lambda truth: truth, [AS_IT_IS, MEDIAN]),
    ('disparity', lambda truth: 9 / truth, [MEDIAN, AFFINE]),
    ('relative', lambda truth: 9 / truth - 4, [AFFINE])])
def test_each_kind_is_compared_in_the_ways_that_make_sense(kind, said, ways, pairs):
    truth = rng_depth(2, 96 * 64).reshape(64, 96).astype(np.float32)
    found = evaluate(Oracle([said(truth)], kind), pairs([truth]))
    assert list(found.mean) == ways
    for errors in found.mean.values():
        assert errors.abs_rel == pytest.approx(0, abs=1e-4)
        assert errors.delta_1 == 1
    assert found.images['0.png'].correlation == pytest.approx(1)


def test_only_pixels_within_the_range_are_judged_and_predictions_are_cut_to_it(pairs):
    truth = np.array([[0.5, 2, 4, 100], [0, np.nan, 2, 2]], np.float32)
    said = np.array([[9, 2, 40, 1], [9, 9, 2, 0.1]], np.float32)
    found = evaluate(Oracle([said]), pairs([truth]), depth_figures.Range(1, 8))
    one = found.images['0.png']
    assert one.pixels == 4
    # 2 is 2, 4 is cut to 8, 2 is 2, 2 is cut to 1
    assert one.errors[AS_IT_IS].abs_rel == pytest.approx((1 + 0.5) / 4)


def test_what_a_model_does_not_know_is_not_judged_and_said(pairs):
    truth = np.full((10, 10), 4, np.float32)
    said = truth.copy()
    said[:3] = np.nan
    found = evaluate(Oracle([said]), pairs([truth]))
    one = found.images['0.png']
    assert (one.covered, one.pixels) == (pytest.approx(0.7), 70)
    assert one.errors[AS_IT_IS].abs_rel == 0
    said = dict(depth_report.meaning(found, depth_figures.Range()))
    assert said['unknown'] == '30.0% of these pixels have no prediction'


def test_every_image_counts_the_same(pairs):
    truth = np.full((10, 10), 4, np.float32)
    sparse = np.where(np.arange(100).reshape(10, 10) < 5, truth, 0).astype(np.float32)
    found = evaluate(Oracle([truth * 1.5, truth]), pairs([sparse, truth]))
    assert found.mean[AS_IT_IS].abs_rel == pytest.approx(0.25)
    assert found.ranked == ['1.png', '0.png']


def test_an_image_that_fails_is_left_out_and_said(pairs):
    truth = np.full((10, 10), 4, np.float32)
    empty = np.zeros_like(truth)
    model = Oracle([truth, InferFailed('it holds NaN'), truth])
    found = evaluate(model, pairs([truth, truth, empty]), seats=2)
    assert list(found.images) == ['0.png']
    assert found.failures['1.png'] == 'it holds NaN'
    assert 'no pixel has a depth' in found.failures['2.png']


def test_when_nothing_is_in_range_the_scale_is_doubted(pairs):
    truth = np.full((10, 10), 4000, np.float32)
    with pytest.raises(BadValue, match=r'no image could be evaluated.*--truth-scale'):
        evaluate(Oracle([truth]), pairs([truth]))


@pytest.mark.parametrize(('suffix', 'dtype', 'form', 'metres'), [
    ('.npy', np.float32, depth_truth.TruthFormat(), 3000),
    ('.npy', np.uint16, depth_truth.TruthFormat(1000), 3),
    ('.png', np.uint16, depth_truth.TruthFormat(5000), 0.6),
    ('.tiff', np.float32, depth_truth.TruthFormat(1000), 3),
    ('.png', np.uint16, depth_truth.TruthFormat(256, 411.9), 411.9 * 256 / 3000)])
def test_a_truth_is_read_in_metres_and_0_is_not_known(suffix, dtype, form, metres, pairs):
    values = np.full((6, 8), 3000, dtype)
    values[0, 0] = 0
    frame, truth = pairs([values], form, suffix).samples[0].load()
    assert truth.dtype == np.float32
    assert np.isnan(truth[0, 0])
    assert truth[3, 3] == pytest.approx(metres)
    assert np.isfinite(truth).sum() == 47
    assert frame.image.shape == (6, 8, 3)


def test_whole_numbers_without_a_scale_are_refused(pairs):
    data = pairs([np.full((6, 8), 3000, np.uint16)], suffix='.png')
    with pytest.raises(BadFrame, match=r'whole numbers \(uint16\).*--truth-scale 1000'):
        data.samples[0].load()


def test_a_truth_of_another_shape_is_refused_and_one_of_another_size_is_not(pairs, tmp_path):
    data = pairs([np.full((12, 16), 3, np.float32)])
    np.save(tmp_path / 'depth' / '0.npy', np.full((6, 8), 3, np.float32))
    found = evaluate(Oracle([np.full((12, 16), 3.3)]), data)
    assert found.images['0.png'].pixels == 48
    assert found.mean[AS_IT_IS].abs_rel == pytest.approx(0.1, abs=1e-6)
    np.save(tmp_path / 'depth' / '0.npy', np.full((6, 6), 3, np.float32))
    with pytest.raises(BadValue, match='it has 6x6 pixels, expected 16x12'):
        evaluate(Oracle([np.full((12, 16), 3.3)]), data)


@pytest.mark.parametrize('content', [b'', b'\x93NUMPY', b'no numbers at all'])
def test_a_broken_truth_is_named(content, pairs, tmp_path):
    data = pairs([np.full((6, 8), 3, np.float32)])
    (tmp_path / 'depth' / '0.npy').write_bytes(content)
    with pytest.raises(BadFrame, match=r"0\.npy': cannot be read"):
        data.samples[0].load()


def test_images_and_truths_are_paired_by_their_names(pairs, tmp_path):
    truth = np.full((6, 8), 3, np.float32)
    pairs([truth] * 4)
    (tmp_path / 'rgb' / '1.png').unlink()
    (tmp_path / 'depth' / '2.npy').unlink()
    data = depth_truth.read_measured(
        tmp_path / 'rgb', tmp_path / 'depth', depth_truth.TruthFormat())
    assert [sample.name for sample in data.samples] == ['0.png', '3.png']
    assert '1 image has no truth and is left out (2.png)' in data.notes[0]
    assert '1 file of the truth has no image (1.npy)' in data.notes[1]


def test_two_truths_of_one_image_are_refused(pairs, tmp_path):
    truth = np.full((6, 8), 3, np.float32)
    pairs([truth] * 2)
    cv2.imwrite(str(tmp_path / 'depth' / '1.tiff'), truth)
    with pytest.raises(BadValue, match=r"'1\.npy' and '1\.tiff' are of one image"):
        depth_truth.read_measured(
            tmp_path / 'rgb', tmp_path / 'depth', depth_truth.TruthFormat())


def test_the_pictures_that_are_drawn_are_of_images_of_their_own(pairs):
    truth = np.full((6, 8), 3, np.float32)
    found = evaluate(Oracle([truth * 1.1, truth * 2, truth]), pairs([truth] * 3))
    assert dict(depth_figures.pick(found)) == {
        'worst': '1.png', 'median': '0.png', 'best': '2.png'}


def test_of_two_images_the_worst_and_the_best_are_drawn(pairs):
    truth = np.full((6, 8), 3, np.float32)
    found = evaluate(Oracle([truth * 1.1, truth * 2]), pairs([truth] * 2))
    assert dict(depth_figures.pick(found)) == {'worst': '1.png', 'best': '0.png'}


def test_without_a_pair_the_names_are_shown(pairs, tmp_path):
    pairs([np.full((6, 8), 3, np.float32)] * 2)
    for number in (0, 1):
        path = tmp_path / 'depth' / f'{number}.npy'
        path.rename(path.with_name(f'{number}_depth.npy'))
    with pytest.raises(BadValue, match=r'none of the 2 images .*0\.png.*0_depth\.npy'):
        depth_truth.read_measured(
            tmp_path / 'rgb', tmp_path / 'depth', depth_truth.TruthFormat())
    (tmp_path / 'empty').mkdir()
    with pytest.raises(BadValue, match=r"--images: no file of '.*empty' ends in one of \.bmp"):
        depth_truth.read_measured(
            tmp_path / 'empty', tmp_path / 'depth', depth_truth.TruthFormat())
    with pytest.raises(BadValue, match=r"--truth: no file of '.*empty' ends in one of \.npy"):
        depth_truth.read_measured(
            tmp_path / 'rgb', tmp_path / 'empty', depth_truth.TruthFormat())
    with pytest.raises(Unavailable, match='--truth: there is no file or folder'):
        depth_truth.read_measured(
            tmp_path / 'rgb', tmp_path / 'absent', depth_truth.TruthFormat())


@pytest.mark.parametrize('value', [0, -5, np.nan, np.inf])
def test_a_scale_that_is_none_is_refused(value):
    with pytest.raises(BadValue, match='--truth-scale: got'):
        depth_truth.TruthFormat(value)
    with pytest.raises(BadValue, match='--truth-disparity: got'):
        depth_truth.TruthFormat(1, value)


@pytest.mark.parametrize(('least', 'most'), [(0, 80), (5, 4), (-1, 3)])
def test_a_range_that_is_none_is_refused(least, most):
    with pytest.raises(BadValue, match='--min-depth, --max-depth'):
        depth_figures.Range(least, most)


def test_the_figures_are_the_same_for_any_number_of_seats(pairs):
    truths = [rng_depth(seed, 48).reshape(6, 8).astype(np.float32) for seed in range(9)]
    data = pairs(truths)
    model = Oracle([truth * 1.1 + 1 for truth in truths])
    one, three = (evaluate(model, data, seats=seats) for seats in (1, 3))
    assert one.mean == three.mean
    assert one.images == three.images


def test_the_file_of_images_has_a_line_for_each(pairs, tmp_path):
    truth = np.full((6, 8), 3, np.float32)
    found = evaluate(Oracle([truth * 1.1, truth * 2]), pairs([truth, truth]))
    path = tmp_path / 'images.csv'
    depth_report.write_images(path, found)
    rows = list(csv.DictReader(path.read_text(encoding='utf-8').splitlines()))
    assert [row['image'] for row in rows] == ['0.png', '1.png']
    assert float(rows[1]['as_it_is_abs_rel']) == pytest.approx(1)
    assert float(rows[1]['median_scale']) == pytest.approx(0.5)
    with pytest.raises(BadValue, match=r'ends in \.csv or \.json'):
        depth_report.check_ending(tmp_path / 'images.txt')
