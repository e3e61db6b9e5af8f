# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the layers below say is heard where a node's own words are."""

import logging

from faster_deploy_ros.nodes.log_bridge import LAYERS, LogBridge
import pytest

pytestmark = pytest.mark.ros


class Heard:
    """A logger that keeps what it was told."""

    def __init__(self):
        self.lines = []

    def __getattr__(self, severity):
        return lambda text: self.lines.append((severity, text))


@pytest.fixture
def heard():
    logger = Heard()
    bridge = LogBridge(logger)
    yield logger
    bridge.close()


def test_records_come_out_with_their_severity(heard):
    below = logging.getLogger('faster_deploy_ros.cores.some_core')
    below.debug('not for a robot')
    below.info('built in %d s', 3)
    below.warning('the engine is stale')
    below.error('gone')
    assert heard.lines == [
        ('info', 'built in 3 s'), ('warning', 'the engine is stale'), ('error', 'gone')]


def test_a_closed_bridge_hears_nothing():
    logger = Heard()
    LogBridge(logger).close()
    logging.getLogger('faster_deploy_ros.cores').error('to nobody')
    assert logger.lines == []
    assert not [each for each in LAYERS.handlers if isinstance(each, LogBridge)]


def test_a_node_speaks_for_the_layers_below_until_it_is_destroyed(rig, capfd):
    node = rig().node
    below = logging.getLogger('faster_deploy_ros.cores.some_core')
    below.warning('an engine is being built')
    node.destroy_node()
    below.warning('nobody says this')
    said = capfd.readouterr().err
    assert '[detection]: an engine is being built' in said
    assert '[detection]: nobody says this' not in said
