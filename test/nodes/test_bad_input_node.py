# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Bad input at the door of a running node: said, counted, and the node goes on."""

from array import array
from collections import Counter
import itertools
import os
import random
import re
import subprocess
import sys

from bad_configurations import CARDS, file, WRONG, Wrong
from bad_messages import BAD_COMPRESSED, BAD_IMAGES
from diagnostic_msgs.msg import DiagnosticArray
from image_messages import compressed_message, encoded, gradient, image_message
import pytest
import rclpy
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rig import DEEP, MOCK, Rig
from sensor_msgs.msg import CompressedImage

pytestmark = pytest.mark.ros
GOOD = {'model': MOCK, 'family': 'yolox'}
numbers = itertools.count(1)
said = {}   # by kind of wrong configuration


@pytest.fixture(scope='module')
def graph():
    """One context for the whole module: a node takes its time to start, and rows are many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(20 + os.getpid() % 20))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        rclpy.init()
        yield
        rclpy.try_shutdown()


@pytest.fixture(scope='class')
def bench(request, graph):
    """Serve all tests of a class with one node, which each of them leaves serving."""
    made = Rig(image_transport=request.cls.transport)
    if request.cls.transport == 'compressed':
        made.camera = made.bench.create_publisher(CompressedImage, 'image/compressed', DEEP)
    made.start()
    yield made
    made.stop()
    made.close()


def is_refused_and_the_next_is_served(bench, bad, good, capfd):
    health = bench.node.road.health
    failed, published = health.failed, health.published
    number = next(numbers)
    bench.node.road._log_failure._kinds.clear()   # an earlier row differs in numbers only
    good.header.stamp.sec, good.header.stamp.nanosec = 1700000000, number
    bench.camera.publish(bad.make())
    bench.camera.publish(good)
    bench.until(lambda: number in bench.order)
    assert (health.failed, health.published) == (failed + 1, published + 1)
    assert health.in_flight == 0
    assert re.search(bad.says, health.last_error)
    assert len(bench.results[-1].detections) == 3
    log = capfd.readouterr().err
    lines = [line for line in log.splitlines() if 'BadFrame' in line]
    assert len(lines) == 1, log
    assert re.search(bad.says, lines[0])


class TestImages:
    """Over the topic of raw images."""

    transport = 'raw'

    @pytest.mark.parametrize('bad', BAD_IMAGES, ids=[bad.kind for bad in BAD_IMAGES])
    def test_the_node_names_the_cause_and_serves_the_next_when(self, bench, capfd, bad):
        good = image_message(gradient(), 'bgr8')
        is_refused_and_the_next_is_served(bench, bad, good, capfd)


class TestCompressedImages:
    """Over the topic of compressed images."""

    transport = 'compressed'

    @pytest.mark.parametrize('bad', BAD_COMPRESSED, ids=[bad.kind for bad in BAD_COMPRESSED])
    def test_the_node_names_the_cause_and_serves_the_next_when(self, bench, capfd, bad):
        good = compressed_message(encoded(gradient(), '.jpg'))
        is_refused_and_the_next_is_served(bench, bad, good, capfd)


def test_diagnostics_say_why_frames_fail(graph):
    bench = Rig(diagnostics_period_s=0.1)
    bench.start()
    for bad in BAD_IMAGES[:5]:
        bench.camera.publish(bad.make())
    bench.until(lambda: bench.counts().get('failed') == '5')
    statuses = [status for array in bench.health for status in array.status
                if status.name.endswith('inference') and 'failed' in status.message]
    assert statuses[-1].level == b'\x02'
    assert re.search(BAD_IMAGES[4].says, statuses[-1].message)
    bench.stop()
    bench.close()


def test_a_camera_that_sends_only_rubbish_does_not_fill_the_log(graph, capfd):
    bench = Rig()
    bench.start()
    for _ in range(300):
        bench.camera.publish(BAD_IMAGES[0].make())
    bench.until(lambda: bench.node.road.health.failed == 300)
    bench.stop()
    bench.close()
    lines = [line for line in capfd.readouterr().err.splitlines() if 'BadFrame' in line]
    assert 1 <= len(lines) <= 3


def test_a_camera_whose_rubbish_is_ever_different_does_not_fill_the_log(graph, capfd):
    bench = Rig()
    bench.start()
    chance = random.Random(0)
    for size in range(300):
        message = BAD_IMAGES[0].make()
        message.width, message.data = 64, array('B', bytes(size))
        message.header.frame_id = f'camera {chance.random()}'
        bench.camera.publish(message)
    bench.until(lambda: bench.node.road.health.failed == 300)
    bench.stop()
    bench.close()
    lines = [line for line in capfd.readouterr().err.splitlines() if 'BadFrame' in line]
    assert 1 <= len(lines) <= 3


def test_good_and_bad_in_any_order_add_up_and_stay_in_order(graph):
    chance = random.Random(0)
    bench = Rig(workers=4, queue_depth=8, model=f'{MOCK}&jitter_ms=4')
    timing = []
    bench.bench.create_subscription(DiagnosticArray, 'timing', timing.append, DEEP)
    bench.start()
    bench.until(lambda: bench.node._timing.get_subscription_count() == 1)
    good = 0
    for _ in range(200):
        if chance.random() < 0.5:
            bench.camera.publish(chance.choice(BAD_IMAGES).make())
        else:
            good += 1
            bench.send(1, stamped=True)
    health = bench.node.road.health
    bench.until(lambda: health.arrivals.received == 200 and health.in_flight == 0)
    assert (health.published, health.failed) == (good, 200 - good)
    bench.until(lambda: len(bench.results) == good and len(timing) == 200)
    assert bench.order == sorted(bench.order)
    bench.stop()
    bench.close()


def test_bad_arguments_are_told_without_a_traceback_and_by_the_exit_code(checkout):
    ended = subprocess.run(
        [sys.executable, '-m', 'faster_deploy_ros.nodes.detection_node', '--ros-args', '-p',
         'model:='], cwd=checkout, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "Couldn't parse parameter override rule: '-p model:='" in ended.stderr
    assert 'Traceback' not in ended.stderr


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Files that look like models."""
    make_models = pytest.importorskip('make_models', reason='needs the package onnx')
    made = tmp_path_factory.mktemp('models')
    for name in make_models.MODELS:
        make_models.write(made, name)
    (made / 'folder.onnx').mkdir()
    (made / 'empty.onnx').touch()
    (made / 'noise.onnx').write_bytes(bytes(range(256)) * 8)
    (made / 'text.onnx').write_text('a model, believe me')
    (made / 'lfs.onnx').write_text('version https://git-lfs.github.com/spec/v1\nsize 3659407\n')
    (made / 'page.onnx').write_text('<!DOCTYPE html>\n<html><title>Sign in</title></html>\n')
    (made / 'cut.onnx').write_bytes(make_models.MODELS['wrong_outputs']()[:60])
    (made / 'model.pt').write_bytes(b'PK')
    (made / 'model').write_bytes(b'ftrt')
    os.mkfifo(made / 'pipe.onnx')
    make_models.write(made, 'identity').rename(made / 'bad_card.onnx')
    (made / 'bad_card.yaml').write_text('family: [yolox]\n')
    for name, (card, metadata) in CARDS.items():
        (made / f'{name}.onnx').write_bytes(make_models.silent_yolox(**metadata))
        (made / f'{name}.yaml').write_text(card)
    return made


