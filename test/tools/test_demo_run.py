# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The demo as a user runs it: three processes over DDS, an account, no process left behind."""

import json
import os
from pathlib import Path
import pty
import signal
import subprocess
import sys
import time

import cv2
from faster_deploy_ros.errors import Unavailable
from faster_deploy_ros.share import share_path
import pytest

from demo_runs import CHECKOUT, COMMAND, environ_of_a_user, LIMIT_S, run_demo  # isort: skip

pytestmark = pytest.mark.ros
FAKE = 'mock.0://yolox?size=416x416&classes=80&delay_ms=7'
linux_only = pytest.mark.skipif(
    not sys.platform.startswith('linux'), reason='reads /proc to find processes')


@pytest.fixture
def environ():
    """Give the demo a ROS of its own, as on a user's terminal."""
    return environ_of_a_user()


@pytest.fixture
def demo(tmp_path):
    """Run the demo; return its exit code, its summary and everything it wrote."""
    return lambda *arguments: run_demo(tmp_path, *arguments)


def total(summary):
    return (summary['lost_in_transport'] + summary['published'] + summary['failed']
            + sum(summary['dropped'].values()))


def ours(out):
    """Return the ids of the living processes that log to this output folder."""
    marker, found = f'ROS_LOG_DIR={out}'.encode(), []
    for path in Path('/proc').glob('[0-9]*/environ'):
        try:
            # a process that has ended has an empty environment
            if marker in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def wait_until(done, what, timeout_s=60.0):
    deadline_s = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)


def test_sixty_frames_are_all_accounted_for_and_in_order(demo, tmp_path):
    code, summary, said = demo('--model', FAKE, '--frames', '60')
    assert code == 0, said
    assert summary['sent'] == total(summary) == 60
    assert summary['out_of_order'] == 0
    assert summary['published'] > 30
    assert summary['ap50'] is None, 'a model of other classes is not judged'
    assert summary['faults'] == []
    assert 0 < summary['age_ms']['p50'] <= summary['age_ms']['p99'] <= summary['age_ms']['max']
    assert summary['stages_ms']['infer'] >= 7.0, 'the simulated device takes 7 ms'
    assert summary['frames_with'] == dict.fromkeys(
        ('person', 'bicycle', 'car'), summary['published'])
    sheet = cv2.imread(str(tmp_path / 'out' / 'contact_sheet.png'))
    assert sheet.shape[1] > 1900, 'four pictures in a row'
    assert (tmp_path / 'out' / 'timeline.png').stat().st_size > 10_000
    assert 'Every frame is accounted for, all in order.' in said
    assert ours(tmp_path / 'out' / 'logs' / 'ros') == []


def test_several_models_serve_together(demo):
    code, summary, said = demo(
        '--model', FAKE, '--model', FAKE.replace('mock.0', 'mock.1'), '--frames', '30')
    assert code == 0, said
    assert summary['sent'] == total(summary) == 30
    assert summary['out_of_order'] == 0


@pytest.mark.slow
@pytest.mark.core
def test_the_shipped_model_finds_the_solids_of_six_rooms(demo):
    try:
        share_path('models/shapes_yolox.onnx')
    except Unavailable as error:
        pytest.skip(str(error))
    code, summary, said = demo('--frames', '300')
    assert code == 0, said
    assert summary['sent'] == total(summary) == 300
    assert summary['out_of_order'] == 0
    assert summary['ap50'] >= 0.9, said


def test_a_camera_too_fast_for_the_node_is_accounted_for_too(demo):
    code, summary, said = demo(
        '--model', FAKE.replace('delay_ms=7', 'delay_ms=60'), '--frames', '60', '--best-effort')
    assert code == 0, said
    assert summary['sent'] == total(summary) == 60
    assert summary['dropped']['overwritten'] > 0
    assert summary['out_of_order'] == 0


def test_failures_of_the_runtime_are_counted_and_said(demo):
    code, summary, said = demo('--model', f'{FAKE}&fail_every=5', '--frames', '30')
    assert code == 0, said
    assert summary['failed'] > 0
    assert summary['sent'] == total(summary) == 30
    assert '\n  detection: frame ' in said, 'the first failure is quoted'


