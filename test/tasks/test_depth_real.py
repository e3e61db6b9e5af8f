# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A real net on a real street: metres, and what every wrong reading of it does to them."""

import importlib
import importlib.util

import cv2
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DepthOptions, ModelCard, open_model
from faster_deploy_ros.tasks.card import InputCard, OutputCard
from faster_deploy_ros.tools.progress import Activity
import numpy as np
import pytest

# From the data folder's README, made with another program: medians over the street, in metres.
PREDICTED, TRUTH = 15.06, 14.71
FARTHEST = 80.0          # where KITTI's own evaluation ends
KITTI, NYU = 'meter_xxs_kitti_192x640', 'meter_xxs_nyu_192x256'
PLAIN = InputCard(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
NEEDS = {'openvino': ('openvino',), 'mnn': ('MNN',), 'ncnn': ('ncnn', 'pnnx')}
pytestmark = pytest.mark.core


@pytest.fixture(scope='module')
def street(shared_data):
    """Return the left image, the metres of its pixels, and where they are to be judged."""
    image = cv2.imread(str(shared_data / 'stereo' / 'left.png'))
    disparity = cv2.imread(str(shared_data / 'stereo' / 'disparity.png'), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert disparity is not None
    metres = 718.856 * 0.573 / np.maximum(disparity.astype(np.float64), 1e-9)
    known = (disparity > 0) & (metres < FARTHEST)
    assert np.median(metres[known]) == pytest.approx(TRUTH, abs=0.01)
    return Frame(0, '', image), metres, known


@pytest.fixture(scope='module')
def kitti(shared_data):
    pytest.importorskip('onnxruntime')
    core = open_core(f"onnxruntime.0://{shared_data / 'models' / KITTI}.onnx")
    yield core
    core.unload()


@pytest.fixture(scope='module')
def inverse_nets(shared_data, tmp_path_factory):
    """Return the net that ends in 1 / dm, as MiDaS does, and in a sigmoid, as Lite-Mono does."""
    pytest.importorskip('onnxruntime')
    onnx = pytest.importorskip('onnx')
    folder, cores = tmp_path_factory.mktemp('inverse'), {}
    # 1 / dm, and (100 / dm - 0.01) / 9.99: what stands for 1 / (m * 0.1) in 0.1 to 100.
    for name, gain, offset in (('inverse', 1.0, 0.0), ('sigmoid', 100 / 9.99, -0.01 / 9.99)):
        model = onnx.load(str(shared_data / 'models' / f'{KITTI}.onnx'))
        graph = model.graph
        for node in graph.node:
            node.output[:] = ['dm' if each == 'depth' else each for each in node.output]
        graph.initializer.extend([
            onnx.numpy_helper.from_array(np.float32(value), key)
            for key, value in (('gain', gain), ('offset', offset))])
        graph.node.extend([
            onnx.helper.make_node('Reciprocal', ['dm'], ['one_by_dm']),
            onnx.helper.make_node('Mul', ['one_by_dm', 'gain'], ['times']),
            onnx.helper.make_node('Add', ['times', 'offset'], ['depth'])])
        path = folder / f'{name}.onnx'
        onnx.save(model, str(path))
        cores[name] = open_core(f'onnxruntime.0://{path}')
    yield cores
    for core in cores.values():
        core.unload()


def see(core, frame, family='metric_depth', card=None, **options):
    said = ModelCard(input=card or InputCard(), output=OutputCard(
        unit=options.pop('unit', None), kind=options.pop('kind', None)))
    return open_model(family, core, DepthOptions(**options), card=said)(frame, Stopwatch()).depth


def as_of(path, runtime, folder):
    """Return the model as a file that the runtime reads, or skip."""
    for package in ('onnx', *NEEDS[runtime]):
        if importlib.util.find_spec(package) is None:   # pnnx cannot be imported without torch
            pytest.skip(f'needs the package {package}')
    if runtime == 'openvino':
        return path
    conduct = importlib.import_module('faster_deploy_ros.tools.convert.conduct')
    orders = importlib.import_module('faster_deploy_ros.tools.convert.orders')
    return conduct.convert(
        orders.Orders(path, runtime, folder, check=False), Activity()).files[0]


def errors(depth, street):
    """Return the median in metres, the mean relative error and the correlation with the truth."""
    _, metres, known = street
    assert depth.shape == metres.shape
    seen, true = depth[known], metres[known]
    return (float(np.median(seen)), float(np.mean(np.abs(seen - true) / true)),
            float(np.corrcoef(seen, true)[0, 1]))


def test_decimetres_of_the_street_are_the_metres_that_the_readme_gives(kitti, street):
    depth = see(kitti, street[0], unit='dm')
    median, relative, together = errors(depth, street)
    assert median == pytest.approx(PREDICTED, rel=0.03)
    assert relative < 0.3
    assert together > 0.55
    assert np.isfinite(depth).all()


@pytest.mark.parametrize('unit', ['m', 'cm', 'mm'])
def test_every_other_unit_is_far_off(kitti, street, unit):
    median, relative, _ = errors(see(kitti, street[0], unit=unit), street)
    assert not 0.2 < median / PREDICTED < 5
    assert relative > 0.8


def test_an_inverse_net_gives_the_same_metres_when_it_is_read_as_one(
        kitti, inverse_nets, street):
    direct = see(kitti, street[0], unit='dm')
    inverse = see(inverse_nets['inverse'], street[0], 'midas', PLAIN, scale=10.0)
    disparity = see(inverse_nets['sigmoid'], street[0], 'lite_mono', scale=0.1)
    for depth in (inverse, disparity):
        median, relative, together = errors(depth, street)
        assert median == pytest.approx(PREDICTED, rel=0.03)
        assert relative < 0.3
        assert together > 0.55
        # They differ where one interpolates between a near thing and a far one.
        assert np.median(np.abs(depth - direct) / direct) < 0.005


def test_a_direct_net_read_as_inverse_is_near_where_it_is_far(kitti, street):
    inverted = see(kitti, street[0], 'midas', PLAIN, scale=10.0)
    median, relative, together = errors(inverted, street)
    assert together < -0.3
    assert relative > 0.8
    assert not 0.2 < median / PREDICTED < 5


@pytest.mark.parametrize('unit', ['m', 'dm', 'cm', 'mm'])
@pytest.mark.parametrize('name', ['inverse', 'sigmoid'])
def test_an_inverse_net_read_as_direct_is_far_off_in_every_unit(
        inverse_nets, street, name, unit):
    median, relative, together = errors(see(inverse_nets[name], street[0], unit=unit), street)
    assert together < -0.3
    assert relative > 0.8
    assert median < PREDICTED / 5


def test_a_relative_net_is_never_taken_for_metres(inverse_nets, street):
    model = open_model('midas', inverse_nets['inverse'], card=ModelCard(input=PLAIN))
    assert model(street[0], Stopwatch()).kind == 'relative'
    model = open_model('lite_mono', inverse_nets['sigmoid'])
    assert model(street[0], Stopwatch()).kind == 'disparity'


def test_rgb_and_bgr_frames_of_one_photograph_give_the_same_depth(kitti, shared_data):
    image = cv2.imread(str(shared_data / 'images' / 'bus.jpg'))
    bgr = see(kitti, Frame(0, '', image), unit='dm')
    rgb = see(kitti, Frame(0, '', np.ascontiguousarray(image[..., ::-1]), 'rgb8'), unit='dm')
    np.testing.assert_array_equal(bgr, rgb)
    swapped = see(kitti, Frame(0, '', image), unit='dm', card=InputCard(color='bgr'))
    assert np.abs(swapped / bgr - 1).mean() > 0.01


@pytest.mark.parametrize('placement', ['corner', 'center'])
def test_a_letterboxed_street_is_seen_at_the_same_pixels(kitti, street, placement):
    """The net was trained on stretched pictures: less exact, but in its place."""
    stretched = see(kitti, street[0], unit='dm')
    boxed = see(kitti, street[0], unit='dm', card=InputCard(letterbox=placement))
    assert boxed.shape == stretched.shape
    assert np.corrcoef(boxed.ravel(), stretched.ravel())[0, 1] > 0.9


def test_the_indoor_net_sees_a_room_of_some_metres_when_centimetres_are_read(shared_data):
    pytest.importorskip('onnxruntime')
    with open_core(f"onnxruntime.0://{shared_data / 'models' / NYU}.onnx") as core:
        for path in sorted((shared_data / 'rgbd' / 'color').iterdir())[:3]:
            depth = see(core, Frame(0, '', cv2.imread(str(path))), unit='cm')
            assert depth.shape == (480, 640)
            assert 0.5 < np.nanmedian(depth) < 6
        summary = open_model('metric_depth', core, card=ModelCard(
            output=OutputCard(unit='cm'))).summary
    assert summary == (
        'metric_depth: 256x192 rgb 0 to 1, stretched, metric depth in cm (by model card)')


@pytest.mark.parametrize('runtime', ['openvino', 'mnn'])
def test_other_runtimes_see_the_same_street(kitti, shared_data, street, runtime, tmp_path):
    path = as_of(shared_data / 'models' / f'{KITTI}.onnx', runtime, tmp_path)
    with open_core(f'{runtime}.0://{path}') as core:
        depth = see(core, street[0], unit='dm')
    np.testing.assert_allclose(depth, see(kitti, street[0], unit='dm'), rtol=1e-3)
    assert errors(depth, street)[0] == pytest.approx(PREDICTED, rel=0.03)


@pytest.mark.parametrize('runtime', NEEDS)
def test_the_shipped_net_sees_the_same_on_every_runtime(checkout, shared_data, runtime, tmp_path):
    pytest.importorskip('onnxruntime')
    path = checkout / 'models' / 'rooms_depth.onnx'
    if not path.is_file():
        pytest.skip(f'the shipped depth model is absent: {path}')
    frame = Frame(0, '', cv2.imread(str(shared_data / 'rgbd' / 'color' / '1.png')))
    depth = {}
    # Another runtime's file has the card that its converter wrote.
    for uri in (f'onnxruntime.0://{path}', f'{runtime}.0://{as_of(path, runtime, tmp_path)}'):
        with open_core(uri) as core:
            model = open_model('auto', core)
            depth[uri] = model(frame, Stopwatch()).depth
            assert (model.family, model.unit, model.kind) == ('metric_depth', 'm', 'metric')
    one, other = depth.values()
    assert one.shape == (480, 640)
    np.testing.assert_allclose(other, one, rtol=2e-3)


def test_a_net_of_open_size_runs_at_the_familys_own_and_at_the_cards(tmp_path):
    pytest.importorskip('onnxruntime')
    onnx = pytest.importorskip('onnx')
    values = [
        onnx.helper.make_tensor_value_info('pixel_values', 1, ['batch', 3, 'height', 'width']),
        onnx.helper.make_tensor_value_info('predicted_depth', 1, ['batch', 'rows', 'columns'])]
    node = onnx.helper.make_node(
        'ReduceMean', ['pixel_values'], ['predicted_depth'], axes=[1], keepdims=0)
    graph = onnx.helper.make_graph([node], 'brightness', values[:1], values[1:])
    model = onnx.helper.make_model(
        graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid('', 13)])
    path = tmp_path / 'brightness.onnx'
    onnx.save(model, str(path))
    image = np.zeros((60, 90, 3), np.uint8)
    image[:30] = 255
    for size in (None, (70, 42)):
        with open_core(f'onnxruntime.0://{path}') as core:
            found = open_model('depth_anything', core, card=ModelCard(
                input=InputCard(size=size)))(Frame(0, '', image), Stopwatch())
        assert (found.kind, found.depth.shape) == ('relative', (60, 90))
        np.testing.assert_allclose(found.depth[[0, -1], 45], [2.439, -1.986], atol=1e-3)
