# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Lines that are closed, threads that are gone, whatever a test did."""

import threading

import line_owner
import pytest


@pytest.fixture
def held():
    """Make held jobs; all are let go at the end."""
    gates = line_owner.Gates()
    yield gates
    gates.open_all()


@pytest.fixture
def own(held):
    """Make owners of lines; at the end no frame is unaccounted and no thread left."""
    before = set(threading.enumerate())
    owners = []

    def make(**options):
        owners.append(line_owner.Owner(**options))
        return owners[-1]

    yield make
    for owner in owners:
        owner.line.close(finish=False, timeout_s=0.0)
        owner.drain()
        assert line_owner.settled(owner.line.stats), owner.line.stats
    held.open_all()
    for owner in owners:
        assert owner.line.close(finish=False, timeout_s=line_owner.PATIENCE_S)
    assert set(threading.enumerate()) <= before
