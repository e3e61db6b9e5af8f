# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The node over real DDS: every frame in, every frame accounted for, in order."""

from pathlib import Path

import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool
from vision_msgs.msg import LabelInfo

from rig import MOCK  # isort: skip

pytestmark = pytest.mark.ros


def test_every_frame_comes_out_once_in_order_with_its_own_header(rig):
    bench = rig(workers=3)
    bench.start()
    bench.send(30)
    bench.until(lambda: len(bench.results) == 30)
    assert bench.order == list(range(1, 31))
    assert {result.header.frame_id for result in bench.results} == {'camera'}
    assert all(result.detections for result in bench.results)
    bench.stop()


def test_slow_frames_of_many_workers_still_come_out_in_order(rig):
    bench = rig(workers=4, model=f'{MOCK}&delay_ms=20')
    bench.start()
    bench.send(24)
    bench.until(lambda: len(bench.results) == 24)
    assert bench.order == list(range(1, 25))


def test_the_last_diagnostics_account_for_every_frame(rig):
    bench = rig(workers=2, queue_depth=1, overflow='drop_oldest', model=f'{MOCK}&delay_ms=10')
    bench.start()
    bench.send(40)
    bench.until(lambda: bench.node.road.health.arrivals.received == 40)
    bench.stop()
    bench.until(lambda: bench.counts().get('in_flight') == '0')
    counts = {key: int(value) for key, value in bench.counts().items()
              if key in ('published', 'failed', 'cancelled')
              or key.startswith('dropped')}
    assert sum(counts.values()) == 40, counts
    assert counts['dropped_overflow'] > 0, 'the flood was meant to overflow'
    bench.until(lambda: len(bench.results) == counts['published'])
    assert bench.order == sorted(bench.order)


def test_without_a_line_the_newest_image_waits_in_the_middleware_and_the_rest_is_counted(rig):
    bench = rig(workers=1, overflow='drop_oldest', input_qos_depth=1, input_qos='SENSOR_DATA',
                model=f'{MOCK}&delay_ms=50')
    bench.start()
    for _ in range(40):
        bench.send(1)
        bench.spin(1)
    bench.until(lambda: bench.order[-1:] == [40])   # the newest one always gets its turn
    arrivals, health = bench.node.road.health.arrivals, bench.node.road.health
    assert arrivals.overwritten > 10
    assert health.dropped == {'overflow': 0, 'stale': 0}
    assert arrivals.received == health.published == len(bench.results)
    assert arrivals.received + arrivals.overwritten + arrivals.lost_in_transport == 40
    bench.stop()
    bench.until(lambda: bench.counts().get('dropped_overwritten') == str(arrivals.overwritten))


def test_a_blocking_node_answers_its_services_while_all_workers_are_busy(rig):
    bench = rig(workers=1, model=f'{MOCK}&delay_ms=200', input_qos_depth=2)
    bench.start()
    client = bench.bench.create_client(SetBool, '/detection/enable')
    bench.send(10)
    bench.until(lambda: bench.node.road.health.arrivals.received >= 1)
    answer = client.call_async(SetBool.Request(data=False))
    bench.until(answer.done, timeout_s=1.0)   # ten frames take two seconds
    assert answer.result().success


def test_a_failing_frame_is_counted_and_the_next_one_served(rig):
    bench = rig(workers=1, model=f'{MOCK}&fail_every=5')
    bench.start()
    bench.send(20)
    bench.until(lambda: len(bench.results) + bench.node.road.health.failed == 20)
    assert bench.node.road.health.failed == 4
    assert len(bench.results) == 16
    bench.stop()


def test_a_bad_image_is_counted_and_the_next_one_served(rig):
    bench = rig()
    bench.start()
    bench.send(1, encoding='no_such_encoding')
    bench.send(1)
    bench.until(lambda: bench.order == [2])
    assert bench.node.road.health.failed == 1
    assert 'no_such_encoding' in bench.node.road.health.last_error


def test_a_zero_stamp_is_served_and_counted(rig):
    bench = rig()
    bench.start()
    bench.send(2, stamped=False)
    bench.until(lambda: len(bench.results) == 2)
    assert bench.order == [0, 0]
    assert bench.node.road.health.zero_stamps == 2


