# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The four QoS presets by name."""

from typing import Any

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSPresetProfiles,
    QoSProfile,
    ReliabilityPolicy,
)

PRESETS = ('DEFAULT', 'SENSOR_DATA', 'SYSTEM_DEFAULT')
AUTO = 'AUTO'
LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL)


def profile(name: str, depth: int, publishers: list[Any] | None = None) -> QoSProfile:
    """
    Make a QoS profile.

    :param name: a preset, or ``AUTO``: as reliable as every publisher found, else best effort,
        which any publisher can serve.
    :param depth: of the history, which is keep-last.
    :param publishers: endpoint infos of the topic, for ``AUTO``.
    """
    if name == AUTO:
        reliable = publishers and all(
            p.qos_profile.reliability == ReliabilityPolicy.RELIABLE for p in publishers)
        name = 'DEFAULT' if reliable else 'SENSOR_DATA'
    preset = QoSPresetProfiles[name].value
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=preset.reliability,
        durability=preset.durability)
