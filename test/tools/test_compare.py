# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parts of compare: tensors, boxes, tolerances, verdict, pictures, readings, output."""

from itertools import pairwise
import json
import math

import cv2
from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import BadValue, Unavailable, UnknownName
from faster_deploy_ros.tasks import Detections
from faster_deploy_ros.tools.cli import main
from faster_deploy_ros.tools.compare.boxes import (
    Answer,
    CANDIDATE,
    ImageFigures,
    judge_image,
    Lone,
    match,
    overlaps,
    Pair,
    REFERENCE,
    total,
)
from faster_deploy_ros.tools.compare.comparison import compare, Request
from faster_deploy_ros.tools.compare.pictures import pictures
from faster_deploy_ros.tools.compare.report import as_json, text
from faster_deploy_ros.tools.compare.reshaped_core import ReshapedCore
from faster_deploy_ros.tools.compare.tensors import TensorTally
from faster_deploy_ros.tools.compare.tolerance import looser, tolerance, TOLERANCES
from faster_deploy_ros.tools.compare.verdict import Figures, judge
from hypothesis import given, settings, strategies
import numpy as np
import pytest

FP32 = tolerance('fp32')
THRESHOLD = (0.25, 0.45)
MOCK = 'mock.0://yolox'


def detections(*rows):
    """Make detections of (class, score, left, top, right, bottom)."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(table[:, 2:], table[:, 1], table[:, 0])


def judged(reference, candidate, before=None, limit=FP32):
    """Judge one image; the candidate may have proposed more than it kept."""
    first, second = detections(*reference), detections(*candidate)
    proposed = second if before is None else detections(*before)
    return judge_image(Answer(first, first), Answer(second, proposed), limit, *THRESHOLD)


def figures_of(*pairs):
    """Sum up pairs of (n, channels) arrays."""
    tally = TensorTally('t')
    for reference, candidate in pairs:
        tally.add(np.array(reference, np.float32), np.array(candidate, np.float32))
    return tally.figures()


# -- tensors -----------------------------------------------------------------------------------

def test_the_figures_are_those_that_a_pencil_gives():
    found = figures_of(([[0, 1], [3, 4]], [[0, 1], [3, 2]]))
    assert (found.max_abs, found.mean_abs, found.relative) == (2, 0.5, 0.5)
    assert found.cosine == pytest.approx(18 / math.sqrt(26 * 14))
    assert (found.reference_range, found.candidate_range) == ((0, 4), (0, 3))
    assert found.peak == pytest.approx(np.median([1, 1 / 3]))
    assert (found.channels, found.flat, found.bad, found.levels) == (2, 0, 0, 4)


@settings(max_examples=50, deadline=None)
@given(strategies.integers(0, 2 ** 32), strategies.integers(2, 5))
def test_image_by_image_or_all_at_once_is_the_same(seed, images):
    rng = np.random.default_rng(seed)
    pairs = [rng.normal(size=(2, 6, 3)).astype(np.float32) for _ in range(images)]
    split = figures_of(*pairs)
    whole = figures_of([np.concatenate(side) for side in zip(*pairs)])
    for name in ('max_abs', 'mean_abs', 'relative', 'cosine', 'peak'):
        assert getattr(split, name) == pytest.approx(getattr(whole, name), rel=1e-9)


def test_nan_and_infinity_are_counted_and_spoil_nothing_else():
    found = figures_of(([[1, 2], [3, 4]], [[1, np.nan], [np.inf, 4]]))
    assert found.bad == 2
    assert (found.max_abs, found.mean_abs) == (0, 0)
    assert found.cosine == pytest.approx(1)


def test_a_channel_that_stands_still_is_found():
    found = figures_of(([[0, 1, 5], [1, 2, 5]], [[7, 1, 5], [7, 2, 5]]))
    assert (found.flat, found.channels) == (1, 3)     # the third does not move in either


@pytest.mark.parametrize(('reference', 'candidate', 'cosine'), [
    ([[0.0]], [[0.0]], 1), ([[0.0]], [[1.0]], 0), ([[1.0]], [[0.0]], 0), ([[1.0]], [[-2.0]], -1)])
def test_a_cosine_with_nothing_is_defined(reference, candidate, cosine):
    assert figures_of((reference, candidate)).cosine == cosine


def test_a_reference_that_never_moves_makes_any_difference_infinite():
    assert figures_of(([[1.0], [1.0]], [[1.0], [1.5]])).relative == math.inf
    assert figures_of(([[1.0], [1.0]], [[1.0], [1.0]])).relative == 0


def test_tensors_of_two_shapes_and_no_tensor_at_all_are_refused():
    with pytest.raises(ValueError, match='expected'):
        figures_of(([[1, 2]], [[1]]))
    with pytest.raises(ValueError, match='no image'):
        TensorTally('t').figures()


# -- boxes -------------------------------------------------------------------------------------

def test_overlap_is_intersection_over_union():
    box, right, far, none = (0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30), (5, 5, 5, 5)
    found = overlaps(np.array([box, none]), np.array([box, right, far, none]))
    np.testing.assert_allclose(found, [[1, 1 / 3, 0, 0], [0, 0, 0, 0]])


def test_the_larger_overlap_is_paired_first_and_nobody_twice():
    reference = detections((0, 0.9, 0, 0, 100, 100), (0, 0.8, 0, 0, 100, 90))
    candidate = detections((0, 0.8, 0, 0, 100, 91), (0, 0.9, 0, 0, 100, 101))
    assert [pair[:2] for pair in match(reference, candidate)] == [(0, 1), (1, 0)]


def test_two_classes_are_never_one_object():
    assert match(detections((0, 0.9, 0, 0, 9, 9)), detections((1, 0.9, 0, 0, 9, 9))) == []


def test_of_equal_overlaps_the_nearer_score_is_the_partner():
    reference = detections((0, 0.5, 0, 0, 10, 10))
    candidate = detections((0, 0.9, 0, 0, 10, 10), (0, 0.51, 0, 0, 10, 10))
    assert match(reference, candidate) == [(0, 1, 1.0)]


@settings(max_examples=60, deadline=None)
@given(strategies.integers(0, 2 ** 32), strategies.integers(0, 40))
def test_shuffled_and_disturbed_detections_find_their_own_selves(seed, count):
    rng = np.random.default_rng(seed)
    corner = np.stack(np.divmod(np.arange(count), 7), axis=1) * 50.0
    boxes = np.concatenate((corner, corner + rng.uniform(20, 45, (count, 2))), axis=1)
    order = rng.permutation(count)
    near = boxes + rng.uniform(-0.4, 0.4, boxes.shape)
    score, class_id = rng.uniform(0.3, 1, count), rng.integers(0, 2, count)
    found = match(
        Detections(boxes, score, class_id),
        Detections(near[order], score[order], class_id[order]))
    assert sorted((row, int(order[column])) for row, column, _ in found) == [
        (index, index) for index in range(count)]


@pytest.mark.parametrize(('first', 'second', 'agrees'), [
    (0.251, 0.249, True),       # on two sides of the threshold, and yet one object
    (0.249, 0.251, True),
    (0.25, 0.2401, True),
    (0.26, 0.24, False),        # found on both sides, but too far apart
    (0.9, 0.8901, True), (0.9, 0.8899, False)])
def test_a_partner_below_the_threshold_is_a_partner(first, second, agrees):
    box = (0, 0, 50, 50)
    found = judged([(0, first, *box)], [(0, second, *box)])
    assert [pair.agrees for pair in found.pairs] == [agrees]
    assert found.lone == ()


def test_what_both_see_below_the_threshold_only_is_not_judged():
    found = judged([(0, 0.24, 0, 0, 9, 9)], [(0, 0.16, 0, 0, 9, 9)])
    assert found == ImageFigures((), ())


@pytest.mark.parametrize('side', [REFERENCE, CANDIDATE])
def test_an_object_that_one_side_has_not_at_all_is_no_matter_of_the_threshold(side):
    box = (0, 0.2501, 10, 20, 30, 40)
    found = judged([box], []) if side == REFERENCE else judged([], [box])
    assert found.pairs == ()
    assert [(each.side, each.class_id, each.xyxy) for each in found.lone] == [
        (side, 0, (10, 20, 30, 40))]


@pytest.mark.parametrize(('right', 'agrees'), [(100, True), (99, True), (98.9, False)])
def test_the_overlap_is_judged_at_its_edge(right, agrees):
    found = judged([(0, 0.9, 0, 0, 100, 100)], [(0, 0.9, 0, 0, right, 100)])
    assert found.pairs[0].agrees is agrees
    assert found.pairs[0].iou == pytest.approx(right / 100)


def test_two_equal_boxes_of_which_each_side_keeps_another_are_a_tie():
    # A and B overlap by 0.6, their scores differ by less than any rounding.
    first, second = (0, 0.8001, 0, 0, 100, 100), (0, 0.8, 25, 0, 125, 100)
    reference = Answer(detections(first), detections(first, second))
    candidate = Answer(detections(second), detections(second, first))
    found = judge_image(reference, candidate, FP32, *THRESHOLD)
    assert (found.pairs, found.lone, found.ties) == ((), (), 1)


def test_a_box_lost_at_the_edge_of_the_suppression_is_a_tie():
    strong, weak = (0, 0.9, 0, 0, 100, 100), (0, 0.5, 0, 55, 100, 100)   # they overlap by 0.45
    found = judged([strong, weak], [strong], before=[strong, weak])
    assert (len(found.pairs), found.lone, found.ties) == (1, (), 1)


@pytest.mark.parametrize('before', [
    [(0, 0.9, 0, 0, 100, 100)],                                   # it was never proposed
    [(0, 0.9, 0, 0, 100, 100), (0, 0.4, 0, 20, 100, 100)],        # proposed, with another score
    [(0, 0.9, 0, 0, 100, 100), (1, 0.5, 0, 20, 100, 100)],        # as another class
    [(0, 0.9, 0, 0, 100, 100), (0, 0.5, 0, 20, 100, 100)]])       # lost clearly: 0.8, 0.9 to 0.5
def test_nothing_else_is_excused(before):
    weak = (0, 0.5, 0, 20, 100, 100)
    found = judged([weak], [before[0]], before=before)
    assert found.ties == 0
    assert [pair.agrees for pair in found.pairs] == [False] or len(found.lone) == 2


def test_the_agreement_is_a_share_of_the_detections_of_both_sides():
    images = [
        ImageFigures((Pair(0.995, 0.001, True), Pair(0.9, 0.002, False)), ()),
        ImageFigures((), (Lone(CANDIDATE, 3, 0.3, (0, 0, 1, 1)),), ties=2)]
    found = total(images)
    assert found.agreement == pytest.approx(2 / 5)
    assert (found.images, found.pairs, found.objects, found.ties) == (2, 2, 3, 2)
    assert (found.min_iou, found.max_score_difference) == (0.9, 0.002)
    assert found.lone[0].image == 1


def test_nothing_found_by_nobody_is_agreement():
    found = total([ImageFigures((), ())])
    assert (found.agreement, found.min_iou, found.objects) == (1, 1, 0)


# -- tolerance and verdict ---------------------------------------------------------------------

def test_each_tolerance_is_looser_than_the_one_before():
    rows = list(TOLERANCES.values())
    for tight, loose in pairwise(rows):
        assert tight.iou > loose.iou
        assert tight.score < loose.score
        assert tight.agreement >= loose.agreement
        assert tight.cosine > loose.cosine
        assert tight.peak > loose.peak
    assert [each.name for each in looser(FP32)] == ['fp16', 'int8']


def test_an_unknown_tolerance_is_refused_with_those_there_are():
    with pytest.raises(UnknownName, match='same, fp32, fp16, int8'):
        tolerance('exact')


def figures(pairs=((1.0, 0.0),), tensor=None, limit=FP32):
    """Make figures of pairs (IoU, score difference), boxes (0, 0, 1, 1) and one tensor."""
    image = ImageFigures(tuple(
        Pair(iou, apart, iou >= limit.iou and apart <= limit.score) for iou, apart in pairs), ())
    tensors = () if tensor is None else (tensor,)
    return Figures(tensors, total([image]))


@pytest.mark.parametrize(('pair', 'word'), [
    ((1.0, 0.0), 'same'), ((0.999, 0.001), 'same'), ((0.9989, 0.0), 'agrees'),
    ((0.99, 0.01), 'agrees'), ((0.9899, 0.0), 'differs'), ((1.0, 0.0101), 'differs')])
def test_the_verdict_changes_at_the_stated_edges(pair, word):
    same = tolerance('same')
    assert judge(figures([pair]), figures([pair], limit=same), FP32).word == word


def test_tensors_that_differ_are_a_difference_even_where_all_boxes_agree():
    good = figures_of(([[0.0, 1], [1, 0]], [[0.0, 1], [1, 0]]))
    bad = figures_of(([[0.0, 1], [1, 0]], [[0.0, 1], [1, 0.5]]))
    assert judge(figures(tensor=good), figures(tensor=good), FP32).word == 'same'
    verdict = judge(figures(tensor=bad), figures(tensor=bad), FP32)
    assert verdict.word == 'differs'
    assert 'cosine' in verdict.reasons[0]


def test_scores_that_are_all_shrunk_differ_though_their_cosine_is_one():
    shrunk = figures_of(([[0.0], [1.0]], [[0.0], [0.5]]))
    assert shrunk.cosine == pytest.approx(1)
    verdict = judge(figures(tensor=shrunk), figures(tensor=shrunk), FP32)
    assert "0.5 of the reference's spread" in verdict.reasons[0]


def test_a_model_that_gives_no_answer_differs_for_its_own_reason():
    broken = Figures((), None, 'the candidate fails: so and so')
    assert judge(broken, broken, FP32).reasons == ('the candidate fails: so and so',)


# -- pictures ----------------------------------------------------------------------------------

def test_a_large_folder_is_thinned_out_evenly(tmp_path):
    for index in range(10):
        cv2.imwrite(str(tmp_path / f'{index}.png'), np.full((8, 8, 3), index, np.uint8))
    frames, said = pictures(str(tmp_path), 4)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 3, 6, 9]
    assert said == f'4 of 10 images of {tmp_path}'
    assert len(pictures(str(tmp_path), 64)[0]) == 10


def test_without_a_folder_the_pictures_are_rooms_of_several_shapes_and_noise():
    frames, said = pictures(None, 64)
    again, _ = pictures(None, 64)
    assert said == '8 rendered rooms, 2 images of noise'
    assert len({(frame.width, frame.height) for frame in frames}) == 4
    for one, other in zip(frames, again):
        np.testing.assert_array_equal(one.image, other.image)
    assert pictures(None, 3)[1] == '3 rendered rooms, 0 images of noise'


@pytest.mark.parametrize(('folder', 'most', 'error'), [
    ('scene', 4, BadValue), ('0', 4, BadValue), ('/no/such/folder', 4, Unavailable),
    (None, 0, BadValue)])
def test_what_is_no_set_of_images_is_refused(folder, most, error):
    with pytest.raises(error, match=r'expected'):
        pictures(folder, most)


# -- a core seen through a change --------------------------------------------------------------

def echo(shape, out_shape=None):
    """Return a loaded core that says what it is given, in the order of its memory."""
    def answer(blobs):
        np.copyto(blobs['y'].data, blobs['x'].data.reshape(out_shape or shape))

    core = MockCore(
        specs=[BlobSpec('x', np.dtype(np.float32), shape, True),
               BlobSpec('y', np.dtype(np.float32), out_shape or shape, False)], script=answer)
    core.load()
    return core


def through(core, image):
    """Infer once."""
    with core.lease() as blobs:
        np.copyto(blobs['x'].data, image)
        core.sync_infer(blobs)
        return blobs['y'].data.copy()


def test_swapped_memory_is_the_memory_of_the_other_layout():
    image = np.arange(24, dtype=np.float32).reshape(1, 3, 2, 4)
    with echo(image.shape) as core:
        said = through(ReshapedCore(core, swapped=True), image)
    np.testing.assert_array_equal(said.ravel(), image.transpose(0, 2, 3, 1).ravel())


def test_a_factor_is_multiplied_onto_what_is_given():
    image = np.ones((1, 3, 2, 4), np.float32)
    with echo(image.shape) as core:
        assert through(ReshapedCore(core, factor=255.0), image).max() == 255
        assert core.specs['x'] == ReshapedCore(core, factor=255.0).specs['x']


@pytest.mark.parametrize(('change', 'shape', 'index'), [
    ('transposed', (1, 8, 3), (0, 5, 2)), ('transposed memory', (1, 3, 8), (0, 2, 5))])
def test_a_transposed_output_is_read_straight(change, shape, index):
    image = np.arange(24, dtype=np.float32).reshape(1, 3, 2, 4)
    with echo(image.shape, (1, 3, 8)) as core:
        seen = ReshapedCore(core, says=(change,))
        said = through(seen, image)
    assert said.shape == seen.specs['y'].shape == shape
    memory = image.ravel()
    assert said[index] == (memory[2 * 8 + 5] if change == 'transposed' else memory[5 * 3 + 2])


def test_the_sigmoid_taken_off_and_put_on_again_is_nothing():
    image = np.random.default_rng(0).uniform(0.01, 0.99, (1, 3, 20, 2)).astype(np.float32)
    with echo(image.shape, (1, 20, 6)) as core:
        said = through(ReshapedCore(core, says=('two sigmoids', 'logits')), image)
    np.testing.assert_allclose(said.ravel(), image.ravel(), atol=1e-5)


def test_corners_are_read_as_centre_and_size():
    image = np.tile(np.array([10, 20, 30, 60, 0.5, 0.25], np.float32), 20).reshape(1, 3, 20, 2)
    with echo(image.shape, (1, 20, 6)) as core:
        said = through(ReshapedCore(core, says=('corners',)), image)
    np.testing.assert_array_equal(said[0, 7], np.array([20, 40, 20, 40, 0.5, 0.25], np.float32))


# -- the whole, on simulated models ------------------------------------------------------------

def test_a_model_compared_with_itself_is_the_same():
    found = compare(Request(MOCK, f'{MOCK}?delay_ms=1', most=2))
    assert (found.verdict.word, found.diagnosis) == ('same', None)
    assert found.figures.boxes.pairs > 0


def test_a_candidate_that_fails_at_some_images_differs_and_says_so():
    found = compare(Request(MOCK, f'{MOCK}?fail_every=5', most=6))
    assert found.verdict.word == 'differs'
    assert 'the candidate fails: ' in found.verdict.reasons[0]


def test_another_number_of_classes_is_seen_before_any_image_is_shown():
    found = compare(Request(MOCK, f'{MOCK}?classes=79', most=1))
    assert (found.figures, found.diagnosis.name) == (None, 'class count')
    assert found.diagnosis.cause == 'the candidate has 79 classes, the reference 80'


def test_another_input_size_is_no_other_mistake():
    found = compare(Request(MOCK, f'{MOCK}?size=320x320', most=1))
    assert found.diagnosis.name == 'input size'


def test_a_message_tells_how_far_it_is():
    heard = []
    compare(Request(MOCK, MOCK, most=2), lambda *progress: heard.append(progress))
    assert heard[-1] == (1, 2, 'showing the images to both')


@pytest.mark.parametrize(('candidate', 'code'), [
    (MOCK, 0), (f'{MOCK}?classes=79', 1), ('mock.0://identity', 1), ('/no/such.onnx', 2),
    ('nonsense.0://m', 2)])
def test_the_exit_code_says_yes_no_or_refused(candidate, code, capsys):
    assert main(['compare', MOCK, candidate, '--max-images', '1']) == code
    assert 'Traceback' not in capsys.readouterr().err


def test_json_is_json_and_alone_on_the_output(capsys):
    assert main(['compare', MOCK, f'{MOCK}?classes=79', '--json', '--max-images', '1']) == 1
    page = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert page['agrees'] is False
    assert page['diagnosis']['name'] == 'class count'
    assert page['tolerance']['iou'] == 0.99


def test_infinity_is_said_as_null_in_json():
    found = compare(Request(MOCK, MOCK, most=1))
    still = figures_of(([[1.0], [1.0]], [[1.0], [1.5]]))
    page = as_json(type(found)(**{
        **vars(found), 'figures': Figures((still,), found.figures.boxes)}))
    assert page['figures']['tensors'][0]['relative'] is None
    json.dumps(page, allow_nan=False)


@pytest.mark.parametrize('style', ['simple', 'github'])
def test_the_text_has_all_figures_and_fits_a_terminal(style):
    said = text(compare(Request(MOCK, MOCK, most=1)), style)
    for word in ('reference', 'candidate', 'least IoU of a pair', 'cosine', 'SAME'):
        assert word in said
    assert max(map(len, said.splitlines())) <= 110
    assert ('|' in said) is (style == 'github')