def test_old_frames_are_dropped_as_stale(rig):
    bench = rig(workers=1, max_age_ms=30.0, model=f'{MOCK}&delay_ms=50')
    bench.start()
    bench.send(6)
    bench.until(lambda: bench.node.road.health.in_flight == 0
                and bench.node.road.health.arrivals.received == 6)
    assert bench.node.road.health.dropped['stale'] >= 5


def test_deactivate_in_the_middle_loses_no_frame_from_the_books(rig):
    bench = rig(workers=2, queue_depth=6, overflow='drop_newest', model=f'{MOCK}&delay_ms=100')
    bench.start()
    bench.send(8)
    bench.until(lambda: bench.node.road.health.arrivals.received == 8)
    health = bench.node.road.health
    bench.stop()
    assert health.in_flight == 0
    assert health.cancelled >= 1
    bench.until(lambda: len(bench.results) == health.published)


def test_an_inactive_node_takes_no_frame(rig):
    bench = rig()
    assert bench.node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    bench.send(3)
    bench.spin(20)
    assert bench.camera.get_subscription_count() == 0
    assert bench.results == []


def test_enable_switches_the_subscription_and_keeps_the_model(rig):
    bench = rig()
    bench.start()
    client = bench.bench.create_client(SetBool, '/detection/enable')
    for wanted in (False, True):
        answer = client.call_async(SetBool.Request(data=wanted))
        bench.until(answer.done)
        assert answer.result().success
        bench.until(lambda wanted=wanted: bench.camera.get_subscription_count() == int(wanted))
    bench.send(1)
    bench.until(lambda: bench.order == [1])


@pytest.mark.parametrize(('model', 'words'), [
    ('no/such/model.onnx', 'no/such/model.onnx'),
    ('mock.0://no_such_shape', 'no_such_shape'),
    ('model.unknown', 'model.unknown'),
    ('', 'model'),
    ('package://faster_deploy_ros/models/absent.onnx', 'absent.onnx'),
])
def test_a_wrong_model_fails_configure_with_one_line_and_leaves_the_node_usable(
        rig, capfd, model, words):
    bench = rig(model=model)
    assert bench.node.trigger_configure() == TransitionCallbackReturn.FAILURE
    lines = [line for line in capfd.readouterr().err.splitlines() if 'configure' in line]
    assert len(lines) == 1, lines
    assert words in lines[0]
    bench.node.set_parameters([Parameter('model', value=MOCK)])
    bench.start()
    bench.send(1)
    bench.until(lambda: bench.order == [1])


def test_a_corrupt_model_file_fails_configure_and_leaves_the_node_usable(rig, tmp_path, capfd):
    path = Path(tmp_path / 'corrupt.onnx')
    path.write_bytes(b'not a model at all' * 100)
    bench = rig(model=str(path))
    assert bench.node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert 'corrupt.onnx' in capfd.readouterr().err
    bench.node.set_parameters([Parameter('model', value=MOCK)])
    bench.start()


def test_labels_are_there_for_those_who_come_late(rig):
    from faster_deploy_ros.nodes.qos import LATCHED
    bench = rig(labels=['cat', 'dog', 'cow'])
    bench.start()
    heard = []
    bench.bench.create_subscription(LabelInfo, 'label_info', heard.append, LATCHED)
    bench.until(lambda: heard)
    assert [entry.class_name for entry in heard[0].class_map] == ['cat', 'dog', 'cow']


def test_hanging_inference_fails_in_time_and_ends_the_node_when_it_goes_on(rig, monkeypatch):
    monkeypatch.setattr('faster_deploy_ros.nodes.road.CLOSE_TIMEOUT_S', 0.5)
    bench = rig(workers=1, job_timeout_s=0.2, max_hung_jobs=2, queue_depth=10,
                model=f'{MOCK}&hang_every=3')
    bench.start()
    health = bench.node.road.health
    bench.send(8)
    bench.until(lambda: bench.node.exit_code == 1)
    assert health.in_flight == 0
    assert health.failed == 3
    assert health.published + health.failed + health.cancelled == 8
    hung = set(range(1, 9)) - set(bench.order)
    assert min(hung) < max(bench.order)   # a frame that hung held nothing back
