# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What killed processes left in shared memory goes; what belongs to anybody living stays."""

import fcntl
import os
from pathlib import Path
import signal
import subprocess
import sys

from faster_deploy_ros import shared_memory, transport
import pytest

LONG_AGO = 1_700_000_000


@pytest.fixture
def segment(tmp_path):
    """Return a maker of segments with their lock files, from long ago."""
    def make(name, size=1000):
        made = tmp_path / name
        made.write_bytes(bytes(size))
        lock = tmp_path / f'{name}_el'
        lock.touch()
        os.utime(lock, (LONG_AGO, LONG_AGO))
        return made
    return make


@pytest.mark.parametrize('name', ['fastdds_00112233445566ff', 'fastrtps_00112233445566ff'])
def test_the_segment_of_a_dead_process_goes_with_its_lock(segment, tmp_path, name):
    segment(name, size=5000)
    assert shared_memory.remove_leftovers(tmp_path) == 5000
    assert list(tmp_path.iterdir()) == []


def test_the_segment_of_a_living_process_stays(segment, tmp_path):
    living = segment('fastdds_00112233445566ff')
    with Path(f'{living}_el').open('rb') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert shared_memory.remove_leftovers(tmp_path) == 0
    assert living.exists()


def test_a_segment_that_is_just_being_made_stays(segment, tmp_path):
    newborn = segment('fastdds_00112233445566ff')
    Path(f'{newborn}_el').touch()
    assert shared_memory.remove_leftovers(tmp_path) == 0
    assert newborn.exists()


@pytest.mark.parametrize('name', ['fastdds_port7400', 'fastdds_00112233445566f', 'my_segment',
                                  'sem.fastdds_port7400_mutex'])
def test_what_is_no_segment_stays(segment, tmp_path, name):
    other = segment(name)
    assert shared_memory.remove_leftovers(tmp_path) == 0
    assert other.exists()


def test_a_segment_without_a_lock_file_stays(tmp_path):
    (tmp_path / 'fastdds_00112233445566ff').touch()
    assert shared_memory.remove_leftovers(tmp_path) == 0
    assert (tmp_path / 'fastdds_00112233445566ff').exists()


def test_where_there_is_no_shared_memory_there_is_no_room_and_no_error(tmp_path):
    assert shared_memory.free_bytes(tmp_path / 'absent') == 0
    assert shared_memory.remove_leftovers(tmp_path / 'absent') == 0


@pytest.mark.ros
def test_a_killed_process_leaves_a_segment_that_is_told_from_a_living_one(monkeypatch):
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    if not shared_memory.FOLDER.is_dir() or not transport.choose({}).additions:
        pytest.skip(transport.describe({}))
    monkeypatch.setattr(shared_memory, 'NEWBORN_S', 0.0)
    code = ('import rclpy, sys\nrclpy.init(); node = rclpy.create_node("shared_memory_test")\n'
            'mine = {m.split()[-1] for m in open("/proc/self/maps") if "/dev/shm/fast" in m}\n'
            'print(*[m for m in mine if "port" not in m], flush=True)\nsys.stdin.read()\n')
    with subprocess.Popen([sys.executable, '-c', code], text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, env=transport.environment()) as process:
        mine = [Path(path) for path in process.stdout.readline().split()]
        assert mine
        shared_memory.remove_leftovers()
        assert all(path.exists() for path in mine)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=20)
        assert shared_memory.remove_leftovers() > 0
    assert not any(path.exists() for path in mine)
