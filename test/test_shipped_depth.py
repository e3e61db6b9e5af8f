# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The depth model that the package ships knows how far away rooms are that it has never seen."""

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.scenes import SceneRenderer
from faster_deploy_ros.share import share_path
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import open_model
import numpy as np
import pytest
import yaml

FIRST_SEED = 90_000     # see examples/train_depth/README.md for all seeds
LIMIT = 0.08            # of AbsRel


@pytest.fixture(scope='module')
def path():
    return share_path('models/rooms_depth.onnx')


@pytest.fixture(scope='module')
def card(path):
    return yaml.safe_load(path.with_suffix('.yaml').read_text(encoding='utf-8'))


@pytest.fixture
def model(path):
    core = open_core(str(path), seats=1)
    yield open_model('auto', core)
    core.unload()


def scenes(rooms, size=(640, 480), moments=(0, 75)):
    for seed in range(FIRST_SEED, FIRST_SEED + rooms):
        renderer = SceneRenderer(seed, size)
        for index in moments:
            yield renderer.render(index)


def see(model, image):
    return model(Frame(0, 'camera', image), Stopwatch()).depth


def abs_rel(depth, truth):
    return float(np.mean(np.abs(depth - truth) / truth))


def test_the_card_says_what_was_promised_of_the_accuracy(card):
    figures = [value['AbsRel'] for value in card['accuracy'].values() if isinstance(value, dict)]
    assert len(figures) == 3
    assert max(figures) <= LIMIT


@pytest.mark.core
def test_the_model_says_by_itself_what_it_is(model):
    assert type(model).__name__ == 'MetricDepth'
    assert (model.kind, model.unit) == ('metric', 'm')
    assert model.input_size == (256, 192)


@pytest.mark.core
@pytest.mark.parametrize(('size', 'rooms'), [
    ((640, 480), 24), ((1280, 720), 10), ((320, 240), 16)])
def test_it_knows_how_far_away_rooms_are_that_it_has_never_seen(model, size, rooms):
    found = []
    for scene in scenes(rooms, size):
        depth = see(model, scene.image)
        assert depth.shape == scene.depth.shape
        found.append(abs_rel(depth, scene.depth))
    assert np.mean(found) <= LIMIT


@pytest.mark.core
def test_it_looks_at_the_picture_and_not_only_at_what_rooms_are_like(model):
    """The mean depth of all rooms, the best that can be said blindly, is twice as wrong."""
    seen = list(scenes(12))
    mean = np.median([scene.depth for scene in seen], axis=0)
    ours = np.mean([abs_rel(see(model, scene.image), scene.depth) for scene in seen])
    blind = np.mean([abs_rel(mean, scene.depth) for scene in seen])
    assert ours < blind / 2


@pytest.mark.core
def test_a_solid_is_nearer_than_the_wall_behind_it(model):
    steps = []
    for scene in scenes(12, moments=(0,)):
        depth = see(model, scene.image)
        for number in range(1, int(scene.instances.max()) + 1):
            solid = scene.instances == number
            if solid.sum() < 3000:
                continue
            rows, columns = np.nonzero(solid)
            ring = np.zeros_like(solid)
            ring[max(0, rows.min() - 8):rows.min(), columns.min():columns.max()] = True
            ring &= scene.instances == 0
            if ring.sum() > 200:
                truth = np.log(np.median(scene.depth[ring]) / np.median(scene.depth[solid]))
                steps.append((truth, np.log(np.median(depth[ring]) / np.median(depth[solid]))))
    truths, found = np.array(steps).T
    assert len(steps) >= 10
    assert (truths > 0).all()
    assert (found > 0).mean() >= 0.9
    assert np.median(found / truths) == pytest.approx(1, abs=0.2), 'and as much nearer as it is'


@pytest.mark.core
def test_the_same_picture_gets_the_same_depth(path):
    image = next(scenes(1)).image
    answers = []
    for _ in range(2):
        core = open_core(str(path), seats=1)
        answers.append([see(open_model('auto', core), image) for _ in range(2)])
        core.unload()
    for answer in (*answers[0][1:], *answers[1]):
        np.testing.assert_array_equal(answer, answers[0][0])


@pytest.mark.core
def test_openvino_reads_the_same_file_and_says_the_same(path, model):
    """What converters make of it for ncnn and MNN: test/tasks/test_depth_real.py."""
    pytest.importorskip('openvino')
    core = open_core(f'openvino.0://{path}', seats=1)
    other = open_model('auto', core)
    for scene in (*scenes(2, moments=(0,)), *scenes(2, (1280, 720), moments=(0,))):
        np.testing.assert_allclose(
            see(other, scene.image), see(model, scene.image), rtol=2e-3)
    core.unload()
