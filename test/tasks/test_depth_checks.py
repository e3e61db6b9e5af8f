# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A depth model that nobody has said enough of, or that contradicts its card, is refused."""

from depth_room import ask, CASES, GOLDEN, UNITS
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import BadValue, BlobMismatch, Unsupported
from faster_deploy_ros.tasks import DepthOptions, ModelCard, open_model
from faster_deploy_ros.tasks.card import InputCard, OutputCard, parse_card
import numpy as np
import pytest
from tensor_cores import core_with, tensor

# A size that depth_anything and midas both take, and that does not look alike on its side.
IMAGE = tensor('image', (1, 3, 224, 448), is_input=True)
OPEN = tensor('image', (-1, 3, -1, -1), is_input=True)
DEPTH = tensor('depth', (1, 1, 56, 112))
FAMILIES = ('depth_anything', 'lite_mono', 'metric_depth', 'midas')
METRES = {'metric_depth': {'unit': 'm'}}   # what a family must be told


def summary_of(
        family, *specs, metadata=None, options=None, size=None, uri='mock.0://m.onnx', **said):
    """Open a model, and return what it says of itself."""
    card = ModelCard(input=InputCard(size=size), output=OutputCard(**said))
    core = MockCore(
        uri, specs=specs or (IMAGE, DEPTH), script=lambda blobs: None, metadata=metadata)
    core.load()
    with core:
        return open_model(family, core, options, card=card).summary


def test_metric_depth_without_a_unit_is_refused_with_what_would_help():
    with pytest.raises(BlobMismatch, match=(
            r"MetricDepth: nobody says the unit of output 'depth' float32 .*, expected one of m, "
            r'dm, cm, mm; write output: \{unit: \.\.\.\} into the model card, or set the '
            r'parameter card\.output\.unit \(evaluate: --set output\.unit=')):
        summary_of('metric_depth')


@pytest.mark.parametrize(('said', 'metadata', 'words'), [
    ({'unit': 'dm'}, {}, 'metric depth in dm (by model card)'),
    ({}, {'unit': 'cm', 'task': 'depth'}, 'metric depth in cm (by metadata)'),
    ({'unit': 'mm'}, {'unit': 'mm'}, 'metric depth in mm (by model card)'),
    ({'unit': 'mm'}, {'unit': 'm'},
     "metric depth in mm (by model card, against its metadata's m)"),
    ({'unit': 'm', 'kind': 'metric'}, {'unit': 'feet'},
     "metric depth in m (by model card, against its metadata's feet)"),
])
def test_the_card_goes_over_the_metadata_and_the_summary_says_who_said_the_unit(
        said, metadata, words):
    assert summary_of('metric_depth', metadata=metadata, **said) == (
        f'metric_depth: 448x224 rgb 0 to 1, stretched, {words}')


@pytest.mark.parametrize(('family', 'said', 'options', 'words'), [
    ('midas', {}, {}, 'rgb 0 to 1 less mean by deviation, stretched, relative inverse depth'),
    ('midas', {}, {'scale': 0.02, 'shift': -0.5, 'max_depth_m': 9.5},
     'relative inverse depth, made metric by 1 / m = 0.02 * value - 0.5, to 9.5 m'),
    ('depth_anything', {'kind': 'relative'}, {}, 'relative inverse depth (by model card)'),
    ('depth_anything', {'kind': 'metric'}, {}, 'metric depth in m (by model card)'),
    ('depth_anything', {'unit': 'm'}, {'scale': 1.25, 'min_depth_m': 0.5},
     'metric depth in m (by model card), times 1.25, from 0.5 m'),
    ('lite_mono', {'kind': 'disparity'}, {}, '448x224 rgb 0 to 1, stretched, disparity'),
    ('lite_mono', {}, {'scale': 0.2}, 'disparity, made metric by 1 / m = 0.2 * value + 0'),
])
def test_the_summary_says_the_kind_and_what_the_user_makes_of_it(family, said, options, words):
    said = summary_of(family, options=DepthOptions(**options), **said)
    assert said.startswith(f'{family}: 448x224')
    assert said.endswith(words)


def test_depth_anything_is_metric_when_its_metadata_say_metres():
    assert summary_of('depth_anything', metadata={'unit': 'm'}).endswith(
        'metric depth in m (by metadata)')


@pytest.mark.parametrize('name', [
    'depth_anything_v2_metric_hypersim_vits.onnx', 'Depth-Anything-V2-Metric-Indoor-Small.onnx'])
def test_a_file_whose_name_hints_at_metres_is_not_taken_for_relative(name):
    uri = f'mock.0:///models/{name}'
    with pytest.raises(BlobMismatch, match=r'hints at metric weights.*set card.output.kind to'):
        summary_of('depth_anything', uri=uri)
    assert 'metric depth' in summary_of('depth_anything', uri=uri, kind='metric')
    assert 'relative inverse' in summary_of('depth_anything', uri=uri, kind='relative')


