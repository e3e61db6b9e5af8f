# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node on several cores: in order, accounted for, also when a core fails in the middle."""

from dataclasses import replace
import threading

from diagnostic_msgs.msg import DiagnosticStatus
from faster_deploy_ros.cores.group.member import MemberState
from faster_deploy_ros.errors import BadParameter
from faster_deploy_ros.nodes.detection_node import DetectionNode, DetectionParams
from faster_deploy_ros.nodes.diagnostics import Diagnosis
from faster_deploy_ros.nodes.health import Health
from faster_deploy_ros.nodes.model_choice import (
    depth_advice,
    model_uris,
    needed_depth,
    open_chosen,
    with_workers,
)
import pytest
from rclpy.lifecycle import TransitionCallbackReturn

from rig import MOCK  # isort: skip

pytestmark = pytest.mark.ros

PAIR = [MOCK, MOCK.replace('mock.0', 'mock.1')]
OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


def test_a_list_of_models_serves_one_topic_in_order(rig):
    bench = rig(model=[f'{one}&delay_ms={ms}' for one, ms in zip(PAIR, (2, 9))],
                group_policy='throughput', queue_depth=8)
    bench.start()
    bench.send(60)
    bench.until(lambda: len(bench.results) == 60)
    assert bench.order == list(range(1, 61))
    assert all(result.detections for result in bench.results)
    assert all(member.done > 4 for member in bench.node._group.members), 'both took their part'
    bench.until(lambda: bench.message('core mock.1') is not None)
    assert bench.message('core mock.0')[0] == OK
    assert bench.message('core mock.0')[1].startswith('OK, ')
    assert float(bench.counts('core mock.0')['service_ms']) >= 2
    bench.stop()


def test_a_list_comes_from_a_parameter_file(ros, tmp_path):
    file = tmp_path / 'pair.yaml'
    file.write_text(
        f'/**:\n  ros__parameters:\n    family: yolox\n    model:\n    - {PAIR[0]}\n'
        f'    - {PAIR[1]}\n', encoding='utf-8')
    node = DetectionNode(cli_args=['--ros-args', '--params-file', str(file)])
    try:
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert [each.name for each in node._group.members] == ['mock.0', 'mock.1']
        assert node._params.workers == 4
        assert node._group.seats == 4
        assert all(each.service_ms is not None for each in node._group.members), 'timed already'
    finally:
        node.end()
        node.destroy_node()


def test_a_core_that_fails_in_the_middle_loses_the_frames_it_held_and_no_other(rig):
    # Six inferences warm its two seats up; six frames later the device is gone for a while.
    bench = rig(model=[f'{PAIR[0]}&delay_ms=2&fail_after=12&fail_for_s=0.3',
                       f'{PAIR[1]}&delay_ms=2'], group_policy='throughput', queue_depth=4,
                diagnostics_period_s=0.1)
    bench.start()
    bench.send(80)
    health = bench.node.road.health
    bench.until(lambda: len(bench.results) + health.failed == 80)
    held = 3 + 1   # three in a row, and what the core's second seat was doing meanwhile
    assert 3 <= health.failed <= held
    assert health.published == 80 - health.failed
    assert health.dropped == {'overflow': 0, 'stale': 0}
    assert bench.order == sorted(bench.order)
    assert 'is gone' in health.last_error
    bench.until(lambda: (bench.message('core mock.0') or (OK,))[0] == WARN)
    assert 'out since' in bench.message('core mock.0')[1]
    assert 'probed every' in bench.message('core mock.0')[1]
    assert bench.message('core mock.1')[0] == OK
    bench.until(lambda: bench.message('core mock.0')[0] == OK)
    done = bench.node._group.members[0].done
    bench.send(40)
    bench.until(lambda: len(bench.results) + health.failed == 120)
    assert health.failed <= held
    assert bench.node._group.members[0].done > done, 'it works again'
    bench.stop()


