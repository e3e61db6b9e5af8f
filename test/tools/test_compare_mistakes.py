# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Compare finds the mistake that was planted in a real model and calls it by its name."""

from dataclasses import dataclass
from pathlib import Path

from faster_deploy_ros.share import share_path
from faster_deploy_ros.tools.compare.comparison import compare, Request
from faster_deploy_ros.tools.compare.report import text
import numpy as np
import pytest
import yaml

pytestmark = pytest.mark.core
onnx = pytest.importorskip('onnx')
planted = pytest.importorskip('planted_mistakes')


@dataclass(frozen=True)
class Original:
    """A healthy model, its card or None, and the images that it is shown."""

    path: Path
    card: dict | None
    images: str | None

    def card_saying(self, **said):
        """Return its card with lines about the input put in."""
        page = dict(self.card or {})
        page['input'] = {**page.get('input', {}), **said}
        return page


@pytest.fixture(scope='module')
def shapes():
    path = share_path('models/shapes_yolox.onnx')
    page = yaml.safe_load(path.with_suffix('.yaml').read_text(encoding='utf-8'))
    card = {key: page[key] for key in ('family', 'labels', 'input', 'output')}
    return Original(path, card, None)


@pytest.fixture(scope='module')
def nano(shared_data):
    return Original(
        shared_data / 'models' / 'yolox_nano.onnx', None, str(shared_data / 'images'))


@pytest.fixture(scope='module')
def yolov8(shared_data):
    return Original(
        shared_data / 'models' / 'yolov8n_dequant_fp32.onnx', None, str(shared_data / 'images'))


@pytest.fixture
def original(request):
    pytest.importorskip('onnxruntime')
    return request.getfixturevalue(request.param)


def judged(original, model, folder, card=None, tolerance='fp32'):
    """Write an edited model and compare it with the one that it was made of."""
    path = planted.write(model, folder / 'candidate.onnx', card or original.card)
    return compare(Request(
        str(original.path), str(path), original.images, most=6, tolerance=tolerance))


# The six that are promised: name of the mistake, how it is planted, what the cause must say.
SIX = {
    'collapsed scores': (lambda model: planted.collapsed(model, 0.0), None, 'scores never move'),
    'layout': (planted.nhwc_memory, None, 'declares NCHW and reads its memory as NHWC'),
    'colour order': (planted.other_colours, None, 'wants RGB and is given BGR'),
    'letterbox': (lambda model: model, {'letterbox': 'center'}, 'lies in the middle'),
    'class count': (planted.one_class_less, None, 'classes, the reference'),
    'scale': (
        lambda model: planted.scaled(model, 255.0), None,
        'wants numbers from 0 to 1 and is given 0 to 255'),
}
BOTH = pytest.mark.parametrize('original', ['shapes', 'nano'], indirect=True)


@BOTH
@pytest.mark.parametrize('mistake', SIX)
def test_each_of_the_six_mistakes_is_called_by_its_own_name(original, mistake, tmp_path):
    plant, said, cause = SIX[mistake]
    card = original.card_saying(**said) if said else None
    found = judged(original, plant(planted.load(original.path)), tmp_path, card)
    assert found.verdict.word == 'differs'
    assert found.diagnosis.name == mistake
    assert cause in found.diagnosis.cause
    assert found.diagnosis.remedy in ' '.join(text(found).split())


@BOTH
def test_a_healthy_copy_raises_no_alarm(original, tmp_path):
    found = judged(original, planted.load(original.path), tmp_path)
    assert (found.verdict.word, found.diagnosis) == ('same', None)
    assert found.figures.boxes.objects > 10


@BOTH
@pytest.mark.parametrize('plant', [planted.nhwc_input, planted.byte_input])
def test_channels_last_and_bytes_are_no_mistake_where_they_are_declared(original, plant, tmp_path):
    found = judged(original, plant(planted.load(original.path)), tmp_path)
    assert (found.verdict.word, found.diagnosis) == ('same', None)
    assert found.figures.tensors[0].max_abs == 0


@BOTH
@pytest.mark.parametrize(('plant', 'mistake'), [
    (planted.other_colours, 'colour order'), (planted.nchw_memory, 'layout')])
def test_a_mistake_is_found_behind_an_input_of_bytes(original, plant, mistake, tmp_path):
    model = planted.byte_input(plant(planted.load(original.path)))
    assert judged(original, model, tmp_path).diagnosis.name == mistake


@pytest.mark.parametrize('original', ['yolov8'], indirect=True)
@pytest.mark.parametrize(('mistake', 'plant', 'said', 'cause'), [
    ('colour order', planted.other_colours, None, 'wants BGR and is given RGB'),
    ('scale', lambda model: planted.scaled(model, 1 / 255), None, '0 to 255 and is given 0 to 1'),
    ('letterbox', lambda model: model, {'letterbox': 'corner'}, 'lies in the upper left corner'),
    # Not planted by us: boxes of hundreds and scores up to 1 in 255 steps of one scale.
    ('collapsed scores', lambda model: planted.eight_bits(model, 640), None, '80 of 80 scores'),
])
def test_another_family_has_the_same_mistakes_the_other_way_round(
        original, mistake, plant, said, cause, tmp_path):
    card = {'input': said} if said else None
    found = judged(original, plant(planted.load(original.path)), tmp_path, card)
    assert found.diagnosis.name == mistake
    assert cause in found.diagnosis.cause


ON_SHAPES = pytest.mark.parametrize('original', ['shapes'], indirect=True)


