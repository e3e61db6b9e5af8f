# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every family of depth models reads one room as the same room, in metres."""

from depth_room import ask, CASES, GOLDEN, INVERSE_CASES, METRIC_CASES, PICTURE, room, UNITS
from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import BlobMismatch, InferFailed
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DepthOptions, ModelCard, open_model
from faster_deploy_ros.tasks.card import OutputCard
from make_golden_depth import INPUT, PLACES, SCALE, SHIFT
import numpy as np
import pytest
from tensor_cores import core_saying

FORMS = {
    '[1, 1, h, w]': lambda plane: plane[None, None], '[1, h, w]': lambda plane: plane[None],
    '[h, w]': lambda plane: plane, '[1, h, w, 1]': lambda plane: plane[None, :, :, None]}


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('case', CASES)
def test_the_metres_are_those_of_the_golden_file_in_every_form_of_axes(case, form):
    family, key, said, calibration = CASES[case]
    found = ask(family, FORMS[form](GOLDEN[key]), said, **calibration)
    way = 'inverse' if case in INVERSE_CASES else 'direct'
    assert found.kind == 'metric'
    np.testing.assert_allclose(found.depth, GOLDEN[f'{way}_stretch'], rtol=2e-5)


@pytest.mark.parametrize('placement', PLACES)
@pytest.mark.parametrize('case', ['metric dm', 'midas', 'lite mono'])
def test_the_padding_is_cut_off_to_the_part_of_a_pixel(case, placement):
    way = 'inverse' if case in INVERSE_CASES else 'direct'
    found = room(case, placement=placement)
    np.testing.assert_allclose(found.depth, GOLDEN[f'{way}_{placement}'], rtol=2e-5)


@pytest.mark.parametrize(('family', 'key', 'kind'), [
    ('midas', 'relative', 'relative'), ('depth_anything', 'relative', 'relative'),
    ('lite_mono', 'sigmoid', 'disparity')])
def test_without_a_scale_the_map_is_the_models_own_and_says_so(family, key, kind):
    found = ask(family, GOLDEN[key][None])
    assert found.kind == kind
    np.testing.assert_allclose(found.depth, GOLDEN[f'{kind}_stretch'], rtol=2e-5)
    assert found.depth[0].mean() < found.depth[-1].mean()   # the floor is nearer: larger


@pytest.mark.parametrize('wrong', UNITS)
@pytest.mark.parametrize('right', UNITS)
def test_a_map_read_in_another_unit_is_off_by_ten_at_least(right, wrong):
    found = ask('metric_depth', GOLDEN[f'metric_{right}'], {'unit': wrong})
    off = np.median(found.depth) / np.median(GOLDEN['direct_stretch'])
    if wrong == right:
        assert off == pytest.approx(1, abs=1e-4)
    else:
        steps = {'m': 0, 'dm': 1, 'cm': 2, 'mm': 3}
        assert off == pytest.approx(10.0 ** (steps[right] - steps[wrong]), rel=1e-4)


def test_a_map_read_upside_down_has_the_floor_farther_than_the_wall():
    """Direct for inverse and inverse for direct: the order of the pixels tells."""
    truth = GOLDEN['direct_stretch']
    metres = ask('depth_anything', GOLDEN['metric_m'], {'kind': 'metric'}).depth
    taken_for_inverse = ask('depth_anything', GOLDEN['metric_m'], scale=1.0).depth
    taken_for_direct = ask('metric_depth', GOLDEN['relative'], {'unit': 'm'}).depth
    right = ask('midas', GOLDEN['relative'], scale=SCALE, shift=SHIFT).depth
    for depth, sign in ((metres, 1), (right, 1), (taken_for_inverse, -1), (taken_for_direct, -1)):
        together = np.corrcoef(truth.ravel(), depth.ravel())[0, 1]
        assert 0.9 < sign * together <= 1 + 1e-6


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 2e30])
def test_one_number_that_is_none_fails_the_frame(case, value):
    family, key, said, calibration = CASES[case]
    rng = np.random.default_rng(0)
    for place in rng.integers(0, GOLDEN[key].size, 8):
        bad = GOLDEN[key].copy()
        bad.flat[place] = value
        with pytest.raises(
                InferFailed, match=f"{family}: output 'out' holds NaN.*try a higher precision"):
            ask(family, bad, said, **calibration)


