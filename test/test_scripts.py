# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The commands of a fresh clone: they find the right ROS and say in one line what is missing."""

import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
COMMANDS = ('setup', 'test', 'demo', 'lint', 'benchmark', 'faster-deploy')
# What the scripts themselves call; a machine with less is not a Linux.
TOOLS = ('bash', 'basename', 'cat', 'dirname', 'env', 'find', 'flock', 'mkdir', 'rm', 'sed',
         'sha256sum', 'sort', 'tail', 'touch', 'uname')

pytestmark = pytest.mark.skipif(shutil.which('bash') is None, reason='bash is not installed')


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a checkout without a venv: the scripts and what they look at."""
    place = tmp_path / 'clone'
    place.mkdir()
    for name in ('scripts', 'interfaces', 'resource'):
        shutil.copytree(CHECKOUT / name, place / name)
    for name in ('setup.py', 'setup.cfg', 'package.xml'):
        shutil.copy(CHECKOUT / name, place)
    return place


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """Return a folder with the plain tools and nothing else: no Python, no compiler."""
    place = tmp_path / 'bin'
    place.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found:
            (place / tool).symlink_to(found)
    return place


def fake_python(place: Path, body: str) -> Path:
    place.write_text(f'#!/bin/sh\n{body}\n')
    place.chmod(0o755)
    return place


def run(script: Path, path: Path | str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a clean environment, with nothing that this process was given."""
    return subprocess.run(
        [shutil.which('bash') or 'bash', script], capture_output=True, text=True, timeout=60,
        check=False, env={'PATH': str(path), 'HOME': str(script.parent), **environment})


def environment_of(clone: Path, **given: str) -> dict[str, str]:
    """Return the environment that scripts/_env makes out of a given one."""
    script = clone / 'scripts' / 'show'
    script.write_text('set -euo pipefail\nsource "$(dirname "$0")/_env"\n'
                      'env; echo "SOURCED_ROS=$SOURCED_ROS"\n')
    output = run(script, os.environ['PATH'], **given)
    assert output.returncode == 0, output.stderr
    return dict(line.split('=', 1) for line in output.stdout.splitlines() if '=' in line)


def make_ros(place: Path, venv: bool = False) -> Path:
    marker = place / 'share/ament_index/resource_index/packages/rclpy'
    marker.parent.mkdir(parents=True)
    marker.touch()
    if venv:
        (place / 'pyvenv.cfg').touch()
    return place


@pytest.mark.parametrize('name', [*(f'scripts/{name}' for name in COMMANDS), '.ci/run'])
def test_a_command_can_be_run_and_stops_at_the_first_mistake(name: str) -> None:
    script = CHECKOUT / name
    assert os.access(script, os.X_OK)
    text = script.read_text()
    assert text.startswith('#!/usr/bin/env bash\n')
    assert 'set -euo pipefail' in text or 'set -uo pipefail' in text