def refusal(wrong, folder, capfd):
    """Configure a node wrongly; return what it says, and the node."""
    bench = Rig(**wrong.ask(folder))
    capfd.readouterr()
    assert bench.node.trigger_configure() == TransitionCallbackReturn.FAILURE
    log = capfd.readouterr().err
    lines = [line for line in log.splitlines() if 'configure: ' in line]
    assert len(lines) == 1, log
    assert 'unexpected' not in lines[0], log
    said[wrong.kind] = lines[0].partition('configure: ')[2]
    return said[wrong.kind], bench


@pytest.mark.parametrize('wrong', WRONG, ids=[wrong.kind for wrong in WRONG])
def test_configure_says_why_in_one_line_and_the_node_stays_usable_when(
        graph, folder, capfd, wrong):
    text, bench = refusal(wrong, folder, capfd)
    try:
        assert re.search(wrong.says, text), text
        assert bench.node._state_machine.current_state[1] == 'unconfigured'
        _mend(bench, wrong.ask(folder))
        assert bench.node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert bench.node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        bench.stop()
    finally:
        bench.close()


@pytest.mark.core
@pytest.mark.parametrize(('name', 'family', 'says'), [
    ('meter_xxs_kitti_192x640.onnx', 'auto', "family 'metric_depth', which is one of depth"),
    ('meter_xxs_kitti_192x640.onnx', 'yolox', 'Yolox: .*depth.*expected'),
    ('deimv2_atto_coco_fp32.onnx', 'yolov8', 'has 2 inputs'),
    ('yolov8n_int8.onnx', 'yolox', 'Yolox: .*output0.*layout of family yolov8'),
    ('multiple_input_demo_rk3588.rknn', 'auto', 'rknn'),
])
def test_a_real_model_of_another_kind_is_refused(
        graph, capfd, shared_data, name, family, says):
    wrong = Wrong(f'{name} as {family}', file(name, family=family), says)
    text, bench = refusal(wrong, shared_data / 'models', capfd)
    bench.close()
    assert re.search(says, text), text