def test_a_node_whose_cores_are_all_out_lives_counts_and_serves_again(rig):
    gone = 'fail_after=7&fail_for_s=0.5'
    bench = rig(model=[f'{one}&{gone}' for one in PAIR], diagnostics_period_s=0.1)
    bench.start()
    bench.send(60)
    health = bench.node.road.health
    bench.until(lambda: len(bench.results) + health.failed == 60)
    assert health.failed > 6
    assert 'all cores are out' in health.last_error
    bench.until(lambda: (bench.message('core mock.0') or (OK,))[0] == ERROR)
    bench.until(lambda: [bench.message(f'core mock.{k}')[0] for k in (0, 1)] == [OK, OK])
    published = len(bench.results)
    bench.send(5)
    bench.until(lambda: len(bench.results) == published + 5)
    bench.stop()


def test_a_core_that_hangs_costs_the_frames_it_has_and_the_others_go_on(rig):
    bench = rig(model=[f'{PAIR[0]}&hang_every=10', f'{PAIR[1]}&delay_ms=2'], job_timeout_s=0.4,
                group_policy='throughput', queue_depth=4, diagnostics_period_s=0.1)
    bench.start()
    hanging = bench.node._group.cores[0]
    bench.send(60)
    health = bench.node.road.health
    bench.until(lambda: len(bench.results) + health.failed == 60)
    assert 1 <= health.failed <= 2, 'at most a frame on each seat'
    assert bench.order == sorted(bench.order)
    bench.until(lambda: 'has been hanging for' in (bench.message('core mock.0') or (OK, ''))[1])
    assert bench.message('core mock.0')[0] == WARN
    assert bench.message('core mock.1')[0] == OK
    bench.send(20)
    bench.until(lambda: len(bench.results) + health.failed == 80)
    assert health.failed <= 2
    hanging.mended.set()
    bench.until(lambda: bench.message('core mock.0')[0] == OK)
    assert bench.node._group.members[0].in_use == 0
    bench.stop()


def test_an_image_stays_with_the_middleware_while_its_core_is_busy(rig):
    """The slow core is no reason to take an image early: the newest one waits outside."""
    bench = rig(model=[f'{PAIR[0]}&delay_ms=20', f'{PAIR[1]}&delay_ms=900'], workers=2,
                overflow='drop_oldest', input_qos_depth=1, input_qos='SENSOR_DATA')
    bench.start()
    for _ in range(40):
        bench.send(1)
        bench.spin(1)
    bench.until(lambda: bench.order[-1:] == [40])
    members = bench.node._group.members
    assert members[1].done == 3, 'the warm-up alone'
    assert bench.node.road.health.arrivals.overwritten > 5
    assert len(bench.results) == members[0].done - 3
    bench.stop()


def test_a_group_lives_through_activations_and_leaves_no_thread(rig):
    before = set(threading.enumerate())
    bench = rig(model=PAIR, overflow='drop_oldest')
    for cycle in range(3):
        bench.start()
        bench.send(1)
        bench.until(lambda n=cycle: len(bench.results) == n + 1)
        assert bench.node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        assert bench.node._group.has_room()
        assert bench.node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        bench.stop()
    assert [each for each in set(threading.enumerate()) - before if 'probes' in each.name] == []


@pytest.mark.parametrize(('parameters', 'words'), [
    ({'model': PAIR, 'device': 'mock.0'}, ("'device'", 'list of 2')),
    ({'model': ['']}, ("'model'", 'empty')),
    ({'model': MOCK, 'precision': 'fp16'}, ("'precision'", 'mock', '?precision=fp16')),
    ({'model': MOCK, 'precision': 'fp8'}, ("'precision'", 'fp8', 'bf16')),
    ({'model': 5}, ("'model'", 'a string or a list of strings')),
    ({'model': [MOCK, 'mock.1://yolox?size=96x96&classes=3']}, ('mock.0', 'mock.1', '96')),
    ({'model': PAIR, 'group_policy': 'both'}, ("'group_policy'", 'throughput')),
], ids=lambda value: '')
def test_what_does_not_fit_fails_configure_in_one_line(rig, capfd, parameters, words):
    bench = rig(**parameters)
    assert bench.node.trigger_configure() == TransitionCallbackReturn.FAILURE
    lines = [line for line in capfd.readouterr().err.splitlines() if 'configure: ' in line]
    assert len(lines) == 1
    assert [word for word in words if word not in lines[0]] == []


def params(**values):
    return DetectionParams(**values)