@pytest.mark.parametrize(('family', 'said', 'metadata', 'message'), [
    ('metric_depth', {'kind': 'relative'}, {}, 'card says kind relative, expected metric; corr'),
    ('metric_depth', {'kind': 'disparity'}, {'unit': 'm'}, 'kind disparity, expected metric'),
    ('metric_depth', {}, {'unit': 'feet'}, "metadata says unit 'feet', expected one of m, dm"),
    ('midas', {'kind': 'metric'}, {}, 'Midas: the model card says kind metric, expected relative'),
    ('midas', {'kind': 'disparity'}, {}, 'expected relative'),
    ('midas', {'unit': 'm'}, {}, 'says unit m for relative depth, which has none'),
    ('lite_mono', {'kind': 'relative'}, {}, 'says kind relative, expected disparity'),
    ('lite_mono', {'unit': 'cm'}, {}, 'says unit cm for disparity depth'),
    ('depth_anything', {'kind': 'disparity'}, {}, 'expected relative or metric'),
    ('depth_anything', {'kind': 'relative', 'unit': 'm'}, {}, 'expected a unit only of'),
    ('depth_anything', {'kind': 'metric', 'unit': 'mm'}, {}, 'the model card says unit mm, exp'),
    ('depth_anything', {}, {'unit': 'cm'}, 'the metadata says unit cm, expected m, .* metric_dep'),
])
def test_a_card_that_contradicts_the_family_is_refused(family, said, metadata, message):
    with pytest.raises(BlobMismatch, match=message):
        summary_of(family, metadata=metadata, **said)


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize(('specs', 'message'), [
    ([IMAGE, tensor('o', (1, 2, 56, 112))], r"got output 'o' .*expected one map, \[1, 1, h, w\]"),
    ([IMAGE, tensor('o', (4, 56, 112))], 'or exported for several images'),
    ([IMAGE, tensor('o', (4, 1, 56, 112))], 'expected one map'),
    ([IMAGE, tensor('o', (1, 1, 1, 56, 112))], 'expected one map'),
    ([IMAGE, tensor('o', (112,))], 'expected one map'),
    ([IMAGE, tensor('o', (1, 1, 112, 56))], 'a map of 56x112, expected the proportions of the in'),
    ([IMAGE, tensor('o', (1, 1, 1, 1))], 'a map of 1x1, expected the proportions'),
    ([IMAGE, tensor('o', (1, 140, 140))], 'or of an export that runs at another size only'),
    ([IMAGE, tensor('o', (1, 56, 115))], 'a map of 115x56, expected the proportions'),
    ([IMAGE, tensor('o', (1, 56, 112), dtype=np.float16)], 'float16 .*expected float32; export'),
    ([IMAGE, tensor('o', (1, 56, 112), dtype=np.uint8)], 'uint8 .*expected float32'),
    ([IMAGE], r'0 outputs \(none\), expected 1'),
    ([IMAGE, DEPTH, tensor('sigma', (1, 1, 56, 112))], '2 outputs|cannot tell the finest of'),
    ([IMAGE, tensor('k', (1, 4), True), DEPTH], 'the model has 2 inputs'),
    ([tensor('image', (1, 4, 224, 448), True), DEPTH], 'takes 4 channels, expected 3'),
    ([tensor('image', (1, 3, 224, 448), True, np.float16), DEPTH], 'expected float32'),
])
def test_wrong_tensors_are_named_with_what_was_expected(family, specs, message):
    with pytest.raises(BlobMismatch, match=message):
        summary_of(family, *specs, **METRES.get(family, {}))


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('shape', [
    (1, 1, 56, 112), (1, 56, 112), (56, 112), (1, 56, 112, 1), (-1, 1, -1, -1), (-1, -1, -1),
    (-1, -1, -1, -1), (-1, -1)])
def test_every_form_of_one_map_is_taken(family, shape):
    assert summary_of(family, IMAGE, tensor('o', shape), **METRES.get(family, {}))


def test_lite_mono_takes_what_is_no_map_for_no_scale_of_it():
    features = tensor('features', (1, 48, 56, 112))
    assert summary_of('lite_mono', IMAGE, features, DEPTH)
    with pytest.raises(BlobMismatch, match=r'cannot tell the finest of .*, .*; export the model'):
        summary_of('lite_mono', IMAGE, tensor('a', (1, 1, -1, -1)), tensor('b', (1, 1, -1, -1)))


