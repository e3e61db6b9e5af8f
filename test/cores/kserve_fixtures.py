# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The stand-in, running: with and without shared memory."""

from kserve_stand_in import StandIn
import pytest


@pytest.fixture
def server():
    stand_in = StandIn().start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def sharing_server():
    stand_in = StandIn(shared_memory=True).start()
    yield stand_in
    assert not stand_in.regions, 'regions are still registered'
    stand_in.stop()
