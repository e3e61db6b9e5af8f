# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command ``faster-deploy evaluate`` on real models: figures, files, pictures, mistakes."""

import json

import cv2
from faster_deploy_ros.tools import cli
import numpy as np
import pytest

pytest.importorskip('onnxruntime')
pytest.importorskip('pycocotools')
pytest.importorskip('tabulate')
pytestmark = pytest.mark.core

KITTI = 'meter_xxs_kitti_192x640.onnx'
FOCAL_TIMES_BASELINE = '411.904'   # 718.856 pixels, 0.573 m


@pytest.fixture
def evaluate(capsys):
    """Return a function that runs the command here: its code, its page, what it said beside."""
    def run(*words):
        code = cli.main(['evaluate', *map(str, words), '--json'])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else {}, said.err

    return run


@pytest.fixture
def kitti(shared_data):
    """Return the words for the real stereo picture and its measured depth."""
    stereo = shared_data / 'stereo'
    return ('--depth', '--images', stereo / 'left.png', '--truth', stereo / 'disparity.png',
            '--truth-disparity', FOCAL_TIMES_BASELINE)


def inverted(path, folder):
    """Return the net with its depth turned into inverse depth."""
    onnx = pytest.importorskip('onnx')
    net = onnx.load(path)
    name = net.graph.output[0].name
    for node in net.graph.node:
        node.output[:] = ['direct' if one == name else one for one in node.output]
        node.input[:] = ['direct' if one == name else one for one in node.input]
    net.graph.node.append(onnx.helper.make_node('Reciprocal', ['direct'], [name]))
    onnx.save(net, folder / 'inverse.onnx')
    return folder / 'inverse.onnx'


def test_a_real_net_in_its_own_unit_is_good(shared_data, kitti, evaluate):
    code, page, _ = evaluate(shared_data / 'models' / KITTI, *kitti, '--set', 'output.unit=dm')
    assert code == 0
    assert page['mistakes'] == []
    image, = page['by_image'].values()
    # The README of the data: a median of 15.06 m against 14.71 m.
    assert image['median']['scale'] == pytest.approx(14.71 / 15.06, abs=0.03)
    assert page['mean']['as_it_is']['abs_rel'] < 0.3
    assert page['median_rank_correlation'] > 0.85


@pytest.mark.parametrize('unit', ['m', 'cm', 'mm'])
def test_a_real_net_in_another_unit_is_told_the_right_one(unit, shared_data, kitti, evaluate):
    code, page, _ = evaluate(
        shared_data / 'models' / KITTI, *kitti, '--set', f'output.unit={unit}')
    assert code == 1
    mistake, = page['mistakes']
    assert f'the unit looks like dm, the card says {unit}; write output: {{unit: dm}}' in mistake


def test_feet_and_a_wrong_scale_are_told_from_units(tmp_path, shared_data, kitti, evaluate):
    stereo = shared_data / 'stereo'
    words = ('--depth', '--images', stereo / 'left.png', '--truth', tmp_path / 'left.npy')
    disparity = cv2.imread(str(stereo / 'disparity.png'), cv2.IMREAD_UNCHANGED)
    with np.errstate(divide='ignore'):
        metres = float(FOCAL_TIMES_BASELINE) / disparity.astype(np.float32)
    # A world stretched until one of the net's numbers, a decimetre, is a foot; and four times.
    for factor, unit, said in (
            (3.14, 'm', 'looks like feet'), (4, 'dm', 'which is no unit: the scale of')):
        np.save(tmp_path / 'left.npy', metres * factor)
        code, page, _ = evaluate(
            shared_data / 'models' / KITTI, *words, '--max-depth', 400, '--set',
            f'output.unit={unit}')
        assert code == 1
        assert said in page['mistakes'][0]


def test_inverse_depth_read_as_depth_is_seen(tmp_path, shared_data, kitti, evaluate):
    net = inverted(shared_data / 'models' / KITTI, tmp_path)
    code, page, _ = evaluate(
        net, *kitti, '--family', 'metric_depth', '--set', 'output.unit=dm')
    assert code == 1
    assert 'look inverse, larger is nearer, and are read as depth' in page['mistakes'][0]


def test_depth_read_as_inverse_depth_is_seen(tmp_path, shared_data, kitti, evaluate):
    as_trained = ('--family', 'midas', '--set', 'input.mean=[0,0,0]', '--set', 'input.std=[1,1,1]')
    code, page, _ = evaluate(shared_data / 'models' / KITTI, *kitti, *as_trained)
    assert code == 1
    assert 'look like depth, larger is farther, and are read as relative' in page['mistakes'][0]
    net = inverted(shared_data / 'models' / KITTI, tmp_path)
    code, page, _ = evaluate(net, *kitti, *as_trained)
    assert (code, page['mistakes']) == (0, [])
    assert page['mean']['affine']['abs_rel'] < 0.25


def test_16_bit_depth_is_read_with_its_scale(shared_data, evaluate, tmp_path):
    pytest.importorskip('matplotlib')
    rgbd = shared_data / 'rgbd'
    code, page, said = evaluate(
        shared_data / 'models' / 'meter_xxs_nyu_192x256.onnx', '--depth', '--images',
        rgbd / 'color', '--truth', rgbd / 'depth', '--truth-scale', 5000, '--max-depth', 10,
        '--set', 'output.unit=cm', '--plots', tmp_path, '--results', tmp_path / 'images.csv')
    assert code == 0
    assert list(page['by_image']) == [f'{number}.png' for number in range(1, 6)]
    assert page['mean']['median']['delta_1'] > page['mean']['as_it_is']['delta_1']
    assert len((tmp_path / 'images.csv').read_text().splitlines()) == 6
    pictures = [cv2.imread(str(tmp_path / f'{name}.png')) for name in ('worst', 'median', 'best')]
    assert all(picture.std() > 20 for picture in pictures), 'drawn, and not blank'
    assert 'worst.png written' in said
    code, page, _ = evaluate(
        shared_data / 'models' / 'meter_xxs_nyu_192x256.onnx', '--depth', '--images',
        rgbd / 'color', '--truth', rgbd / 'depth', '--truth-scale', 5000, '--set', 'output.unit=m')
    assert 'the unit looks like cm, the card says m' in page['mistakes'][0]


