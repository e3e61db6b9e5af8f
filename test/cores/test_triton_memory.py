# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory that is shared with a server: it grows, runs out, and outlives nobody."""

import os
import subprocess
import sys

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.triton import memory as triton_memory
from faster_deploy_ros.cores.triton.memory import PREFIX, Region, remove_leftovers
from faster_deploy_ros.errors import Unavailable
import pytest

pytest.importorskip('tritonclient', reason="needs the package 'tritonclient[grpc]'")
pytest.importorskip('grpc', reason='needs the package grpcio')

from triton_checks import our_files, WITHIN_S

pytest_plugins = ['kserve_fixtures']
pytestmark = pytest.mark.core


def test_a_shared_region_grows_with_an_open_shape(sharing_server):
    with open_core(sharing_server.uri('dynamic_identity'), seats=1) as core:
        for size in (2, 64, 8, 200):
            with core.lease() as blobs:
                blobs['x'].reshape((1, 3, size, size))
                blobs['x'].data[...] = size
                core.sync_infer(blobs)
                assert blobs['y'].shape == (1, 3, size, size)
                assert (blobs['y'].data == size).all()
        assert len(our_files()) == 1   # one input; the output's shape is not known before


def test_only_regions_of_the_dead_are_taken_from_the_server(sharing_server):
    """What another process of ours uses now, and what is not ours, stays."""
    regions = sharing_server.regions
    with open_core(sharing_server.uri('identity'), seats=1) as core, core.lease() as blobs:
        core.sync_infer(blobs)
        living = set(regions)
        assert len(living) == 2
        dead, foreign = f'{PREFIX}1_dead', 'somebody_elses'
        regions[dead] = regions[foreign] = b''
        with open_core(sharing_server.uri('identity'), seats=1):
            assert set(regions) == {*living, foreign}
        core.sync_infer(blobs)
    del regions[foreign]


def test_files_of_other_users_are_left_alone(tmp_path, monkeypatch):
    (tmp_path / f'{PREFIX}1_dead').touch()
    user = os.getuid()
    monkeypatch.setattr(triton_memory.os, 'getuid', lambda: user + 1)
    assert remove_leftovers(tmp_path) == 0
    monkeypatch.undo()
    assert remove_leftovers(tmp_path) == 1


def test_a_full_shared_memory_is_no_crash(sharing_server, monkeypatch):
    def full(descriptor, offset, length):
        raise OSError(28, 'No space left on device')

    with open_core(sharing_server.uri('identity'), seats=1) as core:
        monkeypatch.setattr(triton_memory.os, 'posix_fallocate', full)
        with refused(Unavailable, 'No space left', 'shared_memory=off'):
            core.lease().__enter__()
        monkeypatch.undo()
        with core.lease(WITHIN_S) as blobs:
            core.sync_infer(blobs)
    assert not our_files()


def test_files_of_killed_processes_are_removed_and_those_of_the_living_stay(tmp_path):
    mine = Region(100, tmp_path)
    code = (
        'import os, sys; from pathlib import Path\n'
        'from faster_deploy_ros.cores.triton.memory import Region\n'
        f'Region(5000, Path({str(tmp_path)!r})); os.kill(os.getpid(), 9)')
    assert subprocess.run([sys.executable, '-c', code], check=False, timeout=60).returncode == -9
    assert len([*tmp_path.glob(f'{PREFIX}*')]) == 2
    assert remove_leftovers(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]
    mine.unlink()
    mine.unlink()
    assert not [*tmp_path.iterdir()]


def test_a_file_that_is_taken_for_a_leftover_at_its_birth_is_made_again(tmp_path, monkeypatch):
    taken = []

    def flock(descriptor, operation):
        if not taken:
            taken.extend(tmp_path.iterdir())
            taken[0].unlink()

    monkeypatch.setattr(triton_memory.fcntl, 'flock', flock)
    region = Region(1, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [region.name] != [taken[0].name]
