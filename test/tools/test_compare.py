# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parts of compare from figures to the exit code: verdict, pictures, readings, output."""

from itertools import pairwise
import json

import cv2
from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import BadValue, Unavailable, UnknownName
from faster_deploy_ros.tasks import ModelCard
from faster_deploy_ros.tasks.card import InputCard
from faster_deploy_ros.tools.cli import main
from faster_deploy_ros.tools.compare.boxes import ImageFigures, Pair, total
from faster_deploy_ros.tools.compare.comparison import compare, Request
from faster_deploy_ros.tools.compare.measure import Measured
from faster_deploy_ros.tools.compare.pictures import pictures
from faster_deploy_ros.tools.compare.reading import differences, Reading
from faster_deploy_ros.tools.compare.report import as_json, text
from faster_deploy_ros.tools.compare.reshaped_core import ReshapedCore
from faster_deploy_ros.tools.compare.side import Seen
from faster_deploy_ros.tools.compare.tensors import TensorTally
from faster_deploy_ros.tools.compare.tolerance import looser, tolerance, TOLERANCES
from faster_deploy_ros.tools.compare.verdict import agrees, Figures, judge
import numpy as np
import pytest

FP32 = tolerance('fp32')
MOCK = 'mock.0://yolox'


def figures_of(*pairs):
    """Sum up pairs of (n, channels) arrays."""
    tally = TensorTally('t')
    for reference, candidate in pairs:
        tally.add(np.array(reference, np.float32), np.array(candidate, np.float32))
    return tally.figures()


# -- tolerance and verdict ---------------------------------------------------------------------

def test_each_tolerance_is_looser_than_the_one_before():
    rows = list(TOLERANCES.values())
    for tight, loose in pairwise(rows):
        assert tight.iou > loose.iou
        assert tight.score < loose.score
        assert tight.agreement >= loose.agreement
        assert tight.cosine > loose.cosine
        assert tight.peak > loose.peak
        assert tight.depth < loose.depth
        assert tight.correlation > loose.correlation
    assert [each.name for each in looser(FP32)] == ['fp16', 'bf16', 'int8']


def test_an_unknown_tolerance_is_refused_with_those_there_are():
    with pytest.raises(UnknownName, match='same, fp32, fp16, bf16, int8'):
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


@pytest.mark.parametrize(('spread', 'word'), [(0.96, 'same'), (1.04, 'same'), (2.0, 'differs')])
def test_scores_may_be_stretched_as_little_as_shrunk(spread, word):
    tensor = figures_of(([[0.0], [1.0]], [[0.0], [spread]]))
    assert ('differs' if not agrees(figures(tensor=tensor), FP32) else 'same') == word


def test_what_cells_without_an_object_say_about_boxes_does_not_judge():
    tally = TensorTally('boxes')
    tally.add(np.float32([[0, 1], [1, 0]]), np.float32([[1, 0], [0, 1]]))
    off = tally.figures()
    assert agrees(figures(tensor=off), FP32)
    assert not agrees(figures([], tensor=off), FP32)      # nothing else speaks
    broken = TensorTally('boxes')
    broken.add(np.float32([[0, 1], [1, 0]]), np.float32([[0, np.nan], [1, 0]]))
    assert not agrees(figures(tensor=broken.figures()), FP32)


@pytest.mark.parametrize(('agreeing', 'is_good'), [(17, True), (16, False)])
def test_of_8_bits_some_detections_may_disagree(agreeing, is_good):
    limit = tolerance('int8')
    pairs = [(0.9, 0.0)] * agreeing + [(0.6, 0.0)] * (20 - agreeing)
    assert agrees(figures(pairs, limit=limit), limit) is is_good      # 85 %


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


def test_the_tensors_are_compared_whole_in_parts_of_one_kind():
    found = compare(Request(MOCK, MOCK, most=1)).figures.tensors
    # Four numbers of the box; one for the object and one for each of the 80 classes.
    assert [(each.name, each.channels) for each in found] == [('boxes', 4), ('scores', 81)]


def test_tensors_of_images_that_lay_elsewhere_are_not_compared():
    table = np.ones((3, 2), np.float32)
    here, there = (Seen(None, {'scores': table}, lies, 'no answer') for lies in (1, 2))
    for other, compared in ((here, 1), (there, 0)):
        measured = Measured((0.25, 0.45))
        measured.add(here, here)
        measured.add(here, other)
        assert len(measured.figures(FP32).tensors) == compared


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


@pytest.mark.parametrize('words', [
    ('--confidence', '1.5'), ('--nms', '-1'), ('--max-images', '0')])
def test_numbers_out_of_range_are_refused_as_the_user_wrote_them(words, capsys):
    assert main(['compare', MOCK, MOCK, *words]) == 2
    assert words[1] in capsys.readouterr().err


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
    assert ('|' in said) is (style == 'github')
    assert style == 'github' or max(map(len, said.splitlines())) <= 100


def test_models_that_are_no_detectors_are_compared_by_their_tensors():
    found = compare(Request('mock.0://identity', 'mock.0://identity?delay_ms=1'))
    assert found.verdict.word == 'same'
    assert [each.name for each in found.figures.tensors] == ['y']
    assert 'what the tensors of the reference mean is not known' in found.notes[0]
    assert 'tensors only' in text(found)


def test_an_open_input_is_closed_by_the_user_or_refused(capsys):
    model = 'mock.0://identity?shape=1,3,-1,-1'
    assert main(['compare', model, model]) == 2
    assert '--shape x=' in capsys.readouterr().err
    assert main(['compare', model, model, '--shape', 'x=1x3x8x8', '--json']) == 0


def test_tensors_of_other_shapes_are_refused_with_both(capsys):
    assert main(['compare', 'mock.0://identity', 'mock.0://identity?shape=1,3,4,6']) == 2
    said = capsys.readouterr().err
    assert '[1, 3, 4, 6]' in said
    assert '[1, 3, 4, 5]' in said


def test_what_a_card_says_otherwise_is_told_beside_the_candidate():
    mine = Reading('yolox', ModelCard(input=InputCard(color='rgb', letterbox='center')))
    other = Reading('yolox', ModelCard(input=InputCard(color='bgr', letterbox='center')))
    assert differences(mine, other) == ['color rgb (bgr)']
    assert differences(other, other) == []