def test_metres_of_0_or_below_are_not_known():
    output = GOLDEN['metric_m'].copy()
    output[4, 5], output[9, 20] = 0, -3
    depth = ask('metric_depth', output, {'unit': 'm'}, output_size=(24, 16)).depth
    assert np.argwhere(np.isnan(depth)).tolist() == [[4, 5], [9, 20]]
    wide = ask('metric_depth', output, {'unit': 'm'}).depth
    assert 0 < np.isnan(wide).sum() < 40
    assert np.nanmin(wide) > 0


@pytest.mark.parametrize('value', [0, -1])
@pytest.mark.parametrize(('family', 'said'), [
    ('metric_depth', {'unit': 'cm'}), ('depth_anything', {'kind': 'metric'})])
def test_metres_that_are_all_0_or_below_fail_the_frame(family, said, value):
    with pytest.raises(InferFailed, match=rf'from {value} to {value}, expected depths above 0'):
        ask(family, np.full((1, 16, 24), value, np.float32), said)


@pytest.mark.parametrize('value', [0, -1, 5])
def test_a_constant_relative_map_is_what_it_is(value):
    found = ask('midas', np.full((1, 16, 24), value, np.float32))
    assert set(found.depth.ravel().tolist()) == {value}
    assert found.kind == 'relative'


@pytest.mark.parametrize('case', INVERSE_CASES)
def test_an_inverse_depth_that_is_not_above_0_is_not_known(case):
    family, key, said, calibration = CASES[case]
    below = GOLDEN[key].copy()
    below[3, 3] = -0.009 if family == 'lite_mono' else -100
    depth = ask(family, below, said, output_size=(24, 16), **calibration).depth
    assert np.argwhere(np.isnan(depth)).tolist() == [[3, 3]]


def test_a_map_of_which_nothing_is_known_is_all_nan_without_a_warning():
    depth = ask('midas', np.zeros((1, 16, 24), np.float32), scale=1.0).depth
    assert np.isnan(depth).all()
    far = ask('metric_depth', GOLDEN['metric_m'], {'unit': 'm'}, max_depth_m=1.0)
    assert np.isnan(far.depth).all()


@pytest.mark.parametrize('case', CASES)
def test_what_is_nearer_or_farther_than_the_limits_is_not_known(case):
    every, some = room(case).depth, room(case, min_depth_m=2.5, max_depth_m=7.2).depth
    kept = (every >= 2.5) & (every <= 7.2)
    assert 0.1 < kept.mean() < 0.9
    np.testing.assert_array_equal(np.isfinite(some), kept)
    np.testing.assert_array_equal(some[kept], every[kept])


def test_a_calibration_multiplies_metres():
    plain, half = room('metric cm').depth, room('metric cm', scale=0.5).depth
    np.testing.assert_allclose(half, plain / 2, rtol=1e-6)


def test_the_cards_scale_comes_before_anything_else():
    parts = GOLDEN['metric_m'] / 80
    found = ask('metric_depth', parts, {'unit': 'm', 'scale': 80.0})
    np.testing.assert_allclose(found.depth, GOLDEN['direct_stretch'], rtol=2e-5)
    bytes_of_it = GOLDEN['sigmoid'] * 255
    found = ask('lite_mono', bytes_of_it, {'scale': 1 / 255})
    np.testing.assert_allclose(found.depth, GOLDEN['disparity_stretch'], rtol=2e-5)


@pytest.mark.parametrize('values', [(-0.02, 0.5), (0.1, 1.02), (0.01, 80)])
def test_a_sigmoid_that_is_none_fails_the_frame(values):
    output = np.full((16, 24), values[0], np.float32)
    output[2, 3] = values[1]
    with pytest.raises(InferFailed, match=r"output 'out' goes from .* sigmoid's 0 to 1; the mod"):
        ask('lite_mono', output)