def test_zero_workers_are_two_for_each_core():
    assert with_workers(params()).workers == 2
    assert with_workers(params(model=('a', 'b', 'c'))).workers == 6
    assert with_workers(params(model=('a', 'b', 'c'), workers=1)).workers == 1


def test_the_device_replaces_that_of_the_model():
    assert str(model_uris(params(model='/m.onnx', device='mock.3'))[0]) == 'mock.3:///m.onnx'
    assert str(model_uris(params(model='mock.1://yolox?classes=3', device='mock.2'))[0]) == (
        'mock.2://yolox?classes=3')


@pytest.mark.parametrize('model', [
    '/a b%20c/m.param?threads=2', 'ncnn:///a b%2520c/m.param?threads=2'])
def test_the_device_leaves_the_name_of_the_file_as_it_is(model):
    chosen, = model_uris(params(model=model, device='ncnn.1'))
    assert (chosen.device, chosen.path) == (1, '/a b%20c/m.param')
    assert dict(chosen.options) == {'threads': '2'}


def test_precision_goes_into_each_model_that_does_not_say_its_own():
    first, second = model_uris(params(
        model=('openvino:///m.xml', 'ncnn:///m.param?precision=bf16'), precision='fp16'))
    assert first.options['precision'] == 'fp16'
    assert second.options['precision'] == 'bf16'


def test_the_engine_cache_is_for_tensorrt_alone():
    first, second = model_uris(params(
        model=('tensorrt:///m.onnx', '/m.onnx'), engine_cache_dir='/var/engines'))
    assert dict(first.options) == {'engine_cache_dir': '/var/engines'}
    assert dict(second.options) == {}


def test_the_depth_that_a_slow_core_needs_is_said():
    members = tuple(_member(f'mock.{k}', service_ms=ms) for k, ms in enumerate((7, 7, 7, 60)))
    assert needed_depth(members) == 26
    assert needed_depth(tuple(replace(each, seats=2) for each in members)) == 51
    assert needed_depth((_member('mock.0', service_ms=None),)) == 0
    wish = with_workers(params(model=tuple(PAIR), family='yolox', group_policy='throughput'))
    _, group = open_chosen(wish)
    with group:
        for member, time_s in zip(group._members, (0.002, 0.020)):
            member.times.add(0, 1.0)
            member.times.add(0, time_s)
        assert 'Set queue_depth to 20' in depth_advice(group, wish)
        assert depth_advice(group, params(
            model=wish.model, workers=4, group_policy='throughput', queue_depth=20)) == ''
        assert depth_advice(group, params(model=wish.model, workers=4)) == ''
        assert 'Set workers' in depth_advice(group, params(model=wish.model, workers=1))


def test_an_empty_list_is_refused():
    with pytest.raises(BadParameter, match='empty list'):
        model_uris(params(model=()))


@pytest.mark.parametrize(('states', 'levels'), [
    (('in', 'in'), (OK, OK)), (('in', 'out'), (OK, WARN)), (('hung', 'in'), (WARN, OK)),
    (('out', 'hung'), (ERROR, ERROR))])
def test_one_core_out_is_a_warning_and_all_out_an_error(states, levels):
    from builtin_interfaces.msg import Time
    members = [_member(f'rknn.{k}', state) for k, state in enumerate(states)]
    array = Diagnosis('detection', 'x').message(Time(), Health(), 'nowhere', members)
    cores = array.status[2:]
    assert [status.name for status in cores] == [
        'detection: core rknn.0', 'detection: core rknn.1']
    assert tuple(status.level for status in cores) == levels
    assert cores[0].hardware_id == 'rknn.0'
    texts = {'in': 'OK, 7.1 ms', 'hung': 'an inference has been hanging for 3 s',
             'out': 'out since 3 s: run() gave -1; probed every 5 s'}
    assert [status.message for status in cores] == [texts[state] for state in states]


def _member(name, state='in', service_ms=7.1):
    return MemberState(
        name=name, uri=f'{name}://m', device='NPU core', state=state, service_ms=service_ms,
        seats=1, in_use=0, done=9, failed=1, last_error='run() gave -1', since_s=3.0, pause_s=5.0)
