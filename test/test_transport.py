# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The transport profile is applied where it helps, and never over the user's own choice."""

import os
from pathlib import Path
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from faster_deploy_ros import shared_memory, transport
from faster_deploy_ros.errors import Unavailable
import pytest

PROFILE = Path(__file__).parents[1] / 'config' / 'fastdds_whole_images.xml'


@pytest.fixture(autouse=True)
def room(monkeypatch):
    """Give shared memory all the room it wants, whatever this machine has."""
    def have(megabytes):
        monkeypatch.setattr(shared_memory, 'free_bytes', lambda: megabytes << 20)
    have(1024)
    monkeypatch.setattr(shared_memory, 'remove_leftovers', lambda: 0)
    return have


def prefix(folder, package):
    """Return an environment whose ROS holds one version of Fast DDS."""
    (folder / 'share' / package).mkdir(parents=True)
    return {'AMENT_PREFIX_PATH': f'/nowhere{os.pathsep}{folder}'}


def test_fast_dds_3_is_told_by_its_variable_alone(tmp_path):
    environ = prefix(tmp_path, 'fastdds')
    assert transport.choose(environ).additions == {'FASTDDS_DEFAULT_PROFILES_FILE': str(PROFILE)}


def test_fast_dds_2_of_humble_and_jazzy_is_told_by_its_own_variable(tmp_path):
    environ = prefix(tmp_path, 'fastrtps')
    assert transport.choose(environ).additions == {'FASTRTPS_DEFAULT_PROFILES_FILE': str(PROFILE)}


def test_the_environment_of_a_child_is_ours_added_to_the_users(tmp_path):
    environ = {**prefix(tmp_path, 'fastdds'), 'HOME': '/home/me'}
    child = transport.environment(environ)
    assert child == {**environ, 'FASTDDS_DEFAULT_PROFILES_FILE': str(PROFILE)}
    assert 'FASTDDS_DEFAULT_PROFILES_FILE' not in environ


@pytest.mark.parametrize('variable', transport.USER_VARIABLES)
def test_what_the_user_has_set_stays(variable):
    environ = {variable: 'mine'}
    assert transport.environment(environ) == environ
    assert f'as you set it, {variable}=mine' in transport.describe(environ)


def test_an_empty_variable_is_no_choice():
    assert transport.choose({'FASTDDS_DEFAULT_PROFILES_FILE': ''}).additions


def test_a_child_of_a_child_still_says_that_the_profile_is_ours():
    child = transport.environment({})
    assert transport.environment(child) == child
    assert transport.describe(child) == transport.describe({})
    assert str(PROFILE) in transport.describe(child)


@pytest.mark.parametrize('rmw', ['rmw_cyclonedds_cpp', 'rmw_zenoh_cpp', 'rmw_connextdds'])
def test_another_middleware_is_left_alone(rmw):
    environ = {'RMW_IMPLEMENTATION': rmw}
    assert transport.environment(environ) == environ
    assert rmw in transport.describe(environ)


@pytest.mark.parametrize('rmw', ['rmw_fastrtps_cpp', 'rmw_fastrtps_dynamic_cpp', ''])
def test_fast_dds_by_name_or_by_default_gets_the_profile(rmw):
    assert transport.choose({'RMW_IMPLEMENTATION': rmw}).additions


def test_a_switch_leaves_the_middleware_as_it_comes():
    environ = {'FASTER_DEPLOY_TRANSPORT': 'default'}
    assert transport.environment(environ) == environ
    assert 'FASTER_DEPLOY_TRANSPORT=default' in transport.describe(environ)


def test_a_container_with_little_shared_memory_keeps_the_small_segments(room):
    # A segment that does not fit leaves Fast DDS with UDP alone, slower than its default.
    room(64)
    assert transport.environment({}) == {}
    assert '64 MB left, 256 MB are needed (docker run --shm-size=1g)' in transport.describe({})


def test_a_missing_profile_is_said_and_stops_nothing(monkeypatch):
    def missing(_):
        raise Unavailable('no such file')
    monkeypatch.setattr(transport, 'share_path', missing)
    assert transport.environment({}) == {}
    assert 'no such file' in transport.describe({})


def test_room_is_made_before_it_is_measured(monkeypatch, room):
    room(64)
    monkeypatch.setattr(shared_memory, 'remove_leftovers', lambda: room(1024))
    assert transport.environment({}) == dict(transport.prepare({}).additions) != {}


def test_the_description_is_one_line():
    assert '\n' not in transport.describe({})


def test_the_profile_is_the_default_of_every_participant_and_replaces_the_builtin_transports():
    space = '{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}'
    root = ElementTree.parse(PROFILE).getroot()
    participant = root.find(f'.//{space}participant')
    assert participant.get('is_default_profile') == 'true'
    assert participant.findtext(f'.//{space}useBuiltinTransports') == 'false'
    described = [d.text for d in root.iterfind(
        f'.//{space}transport_descriptor/{space}transport_id')]
    used = [d.text for d in participant.iterfind(f'.//{space}transport_id')]
    assert used == described
    full_hd = 1920 * 1080 * 3
    assert int(root.findtext(f'.//{space}maxMessageSize')) > 2 * full_hd
    assert int(root.findtext(f'.//{space}segment_size')) > 8 * full_hd


@pytest.mark.ros
def test_a_process_started_with_it_has_the_large_segment_and_says_nothing():
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    if 'fastrtps' not in os.environ.get('RMW_IMPLEMENTATION', 'fastrtps'):
        pytest.skip('another middleware than Fast DDS is set')
    if not shared_memory.FOLDER.is_dir():
        pytest.skip(f'{shared_memory.FOLDER} is not there')
    code = (
        'import os, rclpy\n'
        'rclpy.init(); node = rclpy.create_node("whole_images_test")\n'
        'maps = [m for m in open("/proc/self/maps") if "/dev/shm/fast" in m]\n'
        'spans = [m.split()[0].split("-") for m in maps]\n'
        'print(max(int(b, 16) - int(a, 16) for a, b in spans))\n')
    environ = {k: v for k, v in os.environ.items() if k not in transport.USER_VARIABLES}
    environ['ROS_DOMAIN_ID'] = '88'
    environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    done = subprocess.run(
        [sys.executable, '-c', code], env=transport.environment(environ), capture_output=True,
        text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 64 << 20
    assert done.stderr == ''
