# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Compare holds depth maps against each other, and names what is wrong with one."""

import importlib
import json
import math
import shutil

from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks import DepthMap
from faster_deploy_ros.tools.compare.comparison import compare, Request
from faster_deploy_ros.tools.compare.depths import judge_depth, total_depth
from faster_deploy_ros.tools.compare.report import as_json, text
from faster_deploy_ros.tools.compare.tolerance import tolerance
from faster_deploy_ros.tools.compare.verdict import Figures, judge
import numpy as np
import pytest
import yaml

FP32 = tolerance('fp32')
CARD = {'family': 'metric_depth', 'output': {'kind': 'metric', 'unit': 'dm'}}
RAMP = np.linspace(1, 9, 64 * 48, dtype=np.float32).reshape(48, 64)


@pytest.fixture(scope='module')
def meter(shared_data, tmp_path_factory):
    """Return a real metric net with its card."""
    path = tmp_path_factory.mktemp('meter') / 'meter.onnx'
    shutil.copyfile(shared_data / 'models' / 'meter_xxs_kitti_192x640.onnx', path)
    path.with_suffix('.yaml').write_text(yaml.safe_dump(CARD), encoding='utf-8')
    return path


@pytest.fixture
def planted(meter, tmp_path):
    """Return a function that plants a mistake into the net: ``(edit, card) -> path``."""
    onnx = pytest.importorskip('onnx')
    mistakes = importlib.import_module('planted_mistakes')

    def plant(edit, card=CARD):
        model = onnx.load(str(meter))
        for node in model.graph.node:   # 'image' is a name that the mistakes use themselves
            mistakes.renamed(node, 'image', 'picture')
        model.graph.input[0].name = 'picture'
        model = edit(model, mistakes)
        return mistakes.write(model, tmp_path / 'candidate.onnx', card)

    return plant


@pytest.fixture
def ask(shared_data):
    """Return a function that compares two models on three photographs."""
    def go(reference, candidate):
        return compare(Request(
            str(reference), str(candidate), str(shared_data / 'images'), most=3))

    return go


def multiplied(factor, low=0.0):
    """Return an edit that multiplies the depth and puts something to it."""
    def edit(model, mistakes):
        helper = mistakes.helper
        return mistakes.after(
            model, [helper.make_node('Mul', ['raw', 'times'], ['product']),
                    helper.make_node('Add', ['product', 'low'], ['said'])],
            [mistakes.constant('times', factor), mistakes.constant('low', low)])

    return edit


# -- figures -----------------------------------------------------------------------------------

def metric(values):
    return DepthMap(np.asarray(values, np.float32), 'metric')


def test_equal_maps_are_equal_by_every_figure():
    found = judge_depth(metric(RAMP), metric(RAMP))
    assert (found.known, found.apart, found.mean, found.nearly_all) == (1, 0, 0, 0)
    assert found.correlation == pytest.approx(1)
    assert found.factor == 1
    assert found.reference_range == found.candidate_range == (1, 9)


def test_metric_depth_differs_by_shares_of_itself():
    found = judge_depth(metric(RAMP), metric(RAMP * 1.02))
    assert found.mean == pytest.approx(0.02, rel=1e-4)
    assert found.nearly_all == pytest.approx(0.02, rel=1e-4)
    assert found.factor == pytest.approx(1.02)
    assert found.spread == pytest.approx(1.02)


def test_relative_depth_differs_by_shares_of_its_range_and_may_be_zero():
    relative = DepthMap(RAMP - 1, 'relative')
    found = judge_depth(relative, DepthMap(RAMP - 1 + 0.4, 'relative'))
    assert found.nearly_all == pytest.approx(0.05, rel=1e-4)
    assert found.correlation == pytest.approx(1)


def test_what_one_model_alone_knows_is_counted_and_not_compared():
    holes = RAMP.copy()
    holes[:12] = np.nan
    found = judge_depth(metric(RAMP), metric(holes))
    assert (found.known, found.apart, found.mean) == (0.75, 0.25, 0)
    verdict = judge(Figures((), None, depth=found), Figures((), None, depth=found), FP32)
    assert verdict.reasons == (
        '25.0% of the pixels are known to one model only, expected 1.0% at most',)


def test_maps_that_have_no_pixel_in_common_differ():
    found = judge_depth(metric(RAMP), metric(np.full_like(RAMP, np.nan)))
    assert found.known == 0
    assert math.isinf(found.mean)
    figures = Figures((), None, depth=found)
    assert judge(figures, figures, tolerance('int8')).word == 'differs'


def test_a_flat_map_correlates_with_a_flat_one_only():
    flat = metric(np.full_like(RAMP, 3))
    assert judge_depth(metric(RAMP), flat).correlation == 0
    assert judge_depth(flat, flat).correlation == 1
    assert judge_depth(metric(RAMP), flat).spread == 0


def test_the_worst_image_counts():
    images = [judge_depth(metric(RAMP), metric(RAMP * factor)) for factor in (1, 1.5, 1)]
    found = total_depth(images)
    assert (found.images, found.factor) == (3, 1)
    assert found.nearly_all == pytest.approx(0.5)
    assert found.mean == pytest.approx(0.5 / 3)
    assert found.candidate_range == (1, 13.5)


@pytest.mark.parametrize(('factor', 'word'), [
    (1.0, 'same'), (1.0009, 'same'), (1.002, 'agrees'), (1.0099, 'agrees'), (1.011, 'differs')])