def test_auto_knows_lite_mono_by_its_scales_whose_names_are_numbers():
    scales = [tensor(name, (1, 1, 224 // part, 448 // part))
              for name, part in (('1145', 4), ('1228', 2), ('1311', 1))]
    assert summary_of('auto', IMAGE, *scales).startswith('lite_mono: 448x224')
    for others in ([scales[0], scales[1]], [scales[2], tensor('d1', (1, 1, 224, 448))]):
        with pytest.raises(BlobMismatch, match="family 'auto'"):
            summary_of('auto', IMAGE, *others)


def test_an_open_size_is_that_of_the_card_or_the_familys_own():
    output = tensor('predicted_depth', (-1, -1, -1))
    assert 'depth_anything: 518x518 rgb' in summary_of('depth_anything', OPEN, output)
    assert 'depth_anything: 686x392 rgb' in summary_of(
        'depth_anything', OPEN, output, size=(686, 392))
    with pytest.raises(BlobMismatch, match=r'leaves the size open; set the parameter card.input'):
        summary_of('midas', OPEN, output)


@pytest.mark.parametrize(('family', 'multiple'), [
    ('midas', 32), ('lite_mono', 32), ('depth_anything', 14)])
def test_a_size_that_the_family_cannot_have_is_refused(family, multiple):
    with pytest.raises(BlobMismatch, match=f'size is 500x500, expected multiples of {multiple}'):
        summary_of(family, OPEN, tensor('o', (1, -1, -1)), size=(500, 500))
    assert '501x333' in summary_of(
        'metric_depth', OPEN, tensor('o', (1, -1, -1)), size=(501, 333), unit='m')


@pytest.mark.parametrize('family', FAMILIES)
def test_a_model_of_another_task_is_refused(family):
    with pytest.raises(Unsupported, match="metadata says task 'pose', expected 'depth'"):
        summary_of(family, metadata={'task': 'pose'}, **METRES.get(family, {}))


@pytest.mark.parametrize(('family', 'said', 'options', 'message'), [
    ('midas', {}, {'max_depth_m': 5.0}, 'limits in metres for relative depth, .*; set scale'),
    ('lite_mono', {}, {'min_depth_m': 1.0}, 'limits in metres for disparity depth'),
    ('metric_depth', {'unit': 'm'}, {'scale': 1.0, 'shift': 0.1},
     'shift: got 0.1 for a model of metric depth, expected 0'),
])
def test_an_option_that_the_kind_of_depth_cannot_follow_is_refused(
        family, said, options, message):
    with pytest.raises(BadValue, match=message):
        summary_of(family, options=DepthOptions(**options), **said)


@pytest.mark.parametrize(('options', 'message'), [
    ({'scale': -1.0}, 'scale: got -1.0, expected a number of 0 or more'),
    ({'scale': float('nan')}, 'scale: got nan'),
    ({'scale': '2'}, "scale: got '2'"), ({'scale': True}, 'scale: got True'),
    ({'shift': float('inf'), 'scale': 1.0}, 'shift: got inf, expected a number$'),
    ({'shift': 0.1}, 'shift: got 0.1 with scale 0, expected both'),
    ({'min_depth_m': -0.1}, 'min_depth_m: got -0.1'),
    ({'max_depth_m': float('inf')}, 'max_depth_m: got inf'),
    ({'min_depth_m': 2.0, 'max_depth_m': 2.0}, 'got 2, expected more than min_depth_m .2.'),
    ({'output_size': (640, 0)}, r'output_size: got \(640, 0\), expected \(width, height\)'),
    ({'output_size': (640,)}, 'output_size'), ({'output_size': 640}, 'output_size'),
    ({'output_size': (640.0, 480)}, 'output_size'), ({'output_size': (True, 1)}, 'output_size'),
    ({'output_size': (640, 40000)}, 'up to 32768'),
])
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(BadValue, match=message):
        DepthOptions(**options)


def test_options_of_a_list_become_the_same_as_of_a_tuple():
    assert DepthOptions(output_size=[4, 3]) == DepthOptions(output_size=(4, 3))
    assert DepthOptions(scale=1, shift=-0.5, max_depth_m=3) == DepthOptions(
        scale=1.0, shift=-0.5, max_depth_m=3.0)


@pytest.mark.parametrize('case', CASES)
def test_the_page_of_a_model_is_a_card_that_reads_it_alike(case):
    family, _, said, calibration = CASES[case]
    if case == 'metric dm':
        said = said | {'scale': 2.0}
    core = core_with(IMAGE, DEPTH)
    with core:
        one = open_model(
            family, core, DepthOptions(**calibration), card=ModelCard(output=OutputCard(**said)))
        two = open_model('auto', core, DepthOptions(**calibration), card=parse_card(one.page))
    assert (two.family, two.pixels, two.unit, two.kind) == (
        one.family, one.pixels, one.unit, 'metric')
    assert (two.meaning.gain, two.meaning.offset, two.meaning.inverts) == (
        one.meaning.gain, one.meaning.offset, one.meaning.inverts)


@pytest.mark.parametrize('unit', UNITS)
def test_the_metadatas_unit_gives_the_same_metres_as_the_cards(unit):
    by_card = ask('metric_depth', GOLDEN[f'metric_{unit}'], {'unit': unit})
    by_metadata = ask('metric_depth', GOLDEN[f'metric_{unit}'], metadata={'unit': unit})
    np.testing.assert_array_equal(by_card.depth, by_metadata.depth)
    np.testing.assert_allclose(by_card.depth, GOLDEN['direct_stretch'], rtol=2e-5)
