# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The detector that the package ships finds the solids of rooms it has never seen."""

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.scenes import LABELS, SceneRenderer
from faster_deploy_ros.share import share_path
from faster_deploy_ros.sources import Box
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DetectionOptions, open_model
from faster_deploy_ros.tools.demo.average_precision import ap50
from faster_deploy_ros.tools.demo.record import Found
import pytest
import yaml

FIRST_SEED = 60_000     # training starts at 100 000, the card's figures at 50 000


@pytest.fixture(scope='module')
def path():
    return share_path('models/shapes_yolox.onnx')


@pytest.fixture(scope='module')
def card(path):
    return yaml.safe_load(path.with_suffix('.yaml').read_text(encoding='utf-8'))


@pytest.fixture
def model(path):
    core = open_core(str(path), seats=1)
    yield open_model('auto', core)
    core.unload()


def score(path, size, rooms, threshold=0.01):
    core = open_core(str(path), seats=1)
    model = open_model('auto', core, DetectionOptions(confidence_threshold=threshold))
    truths, found = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + rooms):
        renderer = SceneRenderer(seed, size)
        for index in (0, 75):
            scene = renderer.render(index)
            result = model(Frame(0, 'camera', scene.image), Stopwatch())
            truths.append(
                [Box(LABELS[k], tuple(b)) for k, b in zip(scene.class_id, scene.boxes.tolist())]
                + [Box('', tuple(b), judged=False) for b in scene.ignored.tolist()])
            found.append([Found(tuple(b), s, LABELS[k]) for b, s, k in zip(
                result.xyxy.tolist(), result.score.tolist(), result.class_id)])
    core.unload()
    return ap50(truths, found, LABELS)


def test_card_and_renderer_name_the_same_classes(card):
    assert tuple(card['labels']) == tuple(LABELS)


@pytest.mark.core
def test_the_model_says_by_itself_what_it_is(model):
    assert type(model).__name__ == 'Yolox'
    assert model.labels == tuple(LABELS)
    assert not model.is_decoded


@pytest.mark.core
def test_without_its_card_the_model_is_read_the_same(path, tmp_path, model):
    alone = tmp_path / 'renamed.onnx'
    alone.write_bytes(path.read_bytes())
    core = open_core(str(alone), seats=1)
    stranger = open_model('auto', core)
    frame = Frame(0, 'camera', SceneRenderer(FIRST_SEED).render(0).image)
    first, second = model(frame, Stopwatch()), stranger(frame, Stopwatch())
    core.unload()
    assert stranger.labels == tuple(LABELS)
    assert len(first) > 0
    assert first.xyxy.tolist() == second.xyxy.tolist()


@pytest.mark.core
@pytest.mark.parametrize(
    ('size', 'rooms', 'threshold'),
    [((640, 480), 40, 0.01), ((640, 480), 40, 0.25), ((1280, 720), 20, 0.01),
     ((320, 240), 30, 0.01)])
def test_it_finds_the_solids_of_rooms_it_has_never_seen(path, size, rooms, threshold):
    assert score(path, size, rooms, threshold) >= 0.93


@pytest.mark.core
def test_an_empty_room_has_nothing_in_it(model):
    found = 0
    for seed in range(FIRST_SEED, FIRST_SEED + 20):
        renderer = SceneRenderer(seed)
        renderer._actors = []
        found += len(model(Frame(0, 'camera', renderer.render(0).image), Stopwatch()))
    assert found <= 2