def test_the_map_has_the_images_size_or_the_one_that_is_asked_for():
    assert room('metric m').depth.shape == (34, 50)
    assert room('metric m', output_size=(7, 300)).depth.shape == (300, 7)
    np.testing.assert_allclose(
        room('metric m', output_size=(24, 16)).depth, GOLDEN['metres'], rtol=1e-6)


@pytest.mark.parametrize('case', ['metric m', 'metric dm', 'midas'])
@pytest.mark.parametrize('size', [None, (24, 16)])
def test_a_result_holds_no_memory_of_the_seat(case, size):
    family, key, said, _ = CASES[case]
    card = ModelCard(output=OutputCard(**said))
    with core_saying(GOLDEN[key][None], INPUT) as core:
        model = open_model(family, core, DepthOptions(output_size=size), card=card)
        with core.lease() as blobs:
            geometry = model.preprocess(PICTURE, blobs)
            core.sync_infer(blobs)
            found = model.postprocess(blobs, geometry)
            before = found.depth.copy()
            blobs['out'].data[:] = 1
            np.testing.assert_array_equal(found.depth, before)
    assert not found.depth.flags.writeable


def test_an_output_larger_than_the_input_is_read_too():
    large = np.repeat(np.repeat(GOLDEN['metric_m'], 8, axis=0), 8, axis=1)   # 192x128 of 96x64
    depth = ask('metric_depth', large, {'unit': 'm'}, output_size=(192, 128)).depth
    np.testing.assert_array_equal(depth, large)


@pytest.mark.parametrize(('shape', 'message'), [
    ((1, 2, 16, 24), r'came as \(1, 2, 16, 24\), expected one map, \[1, 1, h, w\]'),
    ((2, 1, 16, 24), 'expected one map'),
    ((1, 1, 24, 16), '16x24, expected the proportions of the input, 96x64; it is lying'),
    ((1, 1, 1, 1), 'a map of 1x1, expected the proportions of the input'),
    ((1, 1, 16, 25), None), ((1, 1, 15, 24), None),
    ((1, 1, 1, 2), 'a map of 2x1, expected'),
])
def test_an_output_of_open_shape_that_comes_as_no_map_fails_the_frame(shape, message):
    output = np.ones(shape, np.float32)
    if message is None:   # rounded by the model
        found = ask('metric_depth', output, {'unit': 'm'}, output_shape=(-1,) * 4)
        assert found.depth.shape == (34, 50)
        return
    with pytest.raises(BlobMismatch, match=message):
        ask('metric_depth', output, {'unit': 'm'}, output_shape=(-1,) * 4)


def test_lite_mono_reads_the_finest_of_several_scales():
    def answer(blobs):
        for name, value in (('disp_1', 0.1), ('disp_0', 0.4), ('disp_2', 0.9)):
            blobs[name].data[:] = value

    core = MockCore(specs=[
        BlobSpec('in', np.float32, (1, 3, 64, 96), True),
        BlobSpec('disp_1', np.float32, (1, 1, 32, 48), False),
        BlobSpec('disp_0', np.float32, (1, 1, 64, 96), False),
        BlobSpec('disp_2', np.float32, (1, 1, 16, 24), False)], script=answer)
    core.load()
    with core:
        found = open_model('lite_mono', core)(PICTURE, Stopwatch())
    np.testing.assert_allclose(found.depth, 0.01 + 9.99 * 0.4, rtol=1e-6)


@pytest.mark.parametrize('case', METRIC_CASES)
def test_frames_of_other_sizes_follow_each_other(case):
    family, key, said, _ = CASES[case]
    with core_saying(GOLDEN[key][None], INPUT) as core:
        model = open_model(family, core, card=ModelCard(output=OutputCard(**said)))
        for size in ((50, 34), (5, 3), (640, 480), (1, 1), (50, 34)):
            frame = Frame(0, '', np.zeros((*size[::-1], 3), np.uint8))
            found = model(frame, Stopwatch())
            assert found.depth.shape == size[::-1]
            assert np.nanmedian(found.depth) == pytest.approx(6, abs=2)