@pytest.mark.core
@pytest.mark.parametrize(('name', 'says'), [
    ('yolox_nano.onnx', r'yolox: 416x416 .*; family yolox by its tensors \(3549 rows'),
    ('yolov8n_dequant_fp32.onnx', r'yolov8: 640x640 .* by its tensors .*metadata says what it is'),
    # It declares any batch and runs one image only, which is all that is asked of it.
    ('deimv2_atto_coco_fp32.onnx', r"rtdetr: 320x320 .*scaled to the input 'orig_target_sizes'")])
def test_a_real_detector_is_configured_by_itself_and_the_log_says_why(
        graph, capfd, shared_data, name, says):
    bench = Rig(**file(name)(shared_data / 'models'))
    capfd.readouterr()
    assert bench.node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    log = capfd.readouterr().err
    bench.close()
    assert re.search(f'configured: .*{says}', log), log


@pytest.mark.parametrize('name', ['right_card', 'open_batch'])
def test_a_right_card_and_an_open_batch_that_runs_are_served(graph, folder, name):
    bench = Rig(**file(f'{name}.onnx', labels=['a', 'b', 'c'])(folder))
    bench.start()
    bench.send(3)
    bench.until(lambda: len(bench.results) == 3)
    bench.stop()
    bench.close()


def test_a_parameter_goes_over_the_card(graph, folder, capfd):
    bench = Rig(**file('right_card.onnx', **{'card.output.decoded': False, 'card.input.pad': 7,
                                             'card.input.color': 'rgb'})(folder))
    bench.start()
    detector = bench.node._job._model
    assert (detector.is_decoded, detector.pixels.pad, detector.pixels.color) == (False, 7, 'rgb')
    assert detector.labels == ('a', 'b', 'c')
    bench.stop()
    bench.close()


@pytest.mark.core
@pytest.mark.parametrize('share', [0.001, 0.5, 0.999])
def test_a_real_model_that_was_cut_off_is_refused(graph, capfd, shared_data, tmp_path, share):
    whole = (shared_data / 'models' / 'yolox_nano.onnx').read_bytes()
    (tmp_path / 'cut.onnx').write_bytes(whole[:int(len(whole) * share)])
    wrong = Wrong(f'{share} of a model', file('cut.onnx'), r'cut\.onnx')
    text, bench = refusal(wrong, tmp_path, capfd)
    bench.close()
    assert re.search(wrong.says, text), text


def _mend(bench, wrong):
    defaults = {name: Parameter(name, value=value) for name, value in GOOD.items()}
    fresh = Rig()
    for name in wrong:
        defaults[name] = fresh.node.get_parameter(name)
    fresh.close()
    answers = bench.node.set_parameters(list(defaults.values()))
    assert [answer.reason for answer in answers if not answer.successful] == []


def test_no_two_wrong_configurations_are_refused_in_the_same_words(graph, folder, capfd):
    for wrong in WRONG:
        if wrong.kind not in said:   # the tests above need not have run
            refusal(wrong, folder, capfd)[1].close()
    texts = Counter(said[wrong.kind] for wrong in WRONG)
    assert [text for text, count in texts.items() if count > 1] == []