def test_rendered_rooms_need_no_files(shapes_model, evaluate, tmp_path):
    pytest.importorskip('matplotlib')
    words = ('--dataset', 'scene', '--frames', 9, '--seed', 60_000)
    code, page, _ = evaluate(
        shapes_model, *words, '--plots', tmp_path, '--results', tmp_path / 'boxes.json')
    assert code == 0
    assert (page['images'], page['failures'], page['notes']) == (9, {}, [])
    assert page['ap50'] > 0.9
    assert set(page['classes']) == {'sphere', 'cube', 'cone'}
    assert len(json.loads((tmp_path / 'boxes.json').read_text())) == page['found']
    assert cv2.imread(str(tmp_path / 'precision_recall.png')).std() > 20
    _, again, _ = evaluate(shapes_model, *words, '--seats', 3)
    figures = ('ap', 'ap75', 'ar', 'found', 'objects', 'classes')
    assert [again[name] for name in figures] == [page[name] for name in figures]
    _, sure, _ = evaluate(shapes_model, *words, '--confidence', 0.5)
    assert sure['found'] < page['found']
    assert sure['ar'] <= page['ar']


def test_a_person_reads_tables(shapes_model, capsys):
    assert cli.main(
        ['evaluate', str(shapes_model), '--dataset', 'scene', '--frames', '3', '--per-class']) == 0
    said = capsys.readouterr().out
    assert 'shapes_yolox.onnx on onnxruntime.0' in said
    for word in ('objects', 'AP50', 'AR', 'small', 'large', 'sphere', 'by pycocotools'):
        assert word in said


@pytest.mark.parametrize(('words', 'reason'), [
    (['--depth', '--images', 'scene'], "'yolox' finds boxes"),
    (['--images', '.'], '--dataset: expected the annotations'),
    (['--dataset', 'x.json'], '--images: expected the folder'),
    (['--dataset', 'x.json', '--images', 'scene'], 'leave --dataset out'),
    (['--dataset', 'scene', '--images', '.'], 'leave --images out'),
    (['--dataset', 'scene', '--limit', '3'], 'say --frames'),
    (['--dataset', 'x.json', '--images', '.', '--frames', '3'], 'for a folder there is --limit'),
    (['--dataset', 'x.json', '--images', '.', '--truth', '.'], 'add --depth'),
    (['--depth', '--dataset', 'x.json', '--images', '.'], '--dataset is of labelled boxes'),
    (['--depth', '--images', '.'], '--truth: expected the folder'),
    (['--depth', '--per-class', '--images', 'scene'], '--per-class is about boxes'),
    (['--depth', '--images', 'scene', '--truth', '.'], 'leave --truth out'),
    (['--depth', '--images', 'scene', '--results', 'x.txt'], 'ends in .csv or .json'),
    (['--dataset', 'scene', '--seats', '0'], '--seats 0'),
    (['--dataset', 'scene', '--seats', '100000'], '--seats 100000, expected 64 at most'),
    (['--dataset', 'scene', '--size', '100000x480'], '--size 100000x480, expected sides of 8192'),
    (['--dataset', 'scene', '--size', '8x8'], 'sides of 32 pixels'),
    (['--dataset', 'scene', '--confidence', '2'], 'confidence_threshold'),
    (['--dataset', 'scene', '--results', 'no/such/folder/x.json'], '--results'),
    (['--dataset', 'scene', '--plots', __file__], 'is a file, expected a folder'),
])
def test_words_that_do_not_fit_are_refused_before_the_work(words, reason, shapes_model, capsys):
    assert cli.main(['evaluate', str(shapes_model), *words]) == 2
    said = capsys.readouterr()
    assert said.out == ''
    assert reason in said.err


def test_a_depth_net_without_its_word_is_sent_there(shared_data, capsys):
    code = cli.main(['evaluate', str(shared_data / 'models' / KITTI), '--dataset', 'scene'])
    assert code == 2
    assert 'add --depth' in capsys.readouterr().err


@pytest.mark.parametrize(('package', 'words'), [
    ('pycocotools', []), ('matplotlib', ['--plots', 'plots'])])
def test_a_missing_package_is_named_before_the_work(package, words, shapes_model, faster_deploy):
    program = (
        f'import sys; sys.modules[{package!r}] = None; '
        'from faster_deploy_ros.tools.cli import main; sys.exit(main())')
    done = faster_deploy(
        'evaluate', shapes_model, '--dataset', 'scene', *words, program=('-c', program))
    assert (done.returncode, done.stdout) == (2, '')
    assert f"the Python module '{package}" in done.stderr
    assert 'pip install matplotlib pycocotools tabulate' in done.stderr


@pytest.mark.parametrize(('model', 'said'), [
    ('deimv2_atto_coco_fp32.onnx', 'scores over 0.01, no suppression'),
    ('yolox_nano.onnx', 'scores over 0.01, suppression at 0.65')])
def test_suppression_is_said_where_there_is_one(model, said, shared_data, capsys):
    coco = shared_data / 'coco_subset'
    code = cli.main([
        'evaluate', str(shared_data / 'models' / model), '--dataset', str(coco / 'instances.json'),
        '--images', str(coco / 'images'), '--limit', '1'])
    assert code == 0
    assert said in capsys.readouterr().out