def test_a_source_that_ends_first_ends_the_run(demo, tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f'{number}.png'),
                    cv2.merge([cv2.getGaussianKernel(64 + number, 9)] * 3) * 255)
    code, summary, said = demo('--model', FAKE, '--source', str(folder))
    assert code == 0, said
    assert summary['sent'] == total(summary) == 3


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--source', '/no/such/film.mp4'], "source '/no/such/film.mp4': there is no such file"),
    (['--model', '/no/such/model.onnx'], "--model '/no/such/model.onnx': there is no such file"),
    (['--params', '/no/such.yaml'], "--params '/no/such.yaml': there is no such file"),
    (['--model', 'unknown.0:///x'], 'no such runtime'),
    (['--model', FAKE, '--family', 'nothing'], 'nothing'),
    (['--model', FAKE, '--source', '97'], 'webcam 97 cannot be opened'),
])
def test_what_cannot_be_started_is_said_in_one_line(demo, tmp_path, arguments, words):
    code, summary, said = demo(*arguments)
    assert code == 2
    assert summary is None
    (line,) = (line for line in said.splitlines() if line.startswith('demo: '))
    assert words in line
    assert 'Traceback' not in said
    assert ours(tmp_path / 'out' / 'logs' / 'ros') == []


def test_a_corrupt_model_is_said_in_one_line(demo, tmp_path):
    path = tmp_path / 'broken.onnx'
    path.write_bytes(b'not a model')
    code, _, said = demo('--model', str(path))
    assert code == 2
    (line,) = (line for line in said.splitlines() if line.startswith('demo: '))
    assert 'broken.onnx' in line


@linux_only
@pytest.mark.parametrize(('number', 'expected'), [
    (signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_no_process_outlives_the_demo(tmp_path, environ, number, expected):
    out = tmp_path / 'out'
    process = subprocess.Popen(
        [*COMMAND, '--model', FAKE, '--out', str(out)], cwd=CHECKOUT, env=environ,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        logs = out / 'logs' / 'ros'
        wait_until(lambda: len(ours(logs)) == 3, 'three processes never ran')
        process.send_signal(number)
        _, said = process.communicate(timeout=40)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == expected, said
    wait_until(lambda: not ours(logs), 'a process was left behind', timeout_s=20.0)


@linux_only
def test_on_a_terminal_the_progress_is_one_line(tmp_path, environ):
    ours_end, its_end = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, '--model', FAKE, '--frames', '30', '--out', str(tmp_path / 'out')],
        cwd=CHECKOUT, env=environ, stdout=subprocess.PIPE, stderr=its_end)
    os.close(its_end)
    drawn = b''
    try:
        while chunk := _read(ours_end):
            drawn += chunk
        process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
        process.wait()
        os.close(ours_end)
    assert process.returncode == 0
    assert drawn.count(b'\r\x1b[2K') > 10
    assert b'\n' not in drawn
    assert b'30/30' in drawn
    assert drawn.endswith(b'\r\x1b[2K'), 'the line is taken away at the end'


def _read(descriptor):
    try:
        return os.read(descriptor, 4096)
    except OSError:   # the other end is closed
        return b''


@pytest.mark.slow
@pytest.mark.core
def test_the_person_is_found_in_the_frames_that_hold_one(demo, shared_data, tmp_path):
    pytest.importorskip('onnxruntime')
    code, summary, said = demo(
        '--source', str(shared_data / 'video' / 'one-by-one-person-detection.mp4'),
        '--model', str(shared_data / 'models' / 'yolox_nano.onnx'), '--frames', '180',
        '--fps', '45', '--params', str(_every_frame(tmp_path)))
    assert code == 0, said
    assert summary['published'] == 180, said
    lines = (tmp_path / 'out' / 'objects.jsonl').read_text().splitlines()
    with_person = {line['frame'] for line in map(json.loads, lines)
                   if 'person' in {found['label'] for found in line['objects']}}
    # She comes in from below: not a hair before frame 60, head and shoulders from 65 on.
    assert not with_person & set(range(60))
    assert with_person >= set(range(65, 180))


def _every_frame(folder):
    """Write parameters with which no frame is dropped, however slow the machine."""
    path = folder / 'params.yaml'
    path.write_text('/**:\n  ros__parameters:\n    overflow: block\n    input_qos: DEFAULT\n'
                    '    input_qos_depth: 100\n    queue_depth: 100\n')
    return path