def test_the_verdict_changes_at_the_stated_edges(factor, word):
    found = Figures((), None, depth=judge_depth(metric(RAMP), metric(RAMP * factor)))
    assert judge(found, found, FP32).word == word


# -- a real net --------------------------------------------------------------------------------

@pytest.mark.core
@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_the_same_net_is_the_same_on_a_runtime(ask, meter, runtime):
    pytest.importorskip(runtime)
    found = ask(meter, f'{runtime}.0://{meter}')
    assert found.verdict.word == 'same'
    assert found.figures.depth.images == 3
    assert found.figures.depth.nearly_all < 1e-4
    assert found.figures.boxes is None
    shown = text(found)
    assert 'metric depth in dm' in shown
    assert '99 of 100 pixels are within' in shown
    assert 'not compared' not in shown
    assert '| 99 of 100 pixels are within' in text(found, 'github')
    page = json.loads(json.dumps(as_json(found)))
    assert page['figures']['depth']['correlation'] == pytest.approx(1)


@pytest.mark.core
def test_colours_that_were_exchanged_are_found(ask, meter, planted):
    candidate = planted(lambda model, mistakes: mistakes.other_colours(model))
    found = ask(meter, candidate)
    assert found.verdict.word == 'differs'
    assert found.diagnosis.name == 'colour order'
    assert 'pixels within' in found.diagnosis.evidence


@pytest.mark.core
def test_a_loose_tolerance_hides_no_mistake(meter, planted, shared_data):
    candidate = planted(lambda model, mistakes: mistakes.other_colours(model))
    found = compare(Request(
        str(meter), str(candidate), str(shared_data / 'stereo' / 'left.png'), tolerance='int8'))
    assert found.verdict.word in ('same', 'agrees'), 'a grey picture has no colours to exchange'
    found = compare(Request(
        str(meter), str(candidate), str(shared_data / 'images'), tolerance='int8'))
    assert (found.verdict.word, found.diagnosis.name) == ('differs', 'colour order')


@pytest.mark.core
def test_a_scale_that_is_applied_twice_is_found(ask, meter, planted):
    found = ask(meter, planted(lambda model, mistakes: mistakes.scaled(model, 1 / 255)))
    assert found.diagnosis.name == 'scale'


@pytest.mark.core
def test_a_wrong_unit_on_the_card_is_found(ask, meter, planted):
    candidate = planted(
        lambda model, _: model, {**CARD, 'output': {'kind': 'metric', 'unit': 'cm'}})
    found = ask(meter, candidate)
    assert found.verdict.word == 'differs'
    assert found.figures.depth.factor == pytest.approx(0.1)
    assert found.diagnosis.name == 'unit'
    assert 'write output: {unit: dm} into its card candidate.yaml' in found.diagnosis.remedy


@pytest.mark.core
def test_depth_that_is_a_multiple_is_called_so(ask, meter, planted):
    found = ask(meter, planted(multiplied(3.0)))
    assert found.diagnosis.name == 'scale of the depth'
    assert "3 times the reference's" in found.diagnosis.cause
    assert 'scale: 0.3333' in found.diagnosis.remedy


@pytest.mark.core
def test_depth_that_has_lost_its_range_is_called_so(ask, meter, planted):
    found = ask(meter, planted(multiplied(1e-4, low=120.0)))
    assert found.verdict.word == 'differs'
    assert found.diagnosis.name == 'collapsed depth'


@pytest.mark.core
def test_a_net_that_overflows_is_a_failure_and_no_map(ask, meter, planted):
    found = ask(meter, planted(multiplied(math.inf)))
    assert found.verdict.word == 'differs'
    assert 'holds NaN, infinity' in found.verdict.reasons[0]
    assert found.figures.depth is None


@pytest.mark.core
def test_depth_of_another_kind_is_not_compared(ask, meter, planted):
    candidate = planted(lambda model, _: model, {'family': 'midas'})
    found = ask(meter, candidate)
    assert found.verdict.word == 'differs'
    assert found.diagnosis.name == 'kind of depth'
    assert 'gives relative depth, the reference metric' in found.diagnosis.cause
    assert found.figures is None


@pytest.mark.core
def test_relative_depth_is_compared_as_its_kind_wants(ask, meter, planted):
    relative = planted(lambda model, _: model, {'family': 'midas'})
    found = ask(relative, relative)
    assert found.verdict.word == 'same'


@pytest.mark.core
def test_boxes_and_depth_are_not_the_same_task(ask, meter, shapes_model):
    for one, two, words in ((meter, shapes_model, 'gives boxes, the reference depth'),
                            (shapes_model, meter, 'gives depth, the reference boxes')):
        found = ask(one, two)
        assert found.verdict.word == 'differs'
        assert words in text(found) or 'outputs' in found.diagnosis.name


@pytest.mark.core
def test_a_reference_without_a_unit_is_refused_with_the_remedy(ask, meter, planted):
    candidate = planted(lambda model, _: model, {'family': 'metric_depth'})
    with pytest.raises(BlobMismatch, match='unit'):
        ask(candidate, meter)


@pytest.mark.core
def test_without_a_card_a_candidate_is_read_in_the_unit_of_the_reference(ask, meter, tmp_path):
    alone = tmp_path / 'alone.onnx'
    shutil.copyfile(meter, alone)
    found = ask(meter, alone)
    assert found.verdict.word == 'same'
    assert 'it was read like the reference' in found.notes[0]