@ON_SHAPES
@pytest.mark.parametrize(('plant', 'said', 'mistake', 'cause'), [
    (lambda model: planted.collapsed(model, 0.01), None, 'collapsed scores', 'by 0.01'),
    (lambda model: planted.scaled(model, 1 / 255), None, 'scale', 'divides by 255 once too often'),
    (lambda model: model, {'color': 'rgb'}, 'colour order', 'wants BGR and is given RGB'),
    (lambda model: model, {'scale': 1}, 'scale', '0 to 255 and is given 0 to 1'),
    (lambda model: model, {'mean': [123.0, 117.0, 104.0], 'std': [58.0, 57.0, 57.0]},
     'normalisation', 'the numbers of current YOLOX'),
    (planted.transposed, None, 'output layout', 'rows and columns exchanged'),
    (planted.logits, None, 'sigmoid', 'the sigmoid is missing'),
    (lambda model: planted.overflowing(model, 1.5), None, 'overflow', 'NaN or infinite'),
    (lambda model: planted.eight_bits(model, 100), None, 'quantisation', 'large errors'),
    (lambda model: planted.other_colours(planted.scaled(model, 255.0)), None,
     'colour order and scale', 'wants RGB'),
    (planted.other_colours, {'letterbox': 'center'}, 'colour order and letterbox', 'middle'),
])
def test_what_else_goes_wrong_is_named_too(original, plant, said, mistake, cause, tmp_path):
    card = original.card_saying(**said) if said else None
    found = judged(original, plant(planted.load(original.path)), tmp_path, card)
    assert found.diagnosis.name == mistake
    assert cause in found.diagnosis.cause


@ON_SHAPES
def test_boxes_that_the_card_calls_decoded_are_found_out(original, tmp_path):
    card = {**original.card, 'output': {'decoded': True}}
    found = judged(original, planted.load(original.path), tmp_path, card)
    assert found.diagnosis.name == 'decoding'
    assert 'output: {decoded: false}' in found.diagnosis.remedy


@ON_SHAPES
def test_a_card_of_another_family_is_found_out(original, tmp_path):
    card = {**original.card, 'family': 'yolov8'}
    found = judged(original, planted.load(original.path), tmp_path, card)
    assert found.diagnosis.name == 'family'
    assert found.diagnosis.remedy == 'write family: yolox into its card candidate.yaml'


@ON_SHAPES
def test_a_card_with_too_few_labels_is_a_class_count(original, tmp_path):
    card = {**original.card, 'labels': ['sphere', 'cube']}
    found = judged(original, planted.load(original.path), tmp_path, card)
    assert found.diagnosis.name == 'class count'
    assert found.diagnosis.cause == "the candidate's card names 2 classes, the model has 3"


@ON_SHAPES
def test_labels_in_another_order_are_a_mistake_that_no_figure_shows(original, tmp_path):
    card = {**original.card, 'labels': ['sphere', 'cone', 'cube']}
    found = judged(original, planted.load(original.path), tmp_path, card)
    assert found.verdict.word == 'differs'
    assert found.diagnosis.name == 'labels'


@ON_SHAPES
def test_the_remedy_says_what_to_write_where_and_cures(original, tmp_path):
    found = judged(original, planted.other_colours(planted.load(original.path)), tmp_path)
    assert 'input: {color: rgb} into its card candidate.yaml' in found.diagnosis.remedy
    cured = judged(
        original, planted.other_colours(planted.load(original.path)), tmp_path,
        original.card_saying(color='rgb'))
    assert cured.verdict.is_good


@ON_SHAPES
def test_noise_as_of_8_bits_agrees_as_int8_and_is_quantisation_for_fp32(original, tmp_path):
    strict = judged(original, planted.noisy(planted.load(original.path), 0.004), tmp_path)
    assert strict.verdict.word == 'differs'
    assert strict.diagnosis.name == 'quantisation'
    assert 'compare it with --tolerance bf16' in strict.diagnosis.remedy
    for limit in ('bf16', 'int8'):
        loose = judged(
            original, planted.noisy(planted.load(original.path), 0.004), tmp_path, tolerance=limit)
        assert (loose.verdict.word, loose.diagnosis) == ('agrees', None)


@ON_SHAPES
def test_a_mistake_is_found_under_the_noise_of_8_bits(original, tmp_path):
    both = planted.other_colours(planted.noisy(planted.load(original.path), 0.004))
    found = judged(original, both, tmp_path)
    assert found.diagnosis.name == 'colour order'
    assert 'what remains looks like its rounding' in found.diagnosis.evidence


@ON_SHAPES
def test_a_loose_tolerance_hides_no_mistake_of_a_robust_model(original, tmp_path):
    both = planted.other_colours(planted.noisy(planted.load(original.path), 0.002))
    found = judged(original, both, tmp_path, tolerance='int8')
    assert found.figures.boxes.agreement > 0.85       # it would pass
    assert found.verdict.word == 'differs'
    assert found.diagnosis.name == 'colour order'


@ON_SHAPES
def test_other_weights_are_no_mistake_that_is_known(original, tmp_path):
    model = planted.load(original.path)
    rng = np.random.default_rng(1)
    for weight in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.ndim == 4:
            weight.CopyFrom(onnx.numpy_helper.from_array(
                rng.permutation(values.ravel()).reshape(values.shape), weight.name))
    found = judged(original, model, tmp_path)
    assert found.verdict.word == 'differs'
    assert found.diagnosis.name in ('unknown', 'collapsed scores')


@pytest.mark.parametrize('original', ['yolov8'], indirect=True)
def test_real_8_bits_agree_as_int8_and_not_as_fp32(original, shared_data):
    candidate = str(shared_data / 'models' / 'yolov8n_int8.onnx')
    loose = compare(Request(str(original.path), candidate, original.images, tolerance='int8'))
    assert (loose.verdict.word, loose.diagnosis) == ('agrees', None)
    strict = compare(Request(str(original.path), candidate, original.images))
    assert strict.diagnosis.name == 'quantisation'