def test_without_a_ros_the_venv_is_the_whole_prefix(clone: Path) -> None:
    found = environment_of(clone)
    assert found['VENV'] == found['AMENT_PREFIX_PATH'] == str(clone / '.venv')
    assert found['SOURCED_ROS'] == ''
    assert found['PATH'].startswith(str(clone / '.venv' / 'bin'))
    assert found['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'


def test_a_sourced_ros_gets_a_venv_of_its_own_in_front_of_it(clone: Path, tmp_path: Path) -> None:
    ros = make_ros(tmp_path / 'ros')
    found = environment_of(
        clone, AMENT_PREFIX_PATH=f'/overlay:{ros}', ROS_DISTRO='jazzy', LD_LIBRARY_PATH='/theirs')
    assert found['SOURCED_ROS'] == str(ros)
    assert found['VENV'] == str(clone / '.venv-jazzy')
    assert found['AMENT_PREFIX_PATH'] == f'{clone}/.venv-jazzy:/overlay:{ros}'
    assert found['LD_LIBRARY_PATH'] == f'{clone}/.venv-jazzy/lib:/theirs'


def test_a_venv_of_another_checkout_is_no_sourced_ros(clone: Path, tmp_path: Path) -> None:
    other = make_ros(tmp_path / 'other', venv=True)
    found = environment_of(clone, AMENT_PREFIX_PATH=str(other))
    assert found['SOURCED_ROS'] == ''
    assert found['AMENT_PREFIX_PATH'] == str(clone / '.venv')


def test_the_libraries_of_a_caller_in_another_venv_are_forgotten(
        clone: Path, tmp_path: Path) -> None:
    other = make_ros(tmp_path / 'other', venv=True)
    libraries = f'{other}/lib:/keep:{other}/lib/python3.11/site-packages/ros_rcl.libs'
    found = environment_of(
        clone, _ROS_WHEELS_BOOTSTRAP_COMPLETE='1', LD_LIBRARY_PATH=libraries)
    assert found['LD_LIBRARY_PATH'] == '/keep'
    assert '_ROS_WHEELS_BOOTSTRAP_COMPLETE' not in found


def test_a_choice_of_discovery_range_is_kept(clone: Path) -> None:
    found = environment_of(clone, ROS_AUTOMATIC_DISCOVERY_RANGE='SUBNET')
    assert found['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'SUBNET'


@pytest.mark.parametrize('command', COMMANDS)
def test_a_machine_without_python_is_told_what_to_install(
        clone: Path, bare_path: Path, command: str) -> None:
    ended = run(clone / 'scripts' / command, bare_path, PYTHON='python-that-is-not-there')
    assert ended.returncode == 1
    assert ended.stderr.count('\n') == 1
    assert 'sudo apt install python3 python3-venv' in ended.stderr
    assert not (clone / '.venv').exists()


def test_a_python_that_is_too_old_is_not_taken(clone: Path, bare_path: Path) -> None:
    old = fake_python(bare_path / 'old', 'exit 1')
    ended = run(clone / 'scripts/setup', bare_path, PYTHON=str(old))
    assert ended.returncode == 1
    assert ended.stderr.count('\n') == 1
    assert 'Python 3.10' in ended.stderr


def test_a_python_without_venv_is_told_what_to_install(clone: Path, bare_path: Path) -> None:
    half = fake_python(
        bare_path / 'half', f'case "$*" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"')
    ended = run(clone / 'scripts/setup', bare_path, PYTHON=str(half))
    assert ended.returncode == 1
    assert ended.stderr.count('\n') == 1
    assert 'sudo apt install python3-venv' in ended.stderr


def test_a_machine_without_a_compiler_is_told_what_to_install(
        clone: Path, bare_path: Path) -> None:
    ended = run(clone / 'scripts/setup', bare_path, PYTHON=sys.executable)
    assert ended.returncode == 1
    assert ended.stderr.count('\n') == 1
    assert 'sudo apt install g++' in ended.stderr
    assert not (clone / '.venv').exists()


def test_a_sourced_ros_of_another_python_is_explained(
        clone: Path, bare_path: Path, tmp_path: Path) -> None:
    ros = make_ros(tmp_path / 'ros')
    deaf = fake_python(bare_path / 'deaf', 'exit 1')
    ended = run(clone / 'scripts/setup', bare_path, PYTHON=str(deaf), AMENT_PREFIX_PATH=str(ros))
    assert ended.returncode == 1
    assert ended.stderr.count('\n') == 1
    assert str(ros) in ended.stderr
    assert 'PYTHON=' in ended.stderr


def test_an_unknown_benchmark_is_named(clone: Path) -> None:
    (clone / 'scripts/setup').write_text('#!/bin/sh\n')
    ended = subprocess.run(
        [clone / 'scripts/benchmark', 'nothing'], capture_output=True, text=True, timeout=60,
        check=False)
    assert ended.returncode == 1
    assert "no benchmark is called 'nothing'" in ended.stderr
