# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""``demo --depth`` as a user runs it: camera, depth node and recorder over DDS."""

import json

import cv2
from faster_deploy_ros.errors import Unavailable
from faster_deploy_ros.share import share_path
import pytest

from demo_runs import run_demo  # isort: skip

pytestmark = [pytest.mark.ros, pytest.mark.core]


@pytest.fixture
def demo(tmp_path):
    """Run the demo; return its exit code, its summary and everything it wrote."""
    return lambda *arguments: run_demo(tmp_path, '--depth', *arguments)


@pytest.fixture
def relative_model(tmp_path):
    """Return a model that calls bright pixels near, and a card that calls it MiDaS."""
    make_models = pytest.importorskip('make_models', reason='needs the package onnx')
    from onnx import helper
    path = tmp_path / 'bright.onnx'
    path.write_bytes(make_models.model(
        [helper.make_node('ReduceMean', ['image'], ['depth'], axes=[1], keepdims=1)],
        [make_models.tensor('image', (1, 3, 96, 128))],
        [make_models.tensor('depth', (1, 1, 96, 128))]))
    path.with_suffix('.yaml').write_text('family: midas\n')
    return path


def total(summary):
    return (summary['lost_in_transport'] + summary['published'] + summary['failed']
            + sum(summary['dropped'].values()))


def test_every_map_of_a_relative_model_is_accounted_for_and_called_relative(
        demo, relative_model, tmp_path):
    pytest.importorskip('onnxruntime')
    code, summary, said = demo('--model', relative_model, '--frames', '40', '--size', '320x240')
    assert code == 0, said
    assert summary['sent'] == total(summary) == 40
    assert summary['out_of_order'] == 0
    assert summary['depth']['kind'] == 'relative'
    assert summary['depth']['maps'] == summary['published'] > 20
    assert summary['depth']['abs_rel'] is None
    assert 'relative depth has no metres' in said
    assert summary['frames_with'] == {}
    lines = [json.loads(line) for line in (
        tmp_path / 'out' / 'depths.jsonl').read_text().splitlines()]
    assert [line['frame'] for line in lines] == sorted({line['frame'] for line in lines})
    assert len(lines) == summary['published']
    assert {line['kind'] for line in lines} == {'relative'}
    assert not list((tmp_path / 'out').glob('depth_maps*')), 'what is large is gone'
    assert cv2.imread(str(tmp_path / 'out' / 'contact_sheet.png')).shape[1] > 1900


def test_a_detector_is_refused_in_one_line(demo):
    pytest.importorskip('onnxruntime')
    code, summary, said = demo(
        '--model', 'package://faster_deploy_ros/models/shapes_yolox.onnx', '--frames', '10')
    assert code == 2
    assert summary is None
    (line,) = (line for line in said.splitlines() if line.startswith('demo: '))
    assert 'shapes_yolox.onnx' in line
    assert 'another task' in line
    assert 'Traceback' not in said


def test_maps_that_cannot_be_kept_end_the_run_in_one_line(demo, relative_model, tmp_path):
    pytest.importorskip('onnxruntime')
    (tmp_path / 'out' / 'depth_maps.f32').mkdir(parents=True)
    code, summary, said = demo('--model', relative_model, '--frames', '10')
    assert code == 2
    assert summary is None
    (line,) = (line for line in said.splitlines() if line.startswith('demo: '))
    assert 'recorder: depth maps cannot be kept' in line
    assert 'depth_maps.f32' in line
    assert 'Traceback' not in said


@pytest.mark.slow
def test_the_shipped_model_knows_how_far_away_the_rooms_are(demo, tmp_path):
    pytest.importorskip('onnxruntime')
    try:
        share_path('models/rooms_depth.onnx')
    except Unavailable as error:
        pytest.skip(str(error))
    code, summary, said = demo('--frames', '200')
    assert code == 0, said
    assert summary['sent'] == total(summary) == 200
    assert summary['out_of_order'] == 0
    assert summary['depth']['kind'] == 'metric'
    assert summary['depth']['abs_rel'] <= 0.08, said
    film = cv2.VideoCapture(str(tmp_path / 'out' / 'depth.mp4'))
    if film.isOpened():   # where OpenCV writes mp4v
        assert film.get(cv2.CAP_PROP_FRAME_COUNT) == summary['published']
        assert film.get(cv2.CAP_PROP_FRAME_WIDTH) >= 2 * 640
        film.release()
